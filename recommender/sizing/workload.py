"""One workload: the terms it runs on, and the decision for each of its containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.energy.price import SHORTFALL_MULTIPLE
from recommender.errors import WorkloadSkipped
from recommender.model.cluster import ContainerPolicy
from recommender.model.identity import ContainerRef
from recommender.model.report import Skipped, WorkloadReport
from recommender.sizing.case import Case
from recommender.sizing.container import size_container
from recommender.sizing.hysteresis import parse_previous
from recommender.sizing.terms import terms_of
from recommender.units import DAY, format_duration

if TYPE_CHECKING:
    from recommender.energy.price import WorkClass
    from recommender.model.cluster import ContainerSpec, Vpa, Workload
    from recommender.model.report import ContainerReport
    from recommender.settings import SizingSettings
    from recommender.sizing.demand import Demand
    from recommender.sizing.pool import Pool
    from recommender.sizing.terms import Terms


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
        window = format_duration(demand.window_days * DAY)
        raise WorkloadSkipped(
            "no pods now, so its containers are not known"
            if demand.knows(workload.ref)
            else f"no pods now and no usage in {window}"
        )
    named = vpa.work_class if vpa else ""
    work_class = choose_work_class(named or settings.work_class)
    terms = None if pool is None else terms_of(pool.energy, work_class)
    sized: list[ContainerReport] = []
    skipped: list[Skipped] = []
    for spec in workload.containers:
        try:
            case = _open_case(
                workload, spec, vpa=vpa, demand=demand, pool=pool, terms=terms, settings=settings
            )
            sized.append(size_container(case, with_curve=with_curve))
        except WorkloadSkipped as verdict:
            skipped.append(_skip(workload, spec, vpa, str(verdict)))
    report = WorkloadReport(
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
    return report, tuple(skipped)


def choose_work_class(name: str) -> WorkClass:
    """The class of this name. Raises WorkloadSkipped for a name that is none."""
    for known in SHORTFALL_MULTIPLE:
        if name == known:
            return known
    raise WorkloadSkipped(
        f"work class {name!r} is none of {', '.join(SHORTFALL_MULTIPLE)}; "
        "mend the annotation joulefit.io/work-class"
    )


def _open_case(
    workload: Workload,
    spec: ContainerSpec,
    *,
    vpa: Vpa | None,
    demand: Demand,
    pool: Pool | None,
    terms: Terms | None,
    settings: SizingSettings,
) -> Case:
    """Raises WorkloadSkipped for a container that is switched off or was never seen."""
    policy = vpa.policy(spec.name) if vpa else ContainerPolicy(spec.name)
    if policy.is_off:
        raise WorkloadSkipped("its VPA policy says mode: Off")
    seen = demand.of(ContainerRef(workload.ref, spec.name))
    if seen is None:
        raise WorkloadSkipped(f"no usage in {format_duration(demand.window_days * DAY)}")
    return Case(
        workload=workload,
        spec=spec,
        policy=policy,
        demand=seen,
        terms=terms,
        energy=None if pool is None else pool.energy,
        previous=parse_previous(vpa.status if vpa else {}, spec.name),
        settings=settings,
        is_applied=vpa is not None,
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
