"""One workload: the terms it runs on, and the decision for each of its containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recommender.energy.price import SHORTFALL_MULTIPLE
from recommender.errors import WorkloadSkipped
from recommender.model.cluster import NO_LIMITS, ContainerPolicy
from recommender.model.identity import ContainerRef
from recommender.model.report import Skipped, WorkloadReport
from recommender.sizing.admission import find_conflicts
from recommender.sizing.case import Case
from recommender.sizing.container import size_container
from recommender.sizing.hysteresis import parse_previous
from recommender.sizing.pool import choose_terms
from recommender.sizing.pooltier import choose_pooled
from recommender.sizing.recall import recall_basis, recall_status
from recommender.sizing.scaled import SCALED_BASIS, size_scaled
from recommender.sizing.work import explain_evidence, find_windows
from recommender.units import DAY, format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.energy.price import WorkClass
    from recommender.model.cluster import ContainerSpec, NamespaceLimits, Vpa, Workload
    from recommender.model.report import Conflict, ContainerReport
    from recommender.model.work import WorkEvidence
    from recommender.settings import SizingSettings
    from recommender.sizing.demand import ContainerDemand, Demand
    from recommender.sizing.plan import Found
    from recommender.sizing.pool import PoolShare
    from recommender.sizing.pooltier import Pooled

_SIDECAR = (
    "a native sidecar (init container with restartPolicy Always), which VPA's other parts do not"
    " resize yet"
)
_INJECTED = (
    "put into its pods after VPA's admission controller saw them (annotation"
    " vpaObservedContainers), so no recommendation reaches it"
)


def size_workload(
    workload: Workload,
    *,
    vpa: Vpa | None,
    demand: Demand,
    pools: Sequence[PoolShare],
    settings: SizingSettings,
    limits: NamespaceLimits = NO_LIMITS,
    with_curve: bool = True,
    work: WorkEvidence | None = None,
) -> tuple[WorkloadReport, tuple[Skipped, ...]]:
    """Requests for the containers of a workload, and the containers that get none, with reasons.

    `vpa` is ours, None for a workload without one; `pools` those it runs on, as `choose_pools`
    gives them, empty where no node is known: then the stock rule decides. `demand` comes from
    `estimate_demand`; `limits` are of its namespace: they change no number, the report says what
    they will do to it; `work` is what was read of its work, None where nothing was. The report has
    no containers where each is skipped. Raises WorkloadSkipped where no container is known. Pure:
    the same input gives the same result, and its own result written into `vpa.status` gives that
    result again.
    """
    if not workload.containers:
        raise WorkloadSkipped(_explain_absence(workload, demand))
    named, origin = name_work_class(vpa, settings)
    work_class = choose_work_class(named)
    earlier = recall_status(vpa) if vpa else {}
    terms = choose_terms(pools, work_class)
    demands, skipped = _find_demands(workload, vpa, demand)
    cases = [
        Case(
            workload=workload,
            spec=spec,
            policy=_policy(vpa, spec),
            demand=seen,
            terms=terms,
            pools=tuple(pools),
            previous=parse_previous(earlier, spec.name),
            settings=settings,
            sharers=len(demands),
            is_applied=vpa is not None,
            pooled=_pool(workload, spec, vpa, pools, seen),
        )
        for spec, seen in demands
    ]
    metric = vpa.profile.work_metric if vpa and vpa.profile else None
    if workload.hpa_on_cpu:
        cases = _scale(workload, vpa, cases, find_windows(workload, metric, work, demand))
    sized: list[ContainerReport] = []
    for case in cases:
        try:
            sized.append(size_container(case, with_curve=with_curve))
        except WorkloadSkipped as verdict:
            skipped.append(_skip(workload, case.spec.name, vpa, str(verdict)))
    conflicts = find_conflicts(workload, vpa, sized, limits=limits) if vpa else ()
    report = _describe(workload, vpa, work_class, sized, pools=pools, conflicts=conflicts)
    done = explain_evidence(workload, metric, work, demand, pools)
    report = replace(report, work_class_source=origin, work=done.reason, work_kind=done.kind)
    return report, tuple(skipped)


def _pool(
    workload: Workload,
    spec: ContainerSpec,
    vpa: Vpa | None,
    shares: Sequence[PoolShare],
    demand: ContainerDemand,
) -> Pooled | None:
    """What the replay of its pools allows; None where one of them was not replayed."""
    tiers = [share.tier for share in shares if share.tier is not None]
    return choose_pooled(
        tiers if len(tiers) == len(shares) else (),
        ContainerRef(workload.ref, spec.name),
        days=demand.days,
        can_resize=vpa is not None and vpa.update_mode in RESIZES_IN_PLACE,
    )


RESIZES_IN_PLACE = frozenset({"InPlaceOrRecreate", "InPlace"})
"""Update modes in which a changed request need not restart the pod."""


def _scale(workload: Workload, vpa: Vpa | None, cases: list[Case], found: Found) -> list[Case]:
    """The cases with what the work of a replica says of them."""
    scaling = size_scaled(workload, cases, found)
    return [
        replace(
            case,
            scaling=scaling,
            was_scaled=vpa is not None
            and recall_basis(vpa, case.spec.name).startswith(SCALED_BASIS),
        )
        for case in cases
    ]


def name_work_class(vpa: Vpa | None, settings: SizingSettings) -> tuple[str, str]:
    """The class that a workload asks for, and who chose it: EnergyProfile, annotation, default."""
    if vpa and vpa.profile and vpa.profile.work_class:
        return vpa.profile.work_class, "EnergyProfile"
    if vpa and vpa.work_class:
        return vpa.work_class, "annotation"
    return settings.work_class, "default"


def choose_work_class(name: str) -> WorkClass:
    """The class of this name. Raises WorkloadSkipped for a name that is none."""
    for known in SHORTFALL_MULTIPLE:
        if name == known:
            return known
    raise WorkloadSkipped(
        f"work class {name!r} is none of {', '.join(SHORTFALL_MULTIPLE)}; "
        "mend the annotation joulefit.io/work-class"
    )


def _policy(vpa: Vpa | None, spec: ContainerSpec) -> ContainerPolicy:
    return vpa.policy(spec.name) if vpa else ContainerPolicy(spec.name)


def _explain_absence(workload: Workload, demand: Demand) -> str:
    if demand.knows(workload.ref):
        return "no pods now, so its containers are not known"
    return f"no pods now and no usage in {format_duration(demand.window_days * DAY)}"


def _find_demands(
    workload: Workload, vpa: Vpa | None, demand: Demand
) -> tuple[list[tuple[ContainerSpec, ContainerDemand]], list[Skipped]]:
    """The containers that can be sized, and those that are left out or were never seen."""
    demands: list[tuple[ContainerSpec, ContainerDemand]] = []
    skipped = [_leave_out(workload, name, vpa, _SIDECAR) for name in workload.sidecars]
    for spec in workload.containers:
        seen = demand.of(ContainerRef(workload.ref, spec.name))
        if _policy(vpa, spec).is_off:
            skipped.append(_leave_out(workload, spec.name, vpa, "its VPA policy says mode: Off"))
        elif spec.is_injected:
            skipped.append(_leave_out(workload, spec.name, vpa, _INJECTED))
        elif seen is None:
            window = format_duration(demand.window_days * DAY)
            skipped.append(_skip(workload, spec.name, vpa, f"no usage in {window}"))
        else:
            demands.append((spec, seen))
    return demands, skipped


def _describe(
    workload: Workload,
    vpa: Vpa | None,
    work_class: WorkClass,
    sized: Sequence[ContainerReport],
    *,
    pools: Sequence[PoolShare],
    conflicts: tuple[Conflict, ...],
) -> WorkloadReport:
    return WorkloadReport(
        namespace=workload.ref.namespace,
        kind=workload.ref.kind,
        name=workload.ref.name,
        replicas=workload.replicas,
        pool=pools[0].pool.name if pools else None,
        work_class=work_class,
        vpa=None if vpa is None else vpa.name,
        update_mode=None if vpa is None else vpa.update_mode,
        hpa=workload.hpa_on_cpu or None,
        containers=tuple(sized),
        conflicts=conflicts,
    )


def _leave_out(workload: Workload, container: str, vpa: Vpa | None, reason: str) -> Skipped:
    """What somebody chose to leave out: no failure of ours."""
    row = _skip(workload, container, vpa, reason)
    return replace(row, is_deliberate=True)


def _skip(workload: Workload, container: str, vpa: Vpa | None, reason: str) -> Skipped:
    return Skipped(
        namespace=workload.ref.namespace,
        kind=workload.ref.kind,
        name=workload.ref.name,
        container=container,
        reason=reason,
        vpa=None if vpa is None else vpa.name,
    )
