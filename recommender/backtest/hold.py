"""A target changes only when it leaves the band of the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.sizing.bounds import LEAST_HALFWIDTH
from recommender.sizing.pooled import RankedUsage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recommender.energy.array import Floats, Mask
    from recommender.replay.trace import PoolTrace

Z90 = 1.645
"""Of the 90 % interval of a normal mean."""

MOST_HALFWIDTH = 0.9


class Held(msgspec.Struct, frozen=True):
    """Targets in force, and by how much of itself each may be off before it changes, both [K]."""

    targets: Floats
    halfwidth: Floats

    def leaves(self, targets: Floats) -> Mask:
        """Which of these targets lie outside the bands, [K]."""
        return np.asarray(np.abs(targets - self.targets) > self.halfwidth * self.targets)


class Day(msgspec.Struct, frozen=True):
    """What is in force on a day, [K] or by block of the day [6, K].

    changes        of targets on the first day under it
    changes_later  of targets on each day after that: those from block to block
    """

    requests: Floats
    changes: int
    changes_later: int
    held: Held


def estimate_halfwidths(trace: PoolTrace, quantiles: Iterable[float]) -> dict[float, Floats]:
    """Half the width of a target's band over the target, [K], of the rule with each quantile.

    The 90 % interval of the mean of the p-quantiles of the trace's single days, at least as wide
    as the bounds of a recommendation: a rule that gives another number on every day does not know
    its number any better than this. Without two days that were seen, the least.
    """
    found: dict[float, list[Floats]] = {p: [] for p in quantiles}
    for day in np.unique(trace.day):
        ranked = RankedUsage.of(trace.only(trace.day == day).usage)  # once for all, one at a time
        for p, of_days in found.items():
            of_days.append(ranked.quantile(p))
    return {p: _estimate_halfwidth(np.array(of_days)) for p, of_days in found.items()}


def _estimate_halfwidth(quantiles: Floats) -> Floats:
    """Of the quantiles of D days, [D, K]."""
    count = np.isfinite(quantiles).sum(axis=0)
    mean = np.nansum(quantiles, axis=0) / np.maximum(count, 1)
    spread = np.nansum((quantiles - mean) ** 2, axis=0) / np.maximum(count - 1, 1)
    is_known = (count > 1) & (mean > 0.0)
    error = np.sqrt(spread / np.maximum(count, 1)) / np.where(is_known, mean, 1.0)
    return np.clip(np.where(is_known, Z90 * error, 0.0), LEAST_HALFWIDTH, MOST_HALFWIDTH)


def hold_targets(held: Held | None, targets: Floats, halfwidth: Floats) -> Day:
    """The day of new targets, [K] or [6, K], after what was in force; None: the first of all.

    A first target is no change. The halfwidth [K] becomes that of targets that do change.
    """
    blocks = np.atleast_2d(targets)
    current = held or Held(blocks[0], halfwidth)
    current, first, _ = _follow(current, blocks, halfwidth)
    current, later, requests = _follow(current, blocks, halfwidth)
    return Day(requests if targets.ndim == 2 else requests[0], first, later, current)


def _follow(held: Held, blocks: Floats, halfwidth: Floats) -> tuple[Held, int, Floats]:
    """One day, block by block: what is in force after it, changes, and the requests [B, K]."""
    changes = 0
    requests = []
    for targets in blocks:
        moved = held.leaves(targets)
        changes += int(np.count_nonzero(moved))
        held = Held(
            np.where(moved, targets, held.targets), np.where(moved, halfwidth, held.halfwidth)
        )
        requests.append(held.targets)
    return held, changes, np.array(requests)
