"""The main path: evidence in, a report out, statuses written.

Dry runs, recordings and real runs call the same `run_once`; they differ in the source of the
evidence and in the sink of the statuses.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from recommender.backtest.gate import NOT_REPLAYED, TierJudge
from recommender.cluster.condition import FETCHING_HISTORY
from recommender.cluster.profile_status import build_profile_status, profile_differs
from recommender.cluster.status import build_status, status_differs
from recommender.errors import ClusterError, WorkloadSkipped
from recommender.model.change import StatusChange
from recommender.model.cluster import NO_LIMITS
from recommender.model.intensity import NO_RATES
from recommender.model.report import Report, Skipped, WorkloadReport
from recommender.report.assembly import assemble_report
from recommender.sizing.carbon import explain_objective
from recommender.sizing.demand import Demand, estimate_demand
from recommender.sizing.observed import vpas_by_target
from recommender.sizing.pool import Pool, choose_pools, estimate_pools
from recommender.sizing.workload import size_workload
from recommender.units import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from recommender.model.change import Outcome
    from recommender.model.cluster import Vpa, Workload
    from recommender.model.history import TimeGrid
    from recommender.model.intensity import Intensity, Rates
    from recommender.model.profile import Profile
    from recommender.model.recording import Recording
    from recommender.settings import SizingSettings
    from recommender.sizing.pooltier import PoolTier

_LOGGER = logging.getLogger(__name__)

Item = TypeVar("Item")


class EvidenceSource(Protocol):
    """Where cluster and history come from: live edges or a recording."""

    def read(self) -> Recording: ...


class RatesSource(Protocol):
    """What energy and nodes carry over a window; what cannot be read says so and raises nothing."""

    def read(self, grid: TimeGrid) -> Rates: ...


class StatusSink(Protocol):
    """Where statuses go: the API server, or nowhere in a dry run.

    `parallel` threads may call it at once.
    """

    parallel: int

    def write(self, vpa: Vpa, status: dict[str, Any]) -> Outcome: ...


@dataclass
class StepTimer:
    """Seconds of each named step of a cycle, in order."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - begun
            _LOGGER.info("step=%s seconds=%.3f", name, self.seconds[name])


class Cycle(msgspec.Struct, frozen=True):
    """The outcome of one run: the report, what became of each VPA and of each EnergyProfile, and
    the time of each step.

    `evidence` is what it was computed from, `pools` and `demand` what was learnt of it on the way.
    """

    report: Report
    changes: tuple[StatusChange, ...]
    timer: StepTimer
    evidence: Recording
    pools: tuple[Pool, ...]
    demand: Demand
    profiles: tuple[StatusChange, ...] = ()


def run_once(
    source: EvidenceSource,
    sink: StatusSink | None,
    *,
    settings: SizingSettings,
    with_curves: bool,
    profile_sink: StatusSink | None = None,
    judge: TierJudge | None = None,
    carbon: RatesSource | None = None,
) -> Cycle:
    """Read, size, report and, where there is a sink, write. Raises JoulefitError from the edges.

    A workload that cannot be computed becomes a skipped row; a status that cannot be written
    becomes a change with an error; neither ends the run. What is not `is_shown` is of the
    evidence for its pool, and of nothing else.
    """
    timer = StepTimer()
    with timer.step("read"):
        evidence = source.read()
        rates = carbon.read(evidence.history.usage.grid) if carbon else NO_RATES
    with timer.step("pools"):
        pools = estimate_pools(evidence.cluster, evidence.history.nodes, power=settings.power)
    with timer.step("demand"):
        demand = estimate_demand(
            evidence.history.usage,
            nodes=evidence.history.nodes,
            workloads=evidence.cluster.workloads,
        )
    with timer.step("replay"):
        tiers = _judge_pools(judge or TierJudge(), evidence, pools, settings, rates.carbon)
    with timer.step("size"):
        sized, skipped = _size_all(
            evidence, pools, tiers, demand, settings, with_curves=with_curves, rates=rates
        )
    with timer.step("report"):
        report = assemble_report(evidence, pools, sized, skipped, rates)
    with timer.step("write"):
        changes = _write_all(evidence, sized, skipped, sink)
        profiles = _write_profiles(changes, sized, profile_sink)
    return Cycle(report, changes, timer, evidence, pools, demand, profiles)


def _judge_pools(
    judge: TierJudge,
    evidence: Recording,
    pools: tuple[Pool, ...],
    settings: SizingSettings,
    carbon: Intensity | None,
) -> Mapping[str, PoolTier]:
    """The tiers of the pools. One whose replay fails keeps its last, without one it has none."""
    tiers: dict[str, PoolTier] = {}
    for pool in pools:
        try:
            tier = judge.judge(evidence, pool, pools, settings, carbon)
        except Exception:  # the boundary of one pool
            _LOGGER.exception("pool=%s could not be replayed", pool.name)
            tier = judge.last(pool.name) or NOT_REPLAYED
        if tier is not None:
            tiers[pool.name] = tier
    return tiers


def _size_all(
    evidence: Recording,
    pools: tuple[Pool, ...],
    tiers: Mapping[str, PoolTier],
    demand: Demand,
    settings: SizingSettings,
    *,
    with_curves: bool,
    rates: Rates,
) -> tuple[list[WorkloadReport], list[Skipped]]:
    vpas = vpas_by_target(evidence.cluster)
    sized: list[WorkloadReport] = []
    skipped = [_refused(vpa) for vpa in evidence.cluster.vpas if vpa.problem and vpa.is_shown]
    for workload in evidence.cluster.workloads:
        if not workload.is_shown:
            continue
        vpa = vpas.get(workload.ref)
        if evidence.unread and not demand.knows(workload.ref):
            skipped.append(_await_history(workload, vpa, evidence.unread))
            continue
        try:
            report, without = size_workload(
                workload,
                vpa=vpa,
                demand=demand,
                pools=choose_pools(pools, workload, tiers),
                settings=settings,
                limits=evidence.cluster.limits.get(workload.ref.namespace, NO_LIMITS),
                with_curve=with_curves or (vpa is not None and vpa.profile is not None),
                work=evidence.history.work.get(workload.ref),
            )
            said = explain_objective(vpa, rates.carbon)
            report = msgspec.structs.replace(report, objective=said)
        except WorkloadSkipped as verdict:
            skipped.append(_skip(workload, str(verdict), vpa))
        except Exception as error:  # the per-workload boundary: one row, never the whole run
            _LOGGER.exception("workload=%s failed", workload.ref)
            skipped.append(_skip(workload, f"internal error: {error!r}; please report it", vpa))
        else:
            skipped.extend(without)
            if report.containers:
                sized.append(report)
    return sized, skipped


def _skip(workload: Workload, reason: str, vpa: Vpa | None) -> Skipped:
    ref = workload.ref
    return Skipped(
        namespace=ref.namespace,
        kind=ref.kind,
        name=ref.name,
        container=None,
        reason=reason,
        vpa=vpa.name if vpa else None,
    )


def _await_history(workload: Workload, vpa: Vpa | None, why: str) -> Skipped:
    """The row of a workload about which nothing is known yet, since the store did not answer."""
    row = _skip(workload, f"its history could not be read yet: {why}", vpa)
    return msgspec.structs.replace(row, condition=FETCHING_HISTORY)


def _refused(vpa: Vpa) -> Skipped:
    """The row of a VPA whose own spec or target keeps it from an answer."""
    return Skipped(
        namespace=vpa.namespace,
        kind=vpa.target.kind if vpa.target else "VerticalPodAutoscaler",
        name=vpa.target.name if vpa.target else vpa.name,
        container=None,
        reason=vpa.problem,
        vpa=vpa.name,
        condition="ConfigUnsupported",
    )


def _write_all(
    evidence: Recording,
    sized: list[WorkloadReport],
    skipped: list[Skipped],
    sink: StatusSink | None,
) -> tuple[StatusChange, ...]:
    """Every VPA of ours gets the status that the report says, where it differs in meaning."""
    reports = {(row.namespace, row.vpa): row for row in sized if row.vpa}
    rows: defaultdict[tuple[str, str | None], list[Skipped]] = defaultdict(list)
    for row in skipped:
        rows[row.namespace, row.vpa].append(row)
    now = format_time(time.time())

    def settle(vpa: Vpa) -> StatusChange:
        key = vpa.namespace, vpa.name
        return _answer(vpa, reports.get(key), rows.get(key, ()), now=now, sink=sink)

    return _map_parallel(settle, (vpa for vpa in evidence.cluster.vpas if vpa.is_shown), sink)


def _answer(
    vpa: Vpa,
    report: WorkloadReport | None,
    rows: Sequence[Skipped],
    *,
    now: str,
    sink: StatusSink | None,
) -> StatusChange:
    try:
        status = build_status(vpa, report, rows, now=now)
    except Exception as error:  # the boundary of one VPA: its status stays as it is
        _LOGGER.exception("vpa=%s/%s has no status", vpa.namespace, vpa.name)
        return StatusChange(
            vpa, vpa.status, "failed", f"internal error: {error!r}; please report it"
        )
    return _write(vpa, status, sink)


def _write_profiles(
    changes: tuple[StatusChange, ...], sized: list[WorkloadReport], sink: StatusSink | None
) -> tuple[StatusChange, ...]:
    """Every EnergyProfile whose VPA says what it should gets what that rests on."""
    reports = {(row.namespace, row.vpa): row for row in sized if row.vpa}
    due = [
        (change, change.vpa.profile)
        for change in changes
        if change.vpa.profile and change.outcome in {"written", "unchanged", "would be written"}
    ]
    now = format_time(time.time())

    def settle(pair: tuple[StatusChange, Profile]) -> StatusChange:
        change, profile = pair
        vpa = change.vpa
        report = reports.get((vpa.namespace, vpa.name))
        try:
            status = build_profile_status(vpa, profile, report, change.status, now=now)
            is_news = profile_differs(profile.status, status)
        except Exception as error:  # the boundary of one EnergyProfile: its status stays as it is
            _LOGGER.exception("energyprofile=%s/%s has no status", vpa.namespace, vpa.name)
            return StatusChange(
                vpa, profile.status, "failed", f"internal error: {error!r}; please report it"
            )
        if not is_news:
            return StatusChange(vpa, profile.status, "unchanged")  # one of them is enough to keep
        return _hand_over(vpa, status, sink)

    return _map_parallel(settle, due, sink)


def _map_parallel(
    settle: Callable[[Item], StatusChange], items: Iterable[Item], sink: StatusSink | None
) -> tuple[StatusChange, ...]:
    """As many at once as the sink takes; without one there is nothing to wait for."""
    if sink is None:
        return tuple(map(settle, items))
    with ThreadPoolExecutor(sink.parallel, thread_name_prefix="write") as pool:
        return tuple(pool.map(settle, items))


def _write(vpa: Vpa, status: dict[str, Any], sink: StatusSink | None) -> StatusChange:
    if not status_differs(vpa.status, status):
        return StatusChange(vpa, status, "unchanged")
    return _hand_over(vpa, status, sink)


def _hand_over(vpa: Vpa, status: dict[str, Any], sink: StatusSink | None) -> StatusChange:
    if sink is None:
        return StatusChange(vpa, status, "would be written")
    try:
        return StatusChange(vpa, status, sink.write(vpa, status))
    except ClusterError as error:
        return StatusChange(vpa, status, "failed", str(error))
