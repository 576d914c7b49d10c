"""Power at the usual clock: what a faster or slower one adds is taken out of the watts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.energy.binning import BINS, bin_of
from recommender.energy.window import number_periods

if TYPE_CHECKING:
    from recommender.energy.array import Floats, Integers
    from recommender.energy.window import NodeWindows

MIN_VARIATION = 0.10
"""Least distance between the 5th and the 95th percentile of clock deviations: below it the effect
drowns in the noise of the watts."""

MIN_KNOWN = 0.9
"""Least share of windows with a clock: with fewer, those that are corrected and those that are not
would make two curves."""

GOVERNED_SECONDS = 4 * 3600.0
"""What a governor does with the clock is seen within some hours; what differs between them
is a policy that was changed."""

SLOWEST = 0.1
"""Least usual clock, as a share of the mean: no fit may turn it negative."""


class ClockEffect(msgspec.Struct, frozen=True):
    """What the clock did to the power of a class.

    usual_hertz    the mean clock, to which the watts are brought
    deviation      [N]  clock over what is usual at the window's utilisation, less 1; 0 where the
                   clock is unknown
    full_watts     what a clock 100 % faster adds to a fully used node; >= 0
    error_watts    its standard error
    """

    usual_hertz: float
    deviation: Floats
    full_watts: float
    error_watts: float

    @property
    def variation(self) -> float:
        """Distance of the 5th from the 95th percentile of deviations."""
        low, high = np.quantile(self.deviation, (0.05, 0.95))
        return float(high - low)


def estimate_clock_effect(windows: NodeWindows) -> ClockEffect | None:
    """The effect of the clock on metered windows; None where it is not known or does not vary.

    Busy cores draw more at a faster clock, idle ones do not: W = P(U) + g U d, where d is by how
    much the clock f differs from what is usual at this utilisation, d = f / (mean f + s (U - mean
    U)) - 1. What a governor makes of the clock as use rises belongs to the curve; so its slope s
    is taken from within four hours of a node, where no policy changes. g is the coefficient of
    U d beside U, within the utilisation bins of each node, where P is a line and has no offset.
    """
    if windows.frequency is None or not len(windows):
        return None
    is_known = windows.frequency > 0.0  # NaN compares false
    if np.mean(is_known) < MIN_KNOWN:
        return None
    clock, load = windows.frequency[is_known], windows.utilisation[is_known]
    node, watts = windows.node[is_known], windows.watts[is_known]
    block, blocks = number_periods(windows.time[is_known], GOVERNED_SECONDS)
    mean = float(clock.mean())
    slope = _slope(load, clock, group=node * blocks + block)
    usual = np.maximum(mean + slope * (load - load.mean()), SLOWEST * mean)
    deviation = clock / usual - 1.0
    added, error = _added_watts(
        load, deviation, watts, group=node * BINS + bin_of(load), block=block
    )
    everywhere = np.zeros(len(windows))
    everywhere[is_known] = deviation
    effect = ClockEffect(mean, everywhere, max(added, 0.0), error)
    return effect if effect.variation >= MIN_VARIATION and effect.full_watts > 0.0 else None


def take_clock_out(windows: NodeWindows, effect: ClockEffect) -> NodeWindows:
    """The windows as they would have been at the usual clock."""
    added = effect.full_watts * windows.utilisation * effect.deviation
    return replace(windows, watts=windows.watts - added)


def describe_clock(effect: ClockEffect) -> str:
    """One sentence for the reasons of a class."""
    return (
        f"clocks differed by {effect.variation:.0%} at the same use: what this adds "
        f"({effect.full_watts / 10.0:.1f} W for 10% at full use) is taken out, the curve is that "
        f"at {effect.usual_hertz / 1e9:.2f} GHz"
    )


def _slope(cause: Floats, effect: Floats, *, group: Integers) -> float:
    """Least-squares slope within groups, each with a level of its own; 0 where nothing varies."""
    x, y = _centre(cause, group), _centre(effect, group)
    varied = float(x @ x)
    return float(x @ y) / varied if varied > 1e-12 * max(float(cause @ cause), 1e-300) else 0.0


def _added_watts(
    load: Floats, deviation: Floats, watts: Floats, *, group: Integers, block: Integers
) -> tuple[float, float]:
    """Least-squares coefficient of load x deviation beside load, each group with its own level,
    and its standard error, to which the errors of one block count as one.
    """
    line = _centre(load, group)
    cause, effect = (_without(_centre(values, group), line) for values in (load * deviation, watts))
    varied = float(cause @ cause)
    if varied <= 1e-12 * max(float(load @ load), 1e-300):
        return 0.0, 0.0
    coefficient = float(cause @ effect) / varied
    errors = np.bincount(block, cause * (effect - coefficient * cause))
    return coefficient, float(np.sqrt(errors @ errors)) / varied


def _without(values: Floats, line: Floats) -> Floats:
    """What of the values is not in proportion to the line."""
    varied = float(line @ line)
    return values - line * (float(line @ values) / varied) if varied > 0.0 else values


def _centre(values: Floats, group: Integers) -> Floats:
    """Each value less the mean of its group."""
    count = np.bincount(group)
    return np.asarray(values - (np.bincount(group, values) / np.maximum(count, 1))[group])
