"""From pools and sized workloads to the report document."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from recommender.energy.price import estimate_unused_watts
from recommender.model.report import (
    PoolReport,
    Report,
    Savings,
    Skipped,
    Source,
    SourceLine,
    Watts,
    WorkloadReport,
)
from recommender.report.savings import describe_savings
from recommender.units import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.model.recording import Recording
    from recommender.sizing.pool import Pool


def assemble_report(
    evidence: Recording,
    pools: Sequence[Pool],
    sized: Sequence[WorkloadReport],
    skipped: Sequence[Skipped],
) -> Report:
    """The report of one run; rows sorted by namespace, kind and name."""
    return Report(
        generated_at=format_time(time.time()),
        source=describe_source(evidence),
        pools=tuple(describe_pool(pool) for pool in pools),
        workloads=tuple(sorted(sized, key=lambda row: (row.namespace, row.kind, row.name))),
        skipped=tuple(
            sorted(
                skipped, key=lambda row: (row.namespace, row.kind, row.name, row.container or "")
            )
        ),
        savings=estimate_savings(sized, evidence.cluster.node_releaser),
    )


def describe_pool(pool: Pool) -> PoolReport:
    """One pool as the report shows it; watts are of the whole pool."""
    energy = pool.energy
    price = energy.price
    is_known = pool.reserved.cores > 0.0  # what is requested: without it packing is unknown
    return PoolReport(
        name=pool.name,
        nodes=len(pool.nodes),
        cores_per_node=price.cores,
        cpu_model=pool.cpu_model,
        quality=energy.quality,
        reach=pool.reach,
        watts=None if energy.mean_watts is None else energy.mean_watts * len(pool.nodes),
        utilisation=price.utilisation,
        best_utilisation=energy.ceiling.peak,
        planning_ceiling=energy.ceiling.utilisation,
        intercept_watts=price.intercept_watts,
        price_watts_per_core=Watts(value=price.watts_per_core, low=price.low, high=price.high),
        packing=price.packing if is_known else None,
        binding=energy.binding.resource,
        cpu_binding_factor=energy.binding.factor,
        reserved_unused_watts=estimate_unused_watts(
            energy.effective_price,
            reserved_cores=pool.reserved.cores,
            used_cores=pool.used_cores,
        )
        if is_known
        else None,
        reasons=pool.reasons,
    )


def estimate_savings(sized: Sequence[WorkloadReport], node_releaser: str) -> Savings:
    """Watts saved in all. Prices of one pool err together, so the intervals add up linearly."""
    parts = [
        container.watts_saved
        for workload in sized
        for container in workload.containers
        if container.watts_saved is not None
    ]
    released = Watts(
        value=sum(part.value for part in parts),
        low=sum(part.low for part in parts),
        high=sum(part.high for part in parts),
    )
    return Savings(
        nodes_released=released,
        nodes_kept=None,  # needs the power of an idle node, which a busy class never shows
        node_releaser=node_releaser,
        sentence=describe_savings(released if parts else None, None, node_releaser=node_releaser),
    )


def describe_source(evidence: Recording) -> Source:
    """Where the evidence comes from, as every document says it."""
    grid = evidence.history.usage.grid
    return Source(
        cluster=evidence.cluster.source,
        store=evidence.store,
        window_start=format_time(grid.start),
        window_end=format_time(grid.end),
        step_seconds=grid.step,
        is_simulated=evidence.is_simulated,
        series=tuple(
            SourceLine(purpose=each.purpose, schema=each.schema, reason=each.reason)
            for each in evidence.history.sources
        ),
        warnings=(*evidence.cluster.warnings, *evidence.history.warnings),
    )
