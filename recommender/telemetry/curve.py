"""Curves as metrics: work per joule against the request, and power against utilisation. Pure.

A curve is a few series that share the label `point`, numbered from its left end: what moves from
cycle to cycle are the values, not the labels, so that no series comes and goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.telemetry.family import WHO, gauge
from recommender.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from prometheus_client import Metric

    from recommender.model.report import ContainerReport, CurvePoint, WorkloadReport
    from recommender.sizing.pool import Pool

POINTS = 21
"""Points of a curve of a node class: every 5 % of what it was learnt on."""

_SAME_REQUEST = 0.0005  # cores: half a millicore


class PowerCurve(msgspec.Struct, frozen=True):
    """The power of one node of a pool over its utilisation.

    utilisation, watts  float64 [n]
    low, high           float64 [n]  its 90 % band; None where the curve is modelled
    """

    pool: str
    utilisation: NDArray[np.float64]
    watts: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


def sample_power(pool: Pool) -> PowerCurve:
    """The curve of a pool's class, over what it was learnt on; from 0 to 1 where it is modelled."""
    curve, replicates = pool.energy.curve, pool.energy.replicates
    if replicates is None:
        load = np.linspace(0.0, 1.0, POINTS)
        return PowerCurve(pool.name, load, curve.power(load))
    load = np.linspace(curve.low, curve.high, POINTS)
    watts = curve.power(load)
    low, high = replicates.power_interval(watts, load)
    return PowerCurve(pool.name, load, watts, np.maximum(low, 0.0), high)


def collect_power(curves: Sequence[PowerCurve]) -> Iterator[Metric]:
    """The power curves of the node classes."""
    yield gauge(
        "pool_curve_utilisation_ratio",
        "Utilisation of each point of the power curve of the pool's class.",
        ("pool", "point"),
        (
            ((curve.pool, name_point(point)), float(load))
            for curve in curves
            for point, load in enumerate(curve.utilisation)
        ),
    )
    yield gauge(
        "pool_curve_watts",
        "Power of one node at each point of the power curve of its class, with its 90 % band.",
        ("pool", "point", "estimate"),
        (
            ((curve.pool, name_point(point), estimate), float(watts))
            for curve in curves
            for estimate, column in (
                ("value", curve.watts),
                ("low", curve.low),
                ("high", curve.high),
            )
            if column is not None
            for point, watts in enumerate(column)
        ),
    )


def collect_work(workloads: Sequence[WorkloadReport]) -> Iterator[Metric]:
    """The curves of work per joule of those containers that have one."""
    rows = [
        ((row.namespace, row.kind, row.name, container.name, name_point(number)), point)
        for row in workloads
        for container in row.containers
        for number, point in enumerate(thin(container))
    ]
    labels = (*WHO, "point")
    yield gauge(
        "curve_request_cores",
        "CPU request of each point of the container's curve of work per joule.",
        labels,
        ((who, point.request_cores) for who, point in rows),
    )
    yield gauge(
        "curve_work_per_joule_ratio",
        "Work per joule at each point over that of the best feasible request, with 90 % band.",
        (*labels, "estimate"),
        (
            ((*who, estimate), value)
            for who, point in rows
            for estimate, value in (
                ("value", point.work_per_joule),
                ("low", point.low),
                ("high", point.high),
            )
        ),
    )
    yield gauge(
        "curve_exposure_ratio",
        "Share of time in which usage is above the request of each point.",
        labels,
        ((who, point.exposure) for who, point in rows),
    )


def thin(container: ContainerReport) -> list[CurvePoint]:
    """Every second point of the curve, its ends, and those at the requests shown beside it.

    40 points would be 200 series; half of them draw the same picture.
    """
    curve = container.curve
    marks = [cores for cores in _list_marks(container) if cores is not None]
    return [
        point
        for number, point in enumerate(curve)
        if number % 2 == 0
        or number == len(curve) - 1
        or any(abs(point.request_cores - mark) < _SAME_REQUEST for mark in marks)
    ]


def _list_marks(container: ContainerReport) -> Iterator[float | None]:
    stock = container.stock.target.cpu if container.stock else None
    for text in (container.current.requests.cpu, stock, container.recommended.target.cpu):
        yield None if text is None else float(parse_quantity(text))


def name_point(number: int) -> str:
    """Two digits, so that the order of names is that of the points."""
    return f"{number:02d}"
