"""The power curve of a node that no meter, or no meter for long, has told about.

P(U) = Pmax (a + b U + c U^3), with the mean shape of servers published since 2015 by vendor.
All three are positive: a modelled node never draws negative power and never gets thriftier by
working more (5 of 32 published Kepler models of cloud instances do, one down to -3,940 W).

Pmax, where nothing is measured, is cores x wall watts per logical CPU at full load, the median
of the vendor's published servers (see `published`):

===========================  =====  =====  ====
server                       W      CPUs   W/CPU
===========================  =====  =====  ====
2x EPYC 7763                   461    256  1.80
2x EPYC 7773X                  548    256  2.14   AMD: median 2.14
2x EPYC 7601                   287    128  2.24
2x Xeon E5-2699 v4             255     88  2.90   all: median 2.90
2x Xeon 8280L                  414    112  3.70
2x Xeon 8380                   623    160  3.89   Intel: median of four 3.80
2x Xeon 8368Q                  769    152  5.06
===========================  =====  =====  ====
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from recommender.energy.curve import NodeCurve

if TYPE_CHECKING:
    from recommender.energy.array import Floats

Vendor: TypeAlias = Literal["amd", "intel", "unknown"]


class Shape(msgspec.Struct, frozen=True):
    """Power over Pmax: constant + linear U + cubic U^3."""

    constant: float
    linear: float
    cubic: float

    def at(self, utilisation: Floats) -> Floats:
        return self.constant + self.linear * utilisation + self.cubic * utilisation**3


SHAPES: dict[Vendor, Shape] = {
    "amd": Shape(0.41, 0.49, 0.10),
    "intel": Shape(0.28, 0.41, 0.30),
    "unknown": Shape(0.345, 0.45, 0.20),
}
"""Mean shapes of SPECpower_ssj2008 results since 2015. A node whose vendor is unknown is as
likely the one as the other (and an Arm server lies between): the midpoint halves the largest
possible error of the shape."""

WATTS_PER_CORE: dict[Vendor, float] = {"amd": 2.14, "intel": 3.80, "unknown": 2.90}
"""Wall watts per logical CPU at full load: the module's table."""

SCALED_BAND: dict[Vendor, tuple[float, float]] = {
    "amd": (0.85, 1.06),
    "intel": (0.74, 1.73),
    "unknown": (0.58, 1.36),
}
"""True over modelled price where Pmax was fitted to measured power: its range over the
published servers since 2015 (each at 20, 30, 40 and 50 % use, plus and minus 10 %). With three
AMD and four Intel servers the 5th and 95th percentile are the outermost values."""

UNSCALED_BAND: dict[Vendor, tuple[float, float]] = {
    "amd": (0.65, 1.25),
    "intel": (0.64, 3.46),
    "unknown": (0.52, 3.43),
}
"""As SCALED_BAND where Pmax is the table's median, each server predicted from the others."""

BAND_HIGHEST = 0.6
"""Highest use of what the bands were taken from. Beyond it a turbo cliff may stand that no mean
shape shows (EPYC 7763), and the bands say nothing."""

BAND_UTILISATION = 0.5
"""Above it the modelled intercept goes to 0 and a relative band with it, while servers do not
agree any better: the band keeps its width in watts."""


def vendor_of(cpu_model: str) -> Vendor:
    """Vendor from a CPU model as /proc/cpuinfo, node labels or SMBIOS write it."""
    text = cpu_model.lower()
    if any(mark in text for mark in ("amd", "epyc", "ryzen", "opteron")):
        return "amd"
    if any(mark in text for mark in ("intel", "xeon", "pentium", "celeron")):
        return "intel"
    return "unknown"


class Prior(msgspec.Struct, frozen=True):
    """A modelled curve and the 90 % band of its price, as factors of the price."""

    curve: NodeCurve
    band: tuple[float, float]

    def intercept_interval(self, utilisation: Floats) -> tuple[float, float, float]:
        """Mean tangent intercept over `utilisation` [n], with its 90 % interval, in watts."""
        value = float(self.curve.intercept(utilisation).mean())
        capped = np.minimum(utilisation, BAND_UTILISATION)
        width = float(self.curve.intercept(capped).mean())
        return (
            value,
            value - (1.0 - self.band[0]) * width,
            value + (self.band[1] - 1.0) * width,
        )


def estimate_prior(cpu_model: str, *, cores: float, utilisation: Floats, watts: Floats) -> Prior:
    """The modelled curve of a node class, scaled to whatever was measured.

    `utilisation` (0 ... 1.28) and `watts` (> 0) are [N], N may be 0. Pmax makes the modelled
    energy of the measured windows the measured one.
    """
    vendor = vendor_of(cpu_model)
    shape = SHAPES[vendor]
    named = {"amd": "AMD", "intel": "Intel", "unknown": "an unknown vendor"}[vendor]
    if len(watts):
        full_watts = float(watts.sum() / shape.at(utilisation).sum())
        band = SCALED_BAND[vendor]
        source = f"scaled to {len(watts)} measured window(s)"
    else:
        full_watts = WATTS_PER_CORE[vendor] * cores
        band = UNSCALED_BAND[vendor]
        source = f"{WATTS_PER_CORE[vendor]:.2f} W per core at full load, nothing was measured"
    curve = NodeCurve(
        cores=cores,
        base=shape.constant * full_watts,
        linear=shape.linear * full_watts,
        cubic=shape.cubic * full_watts,
        quality="modelled",
        reason=f"power modelled from published servers of {named}: {source}",
    )
    return Prior(curve, band)
