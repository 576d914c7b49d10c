"""What a replica uses against the work it does: cores x = u0 + b w + q w^2 at w units a second.

It is a property of the code and the machine, not of the request, as long as nothing throttles; so
it says what other numbers of replicas would use, which a usage history alone does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.energy.nnls import solve_nnls
from recommender.sizing.distribution import resample_days

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recommender.model.history import UsageHistory
    from recommender.model.identity import ContainerRef
    from recommender.sizing.histogram import Floats

HUBER = 1.345
"""Residuals beyond so many standard deviations count linearly: 95 % as good as least squares
where the noise is normal (Huber, Robust Statistics, 1981), and a start-up or a scrape that came
late does not bend the curve."""

NEGLIGIBLE = 1e-4
"""Share of the cores at the highest rate below which a part of the curve is rounding."""

_ROUNDS = 6  # of re-weighting; the weights of a smooth curve settle in three
_MAD = 1.4826  # standard deviation of a normal variable over its median absolute deviation
_EXACT = 1e-9  # relative residual that is rounding


class WorkWindows(msgspec.Struct, frozen=True):
    """Bins in which the work and the use of all K containers are known, in order of time.

    rate   float64 [n]     work per second of one replica, the mean over them
    cores  float64 [K, n]  of one replica, > 0
    day    int64 [n]       of each bin
    total  float64 [n]     work per second of all replicas
    """

    rate: Floats
    cores: Floats
    day: NDArray[np.int64]
    total: Floats

    def __len__(self) -> int:
        return len(self.rate)

    @property
    def days(self) -> int:
        """Days that have a bin."""
        return len(np.unique(self.day))

    @property
    def seen(self) -> tuple[float, float]:
        """The range of rates that was seen, without the outermost two percent."""
        low, high = np.quantile(self.rate, (0.02, 0.98)).tolist()
        return low, high


class WorkCurve(msgspec.Struct, frozen=True):
    """Cores of one replica against its work rate: idle + linear w + quadratic w^2, none below 0."""

    idle: float
    linear: float
    quadratic: float

    def cores(self, rate: float) -> float:
        return self.idle + self.linear * rate + self.quadratic * rate**2

    def rate(self, cores: float) -> float | None:
        """The work rate at which it uses these cores; None where it never does."""
        room = cores - self.idle
        if room <= 0.0 or (self.linear <= 0.0 and self.quadratic <= 0.0):
            return None
        # The root of the quadratic without cancellation, which is room / linear without a bend.
        root = float(np.sqrt(self.linear**2 + 4.0 * self.quadratic * room))
        return 2.0 * room / (self.linear + root)

    def rounded(self) -> WorkCurve:
        """With six digits each: as it is printed, so that what follows can be followed."""
        return WorkCurve(*(six(part) for part in (self.idle, self.linear, self.quadratic)))

    @classmethod
    def sum_of(cls, curves: Sequence[WorkCurve]) -> WorkCurve:
        """That of all containers of a pod together."""
        parts = [(each.idle, each.linear, each.quadratic) for each in curves]
        return cls(*(six(sum(column)) for column in zip(*parts, strict=True)))


def six(value: float) -> float:
    """To six digits."""
    return float(f"{value:.6g}")


def choose_windows(
    usage: UsageHistory, containers: Sequence[ContainerRef], per_second: Floats
) -> WorkWindows:
    """The windows of a workload with these containers and this work per second [T] in all.

    A bin counts where every container reported from the same number of replicas: a bin in which
    one was missed would show the work of all beside the use of some.
    """
    rows = [usage.containers.index(each) for each in containers]
    cores = usage.cpu_mean[rows].astype(np.float64)
    pods = usage.pods[rows]
    is_known = (
        np.isfinite(per_second)
        & (per_second >= 0.0)
        & (np.isfinite(cores) & (cores > 0.0)).all(axis=0)
        & (pods.min(axis=0) == pods.max(axis=0))
        & (pods.min(axis=0) > 0)
    )
    bins = np.flatnonzero(is_known)
    total = np.asarray(per_second[bins], dtype=np.float64)
    return WorkWindows(
        rate=total / pods[0, bins],
        cores=cores[:, bins],
        day=np.asarray(usage.grid.day_of(bins)),
        total=total,
    )


def fit_curves(windows: WorkWindows) -> tuple[WorkCurve, ...]:
    """The curve of each container. At least one window."""
    return tuple(_fit(windows.rate, cores)[0] for cores in windows.cores)


def resample_curves(windows: WorkWindows) -> list[tuple[WorkCurve, ...]]:
    """The curves of all containers refitted to days drawn with replacement, once a resample.

    The robust weights are kept: which windows are odd is no matter of which days are drawn. A
    refit then needs the days' 4 x 4 sums only.
    """
    names, day = np.unique(windows.day, return_inverse=True)
    weights = resample_days(len(names))
    columns = [_resample(windows.rate, cores, day, weights) for cores in windows.cores]
    return list(zip(*columns, strict=True))


def _fit(rate: Floats, cores: Floats) -> tuple[WorkCurve, Floats]:
    """Non-negative least squares with weights 1/x and Huber's; the curve, and the weights [n].

    x is what was seen at first, then what the curve says: noise in the weights, which are great
    where x is small by chance, would draw the curve down.
    """
    matrix, scale = _design(rate)
    level, robust = cores, np.ones(len(rate))
    solution = np.zeros(matrix.shape[1])
    for _ in range(_ROUNDS):
        weights = np.sqrt(robust) / level
        solution = solve_nnls(matrix * weights[:, None], cores * weights)
        level = np.maximum(matrix @ solution, cores.min())
        residual = np.abs(cores / level - 1.0)
        spread = _MAD * float(np.median(residual))
        if spread < _EXACT:
            break
        robust = np.minimum(1.0, HUBER * spread / np.maximum(residual, _EXACT))
    return _curve(solution, scale), np.sqrt(robust) / level


def _design(rate: Floats) -> tuple[Floats, float]:
    """Rows (1, z, z^2) with z the rate over the highest, so that the columns are alike."""
    scale = float(rate.max()) or 1.0
    z = rate / scale
    return np.stack([np.ones(len(z)), z, z**2], axis=1), scale


def _curve(solution: Floats, scale: float) -> WorkCurve:
    parts = np.where(solution < NEGLIGIBLE * solution.sum(), 0.0, solution)
    idle, linear, quadratic = parts.tolist()
    return WorkCurve(idle, linear / scale, quadratic / scale**2)


def _resample(
    rate: Floats, cores: Floats, day: NDArray[np.intp], weights: Floats
) -> list[WorkCurve]:
    _, seen = _fit(rate, cores)
    matrix, scale = _design(rate)
    rows = np.column_stack([matrix, cores]) * seen[:, None]
    sums = np.zeros((weights.shape[1], 4, 4))
    np.add.at(sums, day, rows[:, :, None] * rows[:, None, :])
    curves = []
    for drawn in np.tensordot(weights, sums, axes=1):
        # |R x - c| with R, c of the triangle differs from |A x - b| by a constant.
        jitter = 1e-12 * float(np.trace(drawn)) * np.eye(4)
        triangle = np.linalg.cholesky(drawn + jitter).T
        curves.append(_curve(solve_nnls(triangle[:3, :3], triangle[:3, 3]), scale))
    return curves
