"""The rule of the stock VPA recommender, exact to the unit: baseline of every report, and tier T0.

Read from the sources of the Vertical Pod Autoscaler 1.8 (recommender/logic): percentile of a
decayed histogram -> 15 % margin -> confidence factor -> floor of the pod, truncated to whole
millicores and bytes at each step. Worked examples (target, the percentile in the bucket that
ends at start(n), see `histogram`):

===========  ==============  ================================
resource, n  percentile      1.15 x, truncated at each step
===========  ==============  ================================
CPU, 1       10 m            10 + 1 = 11 m
CPU, 3       31 m            31 + 4 = 35 m
memory, 16   236,574,917 B   + 35,486,237 = 272,061,154 B
===========  ==============  ================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from recommender.sizing.band import Band
from recommender.sizing.histogram import STOCK_CPU, STOCK_MEMORY, percentile_ends
from recommender.sizing.resource import MOST, Resource
from recommender.units import MIB

if TYPE_CHECKING:
    from recommender.sizing.histogram import Floats

LOWER, TARGET, UPPER = 0.5, 0.9, 0.95
"""Percentiles of lower bound, target and upper bound, for CPU and memory alike."""

MARGIN = 0.15

OOM_STEP = 100 * MIB
OOM_FACTOR = 1.2
"""A container killed at b bytes needs max(b + 100 MiB, 1.2 b): 220 MiB after 120 MiB, 1.2 GiB
after 1 GiB."""


class _Confidence(msgspec.Struct, frozen=True):
    """A bound is multiplied by (1 + multiple / days)^exponent.

    ======  ============  ============
    days    lower bound   upper bound
    ======  ============  ============
    0       0             infinite
    0.0035  0.60          289
    0.5     0.996         3
    1       0.998         2
    7       0.9997        1.14
    ======  ============  ============
    """

    multiple: float
    exponent: float

    def factor(self, days: float) -> float:
        if days <= 0.0:
            return math.inf if self.exponent > 0 else 0.0
        return float((1.0 + self.multiple / days) ** self.exponent)


_LOWER = _Confidence(0.001, -2.0)
_UPPER = _Confidence(1.0, 1.0)


def estimate_confidence(span_days: float, *, samples: int, step: int) -> float:
    """Days of history that the stock rule would count: the lesser of time and samples.

    The stock recommender takes a sample a minute; a sample of ours covers `step` seconds and
    stands for step / 60 of its.
    """
    return min(span_days, samples * (step / 60) / 1440)


def estimate_stock_cpu(
    decayed: Floats, confidence: float, *, target_percentile: float = TARGET
) -> Band:
    """The stock band in millicores from the histogram [176] of samples, which is not empty.

    `target_percentile` is the stock recommender's option of that name; its bounds keep theirs.
    """
    ends = percentile_ends(decayed, (LOWER, target_percentile, UPPER), STOCK_CPU)
    return _band(ends * 1000.0, confidence)


def read_stock_percentile(decayed: Floats, percentile: float, *, resource: Resource) -> int:
    """The percentile that the rule takes, whole millicores or bytes, before its margin."""
    if resource == "cpu":
        return _truncate(float(percentile_ends(decayed, (percentile,), STOCK_CPU)[0]) * 1000.0)
    return _truncate(float(percentile_ends(decayed, (percentile,), STOCK_MEMORY)[0]))


def estimate_stock_memory(
    decayed: Floats, confidence: float, *, oom_peak: float | None = None
) -> Band | None:
    """The stock band in bytes from the histogram [176] of daily peaks; None where it is empty.

    `oom_peak`: bytes that the last OOM kill shows to be needed (`estimate_oom_need`). It counts
    as a peak of today: when the kill happened is not kept, and a sample that the rule had
    forgotten after two days would bring the same kill again.
    """
    weights = decayed.copy()
    if oom_peak is not None:
        weights[STOCK_MEMORY.index(oom_peak)] += 1.0
    if not weights.sum() > 0.0:
        return None
    return _band(percentile_ends(weights, (LOWER, TARGET, UPPER), STOCK_MEMORY), confidence)


def estimate_oom_need(in_use: float) -> float:
    """Bytes that a container needs after it was killed with `in_use` bytes."""
    return max(in_use + OOM_STEP, in_use * OOM_FACTOR)


def divide_floor(pod_floor: int, containers: int) -> int:
    """A container's share of the least target of a pod, truncated: 25 m over 3 is 8 m."""
    return _truncate(pod_floor * (1.0 / max(containers, 1)))


def _band(percentiles: Floats, confidence: float) -> Band:
    low, middle, high = (_with_margin(_truncate(amount)) for amount in percentiles.tolist())
    target = max(middle, 1)
    return Band.around(
        target,
        lower=max(_truncate(low * _LOWER.factor(confidence)), 1),
        upper=_truncate(high * _UPPER.factor(confidence)),
    )


def _with_margin(amount: int) -> int:
    return amount + _truncate(amount * MARGIN)


def _truncate(amount: float) -> int:
    return int(min(amount, float(MOST)))
