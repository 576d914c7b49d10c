"""The walk-forward test of policies on one pool: train, replay the days that follow, move on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
import numpy as np

from recommender.backtest.fold import Fold, walk_forward
from recommender.backtest.hold import Held, estimate_halfwidths, hold_targets
from recommender.replay.load import HotTime
from recommender.replay.outcome import Outcome, replay_requests
from recommender.replay.trace import BLOCKS, PoolTrace
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.backtest.policy import Policy
    from recommender.energy.array import Floats

SEEDS = (101, 102)
"""Of the packings of a test: other ones than the pool check has seen."""

_Sum = TypeVar("_Sum", HotTime, Outcome)


class Advance(Protocol):
    """Told how many of how many replays are done."""

    def __call__(self, done: int, total: int) -> None: ...


class PolicyTest(msgspec.Struct, frozen=True):
    """What a policy came to over all tests.

    outcome          sums over all tests and packings
    blocks           hot container-time by block of the day; empty where requests hold all day
    changes_per_day  of the target of one container; None where no second training followed
    unmet            trainings in which no pool factor held the limits
    """

    policy: Policy
    outcome: Outcome
    blocks: tuple[HotTime, ...]
    changes_per_day: float | None
    unmet: int


class PoolTest(msgspec.Struct, frozen=True):
    """The tests of one pool; `tested` are the days on which all policies were tested."""

    folds: tuple[Fold, ...]
    tests: tuple[PolicyTest, ...]
    tested: PoolTrace


def run_policies(
    trace: PoolTrace,
    policies: Sequence[Policy],
    *,
    train_bins: int,
    test_bins: int,
    advance: Advance | None = None,
) -> PoolTest:
    """Every policy on every fold of the trace; none where it holds no fold.

    A policy sees the training bins alone, and is then replayed on the test bins with the targets
    that it has in force, on packings that are the same for all.
    """
    needs_blocks = any(policy.name == "T3" for policy in policies)
    folds = _choose_folds(
        trace, train_bins=train_bins, test_bins=test_bins, needs_blocks=needs_blocks
    )
    runs = [_Run(policy) for policy in policies]
    total = len(folds) * len(runs)
    done = 0
    for fold in folds:
        train, test = cut(trace, fold.begin, fold.split), cut(trace, fold.split, fold.end)
        halfwidths = estimate_halfwidths(train, (policy.quantile for policy in policies))
        for run in runs:
            if advance is not None:
                advance(done, total)
            run.test(train, test, halfwidths[run.policy.quantile])
            done += 1
    tested = np.zeros(len(trace.bins), dtype=np.bool_)
    for fold in folds:
        tested |= (trace.bins >= fold.split) & (trace.bins < fold.end)
    return PoolTest(folds, tuple(run.conclude() for run in runs if folds), trace.only(tested))


def _choose_folds(
    trace: PoolTrace, *, train_bins: int, test_bins: int, needs_blocks: bool
) -> tuple[Fold, ...]:
    """Folds between the first and the last bin that were seen, in bins of the grid.

    Not those without anything to learn from or to be tested on: the store was away. With
    `needs_blocks` both must have seen every block of the day, unless they are shorter than a day.
    """
    if not len(trace.bins):
        return ()
    first, end = int(trace.bins[0]), int(trace.bins[-1]) + 1
    folds = (
        Fold(first + each.begin, first + each.split, first + each.end)
        for each in walk_forward(end - first, train=train_bins, test=test_bins)
    )
    day = trace.grid.bins_per_day
    return tuple(
        fold
        for fold in folds
        if _is_seen(cut(trace, fold.begin, fold.split), needs_blocks and train_bins >= day)
        and _is_seen(cut(trace, fold.split, fold.end), needs_blocks and test_bins >= day)
    )


def _is_seen(part: PoolTrace, needs_blocks: bool) -> bool:  # noqa: FBT001 - a claim of the caller
    if needs_blocks:
        return part.has_all_blocks
    return len(part.bins) > 0


def cut(trace: PoolTrace, begin: int, end: int) -> PoolTrace:
    """The trace between two bins of its grid."""
    return trace.only((trace.bins >= begin) & (trace.bins < end))


@dataclass
class _Run:
    """A policy on its way through the folds."""

    policy: Policy
    held: Held | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    blocks: list[tuple[HotTime, ...]] = field(default_factory=list)
    changes: float = 0.0
    watched: float = 0.0  # container-days in which a change could be seen
    unmet: int = 0

    def test(self, train: PoolTrace, test: PoolTrace, halfwidth: Floats) -> None:
        proposal = self.policy.propose(train)
        self.unmet += not proposal.is_met
        day = hold_targets(self.held, proposal.requests, halfwidth)
        days = test.seconds / DAY
        containers = int(np.count_nonzero(test.is_managed))
        is_first = self.held is None
        if not is_first:
            self.changes += day.changes + (days - 1.0) * day.changes_later
            self.watched += days * containers
        elif proposal.requests.ndim == 2:
            self.changes += (days - 1.0) * day.changes_later
            self.watched += (days - 1.0) * containers
        self.held = day.held
        parts = _replay(test, day.requests)
        self.outcomes += parts
        if proposal.requests.ndim == 2:
            self.blocks.append(tuple(part.hot for part in parts))

    def conclude(self) -> PolicyTest:
        return PolicyTest(
            policy=self.policy,
            outcome=_total(self.outcomes),
            blocks=tuple(_total(each) for each in zip(*self.blocks, strict=True)),
            changes_per_day=self.changes / self.watched if self.watched > 0.0 else None,
            unmet=self.unmet,
        )


def _replay(test: PoolTrace, requests: Floats) -> list[Outcome]:
    """One outcome, or one for each block of the day that has its own requests."""
    if requests.ndim == 1:
        return [replay_requests(test, requests, seeds=SEEDS)]
    parts = [(test.in_block(block), requests[block]) for block in range(BLOCKS)]
    return [replay_requests(part, each, seeds=SEEDS) for part, each in parts if len(part.bins)]


def _total(parts: Sequence[_Sum]) -> _Sum:
    return reduce(add, parts)
