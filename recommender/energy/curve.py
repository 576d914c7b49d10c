"""The power of a node as a function of its utilisation."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from recommender.energy.binning import BinSums, sum_bins
from recommender.energy.hinge import HingeFit, fit_hinges

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from recommender.energy.array import Floats, Integers

Quality: TypeAlias = Literal["measured", "derived", "modelled", "recorded"]

EFFECT_ROUNDS = 12
EFFECT_TOLERANCE = 1e-3
"""Node effects are refined until they move by less than this share of the mean power."""


class NodeCurve(msgspec.Struct, frozen=True, dict=True):
    """P(U) = base + linear U + cubic U^3 + sum_j hinge_j max(U - knot_j, 0), watts of one node.

    U is used cores over the node's `cores`. All coefficients are >= 0, so P is non-negative,
    increasing and convex; `base > 0` makes P / U quasi-convex with one minimum. A measured
    curve has hinges and no cubic term, the modelled prior a cubic term and no hinges.
    `low` ... `high` is the range of utilisation it was learnt on; outside it P goes on along
    its tangent. `reason` says in one sentence where the curve comes from. Negative
    coefficients or unsorted knots are a ValueError.
    """

    cores: float
    base: float
    linear: float
    knots: tuple[float, ...] = ()
    hinges: tuple[float, ...] = ()
    cubic: float = 0.0
    low: float = 0.0
    high: float = 1.0
    quality: Quality = "measured"
    reason: str = ""

    def __post_init__(self) -> None:
        if min(self.base, self.linear, self.cubic, *self.hinges) < 0.0:
            raise ValueError("a node curve has no negative coefficient")
        if len(self.knots) != len(self.hinges) or list(self.knots) != sorted(self.knots):
            raise ValueError("a node curve has one hinge per knot, knots ascending")
        if self.cores <= 0.0:
            raise ValueError("a node has more than zero cores")

    def power(self, utilisation: ArrayLike) -> Floats:
        """Watts at each utilisation (any shape)."""
        load = np.asarray(utilisation, dtype=np.float64)
        segment = self._segment(load)
        bent = np.minimum(load, self.high)
        # The tangent of U^3 at `bent`; U^3 itself where load is in range.
        curved = self.cubic * bent**2 * (3.0 * load - 2.0 * bent)
        return self._offsets[segment] + self._slopes[segment] * load + curved

    def slope(self, utilisation: ArrayLike) -> Floats:
        """Right derivative P' in watts per unit of utilisation (any shape)."""
        load = np.asarray(utilisation, dtype=np.float64)
        bent = np.minimum(load, self.high)
        return self._slopes[self._segment(load)] + 3.0 * self.cubic * bent**2

    def intercept(self, utilisation: ArrayLike) -> Floats:
        """Tangent intercept lambda(U) = P(U) - U P'(U) in watts (any shape).

        This is what one more node costs for the same total work W: d(n P(W / n)) / dn. It
        falls with U and is negative beyond the utilisation of peak efficiency.
        """
        load = np.asarray(utilisation, dtype=np.float64)
        bent = np.minimum(load, self.high)
        return self._offsets[self._segment(load)] - 2.0 * self.cubic * bent**3

    def peak_utilisation(self) -> float:
        """Utilisation of most work per joule: the first minimum of P / U in [low, 1].

        P / U falls where lambda > 0; the result 1 says that it falls all the way.
        """
        ends = (*self.knots, np.inf)
        for start, end, offset in zip((0.0, *self.knots), ends, self._offsets, strict=True):
            first = max(start, self.low)
            if end <= self.low or first >= 1.0:
                continue
            if offset <= 2.0 * self.cubic * first**3:
                return float(first)
            root = float(np.cbrt(offset / (2.0 * self.cubic))) if self.cubic > 0.0 else np.inf
            if root < min(end, self.high, 1.0):
                return root
        return 1.0

    def dynamic_watts_per_core(self) -> float:
        """Mean watts of one busy core on a half-used node: (P(.5) - P(0)) / (.5 C)."""
        return float(self.power(0.5) - self.power(0.0)) / (0.5 * self.cores)

    def _segment(self, load: Floats) -> NDArray[np.intp]:
        return np.asarray(np.searchsorted(self.knots, load, side="right"))

    @cached_property
    def _slopes(self) -> Floats:
        return self.linear + np.concatenate(([0.0], np.cumsum(self.hinges)))

    @cached_property
    def _offsets(self) -> Floats:
        turned = np.multiply(self.hinges, self.knots)
        return self.base - np.concatenate(([0.0], np.cumsum(turned)))


class CurveEstimate(msgspec.Struct, frozen=True):
    """A measured curve with what its bootstrap needs.

    `node_watts` ([nodes]) is by how much each node draws more than the mean node at the same
    utilisation; 0 for a node without windows. `bins` are the windows of all nodes [1, BINS] with
    these offsets taken out: what the curve was fitted to.
    """

    curve: NodeCurve
    fit: HingeFit
    node_watts: Floats
    bins: BinSums


def estimate_curve(
    utilisation: Floats,
    watts: Floats,
    *,
    node: Integers,
    cores: float,
    quality: Quality = "measured",
) -> CurveEstimate:
    """Learn the mean node's power curve from windows of several nodes of one class.

    `utilisation` (0 ... 1.28), `watts` (finite) and `node` (0, 1, ...) are [N]. Bins of 2 %
    utilisation, hinges every 5 % inside the observed range, non-negative least squares with
    one Huber re-weighting (see `hinge`). Nodes of one model differ by some percent: each
    node's mean residual is taken out, or the loads of thrifty and hungry nodes would bend the
    curve. Raises ValueError when fewer than two bins hold five windows.
    """
    nodes = int(node.max()) + 1 if len(node) else 1
    sums = sum_bins(utilisation, watts, group=node, groups=nodes)
    fit, node_watts = _separate_nodes(sums)
    curve = NodeCurve(
        cores=cores,
        base=float(fit.coefficients[0]),
        linear=float(fit.coefficients[1]),
        knots=tuple(fit.knots.tolist()),
        hinges=tuple(fit.coefficients[2:].tolist()),
        low=fit.low,
        high=fit.high,
        quality=quality,
        reason=(
            f"power curve {quality} over {len(watts)} windows of {nodes} node(s), "
            f"{fit.low:.0%} to {fit.high:.0%} used"
        ),
    )
    return CurveEstimate(curve, fit, node_watts, _level(sums, node_watts).pooled())


def _separate_nodes(sums: BinSums) -> tuple[HingeFit, Floats]:
    """Fit curve and node effects in turn (backfitting) until the effects stand still.

    The effects are centred on the windows, so that the curve keeps the class's total power.
    """
    windows = sums.count.sum(axis=1)
    effects = np.zeros(len(windows))
    limit = EFFECT_TOLERANCE * sums.watts.sum() / max(windows.sum(), 1.0)
    fit = fit_hinges(sums.pooled())
    if len(windows) == 1:
        return fit, effects
    for _ in range(EFFECT_ROUNDS):
        expected = sums.count * fit.power(sums.mean_utilisation())
        residual = (sums.watts - expected).sum(axis=1) / np.maximum(windows, 1.0)
        residual -= np.average(residual, weights=windows)
        residual[windows == 0.0] = 0.0
        moved = float(np.abs(residual - effects).max())
        effects = residual
        fit = fit_hinges(_level(sums, effects).pooled())
        if moved <= limit:
            break
    return fit, effects


def _level(sums: BinSums, node_watts: Floats) -> BinSums:
    return BinSums(sums.count, sums.utilisation, sums.watts - sums.count * node_watts[:, None])
