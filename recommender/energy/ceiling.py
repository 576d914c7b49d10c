"""How full nodes may be planned: where they do most work per joule, as far as that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from recommender.energy.array import Floats
    from recommender.energy.prior import Vendor

DEFAULT_CEILING: dict[Vendor, float] = {"intel": 0.70, "amd": 0.90, "unknown": 0.80}
"""Where published servers do most work per joule: Intel at 70 %, AMD at 80 to 100 %
(`published`; two of the four Intel servers since 2015 peak above, which costs little)."""

STEP = 1.25
"""A plan may exceed the highest observed utilisation by a quarter: the curve is trusted a
little beyond the data, and the next window then holds data there."""

INSIDE = 0.03
"""A peak counts as seen when it lies this far inside the observed range."""

IDENTIFIED_SHARE = 0.9


class Ceiling(msgspec.Struct, frozen=True):
    """`utilisation` that plans must not exceed.

    `peak` is the utilisation of most work per joule if it is identified, else None.
    """

    utilisation: float
    peak: float | None
    reason: str

    @property
    def is_identified(self) -> bool:
        return self.peak is not None


def choose_ceiling(
    vendor: Vendor,
    *,
    highest: float | None,
    peak: float | None = None,
    peaks: Floats | None = None,
    lowest: float = 0.0,
) -> Ceiling:
    """The learnt peak if 90 % of the replicates see it inside the data, else a careful default.

    `lowest` ... `highest` is the observed utilisation (None: no usage is known), `peak` the
    curve's, `peaks` [R] those of its replicates; both None for a modelled curve.
    """
    default = DEFAULT_CEILING[vendor]
    if highest is None:
        return Ceiling(default, None, f"no usage is known: planned up to the usual {default:.0%}")
    where = f"most work per joule at {highest:.0%} use or above, where no node has been"
    if peak is not None and peaks is not None:
        inside = (peaks >= lowest + INSIDE) & (peaks <= highest - INSIDE)
        share = float(np.mean(inside))
        if peak < lowest + INSIDE:
            where = f"most work per joule at {lowest:.0%} use or below, where no node has been"
        elif peak <= highest - INSIDE and share >= IDENTIFIED_SHARE:
            return Ceiling(
                peak, peak, f"most work per joule at {peak:.0%} use, in {share:.0%} of resamples"
            )
        elif peak <= highest - INSIDE:
            where = f"most work per joule near {peak:.0%} use, in only {share:.0%} of resamples"
    reach = STEP * highest
    if reach < default:
        return Ceiling(
            reach, None, f"{where}: planned up to {reach:.0%}, {STEP:g} x the highest use"
        )
    return Ceiling(default, None, f"{where}: planned up to the usual {default:.0%}")
