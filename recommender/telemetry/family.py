"""A report as Prometheus metrics, one family after the other. Pure.

What is not known has no series, and what is gone from the report is gone from the metrics.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from recommender.model.identity import WorkloadRef
from recommender.telemetry.vocabulary import SKIP_CLASSES, classify_skip
from recommender.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from prometheus_client import Metric

    from recommender.model.cluster import Amounts, Rival
    from recommender.model.report import (
        ContainerReport,
        PoolReport,
        Quantities,
        Report,
        Watts,
        WorkloadReport,
    )

PREFIX = "joulefit_recommender_"

_WHO = ("namespace", "workload_kind", "workload", "container")
_Row = tuple[tuple[str, ...], "ContainerReport"]


def gauge(
    name: str,
    text: str,
    labels: Sequence[str],
    values: Iterable[tuple[tuple[str, ...], float | None]],
) -> Metric:
    """A family with one series for each row of labels whose value is a number.

    Of two values for the same labels the last one stays: a scrape with both would be refused
    as a whole.
    """
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    known = {row: value for row, value in values if value is not None and math.isfinite(value)}
    for row, value in known.items():
        family.add_metric(row, value)
    return family


def collect_report(report: Report, rivals: Sequence[Rival] = ()) -> Iterator[Metric]:
    """The metrics of one report: containers, pools, what was skipped.

    `rivals` are other recommenders' VPAs on its workloads, of one the oldest first.
    """
    yield from collect_containers(report.workloads, rivals)
    yield from collect_pools(report.pools)
    counts = Counter(classify_skip(row) for row in report.skipped)
    yield gauge(
        "skipped",
        "Workloads and containers without a recommendation, by the class of the reason.",
        ("reason",),
        (((name,), float(counts[name])) for name in SKIP_CLASSES),
    )


def collect_containers(
    workloads: Sequence[WorkloadReport], rivals: Sequence[Rival] = ()
) -> Iterator[Metric]:
    """What was decided for each container of a workload, and what its oldest rival says."""
    theirs = list(_list_rivals(workloads, rivals))
    rows = [
        ((workload.namespace, workload.kind, workload.name, container.name), container)
        for workload in workloads
        for container in workload.containers
    ]
    yield gauge(
        "request_cores",
        "CPU request of a container: as it is, as each rule would have it, and its bounds.",
        (*_WHO, "policy"),
        chain(
            _list_requests(rows, lambda quantities: quantities.cpu),
            ((who, _to_cores(amounts.cpu_millicores)) for who, amounts in theirs),
        ),
    )
    yield gauge(
        "request_bytes",
        "Memory request of a container: as it is, as each rule would have it, and its bounds.",
        (*_WHO, "policy"),
        chain(
            _list_requests(rows, lambda quantities: quantities.memory),
            ((who, amounts.memory_bytes) for who, amounts in theirs),
        ),
    )
    yield gauge(
        "price_watts_per_core",
        "Power that one reserved core costs where the container runs.",
        _WHO,
        ((who, container.price_watts_per_core) for who, container in rows),
    )
    yield gauge(
        "saved_watts",
        "Power saved over all replicas once the freed share of nodes is off, with 90 % interval.",
        (*_WHO, "estimate"),
        (
            ((*who, estimate), watts)
            for who, container in rows
            for estimate, watts in _list_estimates(container.watts_saved)
        ),
    )
    yield gauge(
        "quantile",
        "Share of time that the CPU request of the container is to cover.",
        _WHO,
        ((who, container.quantile) for who, container in rows),
    )
    yield gauge(
        "tier",
        "1, with the tier of evidence and the rule that sized the container.",
        (*_WHO, "tier", "basis"),
        (((*who, container.tier, container.basis), 1.0) for who, container in rows),
    )


def collect_pools(pools: Sequence[PoolReport]) -> Iterator[Metric]:
    """What the nodes of each class use, and what a reserved core costs there."""
    for name, text, read in _POOL_GAUGES:
        yield gauge(name, text, ("pool",), (((pool.name,), read(pool)) for pool in pools))
    yield gauge(
        "pool_price_watts_per_core",
        "Power that one reserved core costs in the pool, with its 90 % interval.",
        ("pool", "estimate"),
        (
            ((pool.name, estimate), watts)
            for pool in pools
            for estimate, watts in _list_estimates(pool.price_watts_per_core)
        ),
    )


_POOL_GAUGES: tuple[tuple[str, str, Callable[[PoolReport], float | None]], ...] = (
    ("pool_nodes", "Nodes of the pool.", lambda pool: float(pool.nodes)),
    ("pool_watts", "Mean power of all nodes of the pool.", lambda pool: pool.watts),
    (
        "pool_utilisation_ratio",
        "Mean busy share of the pool's cores.",
        lambda pool: pool.utilisation,
    ),
    (
        "pool_planning_ceiling_ratio",
        "Utilisation of the pool above which requests are raised, not lowered.",
        lambda pool: pool.planning_ceiling,
    ),
)


def _list_requests(
    rows: Iterable[_Row], read: Callable[[Quantities], str | None]
) -> Iterator[tuple[tuple[str, ...], float | None]]:
    for who, container in rows:
        for policy, quantities in _list_policies(container).items():
            text = read(quantities)
            yield (*who, policy), None if text is None else float(parse_quantity(text))


def _list_policies(container: ContainerReport) -> Mapping[str, Quantities]:
    ours, stock = container.recommended, container.stock
    policies = {
        "current": container.current.requests,
        "recommended": ours.target,
        "lowerBound": ours.lower_bound,
        "upperBound": ours.upper_bound,
    }
    return policies if stock is None else policies | {"stock": stock.target}


def _list_rivals(
    workloads: Sequence[WorkloadReport], rivals: Sequence[Rival]
) -> Iterator[tuple[tuple[str, ...], Amounts]]:
    """What the oldest rival of each workload recommends for the containers that we size: the one
    that VPA's components follow.
    """
    oldest = {rival.target: rival for rival in reversed(rivals)}
    for row in workloads:
        rival = oldest.get(WorkloadRef(row.namespace, row.kind, row.name))
        for container in row.containers if rival else ():
            amounts = rival.targets.get(container.name) if rival else None
            if amounts is not None:
                yield (row.namespace, row.kind, row.name, container.name, "rival"), amounts


def _to_cores(millicores: int | None) -> float | None:
    return None if millicores is None else millicores / 1000.0


def _list_estimates(watts: Watts | None) -> Iterator[tuple[str, float]]:
    if watts is not None:
        yield from (("value", watts.value), ("low", watts.low), ("high", watts.high))
