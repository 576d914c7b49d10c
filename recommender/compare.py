"""Shadow comparison: our recommendations beside those of others on the same workloads."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.cycle import run_once
from recommender.errors import UnknownWorkloadError
from recommender.model.contrast import (
    Comparison,
    ContainerContrast,
    ContenderReport,
    Course,
    CoursePoint,
    WorkloadContrast,
)
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.model.report import Quantities
from recommender.model.target import TargetHistory, TargetKey
from recommender.report.lookup import find_workload
from recommender.sizing.contrast import (
    BinUsage,
    Contender,
    Verdict,
    contrast,
    count_changes,
    fill_gaps,
    find_common,
    spread,
)
from recommender.sizing.pool import choose_pools, choose_terms
from recommender.sizing.workload import choose_work_class
from recommender.units import HOUR, format_bytes, format_millicores, format_time, parse_millicores

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from recommender.cycle import EvidenceSource, RatesSource
    from recommender.history.target import TargetSource
    from recommender.model.cluster import Amounts, Rival, Workload
    from recommender.model.recording import Recording
    from recommender.model.report import ContainerReport, Report, Skipped, WorkloadReport
    from recommender.model.target import Policy
    from recommender.settings import SizingSettings
    from recommender.sizing.demand import Demand
    from recommender.sizing.pool import Pool
    from recommender.sizing.resource import Resource
    from recommender.sizing.terms import Terms

LONGEST_GAP = HOUR
"""A request is taken to hold through a gap in its series as long as this: a scrape that failed, a
restart of the service."""

NO_HISTORY = "no history of recommendations in the store; numbers of now"
NOT_ASKED = "a recording keeps no history of recommendations; numbers of now"


def compare(
    source: EvidenceSource,
    targets: TargetSource | None,
    *,
    workload: str,
    settings: SizingSettings,
    carbon: RatesSource | None = None,
) -> Comparison:
    """All workloads with a VPA of ours, or the one that is named as `find_workload` takes it.

    `targets` None: nobody is asked for requests over time; `carbon` as of `run_once`. Raises
    JoulefitError from the edges, and UnknownWorkloadError for a workload that is not there, was
    skipped, or has no VPA of ours.
    """
    cycle = run_once(source, None, settings=settings, with_curves=False, carbon=carbon)
    evidence, report = cycle.evidence, cycle.report
    rows, skipped = _choose(report, workload)
    chosen = frozenset(_ref(row) for row in rows)
    history = TargetHistory(evidence.history.usage.grid)
    if targets is not None:
        history = targets.read(history.grid, _only(evidence, chosen).cluster)
    desk = _Desk(
        evidence=evidence,
        history=history,
        pools=cycle.pools,
        demand=cycle.demand,
        rows={ref: row for row, ref in enumerate(evidence.history.usage.containers)},
        workloads={each.ref: each for each in evidence.cluster.workloads},
        rivals=_group(evidence.cluster.rivals),
    )
    return Comparison(
        generated_at=format_time(time.time()),
        source=report.source,
        history=_describe_history(history) if targets is not None else NOT_ASKED,
        history_step_seconds=history.stride * history.grid.step,
        node_releaser=evidence.cluster.node_releaser,
        workloads=tuple(desk.contrast_workload(row) for row in rows),
        skipped=skipped,
    )


def _choose(report: Report, wanted: str) -> tuple[tuple[WorkloadReport, ...], tuple[Skipped, ...]]:
    """The rows to compare, and the skipped rows that belong to them."""
    if not wanted:
        skipped = tuple(row for row in report.skipped if row.vpa is not None)
        return tuple(row for row in report.workloads if row.vpa is not None), skipped
    found = find_workload(report, wanted)
    ref = _ref(found)
    if found.vpa is None:
        raise UnknownWorkloadError(
            f"no VPA that names this recommender targets {ref.namespace}/{ref.short}; create one"
            " with updateMode: Off, which changes nothing, and compare again"
        )
    return (found,), tuple(row for row in report.skipped if _ref(row) == ref)


def _ref(row: WorkloadReport | Skipped) -> WorkloadRef:
    return WorkloadRef(row.namespace, row.kind, row.name)


def _only(evidence: Recording, chosen: frozenset[WorkloadRef]) -> Recording:
    """The evidence with these workloads alone; usage and nodes stay whole."""
    cluster = evidence.cluster
    return replace(
        evidence,
        cluster=replace(
            cluster,
            workloads=tuple(each for each in cluster.workloads if each.ref in chosen),
            vpas=tuple(vpa for vpa in cluster.vpas if vpa.target in chosen),
            rivals=tuple(rival for rival in cluster.rivals if rival.target in chosen),
        ),
    )


def _group(rivals: Iterable[Rival]) -> dict[WorkloadRef, list[Rival]]:
    groups: defaultdict[WorkloadRef, list[Rival]] = defaultdict(list)
    for rival in rivals:
        groups[rival.target].append(rival)
    return dict(groups)


def _describe_history(history: TargetHistory) -> str:
    """Which series told of whose requests."""
    told: dict[str, dict[str, None]] = {}
    for key, course in sorted(history.courses.items(), key=lambda item: item[0].policy):
        told.setdefault(course.metric, {})[_NAMES[key.policy]] = None
    if not told:
        return NO_HISTORY
    parts = [f"{metric} tells of {', '.join(whose)}" for metric, whose in told.items()]
    return f"requests over time: {'; '.join(parts)}"


_NAMES: dict[Policy, str] = {
    "now": "requests",
    "rival": "other recommenders",
    "stock": "the stock rule",
    "ours": "ours",
}


class _Party(msgspec.Struct, frozen=True):
    """One contender before it is judged."""

    policy: Policy
    quantities: Quantities
    recommender: str | None = None
    vpa: str | None = None

    @property
    def cores(self) -> float | None:
        cpu = self.quantities.cpu
        return None if cpu is None else parse_millicores(cpu) / 1000.0

    def key(self, container: ContainerRef, resource: Resource) -> TargetKey:
        rival = self.vpa if self.policy == "rival" else None
        return TargetKey(container, resource, self.policy, rival or "")


class _Desk(msgspec.Struct, frozen=True):
    """All that the comparison of one workload needs."""

    evidence: Recording
    history: TargetHistory
    pools: tuple[Pool, ...]
    demand: Demand
    rows: dict[ContainerRef, int]
    workloads: dict[WorkloadRef, Workload]
    rivals: dict[WorkloadRef, list[Rival]]

    def contrast_workload(self, row: WorkloadReport) -> WorkloadContrast:
        ref = _ref(row)
        rivals = self.rivals.get(ref, [])
        terms = self._terms(row)
        return WorkloadContrast(
            namespace=row.namespace,
            kind=row.kind,
            name=row.name,
            replicas=row.replicas,
            vpa=row.vpa or "",
            update_mode=row.update_mode,
            rivals=tuple(rival.name for rival in rivals),
            containers=tuple(
                self._contrast_container(row, each, rivals, terms) for each in row.containers
            ),
        )

    def _terms(self, row: WorkloadReport) -> Terms | None:
        """As `size_workload` had them."""
        shares = choose_pools(self.pools, self.workloads[_ref(row)])
        return choose_terms(shares, choose_work_class(row.work_class))

    def _contrast_container(
        self,
        row: WorkloadReport,
        container: ContainerReport,
        rivals: Sequence[Rival],
        terms: Terms | None,
    ) -> ContainerContrast:
        ref = ContainerRef(_ref(row), container.name)
        demand = self.demand.of(ref)
        if demand is None:  # sized, so it was seen
            raise AssertionError(f"{ref} was sized without usage")
        parties = _parties(row, container, rivals)
        contenders = [self._contender(party, ref) for party in parties]
        usage = self._usage(ref)
        common = find_common(usage, contenders)
        verdicts = contrast(
            contenders,
            usage,
            reference=len(parties) - 1,
            # Without energy evidence the price decided nothing, and nothing is claimed.
            terms=terms if container.price_watts_per_core is not None else None,
            distribution=demand.distribution,
        )
        return ContainerContrast(
            name=container.name,
            tier=container.tier,
            why=container.why or container.basis,
            basis="now" if common is None else "history",
            compared_seconds=(usage if common is None else usage.during(common)).seconds,
            contenders=tuple(
                self._describe(party, ref, verdict)
                for party, verdict in zip(parties, verdicts, strict=True)
            ),
        )

    def _usage(self, ref: ContainerRef) -> BinUsage:
        usage, row = self.evidence.history.usage, self.rows[ref]
        return BinUsage(
            usage.cpu_mean[row].astype(np.float64),
            usage.pods[row].astype(np.float64),
            usage.grid.step,
        )

    def _values(self, key: TargetKey) -> NDArray[np.float32] | None:
        """The course of a request with its short gaps filled; None without one."""
        course, history = self.history.courses.get(key), self.history
        if course is None:
            return None
        return fill_gaps(course.values, longest=LONGEST_GAP // (history.stride * history.grid.step))

    def _contender(self, party: _Party, ref: ContainerRef) -> Contender:
        values = self._values(party.key(ref, "cpu"))
        if values is None:
            return Contender(party.cores)
        grid, stride = self.history.grid, self.history.stride
        return Contender(party.cores, spread(values, stride=stride, bins=grid.bins))

    def _describe(self, party: _Party, ref: ContainerRef, verdict: Verdict) -> ContenderReport:
        return ContenderReport(
            policy=party.policy,
            recommender=party.recommender,
            vpa=party.vpa,
            cpu=party.quantities.cpu,
            memory=party.quantities.memory,
            cpu_course=self._course(party.key(ref, "cpu")),
            memory_course=self._course(party.key(ref, "memory")),
            reserved_core_seconds=verdict.reserved_core_seconds,
            joules=verdict.joules,
            joules_above_ours=verdict.joules_above,
            watts_above_ours=verdict.watts_above,
            exposure=verdict.exposure,
        )

    def _course(self, key: TargetKey) -> Course | None:
        values = self._values(key)
        if values is None:
            return None
        grid, step = self.history.grid, self.history.stride * self.history.grid.step
        return Course(
            metric=self.history.courses[key].metric,
            changes=count_changes(values),
            points=tuple(
                CoursePoint(format_time(grid.start + place * step), value)
                for place, value in _thin(values)
            ),
        )


def _thin(values: NDArray[np.float32]) -> list[tuple[int, float | None]]:
    """Place and value of the first known value of [P] and of each that differs from the last."""
    found: list[tuple[int, float | None]] = []
    for place, number in enumerate(values.tolist()):
        value = number if np.isfinite(number) else None
        if value != (found[-1][1] if found else None):
            found.append((place, value))
    return found


def _parties(
    row: WorkloadReport, container: ContainerReport, rivals: Sequence[Rival]
) -> list[_Party]:
    """Now, the rivals, the stock rule, ours: in this order, ours always the last."""
    requests, limits = container.current.requests, container.current.limits
    # What the scheduler counts: a limit stands for a request that is missing.
    now = Quantities(requests.cpu or limits.cpu, requests.memory or limits.memory)
    parties = [_Party("now", now)]
    parties += [
        _Party("rival", _write(rival.targets.get(container.name)), rival.recommender, rival.name)
        for rival in rivals
    ]
    if container.stock is not None:
        parties.append(_Party("stock", container.stock.target))
    return [*parties, _Party("ours", container.recommended.target, vpa=row.vpa)]


def _write(amounts: Amounts | None) -> Quantities:
    if amounts is None:
        return Quantities()
    cpu, memory = amounts.cpu_millicores, amounts.memory_bytes
    return Quantities(
        cpu=None if cpu is None else format_millicores(cpu),
        memory=None if memory is None else format_bytes(memory),
    )
