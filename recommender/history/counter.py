"""Counters to rates: differences of raw values that add up to the true increase."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.history.registry import SeriesRegistry
    from recommender.history.sample import Points

    Integers = NDArray[np.int64]
    Bins = NDArray[np.int32]
    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

LONGEST_STEPS = 4  # between two samples with at most three missing grid points between them
MOST_CORES = 1024.0  # no container and no node used more
_NEVER = -(1 << 30)  # far before any grid point, and safe from overflow in int32


class Rates(msgspec.Struct, frozen=True):
    """Mean rates over bins: series, bin and rate per second, one after another, each [P]."""

    series: NDArray[np.int64]
    bin: NDArray[np.int32]
    rate: NDArray[np.float64]

    def where(self, kept: Mask) -> Rates:
        return Rates(self.series[kept], self.bin[kept], self.rate[kept])


class CounterRules(msgspec.Struct, frozen=True):
    """What a counter may do.

    most         highest believable rate; beyond it, nothing is counted
    resets_to_zero  a fall is a restart from zero, so the new value is the increase; else, as
                 for registers of hardware that wrap at an unknown value, the bin is left out
    begins_at_zero  a series that appears while its target was watched counted from zero
    adds_units   the units of a group are one sample, their sum; else each stands for itself
    """

    most: float = MOST_CORES
    resets_to_zero: bool = True
    begins_at_zero: bool = True
    adds_units: bool = True


@dataclass
class CounterState:
    """What the points up to the last one have told.

    at, value     of the newest sample of each series, [S]
    is_held       whether its increase was zero and is held back, [S]
    unit_first    first grid point of each unit, [U]
    target_at     newest grid point of each target
    counted       newest bin of each group (or unit, see `CounterRules.adds_units`) that a rate
                  was given for
    """

    at: Bins = field(default_factory=lambda: np.zeros(0, np.int32))
    value: Floats = field(default_factory=lambda: np.zeros(0))
    is_held: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))
    unit_first: Bins = field(default_factory=lambda: np.zeros(0, np.int32))
    target_at: Bins = field(default_factory=lambda: np.zeros(0, np.int32))
    counted: Bins = field(default_factory=lambda: np.zeros(0, np.int32))

    def copy(self) -> CounterState:
        return CounterState(*(getattr(self, each.name).copy() for each in fields(self)))

    def grow(self, registry: SeriesRegistry) -> None:
        series = len(registry.row)
        self.at = _extended(self.at, series, _NEVER)
        self.value = _extended(self.value, series, 0.0)
        self.is_held = _extended(self.is_held, series, False)
        self.unit_first = _extended(self.unit_first, registry.units, -_NEVER)
        self.target_at = _extended(self.target_at, registry.targets, _NEVER)
        self.counted = _extended(self.counted, registry.units, _NEVER)  # no fewer than groups


class CounterReader:
    """Differences the counters of one query, chunk by chunk in order of time.

    A bin's increase is the difference of the values at its two ends, so increases telescope:
    whatever happens between, their sum is what was counted.

    - Up to three missing grid points are bridged with the mean rate; beyond, bins are missing.
    - A zero increase before a long gap or before the end of a series is left out: it is the
      store that repeats the last value of a series for a while, not a container at rest. So
      one at the end of a chunk is held back until it is known whether the series goes on.
    - What comes late, a bridge or a zero that was held back, is left out where another series
      of its group (or unit) was counted already.
    - A series that begins inside of the window counts from zero, if it was only now that it
      began: its target was watched at the grid point before (or, for a new target, any
      was), and no other series of its unit was seen before.

    With `state` it goes on where another reader of the same registry ended, and changes it.
    """

    def __init__(
        self,
        registry: SeriesRegistry,
        *,
        step: int,
        rules: CounterRules,
        state: CounterState | None = None,
    ) -> None:
        self._registry = registry
        self._step = step
        self._rules = rules
        self.state = state or CounterState()

    def read(self, series: Integers, points: Points) -> Rates:
        """The rates that a chunk adds: `series` [S] are those of `points`."""
        present = points.counts > 0
        series, counts = series[present], points.counts[present]
        if not len(series):
            return Rates(series, np.zeros(0, np.int32), np.zeros(0))
        state = self.state
        state.grow(self._registry)
        ends = np.cumsum(counts)
        firsts, lasts = ends - counts, ends - 1
        owner = np.repeat(series, counts)
        at, values = points.at, points.values
        before_at, before = _shifted(at), _shifted(values)
        before_at[firsts], before[firsts] = state.at[series], state.value[series]
        held = self._held(series, at[firsts])
        from_zero = firsts[self._begins_now(series, counts, at, values, firsts)]
        before_at[from_zero], before[from_zero] = at[from_zero] - 1, 0.0
        rates = self._difference(owner, at, values, before_at, before, lasts)
        self._remember(series, at, values, lasts)
        return self._count(_join(held, rates))

    def rests(self, at: int) -> Rates:
        """The zeros that are held back at this grid point, one for each group (or unit).

        At the end of a window they count: whether the series go on is not known yet.
        """
        state = self.state
        series = np.flatnonzero(state.is_held & (state.at == at))
        whole = self._wholes[series]
        series, whole = (each[state.counted[whole] < at - 1] for each in (series, whole))
        series = series[np.unique(whole, return_index=True)[1]]
        return Rates(series, np.full(len(series), at - 1, np.int32), np.zeros(len(series)))

    @property
    def _wholes(self) -> Integers:
        """Of which whole each series is a part, [S]."""
        return self._registry.group if self._rules.adds_units else self._registry.unit

    def _count(self, rates: Rates) -> Rates:
        """Without what comes late to a bin that was counted."""
        whole = self._wholes[rates.series]
        is_new = rates.bin > self.state.counted[whole]
        np.maximum.at(self.state.counted, whole, rates.bin)
        return rates if is_new.all() else rates.where(is_new)

    def _difference(
        self,
        owner: Integers,
        at: Bins,
        values: Floats,
        before_at: Bins,
        before: Floats,
        lasts: Integers,
    ) -> Rates:
        steps = at - before_at
        increase = values - before
        fell = np.flatnonzero(increase < 0)
        increase[fell] = values[fell] if self._rules.resets_to_zero else np.nan
        is_next = steps == 1
        rate = increase / self._step
        kept = is_next & (rate <= self._rules.most)
        self._drop_tails(owner, at, kept, steps, increase, lasts)
        if kept.all():
            return Rates(owner, at - 1, rate)
        bridged = np.flatnonzero((steps > 1) & (steps <= LONGEST_STEPS))
        whole = Rates(owner[kept], at[kept] - 1, rate[kept])
        return _join(whole, self._bridge(owner, at, steps, rate, bridged))

    def _bridge(
        self, owner: Integers, at: Bins, steps: Bins, rate: Floats, bridged: Integers
    ) -> Rates:
        """The mean rate for each bin of the gaps that end at `bridged`."""
        mean = rate[bridged] / steps[bridged]
        is_sound = mean <= self._rules.most  # false for NaN
        bridged, mean = bridged[is_sound], mean[is_sound]
        length = steps[bridged]
        offset = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        return Rates(
            np.repeat(owner[bridged], length),
            np.repeat((at - steps)[bridged], length) + offset,
            np.repeat(mean, length),
        )

    def _drop_tails(
        self,
        owner: Integers,
        at: Bins,
        kept: Mask,
        steps: Bins,
        increase: Floats,
        lasts: Integers,
    ) -> None:
        """Take zero increases before a long gap out of `kept`; hold back those at the end of the
        chunk until it is known whether the series goes on.
        """
        is_held = self.state.is_held
        is_held[owner[lasts]] = False
        at_rest = np.flatnonzero((increase == 0) & kept)
        if not len(at_rest):
            return
        is_last = np.zeros(len(at), np.bool_)
        is_last[lasts] = True
        ends = at_rest[is_last[at_rest]]
        inside = at_rest[~is_last[at_rest]]
        dropped = inside[steps[inside + 1] > LONGEST_STEPS]
        kept[ends] = kept[dropped] = False
        is_held[owner[ends]] = True

    def _held(self, series: Integers, first_at: Bins) -> Rates:
        """The zeros held back by the last chunk, of series that go on."""
        state = self.state
        goes_on = state.is_held[series] & (first_at - state.at[series] <= LONGEST_STEPS)
        found = series[goes_on]
        return Rates(found, state.at[found] - 1, np.zeros(len(found)))

    def _begins_now(
        self, series: Integers, counts: Integers, at: Bins, values: Floats, firsts: Integers
    ) -> Mask:
        """Which series [S] appear here for the first time and count from zero."""
        registry, state = self._registry, self.state
        first_at, target = at[firsts], registry.target[series]
        np.minimum.at(state.unit_first, registry.unit[series], first_at)
        is_first = state.unit_first[registry.unit[series]] == first_at
        # One that still stands at zero has not run in the bin before.
        is_new = (state.at[series] == _NEVER) & (first_at > 0) & is_first & (values[firsts] > 0)
        if not (self._rules.begins_at_zero and is_new.any()):
            return np.zeros(len(series), np.bool_)
        low = int(first_at.min()) - 1
        watched = np.zeros((registry.targets, int(at.max()) - low + 1), np.bool_)
        watched[state.target_at == low, 0] = True
        watched[np.repeat(target, counts), at - low] = True
        known_since = np.where(state.target_at == _NEVER, low + watched.argmax(axis=1), _NEVER)
        column = first_at - 1 - low
        is_known = known_since[target] < first_at
        was_watched = np.where(
            is_known, watched[target, column], np.asarray(watched.any(axis=0))[column]
        )
        begins: Mask = is_new & was_watched
        return begins

    def _remember(self, series: Integers, at: Bins, values: Floats, lasts: Integers) -> None:
        self.state.at[series] = at[lasts]
        self.state.value[series] = values[lasts]
        np.maximum.at(self.state.target_at, self._registry.target[series], at[lasts])


def _shifted(values: NDArray[Any]) -> NDArray[Any]:
    """Each value's predecessor; the first is its own."""
    return np.concatenate((values[:1], values[:-1]))


def _extended(values: NDArray[Any], length: int, fill: float) -> NDArray[Any]:
    missing = length - len(values)
    return np.append(values, np.full(missing, fill, values.dtype)) if missing else values


def _join(first: Rates, second: Rates) -> Rates:
    if not len(first.series):
        return second
    return Rates(
        np.concatenate((first.series, second.series)),
        np.concatenate((first.bin, second.bin)),
        np.concatenate((first.rate, second.rate)),
    )


def choose_observers(rates: Rates, registry: SeriesRegistry) -> Rates:
    """One series for each unit and bin: of several observers the first in rank that saw it."""
    is_shared = _shared_by_several(rates, registry.unit)
    if is_shared is None:
        return rates
    alone, shared = rates.where(~is_shared), rates.where(is_shared)
    order = np.lexsort((registry.rank[shared.series], shared.bin, registry.unit[shared.series]))
    shared = Rates(shared.series[order], shared.bin[order], shared.rate[order])
    unit = registry.unit[shared.series]
    is_first = np.ones(len(unit), np.bool_)
    is_first[1:] = (unit[1:] != unit[:-1]) | (shared.bin[1:] != shared.bin[:-1])
    return _join(alone, shared.where(is_first))


def add_units(rates: Rates, registry: SeriesRegistry) -> Rates:
    """The sum over the units of a group in a bin, under the number of one of its series."""
    is_shared = _shared_by_several(rates, registry.group)
    if is_shared is None:
        return rates
    alone, shared = rates.where(~is_shared), rates.where(is_shared)
    group = registry.group[shared.series]
    order = np.lexsort((shared.bin, group))
    group, at = group[order], shared.bin[order]
    starts = np.flatnonzero(np.r_[True, (group[1:] != group[:-1]) | (at[1:] != at[:-1])])
    added = Rates(
        shared.series[order][starts], at[starts], np.add.reduceat(shared.rate[order], starts)
    )
    return _join(alone, added)


def _shared_by_several(rates: Rates, whole: Integers) -> Mask | None:
    """Which rates [P] are of a whole (of each series, [S]) with several series among them;
    None if there are none.
    """
    is_present = np.zeros(len(whole), np.bool_)
    is_present[rates.series] = True
    is_shared = np.bincount(whole[is_present], minlength=int(whole.max(initial=0)) + 1)[whole] > 1
    return is_shared[rates.series] if (is_shared & is_present).any() else None
