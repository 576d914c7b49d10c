"""From pools and sized workloads to the report document."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from recommender.energy.price import estimate_unused_watts
from recommender.model.intensity import NO_RATES
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
from recommender.report.footprint import describe_footprint
from recommender.report.savings import describe_savings
from recommender.units import GIB, format_time, parse_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.model.intensity import Rates
    from recommender.model.recording import Recording
    from recommender.sizing.pool import Pool


def assemble_report(
    evidence: Recording,
    pools: Sequence[Pool],
    sized: Sequence[WorkloadReport],
    skipped: Sequence[Skipped],
    rates: Rates = NO_RATES,
) -> Report:
    """The report of one run; rows sorted by namespace, kind and name.

    `rates` are what energy and nodes carry.
    """
    described = tuple(describe_pool(pool, sized) for pool in pools)
    return Report(
        generated_at=format_time(time.time()),
        source=describe_source(evidence),
        pools=described,
        workloads=tuple(sorted(sized, key=lambda row: (row.namespace, row.kind, row.name))),
        skipped=tuple(
            sorted(
                skipped, key=lambda row: (row.namespace, row.kind, row.name, row.container or "")
            )
        ),
        savings=estimate_savings(sized, evidence.cluster.node_releaser),
        footprint=describe_footprint(rates, described, saved=sum_savings(sized)),
    )


def describe_pool(pool: Pool, sized: Sequence[WorkloadReport] = ()) -> PoolReport:
    """One pool as the report shows it; watts are of the whole pool.

    `sized` are the workloads of the report, of which those count whose pods mostly run in it.
    """
    energy = pool.energy
    price, memory, stranding = energy.price, pool.memory_price, pool.stranding
    freeable = estimate_freeable_gib([row for row in sized if row.pool == pool.name])
    per_gib = Watts(value=memory.watts_per_gib, low=memory.low, high=memory.high)
    has_price = memory.watts_per_gib > 0.0
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
        reasons=(
            *pool.reasons,
            *((memory.reason,) if has_price else ()),
            *((stranding.reason,) if stranding.reason else ()),
        ),
        memory_price_watts_per_gib=per_gib if has_price else None,
        stranded_cores=stranding.cores,
        stranded_gib=stranding.gib,
        freeable_gib=freeable,
        freeable_memory_watts=_times(per_gib, freeable) if has_price else None,
    )


def estimate_freeable_gib(sized: Sequence[WorkloadReport]) -> float | None:
    """GiB that the recommended memory requests give back, all replicas together.

    Recommendations are never below the memory floor, so neither is this. None where no container
    has both a request and a target.
    """
    cuts = [
        (parse_bytes(now) - parse_bytes(ours)) * workload.replicas
        for workload in sized
        for container in workload.containers
        if (now := container.current.requests.memory) is not None
        and (ours := container.recommended.target.memory) is not None
    ]
    return sum(cuts) / GIB if cuts else None


def _times(watts: Watts, amount: float | None) -> Watts | None:
    if amount is None:
        return None
    ends = sorted((watts.low * amount, watts.high * amount))
    return Watts(value=watts.value * amount, low=ends[0], high=ends[1])


def estimate_savings(sized: Sequence[WorkloadReport], node_releaser: str) -> Savings:
    """Watts saved in all."""
    released = sum_savings(sized)
    return Savings(
        nodes_released=released or Watts(value=0.0, low=0.0, high=0.0),
        nodes_kept=None,  # needs the power of an idle node, which a busy class never shows
        node_releaser=node_releaser,
        sentence=describe_savings(released, None, node_releaser=node_releaser),
    )


def sum_savings(sized: Sequence[WorkloadReport]) -> Watts | None:
    """Watts of all containers; None where none has any. Prices of one pool err together, so the
    intervals add up linearly.
    """
    parts = [
        container.watts_saved
        for workload in sized
        for container in workload.containers
        if container.watts_saved is not None
    ]
    if not parts:
        return None
    return Watts(
        value=sum(part.value for part in parts),
        low=sum(part.low for part in parts),
        high=sum(part.high for part in parts),
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
