"""One workload: the terms it runs on, and the decision for each of its containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.energy.price import SHORTFALL_MULTIPLE
from recommender.errors import WorkloadSkipped
from recommender.model.cluster import ContainerPolicy
from recommender.model.identity import ContainerRef
from recommender.model.report import Skipped, WorkloadReport
from recommender.sizing.case import Case
from recommender.sizing.container import size_container
from recommender.sizing.hysteresis import parse_previous
from recommender.sizing.recall import recall_status
from recommender.sizing.terms import terms_of
from recommender.units import DAY, format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.energy.price import WorkClass
    from recommender.model.cluster import ContainerSpec, Vpa, Workload
    from recommender.model.report import ContainerReport
    from recommender.settings import SizingSettings
    from recommender.sizing.demand import ContainerDemand, Demand
    from recommender.sizing.pool import Pool


def size_workload(
    workload: Workload,
    *,
    vpa: Vpa | None,
    demand: Demand,
    pool: Pool | None,
    settings: SizingSettings,
    with_curve: bool = True,
) -> tuple[WorkloadReport, tuple[Skipped, ...]]:
    """Requests for the containers of a workload, and the containers that get none, with reasons.

    `vpa` is ours, None for a workload without one; `pool` the nodes it runs on, None where no
    node is known: then the stock rule decides. `demand` comes from `estimate_demand`. The
    report has no containers where each is skipped. Raises WorkloadSkipped where no container
    is known. Pure: the same input gives the same result, and its own result written into
    `vpa.status` gives that result again.
    """
    if not workload.containers:
        raise WorkloadSkipped(_explain_absence(workload, demand))
    named, origin = name_work_class(vpa, settings)
    work_class = choose_work_class(named)
    earlier = recall_status(vpa) if vpa else {}
    energy = None if pool is None else pool.energy
    terms = None if energy is None else terms_of(energy, work_class)
    demands, skipped = _find_demands(workload, vpa, demand)
    sized: list[ContainerReport] = []
    for spec, seen in demands:
        case = Case(
            workload=workload,
            spec=spec,
            policy=_policy(vpa, spec),
            demand=seen,
            terms=terms,
            energy=energy,
            previous=parse_previous(earlier, spec.name),
            settings=settings,
            sharers=len(demands),
            is_applied=vpa is not None,
        )
        try:
            sized.append(size_container(case, with_curve=with_curve))
        except WorkloadSkipped as verdict:
            skipped.append(_skip(workload, spec, vpa, str(verdict)))
    described = _describe(workload, vpa, pool, work_class, sized)
    return msgspec.structs.replace(described, work_class_source=origin), tuple(skipped)


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
    """The containers that can be sized, and those that are switched off or were never seen."""
    demands: list[tuple[ContainerSpec, ContainerDemand]] = []
    skipped: list[Skipped] = []
    for spec in workload.containers:
        seen = demand.of(ContainerRef(workload.ref, spec.name))
        if _policy(vpa, spec).is_off:
            off = _skip(workload, spec, vpa, "its VPA policy says mode: Off")
            skipped.append(msgspec.structs.replace(off, is_deliberate=True))
        elif seen is None:
            window = format_duration(demand.window_days * DAY)
            skipped.append(_skip(workload, spec, vpa, f"no usage in {window}"))
        else:
            demands.append((spec, seen))
    return demands, skipped


def _describe(
    workload: Workload,
    vpa: Vpa | None,
    pool: Pool | None,
    work_class: WorkClass,
    sized: Sequence[ContainerReport],
) -> WorkloadReport:
    return WorkloadReport(
        namespace=workload.ref.namespace,
        kind=workload.ref.kind,
        name=workload.ref.name,
        replicas=workload.replicas,
        pool=None if pool is None else pool.name,
        work_class=work_class,
        vpa=None if vpa is None else vpa.name,
        update_mode=None if vpa is None else vpa.update_mode,
        hpa=workload.hpa_on_cpu or None,
        containers=tuple(sized),
    )


def _skip(workload: Workload, spec: ContainerSpec, vpa: Vpa | None, reason: str) -> Skipped:
    return Skipped(
        namespace=workload.ref.namespace,
        kind=workload.ref.kind,
        name=workload.ref.name,
        container=spec.name,
        reason=reason,
        vpa=None if vpa is None else vpa.name,
    )
