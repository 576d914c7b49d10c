"""A comparison made by hand: one workload with two containers, a stock VPA and another one.

The price is 1 W a core, six pods ran for 10 days: 100 mcores more are 0.6 W and 518.4 kJ.
"""

from __future__ import annotations

import itertools

import msgspec

from recommender.model.contrast import (
    Comparison,
    ContainerContrast,
    ContenderReport,
    Course,
    CoursePoint,
    WorkloadContrast,
)
from recommender.model.report import Watts
from tests.report.sample import source

CORES = "joulefit_recommender_request_cores"
KSM = "kube_verticalpodautoscaler_status_recommendation_containerrecommendations_target"


def course(*points: tuple[str, float | None], metric: str = CORES) -> Course:
    """Of (month-day, value) pairs; its changes are the values that follow another."""
    known = [value for _, value in points if value is not None]
    changes = sum(before != after for before, after in itertools.pairwise(known))
    return Course(
        metric, changes, tuple(CoursePoint(f"2026-{day}T00:00:00Z", value) for day, value in points)
    )


def contender(policy: str, cpu: str | None, **changes: object) -> ContenderReport:
    plain = ContenderReport(
        policy=policy,
        recommender=None,
        vpa=None,
        cpu=cpu,
        memory=None,
        cpu_course=None,
        memory_course=None,
        reserved_core_seconds=None,
        joules=None,
        joules_above_ours=None,
        watts_above_ours=None,
        exposure=None,
    )
    return msgspec.structs.replace(plain, **changes)


def app() -> ContainerContrast:
    """checkout's app: now 1500m, the stock VPA 512m, ours 411m; ours has been known for 10 days."""
    return ContainerContrast(
        name="app",
        tier="T1",
        why="p93 of 14 d at 1.00 W/core",
        basis="history",
        compared_seconds=864000.0,
        contenders=(
            contender(
                "now",
                "1500m",
                memory="2Gi",
                reserved_core_seconds=7776000.0,
                joules=12130560.0,
                joules_above_ours=5645376.0,
                watts_above_ours=Watts(6.534, 6.2, 6.9),
                exposure=0.0,
            ),
            contender(
                "rival",
                "512m",
                recommender="default",
                vpa="checkout-stock",
                memory="1181116006",
                cpu_course=course(("05-01", 0.6), ("05-06", 0.512), metric=KSM),
                memory_course=course(("05-01", 1181116006.0), metric=KSM),
                reserved_core_seconds=2700000.0,
                joules=7054560.0,
                joules_above_ours=569376.0,
                watts_above_ours=Watts(0.659, 0.62, 0.7),
                exposure=0.03,
            ),
            contender("stock", "512m", memory="1181116006", exposure=0.03),
            contender(
                "ours",
                "411m",
                vpa="checkout",
                memory="1181116006",
                cpu_course=course(("05-05", 0.411), ("05-10", None), ("05-12", 0.411)),
                reserved_core_seconds=2130624.0,
                joules=6485184.0,
                joules_above_ours=0.0,
                watts_above_ours=Watts(0.0, 0.0, 0.0),
                exposure=0.071,
            ),
        ),
    )


def log() -> ContainerContrast:
    """A container of tier T0: no joules."""
    return ContainerContrast(
        name="log",
        tier="T0",
        why="8 h of history, 24 h needed",
        basis="now",
        compared_seconds=28800.0,
        contenders=(
            contender("now", None),
            contender("rival", None, recommender="default", vpa="checkout-stock"),
            contender("stock", "25m", exposure=0.0),
            contender("ours", "25m", vpa="checkout", exposure=0.0),
        ),
    )


def contrasted(*containers: ContainerContrast, **changes: object) -> WorkloadContrast:
    plain = WorkloadContrast(
        namespace="shop",
        kind="Deployment",
        name="checkout",
        replicas=6,
        vpa="checkout",
        update_mode="Off",
        rivals=("checkout-stock",),
        containers=containers or (app(), log()),
    )
    return msgspec.structs.replace(plain, **changes)


def sample_comparison(**changes: object) -> Comparison:
    plain = Comparison(
        generated_at="2026-05-15T00:03:00Z",
        source=msgspec.structs.replace(source(), warnings=()),
        history=f"requests over time: {CORES} tells of ours; {KSM} tells of other recommenders",
        history_step_seconds=300,
        node_releaser="karpenter",
        workloads=(contrasted(),),
        skipped=(),
    )
    return msgspec.structs.replace(plain, **changes)
