"""Who pays for which joule of a node: usage pays the slope, reservation the intercept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from recommender.energy.array import Floats
    from recommender.energy.curve import NodeCurve


class TariffSplit(msgspec.Struct, frozen=True):
    """Watts of each container [N, T], and of nobody [T]; together they are P(U) to rounding.

    `nobody` pays for cores that no listed container used, and for the whole intercept while
    nothing runs and nothing is reserved.
    """

    watts: Floats
    nobody: Floats


def split(
    utilisation: Floats,
    used_cores: Floats,
    reserved_cores: Floats,
    *,
    curve: NodeCurve,
    is_never_negative: bool = False,
) -> TariffSplit:
    """Split the power of one node among its containers by the two-part tariff.

    Container i pays u_i P'(U) / C + lambda(U) r_i / sum r. `utilisation` is [T], `used_cores`
    and `reserved_cores` are [N, T], all >= 0. The sum is exact: U P' + lambda = P. It is the
    attribution whose derivative by a request is the true one; sharing the active power by CPU
    time alone makes work per joule fall with load where it rises. A container that reserves
    nothing pays with its usage; where none reserves, usage pays the intercept too.

    Beyond the efficiency peak lambda < 0: reservations are paid for being there, which is
    right as a gradient and odd in a report. `is_never_negative` charges usage P / U there and
    reservations nothing; the sum stays exact.
    """
    power, slope = curve.power(utilisation), curve.slope(utilisation)
    if is_never_negative:
        slope = np.minimum(slope, power / np.maximum(utilisation, 1e-12))
    by_usage = used_cores * (slope / curve.cores)
    unseen = (utilisation - used_cores.sum(axis=0) / curve.cores) * slope
    fixed = power - utilisation * slope
    reserved, used = reserved_cores.sum(axis=0), used_cores.sum(axis=0)
    is_reserved, is_used = reserved > 0.0, used > 0.0
    share = np.where(
        is_reserved,
        reserved_cores / np.where(is_reserved, reserved, 1.0),
        used_cores / np.where(is_used, used, 1.0),
    )
    unclaimed = np.where(is_reserved | is_used, 0.0, fixed)
    return TariffSplit(watts=by_usage + share * fixed, nobody=unseen + unclaimed)
