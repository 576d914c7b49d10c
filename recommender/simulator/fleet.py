"""The forty workloads of the simulated cluster, as a table.

What a platform team finds in its clusters: requests copied from a neighbour, few that are too
small, batch that comes and goes, databases that nobody dares to touch.
"""

from __future__ import annotations

from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.simulator.rhythm import Rhythm, Schedule
from recommender.simulator.workload import (
    SimulatedContainer,
    SimulatedVpa,
    SimulatedWorkload,
)
from recommender.units import parse_bytes

_Row, _Box, _Vpa = SimulatedWorkload, SimulatedContainer, SimulatedVpa

SHOPPERS = Rhythm(daily=0.55, peak_hour=19.0, weekend=1.15, noise=0.15)
OFFICE = Rhythm(daily=0.50, peak_hour=13.0, weekend=0.55, noise=0.15)
SEARCHES = Rhythm(daily=0.35, peak_hour=18.0, bursts=7.0, burst_factor=2.6, noise=0.25)
DATABASE = Rhythm(daily=0.30, peak_hour=18.0, noise=0.10)
ANALYSTS = Rhythm(daily=0.45, peak_hour=11.0, weekend=0.3, bursts=10, burst_factor=2.2, noise=0.3)
STEADY = Rhythm(noise=0.10)
QUEUE = Rhythm(busy_hours=2.0, idle_hours=3.0, noise=0.15)
LONG_JOBS = Rhythm(busy_hours=14.0, idle_hours=20.0, noise=0.08)

HOURLY = Schedule(begin=0.0, every=1.0, hours=0.25)
NIGHTLY = Schedule(begin=2.0, every=24.0, hours=3.0)


def _seen(
    container: str, cpu: tuple[str, str, str], memory: tuple[str, str, str]
) -> dict[str, object]:
    """The status that an earlier cycle left: lower bound, target and upper bound."""
    low, target, high = (
        {"cpu": cores, "memory": amount} for cores, amount in zip(cpu, memory, strict=True)
    )
    entry = {
        "containerName": container,
        "lowerBound": low,
        "target": target,
        "uncappedTarget": target,
        "upperBound": high,
    }
    provided = {
        "type": "RecommendationProvided",
        "status": "True",
        "lastTransitionTime": "2025-01-06T08:00:00Z",
    }
    return {
        "conditions": [provided],
        "recommendation": {"containerRecommendations": [entry]},
    }


_CRITICAL, _BATCH, _SHADOW = _Vpa("critical"), _Vpa("batch"), _Vpa(update_mode="Off")
_CHECKOUT = _Vpa(
    policies=(
        ContainerPolicy("app", min_allowed=Amounts(50), max_allowed=Amounts(2000)),
        ContainerPolicy("proxy", is_off=True),
    )
)
_PAYMENT = _Vpa(
    "critical", policies=(ContainerPolicy("*", min_allowed=Amounts(250, parse_bytes("512Mi"))),)
)
_LEDGER = _Vpa("critical", policies=(ContainerPolicy("db", scales_limits=False),))
_POSTGRES = _Vpa("critical", policies=(ContainerPolicy("db", controlled=frozenset({"cpu"})),))
_CRAWLER = _Vpa("batch", policies=(ContainerPolicy("*", max_allowed=Amounts(1000)),))
_PRICING = _Vpa(status=_seen("app", ("650m", "800m", "1100m"), ("850Mi", "950Mi", "1Gi")))

# fmt: off
FLEET: tuple[SimulatedWorkload, ...] = (
    # namespace, kind, name, pods on 12 nodes, rhythm,
    #     containers: name, CPU and memory request, cores really used, working set
    _Row("shop", "Deployment", "checkout", 40, SHOPPERS, (
        _Box("app", "1500m", "2Gi", 0.20, "1100Mi", cpu_limit="2", memory_limit="3Gi"),
        _Box("proxy", "100m", "128Mi", 0.02, "70Mi")), _CHECKOUT),
    _Row("shop", "Deployment", "cart", 48, SHOPPERS, (
        _Box("app", "2", "2Gi", 0.60, "1300Mi"),
        _Box("proxy", "100m", "128Mi", 0.03, "70Mi"))),
    _Row("shop", "Deployment", "catalog", 56, SHOPPERS, (_Box("app", "2", "3Gi", 0.75, "2Gi"),)),
    _Row("shop", "Deployment", "storefront", 64, SHOPPERS, (
        _Box("app", "2", "1536Mi", 1.20, "900Mi"),), hpa_target=0.6),
    _Row("shop", "Deployment", "payment", 24, SHOPPERS, (
        _Box("app", "1", "1Gi", 0.12, "600Mi"),), _PAYMENT),
    _Row("shop", "Deployment", "pricing", 32, SHOPPERS, (
        _Box("app", "1500m", "1Gi", 0.50, "700Mi"),), _PRICING),
    _Row("shop", "Deployment", "inventory", 24, OFFICE, (_Box("app", "1", "1Gi", 0.28, "600Mi"),)),
    _Row("shop", "Deployment", "recommendation", 32, SHOPPERS, (
        _Box("app", "4", "4Gi", 1.40, "3Gi", memory_limit="6Gi", leaks=True),)),
    _Row("shop", "Deployment", "notification", 12, OFFICE, (
        _Box("app", "500m", "512Mi", 0.04, "200Mi"),)),
    _Row("shop", "Deployment", "gift-card", 8, SHOPPERS, (
        _Box("app", "250m", "256Mi", 0.42, "210Mi"),)),
    _Row("shop", "Deployment", "promo-banner", 6, SHOPPERS, (
        _Box("app", "", "", 0.08, "120Mi"),)),
    _Row("shop", "Deployment", "wishlist", 6, SHOPPERS, (
        _Box("app", "500m", "512Mi", 0.20, "300Mi"),), age_hours=8.0),

    _Row("search", "Deployment", "query", 48, SEARCHES, (
        _Box("app", "4", "8Gi", 1.05, "5Gi"),), _SHADOW),
    _Row("search", "StatefulSet", "index", 24, SEARCHES, (_Box("node", "8", "32Gi", 2.2, "20Gi"),)),
    _Row("search", "Deployment", "suggest", 24, SEARCHES, (
        _Box("app", "2", "4Gi", 0.45, "2560Mi"),)),
    _Row("search", "Deployment", "ranking", 32, SHOPPERS, (_Box("model", "4", "8Gi", 1.6, "6Gi"),)),
    _Row("search", "Deployment", "crawler", 24, QUEUE, (
        _Box("app", "2", "2Gi", 1.4, "900Mi"),), _CRAWLER),
    _Row("search", "Deployment", "embedder", 12, STEADY, (_Box("model", "8", "16Gi", 3.6, "9Gi"),)),

    _Row("data", "StatefulSet", "ledger", 12, DATABASE, (
        _Box("db", "8", "64Gi", 2.4, "44Gi", cpu_limit="8", memory_limit="64Gi"),
        _Box("exporter", "100m", "128Mi", 0.01, "40Mi")), _LEDGER),
    _Row("data", "StatefulSet", "postgres", 12, DATABASE, (
        _Box("db", "16", "96Gi", 4.8, "60Gi"),
        _Box("exporter", "100m", "128Mi", 0.01, "45Mi")), _POSTGRES),
    _Row("data", "StatefulSet", "kafka", 12, SHOPPERS, (_Box("broker", "8", "48Gi", 3.0, "30Gi"),)),
    _Row("data", "StatefulSet", "redis", 18, SHOPPERS, (
        _Box("cache", "2", "24Gi", 0.55, "14Gi"),), _CRITICAL),
    _Row("data", "StatefulSet", "cassandra", 18, DATABASE, (
        _Box("db", "12", "64Gi", 4.2, "36Gi"),), None),
    _Row("data", "StatefulSet", "clickhouse", 9, ANALYSTS, (
        _Box("db", "16", "96Gi", 3.8, "48Gi"),)),
    _Row("data", "Deployment", "etl-worker", 24, QUEUE, (
        _Box("worker", "4", "8Gi", 3.5, "4Gi"),), _BATCH),
    _Row("data", "Deployment", "connect", 18, OFFICE, (_Box("app", "2", "4Gi", 0.65, "3Gi"),)),

    _Row("batch", "Deployment", "thumbnailer", 40, QUEUE, (
        _Box("worker", "2", "1Gi", 1.7, "500Mi"),), _BATCH),
    _Row("batch", "Deployment", "video-encoder", 24, QUEUE, (
        _Box("worker", "8", "8Gi", 7.0, "5Gi"),), _Vpa("batch", update_mode="Initial")),
    _Row("batch", "StatefulSet", "training", 6, LONG_JOBS, (
        _Box("worker", "16", "64Gi", 13.0, "32Gi"),), _BATCH),
    _Row("batch", "CronJob", "invoice", 8, STEADY, (
        _Box("main", "1", "512Mi", 0.70, "350Mi"),), _BATCH, schedule=HOURLY),
    _Row("batch", "CronJob", "nightly-export", 12, STEADY, (
        _Box("main", "2", "4Gi", 1.6, "3Gi"),), _BATCH, schedule=NIGHTLY),
    _Row("batch", "CronJob", "report", 1, STEADY, (
        _Box("main", "1", "1Gi", 0.5, "500Mi"),), _BATCH, never_ran=True),
    _Row("batch", "Deployment", "mailer", 10, OFFICE, (
        _Box("app", "500m", "256Mi", 0.05, "90Mi"),)),

    _Row("platform", "DaemonSet", "log-shipper", 12, SHOPPERS, (
        _Box("agent", "200m", "256Mi", 0.35, "240Mi"),)),
    _Row("platform", "DaemonSet", "network-agent", 12, STEADY, (
        _Box("agent", "300m", "512Mi", 0.15, "300Mi"),), None),
    _Row("platform", "Deployment", "ingress", 24, SHOPPERS, (
        _Box("proxy", "2", "1Gi", 0.85, "500Mi"),), _CRITICAL),
    _Row("platform", "StatefulSet", "metrics", 4, STEADY, (
        _Box("store", "8", "64Gi", 2.6, "38Gi"),), None),
    _Row("platform", "Deployment", "tracing", 6, SHOPPERS, (
        _Box("collector", "4", "8Gi", 1.2, "5Gi"),)),
    _Row("platform", "Deployment", "dns", 6, STEADY, (
        _Box("dns", "500m", "256Mi", 0.10, "60Mi"),), _CRITICAL),
    _Row("platform", "Deployment", "certificates", 2, STEADY, (
        _Box("controller", "100m", "128Mi", 0.005, "60Mi"),)),
)
# fmt: on
"""On 12 nodes: requests of about 0.87 of the cores and 0.70 of the memory, use of about 0.3."""
