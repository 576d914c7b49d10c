"""Reports of sized containers, as the sizing hands them to the status."""

from recommender.model.report import (
    ContainerReport,
    Current,
    Quantities,
    Reason,
    Recommended,
    Skipped,
    WorkloadReport,
)

NOTHING = Quantities()


def quantities(pair):
    cpu, memory = pair
    return Quantities(cpu=cpu, memory=memory)


def recommended(
    target=("411m", "1Gi"), lower=("372m", "900Mi"), upper=("470m", "1500Mi"), uncapped=None
):
    return Recommended(
        target=quantities(target),
        lower_bound=quantities(lower),
        upper_bound=quantities(upper),
        uncapped_target=quantities(uncapped or target),
    )


def sized(name="app", *, tier="T1", basis="priced quantile", why="", amounts=None):
    return ContainerReport(
        name=name,
        tier=tier,
        basis=basis,
        reasons=(Reason("usage", "mean 210m", "6 pods"), Reason("tier", f"{tier} {basis}", why)),
        current=Current(requests=NOTHING, limits=NOTHING),
        stock=None,
        recommended=amounts or recommended(),
        usage=None,
        price_watts_per_core=None,
        quantile=None,
        watts_saved=None,
        efficiency_gain=None,
        exposure={},
    )


def report(*containers, replicas=2, kind="Deployment", conflicts=()):
    return WorkloadReport(
        namespace="shop",
        kind=kind,
        name="web",
        replicas=replicas,
        pool=None,
        work_class="standard",
        vpa="web",
        update_mode="Auto",
        hpa=None,
        containers=containers,
        conflicts=tuple(conflicts),
    )


def skipped(container, reason, *, condition="", is_deliberate=False):
    return Skipped(
        namespace="shop",
        kind="Deployment",
        name="web",
        container=container,
        reason=reason,
        vpa="web",
        condition=condition,
        is_deliberate=is_deliberate,
    )
