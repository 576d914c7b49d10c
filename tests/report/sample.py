"""A report made by hand: five workloads of three namespaces, two pools, four skipped rows.

The numbers hang together (1.42 W times the 6.534 cores that checkout gives back are 9.3 W) but
no code made them.
"""

from __future__ import annotations

import msgspec

from recommender.model.report import (
    ContainerReport,
    Current,
    CurvePoint,
    PoolReport,
    Quantities,
    Reason,
    Recommended,
    Report,
    Savings,
    Skipped,
    Source,
    SourceLine,
    Usage,
    Watts,
    WorkloadReport,
)
from recommender.report.savings import describe_savings

# request, work per joule with its band, exposure, shortfall, feasible
CURVE = (
    (0.1, 1.25, 1.10, 1.40, 0.92, 0.150, False),
    (0.2, 1.15, 1.05, 1.25, 0.45, 0.080, False),
    (0.4, 1.00, 0.92, 1.08, 0.07, 0.010, True),
    (0.8, 0.80, 0.72, 0.88, 0.01, 0.001, True),
    (1.6, 0.50, 0.44, 0.56, 0.0, 0.0, True),
)


def quantities(cpu: str | None = None, memory: str | None = None) -> Quantities:
    return Quantities(cpu, memory)


def recommended(cpu: tuple[str | None, ...], memory: tuple[str | None, ...]) -> Recommended:
    """Target, lower bound, upper bound and uncapped target of each."""
    return Recommended(*(quantities(*pair) for pair in zip(cpu, memory, strict=True)))


def container(**changes: object) -> ContainerReport:
    """checkout's app, changed where a test says so."""
    plain = ContainerReport(
        name="app",
        tier="T1",
        basis="priced quantile",
        reasons=(
            Reason("price", "1.42 W per reserved core (1.37-1.47)", "intercept 71 W at 31 % use"),
            Reason("quantile", "1 - 1.42/19.9 = 0.93, within 0.75-0.95", "work class standard"),
            Reason("p93", "411m", "above the mean, so it decides"),
            Reason("policy", "no change", "minAllowed 50m, maxAllowed 2"),
            Reason("memory", "1181116006", "highest of 14 daily peaks x 1.15"),
        ),
        current=Current(quantities("1500m", "2Gi"), quantities("3", "2Gi")),
        stock=recommended(
            ("512m", "220m", "600m", "512m"),
            ("1181116006", "1110000000", "1300000000", "1181116006"),
        ),
        recommended=recommended(
            ("411m", "372m", "470m", "411m"),
            ("1181116006", "1100000000", "1290000000", "1181116006"),
        ),
        usage=Usage(0.21, 0.19, 0.38, 0.43, 0.91, 1027057396, 14.0, 24011, 0.992),
        price_watts_per_core=1.42,
        quantile=0.93,
        watts_saved=Watts(9.28, 8.91, 9.65),
        efficiency_gain=1.89,
        exposure={"current": 0.0, "stock": 0.03, "recommended": 0.07},
        curve=tuple(CurvePoint(*row) for row in CURVE),
        why="p93 of 14 d at 1.42 W/core",
    )
    return msgspec.structs.replace(plain, **changes)


def workload(*containers: ContainerReport, **changes: object) -> WorkloadReport:
    plain = WorkloadReport(
        namespace="shop",
        kind="Deployment",
        name="checkout",
        replicas=6,
        pool="epyc-7763",
        work_class="standard",
        vpa="checkout",
        update_mode="Off",
        hpa=None,
        containers=containers or (container(),),
    )
    return msgspec.structs.replace(plain, **changes)


def without_energy(**changes: object) -> ContainerReport:
    """A container of tier T0."""
    values = {
        "tier": "T0",
        "basis": "stock rule",
        "reasons": (Reason("evidence", "8 h of history", "24 h needed for an energy price"),),
        "current": Current(quantities("500m", "1Gi"), quantities()),
        "stock": recommended(
            ("575m", "230m", "5750m", "575m"),
            ("1389197403", "1000000000", "3000000000", "1389197403"),
        ),
        "recommended": recommended(
            ("575m", "230m", "5750m", "575m"),
            ("1389197403", "1000000000", "3000000000", "1389197403"),
        ),
        "usage": Usage(0.3, 0.2, 0.5, 0.52, 0.9, 1208000000, 0.333, 288, 0.024),
        "price_watts_per_core": None,
        "quantile": None,
        "watts_saved": None,
        "efficiency_gain": None,
        "exposure": {},
        "curve": (),
        "why": "8 h of history, 24 h needed",
    }
    return container(**{**values, **changes})


def database() -> ContainerReport:
    return container(
        name="db",
        current=Current(quantities("2", "8Gi"), quantities("2", "8Gi")),
        recommended=recommended(
            ("1900m", "1900m", "2100m", "1700m"), ("8Gi", "8000000000", "9000000000", "8Gi")
        ),
        stock=recommended(
            ("1850m", "900m", "1990m", "1850m"),
            ("8482560410", "8000000000", "9000000000", "8482560410"),
        ),
        watts_saved=Watts(0.43, 0.24, 0.62),
        efficiency_gain=1.04,
        exposure={"current": 0.0004, "stock": 0.002, "recommended": 0.001},
        curve=(),
        quantile=0.95,
        why="throttled 3 %: never below 1900m",
        reasons=(
            Reason("price", "1.42 W per reserved core (1.37-1.47)", "intercept 71 W at 31 % use"),
            Reason("p95", "1700m", "work class standard"),
            Reason("throttling", "1900m", "3 % of periods throttled: never below 1900m"),
            Reason("memory", "8Gi", "highest of 14 daily peaks x 1.15, at most maxAllowed 8Gi"),
        ),
        usage=Usage(1.1, 1.0, 1.55, 1.7, 1.98, 7480000000, 14.0, 12096, 1.0),
    )


def sidecar() -> ContainerReport:
    return container(
        name="sidecar",
        current=Current(quantities("100m", "64Mi"), quantities()),
        recommended=recommended(("25m", "25m", "40m", "11m"), ("250Mi", "250Mi", "300Mi", "100Mi")),
        stock=recommended(("25m", "25m", "40m", "25m"), ("250Mi", "250Mi", "300Mi", "250Mi")),
        watts_saved=Watts(0.32, 0.31, 0.33),
        efficiency_gain=4.0,
        exposure={"current": 0.0, "stock": 0.0, "recommended": 0.0},
        curve=(),
        why="the floor of 25m a pod decides",
        reasons=(
            Reason("p93", "11m", "work class standard"),
            Reason("floor", "25m", "of a pod"),
            Reason("memory", "250Mi", "floor of a pod; highest of 14 daily peaks x 1.15 is 100Mi"),
        ),
        usage=Usage(0.004, 0.003, 0.009, 0.01, 0.05, 91180000, 14.0, 12096, 1.0),
    )


def gateway() -> ContainerReport:
    """Its request rises, and an HPA scales it."""
    return container(
        name="proxy",
        current=Current(quantities("200m", "512Mi"), quantities("400m", "512Mi")),
        recommended=recommended(
            ("300m", "280m", "340m", "300m"), ("512Mi", "500Mi", "600Mi", "512Mi")
        ),
        stock=recommended(("310m", "150m", "400m", "310m"), ("512Mi", "500Mi", "600Mi", "512Mi")),
        watts_saved=Watts(-0.61, -0.83, -0.39),
        efficiency_gain=0.88,
        exposure={"current": 0.31, "stock": 0.04, "recommended": 0.05},
        price_watts_per_core=1.5,
        quantile=0.95,
        curve=(),
        why="p95 of 14 d: an unserved core costs more than it saves",
        reasons=(
            Reason("price", "1.5 W per reserved core (1.1-1.9)", "modelled: no meter"),
            Reason("p95", "300m", "work class critical"),
            Reason("memory", "512Mi", "minAllowed"),
        ),
        usage=Usage(0.16, 0.15, 0.26, 0.3, 0.41, 455000000, 14.0, 16128, 1.0),
    )


def agent() -> ContainerReport:
    """Without requests; its VPA controls CPU only."""
    return container(
        name="agent",
        current=Current(quantities(), quantities()),
        recommended=recommended(("60m", "50m", "80m", "60m"), (None,) * 4),
        stock=None,
        watts_saved=None,
        efficiency_gain=None,
        exposure={"recommended": 0.08},
        reasons=(Reason("p93", "60m", "work class standard"),),
        usage=Usage(0.03, 0.03, 0.05, 0.06, 0.2, None, 14.0, 60480, 1.0),
        curve=(),
        why="",
    )


def pools() -> tuple[PoolReport, ...]:
    return (
        PoolReport(
            name="epyc-7763",
            nodes=12,
            cores_per_node=55.0,
            cpu_model="EPYC 7763 x2",
            quality="measured",
            reach="platform",
            watts=2410.0,
            utilisation=0.31,
            best_utilisation=0.8,
            planning_ceiling=0.8,
            intercept_watts=71.0,
            price_watts_per_core=Watts(1.42, 1.37, 1.47),
            packing=0.91,
            binding="cpu",
            cpu_binding_factor=1.0,
            reserved_unused_watts=1130.0,
            reasons=("cpu binds: 0.91 of the cores and 0.61 of the memory are requested",),
        ),
        PoolReport(
            name="xeon-8380",
            nodes=3,
            cores_per_node=79.5,
            cpu_model="",
            quality="modelled",
            reach="",
            watts=None,
            utilisation=0.22,
            best_utilisation=None,
            planning_ceiling=0.7,
            intercept_watts=95.0,
            price_watts_per_core=Watts(1.5, 1.1, 1.9),
            packing=0.8,
            binding="memory",
            cpu_binding_factor=0.0,
            reserved_unused_watts=180.0,
            reasons=("node power is modelled (class prior of unknown servers)",),
        ),
    )


SKIPPED = (
    Skipped("infra", "DaemonSet", "probe", "main", "11 h of usage in 14 d, 24 h needed"),
    Skipped("shop", "CronJob", "report", None, "no usage in 14 d", "report"),
    Skipped("shop", "StatefulSet", "ledger", "init-log", "no usage in 14 d", "ledger"),
    Skipped(
        "shop",
        "VerticalPodAutoscaler",
        "orphan",
        None,
        "Cannot read targetRef. Reason: Deployment shop/gone is not there",
        "orphan",
        "ConfigUnsupported",
    ),
)


def source(*, is_simulated: bool = False) -> Source:
    return Source(
        cluster="API server of context prod",
        store="http://prometheus:9090",
        window_start="2026-05-01T00:00:00Z",
        window_end="2026-05-15T00:00:00Z",
        step_seconds=300,
        is_simulated=is_simulated,
        series=(
            SourceLine("usage", "cadvisor", "no joulefit series there"),
            SourceLine("node power", "kepler-0.10", "12 of 15 nodes have it"),
        ),
        warnings=("3 of 15 nodes have no meter and are modelled",),
    )


def savings(**changes: object) -> Savings:
    released, kept = Watts(9.42, 8.63, 10.21), Watts(1.2, 0.4, 2.0)
    plain = Savings(
        nodes_released=released,
        nodes_kept=kept,
        node_releaser="cluster-autoscaler",
        sentence=describe_savings(released, kept, node_releaser="cluster-autoscaler"),
    )
    return msgspec.structs.replace(plain, **changes)


def sample_report(**changes: object) -> Report:
    plain = Report(
        generated_at="2026-05-15T00:03:00Z",
        source=source(),
        pools=pools(),
        workloads=(
            workload(
                agent(),
                namespace="infra",
                kind="DaemonSet",
                name="agent",
                replicas=15,
                pool=None,
                vpa=None,
                update_mode=None,
            ),
            workload(
                gateway(),
                namespace="pay",
                name="gateway",
                replicas=4,
                pool="xeon-8380",
                work_class="critical",
                vpa="gateway",
                update_mode="Recreate",
                hpa="gateway-cpu",
            ),
            workload(),
            workload(
                without_energy(), name="search", replicas=3, vpa="search", update_mode="Initial"
            ),
            workload(
                database(),
                sidecar(),
                kind="StatefulSet",
                name="ledger",
                replicas=3,
                vpa="ledger",
                update_mode="InPlaceOrRecreate",
            ),
        ),
        skipped=SKIPPED,
        savings=savings(),
    )
    return msgspec.structs.replace(plain, **changes)


def one_namespace_report(**changes: object) -> Report:
    """The namespace shop alone, with one pool."""
    whole = sample_report()
    own = {
        "pools": whole.pools[:1],
        "workloads": tuple(row for row in whole.workloads if row.namespace == "shop"),
        "skipped": SKIPPED[1:2],
    }
    return msgspec.structs.replace(whole, **{**own, **changes})
