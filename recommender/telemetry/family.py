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
from recommender.units import GIB, parse_quantity

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

WHO = ("namespace", "workload_kind", "workload", "container")
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
    """The metrics of one report: workloads, containers, pools, savings, what was skipped.

    `rivals` are other recommenders' VPAs on its workloads, of one the oldest first.
    """
    yield from collect_containers(report.workloads, rivals)
    yield from collect_workloads(report.workloads)
    yield from collect_pools(report.pools)
    yield from collect_savings(report)
    yield gauge(
        "source_info",
        "1, with the series that served each purpose.",
        ("purpose", "schema"),
        (((line.purpose, line.schema), 1.0) for line in report.source.series),
    )
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
        (*WHO, "policy"),
        chain(
            _list_requests(rows, lambda quantities: quantities.cpu),
            ((who, _to_cores(amounts.cpu_millicores)) for who, amounts in theirs),
        ),
    )
    yield gauge(
        "request_bytes",
        "Memory request of a container: as it is, as each rule would have it, and its bounds.",
        (*WHO, "policy"),
        chain(
            _list_requests(rows, lambda quantities: quantities.memory),
            ((who, amounts.memory_bytes) for who, amounts in theirs),
        ),
    )
    yield gauge(
        "price_watts_per_core",
        "Power that one reserved core costs where the container runs.",
        WHO,
        ((who, container.price_watts_per_core) for who, container in rows),
    )
    yield gauge(
        "saved_watts",
        "Power saved over all replicas once the freed share of nodes is off, with 90 % interval.",
        (*WHO, "estimate"),
        (
            ((*who, estimate), watts)
            for who, container in rows
            for estimate, watts in _list_estimates(container.watts_saved)
        ),
    )
    yield gauge(
        "quantile",
        "Share of time that the CPU request of the container is to cover.",
        WHO,
        ((who, container.quantile) for who, container in rows),
    )
    yield gauge(
        "tier",
        "1, with the tier of evidence and the rule that sized the container.",
        (*WHO, "tier", "basis"),
        (((*who, container.tier, container.basis), 1.0) for who, container in rows),
    )
    yield from _collect_meaning(rows)


def _collect_meaning(rows: Sequence[_Row]) -> Iterator[Metric]:
    """What the containers used, and what the requests mean for it."""
    yield gauge(
        "efficiency_gain_ratio",
        "Work per joule at the recommended CPU request over that at the current one.",
        WHO,
        ((who, container.efficiency_gain) for who, container in rows),
    )
    yield gauge(
        "exposure_ratio",
        "Share of time in which usage is above the CPU request, by request.",
        (*WHO, "policy"),
        (
            ((*who, policy), share)
            for who, container in rows
            for policy, share in container.exposure.items()
        ),
    )
    yield gauge(
        "usage_cores",
        "CPU that one pod's container used in the window: mean, 95th percentile and maximum.",
        (*WHO, "statistic"),
        (
            ((*who, statistic), cores)
            for who, container in rows
            if (usage := container.usage) is not None
            for statistic, cores in (
                ("mean", usage.mean_cores),
                ("p95", usage.p95_cores),
                ("max", usage.max_cores),
            )
        ),
    )
    yield gauge(
        "usage_memory_peak_bytes",
        "Highest working set of the container in any pod in the window.",
        WHO,
        (
            (who, container.usage.memory_peak_bytes)
            for who, container in rows
            if container.usage is not None
        ),
    )


def collect_workloads(workloads: Sequence[WorkloadReport]) -> Iterator[Metric]:
    """How many pods a workload has, where they run, and on what terms it is sized."""
    whole = [((row.namespace, row.kind, row.name), row) for row in workloads]
    terms = ("pool", "vpa", "update_mode", "work_class", "work_kind")
    yield gauge(
        "workload_replicas",
        "Pods of the workload that run or wait to run.",
        WHO[:-1],
        ((who, float(row.replicas)) for who, row in whole),
    )
    yield gauge(
        "workload_info",
        "1, with the pool that most pods run in, the VPA and the terms of sizing.",
        (*WHO[:-1], *terms),
        (((*who, *(getattr(row, term) or "" for term in terms)), 1.0) for who, row in whole),
    )


def collect_savings(report: Report) -> Iterator[Metric]:
    """Watts that the report saves in all, and what has to be there for them to be saved.

    Nothing is claimed where no container has energy evidence.
    """
    saved = report.savings
    is_claimed = any(each.watts_saved for row in report.workloads for each in row.containers)
    claims = {"nodes_released": saved.nodes_released, "nodes_kept": saved.nodes_kept}
    yield gauge(
        "savings_watts",
        "Power saved in all, if emptied nodes are switched off and if they stay on.",
        ("condition", "estimate"),
        (
            ((condition, estimate), watts)
            for condition, claim in claims.items()
            if is_claimed
            for estimate, watts in _list_estimates(claim)
        ),
    )
    yield gauge(
        "node_releaser",
        "1 for the component seen that removes empty nodes; 0 for none: nobody removes them.",
        ("releaser",),
        [((saved.node_releaser or "none",), float(bool(saved.node_releaser)))],
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
    yield gauge(
        "pool_info",
        "1, with what the pool's nodes are and where their power comes from.",
        ("pool", "cpu_model", "quality", "reach", "binding"),
        (
            ((pool.name, pool.cpu_model, pool.quality, pool.reach, pool.binding), 1.0)
            for pool in pools
        ),
    )


_POOL_GAUGES: tuple[tuple[str, str, Callable[[PoolReport], float | None]], ...] = (
    ("pool_nodes", "Nodes of the pool.", lambda pool: float(pool.nodes)),
    (
        "pool_cores",
        "Allocatable cores of all nodes of the pool.",
        lambda pool: pool.cores_per_node * pool.nodes,
    ),
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
    (
        "pool_best_utilisation_ratio",
        "Utilisation with most work per joule, where it is identified.",
        lambda pool: pool.best_utilisation,
    ),
    (
        "pool_packing_ratio",
        "Share of the pool's cores that is requested.",
        lambda pool: pool.packing,
    ),
    (
        "pool_intercept_watts",
        "Power of all nodes for being there: the intercept of the curve's tangent.",
        lambda pool: pool.intercept_watts * pool.nodes,
    ),
    (
        "pool_reserved_unused_watts",
        "Power that cutting what is reserved and not used frees.",
        lambda pool: pool.reserved_unused_watts,
    ),
    (
        "pool_stranded_cores",
        "Cores that are left when memory is full, at the present mix of requests.",
        lambda pool: pool.stranded_cores,
    ),
    (
        "pool_stranded_bytes",
        "Memory that is left when CPU is full, at the present mix of requests.",
        lambda pool: pool.stranded_gib * GIB,
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
