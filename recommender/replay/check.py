"""The pool check: the least that a pool's containers must request for its nodes to stay cool.

History is replayed through the packer and not put into a formula, because only so the peaks that
coincide are counted, and where the packing brings them together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.model.report import Reason
from recommender.replay.energy import estimate_utilisation
from recommender.replay.load import HOT, HotTime, estimate_hot_time, estimate_load
from recommender.replay.packer import estimate_largest_pod, pack
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from recommender.energy.array import Floats, Mask
    from recommender.replay.trace import PoolTrace

STEPS = 11
"""Halvings of the range in its logarithm: from 1 ... 8 a tenth of a percent is left."""

_FINE = 1.05

SEEDS = (1, 2)
"""Of the packings that every candidate is judged by: the same ones, so that they compare."""

SMALL_POOL, LEAST_PACKED = 10, 50
"""A pool of fewer nodes is packed more often, until so many nodes are packed in all."""


class CheckLimits(msgspec.Struct, frozen=True):
    """What a pool must hold, and between which factors one is looked for.

    hot_mean, hot_worst_day  greatest share of container-time on hot nodes
    utilisation              greatest mean utilisation of the nodes: where they do most work per
                             joule, since beyond it a fuller node saves nothing
    least, greatest          factors; below the mean no container could do its work
    """

    hot_mean: float = 0.005
    hot_worst_day: float = 0.02
    utilisation: float = 1.0
    least: float = 1.0
    greatest: float = 8.0

    def beside(self, hot: HotTime, utilisation: float) -> CheckLimits:
        """The same on top of heat that no request of ours can take away."""
        return CheckLimits(
            self.hot_mean + hot.mean,
            self.hot_worst_day + hot.worst_day,
            max(self.utilisation, utilisation),
            self.least,
            self.greatest,
        )

    def scaled(self, factor: float) -> CheckLimits:
        """The same with so much of the hot time."""
        return CheckLimits(
            self.hot_mean * factor,
            self.hot_worst_day * factor,
            self.utilisation,
            self.least,
            self.greatest,
        )


class PoolRule(msgspec.Struct, frozen=True):
    """r = clip(max(s x mean, floor), least, greatest), in cores.

    `mean` and `floor` are [K], `least` and `greatest` are [K] or one for all. A container whose
    mean or floor is NaN keeps its request. `covers` names the floor: p75.
    """

    mean: Floats
    floor: Floats
    least: Floats | float = 0.0
    greatest: Floats | float = math.inf
    covers: str = "floor"

    def requests(self, trace: PoolTrace, factor: float) -> Floats:
        """Cores of each container [K] at this factor; what is not managed keeps its request.

        A pod that would be larger than any node it may run on is cut to the largest.
        """
        wanted = np.maximum(factor * self.mean, self.floor)
        wanted = np.minimum(np.maximum(wanted, self.least), self.greatest)
        is_new = np.asarray(trace.is_managed & np.isfinite(wanted))
        return _cut_to_nodes(trace, np.where(is_new, wanted, trace.cpu_requests), is_new=is_new)


class PoolCheck(msgspec.Struct, frozen=True):
    """What was found.

    rule         what was calibrated
    factor       s; None where no factor within the range holds the limits
    requests     cores of each container [K], with the greatest factor where none does
    hot          container-time on hot nodes, of all packings together
    nodes        mean number that the packings need
    utilisation  mean of their nodes
    unplaced     pods that fit on no node in the worst packing
    reasons      in words
    """

    rule: PoolRule
    factor: float | None
    requests: Floats
    hot: HotTime
    nodes: float
    utilisation: float
    unplaced: int
    reasons: tuple[Reason, ...]

    @property
    def is_met(self) -> bool:
        return self.factor is not None


class _Trial(msgspec.Struct, frozen=True):
    """One candidate: what its packings came to."""

    factor: float
    requests: Floats
    hot: HotTime
    nodes: float
    utilisation: float
    unplaced: int

    def meets(self, limits: CheckLimits, unplaced: int) -> bool:
        """Whether the limits are held, and not by pods beyond `unplaced` falling out of it."""
        return (
            self.unplaced <= unplaced
            and self.hot.mean <= limits.hot_mean
            and self.hot.worst_day <= limits.hot_worst_day
            and self.utilisation <= limits.utilisation
        )


def count_nodes(trace: PoolTrace) -> int:
    """Nodes that there are."""
    return sum(kind.count for kind in trace.kinds)


def choose_seeds(trace: PoolTrace) -> tuple[int, ...]:
    """SEEDS; more for a pool of few nodes, so that LEAST_PACKED nodes are packed in all.

    Where two nodes hold all, one lucky order of arrival leaves both just cool, and the search for
    the smallest factor finds it.
    """
    nodes = count_nodes(trace)
    count = max(len(SEEDS), math.ceil(LEAST_PACKED / max(nodes, 1)))
    return SEEDS if nodes >= SMALL_POOL else tuple(range(1, count + 1))


def calibrate_pool(
    trace: PoolTrace,
    rule: PoolRule,
    *,
    limits: CheckLimits | None = None,
    memory_requests: Floats | None = None,
    seeds: tuple[int, ...] = SEEDS,
    bears_others: bool = False,
) -> PoolCheck:
    """The smallest factor s of `rule` with which the pool holds the limits.

    With `bears_others` heat that stays with the greatest factor comes on top of the limits: it is
    of what is not managed, and no request here could take it away.

    Each candidate is packed once for every seed, with as many nodes as it takes. Requests that
    the containers have now do not matter, but of those that are not managed, so that the result
    applied to itself is the same. Hot time need not fall at every step of s, since first fit
    jumps: the answer is a factor that does hold, with one that does not close below it.
    ValueError for a trace without a bin.
    """
    if not len(trace.bins):
        raise ValueError("a trace with no bin cannot be replayed")
    limits = limits or CheckLimits()

    def attempt(factor: float) -> _Trial:
        requests = rule.requests(trace, factor)
        return _replay(trace, factor, requests, memory_requests=memory_requests, seeds=seeds)

    low = attempt(limits.least)
    unplaced = low.unplaced
    if low.meets(limits, unplaced):
        return _conclude(trace, rule, low, None, limits)
    best = _find_greatest(attempt, low, limits)
    borne: HotTime | None = None
    if not best.meets(limits, unplaced):
        if not bears_others:
            return _refuse(trace, rule, best, limits)
        borne = best.hot
        limits = limits.beside(borne, best.utilisation)
        if low.meets(limits, unplaced):
            return _conclude(trace, rule, low, None, limits, borne)
    for _ in range(STEPS):
        middle = attempt(math.sqrt(low.factor * best.factor))
        if middle.meets(limits, unplaced):
            best = middle
        else:
            low = middle
    return _conclude(trace, rule, best, low, limits, borne)


def _find_greatest(attempt: Callable[[float], _Trial], low: _Trial, limits: CheckLimits) -> _Trial:
    """The trial of the greatest factor, or of a smaller one with which no more pods fall out than
    with the least: daemons grow too, and nodes do not.
    """
    best = attempt(limits.greatest)
    while best.unplaced > low.unplaced and best.factor > limits.least * _FINE:
        best = attempt(math.sqrt(limits.least * best.factor))
    return best if best.unplaced <= low.unplaced else low


def _replay(
    trace: PoolTrace,
    factor: float,
    requests: Floats,
    *,
    memory_requests: Floats | None,
    seeds: tuple[int, ...],
) -> _Trial:
    hot = HotTime(np.zeros(trace.grid.days), np.zeros(trace.grid.days))
    nodes, utilisation, unplaced = 0.0, 0.0, 0
    for seed in seeds:
        packing = pack(trace, requests, seed=seed, memory_requests=memory_requests)
        load = estimate_load(trace, packing)
        hot += estimate_hot_time(trace, packing, load)
        nodes += packing.nodes / len(seeds)
        utilisation += estimate_utilisation(trace, packing, load) / len(seeds)
        unplaced = max(unplaced, int(packing.unplaced.sum()))
    return _Trial(factor, requests, hot, nodes, utilisation, unplaced)


def _cut_to_nodes(trace: PoolTrace, requests: Floats, *, is_new: Mask) -> Floats:
    """Requests with which every pod fits on an empty node, as far as new requests can do it."""
    largest = estimate_largest_pod(trace, requests)
    new = trace.sum_by_pod(np.where(is_new, requests, 0.0))
    fixed = trace.sum_by_pod(np.where(is_new, 0.0, requests))
    room = np.maximum(largest - fixed, 0.0)
    is_large = (new > room) & ~trace.is_daemon
    share = np.where(is_large, room / np.where(new > 0.0, new, 1.0), 1.0)
    return np.asarray(np.where(is_new, requests * share[trace.owner], requests))


def _conclude(
    trace: PoolTrace,
    rule: PoolRule,
    found: _Trial,
    below: _Trial | None,
    limits: CheckLimits,
    borne: HotTime | None = None,
) -> PoolCheck:
    covers = f"each container gets {found.factor:.2f}x its mean and at least its {rule.covers}"
    why = f"{covers}: {_describe_hot(found.hot)} ({_describe_replay(trace, found)})"
    if borne is not None:
        why += (
            f"; {borne.mean:.2%} stay so whatever is requested: through use that is not managed, "
            "or that a policy caps"
        )
    reasons = [Reason("pool", f"s {found.factor:.2f}", why)]
    if below is not None and below.utilisation > limits.utilisation:
        text = (
            f"with less the nodes would be {below.utilisation:.0%} used on average, "
            f"beyond the {limits.utilisation:.0%} that is planned"
        )
        reasons.append(Reason("pool ceiling", f"{found.utilisation:.0%}", text))
    return _result(rule, found, found.factor, reasons)


def _refuse(trace: PoolTrace, rule: PoolRule, best: _Trial, limits: CheckLimits) -> PoolCheck:
    why = (
        f"no factor from {limits.least:g}x to {limits.greatest:g}x the mean keeps container-time "
        f"on hot nodes within {limits.hot_mean:.2%}, {limits.hot_worst_day:.1%} on the worst day"
    )
    if best.utilisation > limits.utilisation:
        why += f", and nodes at {limits.utilisation:.0%} use"
    why += (
        f": with {limits.greatest:g}x, {_describe_hot(best.hot)} ({_describe_replay(trace, best)})"
    )
    return _result(rule, best, None, [Reason("pool", "not met", why)])


def _result(
    rule: PoolRule, trial: _Trial, factor: float | None, reasons: list[Reason]
) -> PoolCheck:
    if trial.unplaced:
        text = "pods request more than any node has room for; they are not in the replay"
        reasons.append(Reason("pool unplaced", f"{trial.unplaced:d}", text))
    return PoolCheck(
        rule=rule,
        factor=factor,
        requests=trial.requests,
        hot=trial.hot,
        nodes=trial.nodes,
        utilisation=trial.utilisation,
        unplaced=trial.unplaced,
        reasons=tuple(reasons),
    )


def _describe_hot(hot: HotTime) -> str:
    return (
        f"{hot.mean:.2%} of container-time is on nodes more than {HOT:.0%} full, "
        f"{hot.worst_day:.1%} on the worst day"
    )


def _describe_replay(trace: PoolTrace, trial: _Trial) -> str:
    days = trace.seconds / DAY
    return f"{days:.1f} d replayed on {trial.nodes:.0f} nodes"
