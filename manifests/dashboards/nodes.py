"""Nodes and meters: power by zone, curves of node classes, and whether meters can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.dashboards.page import (
    CLUSTER,
    COLLECTOR,
    NODE,
    NODE_LABEL,
    POOL,
    RECOMMENDER,
    REPORT,
    Row,
    build_page,
)
from manifests.dashboards.panel import (
    HALF,
    QUARTER,
    THIRD,
    WIDE,
    draw_curve,
    draw_lines,
    show_number,
    show_table,
)
from manifests.dashboards.query import (
    ATTRIBUTED,
    OF_POOL,
    ON_NODE,
    Query,
    collector,
    node_watts,
    rate,
    recommender,
)

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_ENERGY = collector("node_energy_joules_total", ON_NODE)
_LOST = collector("unattributed_energy_joules_total", ON_NODE)
_PARTS = f'{{__name__=~"{ATTRIBUTED}", {ON_NODE}}}'

RESIDUAL = f"sum by (cluster, node) ({rate(_LOST)}) / (sum by (cluster, node) ({rate(_PARTS)}) > 0)"
IMBALANCE = (
    f"sum by (cluster, node, zone) ({rate(_PARTS)}) "
    f"/ (sum by (cluster, node, zone) ({rate(_ENERGY)}) > 0) - 1"
)


def build() -> Dashboard:
    """The dashboard with the uid joulefit-nodes."""
    return build_page(
        "nodes",
        "joulefit / Nodes and meters",
        "What the nodes draw by zone, the power curves that prices come from, where the watts are "
        "from, and whether what was charged adds up to them.",
        choices=[CLUSTER, NODE, POOL],
        needs=[COLLECTOR, NODE_LABEL, RECOMMENDER, REPORT],
        rows=[_power(), _classes(), _sources(), _checks()],
    )


def _power() -> Row:
    return Row(
        "Power",
        (
            draw_lines(
                "Power by zone",
                "Of the chosen nodes together. Zones lie inside each other: core and uncore in "
                "package, all of them in platform. Never add them.",
                "watt",
                Query(f"sum by (zone, source) ({rate(_ENERGY)})", "{{zone}} ({{source}})"),
            ),
            draw_lines(
                "Power by node",
                "By the outermost zone that is metered: platform, else psys, else packages, memory "
                "and GPUs together.",
                "watt",
                Query(node_watts(ON_NODE, "cluster, node"), "{{cluster}} {{node}}"),
            ),
            draw_lines(
                "Idle power by zone, as fitted",
                "Power of each charged zone without any load, as the collector has fitted it while "
                "the node ran.",
                "watt",
                Query(
                    f"sum by (node, zone) ({collector('node_idle_watts', ON_NODE)})",
                    "{{node}} {{zone}}",
                ),
                width=THIRD,
            ),
            draw_lines(
                "Busy cores by node",
                "CPU time of the whole node per second.",
                "suffix:cores",
                Query(
                    f"sum by (cluster, node) "
                    f"({rate(collector('node_cpu_seconds_total', ON_NODE))})",
                    "{{cluster}} {{node}}",
                ),
                width=THIRD,
            ),
            draw_lines(
                "Clock by node",
                "Mean frequency of the node's CPUs, where the kernel tells it.",
                "hertz",
                Query(
                    f"avg by (cluster, node) ({collector('node_cpu_frequency_hertz', ON_NODE)})",
                    "{{cluster}} {{node}}",
                ),
                width=THIRD,
            ),
        ),
    )


def _classes() -> Row:
    x = f"max by (point) ({recommender('pool_curve_utilisation_ratio', OF_POOL)})"
    watts = {
        estimate: "max by (point) ("
        + recommender("pool_curve_watts", OF_POOL, estimate=estimate)
        + ")"
        for estimate in ("low", "value", "high")
    }
    marks = {
        "busy now": "pool_utilisation_ratio",
        "most work per joule": "pool_best_utilisation_ratio",
        "planned up to": "pool_planning_ceiling_ratio",
        "requested": "pool_packing_ratio",
    }
    price = recommender("pool_price_watts_per_core", OF_POOL)
    return Row(
        "Curve of the node class",
        (
            draw_curve(
                "Power of one node against its utilisation",
                "The curve of the chosen pool's class, over what it was learnt on, with its 90 % "
                "band; a modelled curve has no band.",
                Query(x, "utilisation", "percentunit"),
                Query(watts["value"], "power"),
                Query(watts["low"], "90 % band, low"),
                Query(watts["high"], "90 % band, high"),
                unit="watt",
                width=WIDE,
                none="no report in this store yet",
            ),
            show_number(
                "Utilisation of the class",
                "Shares of its cores: busy on average, where most work is done per joule (where "
                "that is identified), the use up to which requests are planned, and what is "
                "requested.",
                "percentunit",
                *(
                    Query(f"max({recommender(name, OF_POOL)})", label)
                    for label, name in marks.items()
                ),
                width=HALF,
            ),
            show_number(
                "Price of a reserved core",
                "What a reserved core costs in this class, with its 90 % interval.",
                "suffix:W/core",
                Query(f"max by (estimate) ({price})", "{{estimate}}"),
                width=QUARTER,
            ),
            show_number(
                "Cores stranded by memory",
                "Cores that are left when memory is full, at the present mix of requests; all "
                "pools.",
                "suffix:cores",
                Query(f"sum({recommender('pool_stranded_cores')})"),
                width=QUARTER // 2,
            ),
            show_number(
                "Memory stranded by CPU",
                "Memory that is left when CPU is full, at the present mix of requests; all pools.",
                "bytes",
                Query(f"sum({recommender('pool_stranded_bytes')})"),
                width=QUARTER // 2,
            ),
        ),
    )


def _sources() -> Row:
    used = {"1": "in use", "0": "not used"}
    source = collector("collector_source", ON_NODE)
    info = recommender("pool_info")
    nodes = recommender("pool_nodes")
    return Row(
        "Sources and their quality",
        (
            show_table(
                "What each collector found",
                "Sources that were looked for: which are in use, and why the others are not.",
                Query(f"max by (node, purpose, source, reason) ({source})", "state", "none"),
                words=used,
            ),
            show_table(
                "What the recommender counts on",
                "The node classes with their CPU, how their power is known (measured, derived, "
                "modelled), what the watts cover, and the resource that fills the nodes.",
                Query(
                    "max by (cluster, pool, cpu_model, quality, reach, binding) ("
                    f"{nodes} * on (cluster, pool) group_right () {info})",
                    "nodes",
                    "none",
                ),
            ),
            show_table(
                "Series that served each purpose",
                "What the newest report was computed from.",
                Query(
                    f"max by (cluster, purpose, schema) ({recommender('source_info')})",
                    "state",
                    "none",
                ),
                words=used,
                width=THIRD,
            ),
            draw_lines(
                "Power by quality",
                "Power of all zones by how it is known; what is modelled is no measurement.",
                "watt",
                Query(f"sum by (quality) ({rate(_ENERGY)})", "{{quality}}"),
                width=THIRD,
            ),
            draw_lines(
                "Nodes by level of CPU accounting",
                "Nodes at each level: counters (hardware counters), time (eBPF without them), "
                "cgroupfs (the kernel's own accounting, which misses short processes).",
                "none",
                Query(
                    f"sum by (level) ({collector('collector_probe_level', ON_NODE)})", "{{level}}"
                ),
                width=THIRD,
            ),
        ),
    )


def _checks() -> Row:
    failures = collector("collector_failures_total", ON_NODE)
    lost = collector("collector_lost_events_total", ON_NODE)
    return Row(
        "Can it be believed?",
        (
            draw_lines(
                "Residual: energy charged to nobody",
                "Share of the energy of charged zones that no activity covers. Alerts above 10 %.",
                "percentunit",
                Query(RESIDUAL, "{{cluster}} {{node}}"),
                limit=0.1,
            ),
            draw_lines(
                "Conservation: what was charged over what was metered, less one",
                "Parts of containers, services, kernel and nobody against the zone's own meter. 0 "
                "is exact; containers that come and go move it a little. Alerts beyond 5 %.",
                "percentunit",
                Query(IMBALANCE, "{{cluster}} {{node}} {{zone}}"),
                least=None,
            ),
            draw_lines(
                "What could not be read",
                "Failed readings in the last hour by kind; each costs its own item only.",
                "none",
                Query(f"sum by (node, kind) (increase({failures}[1h]))", "{{node}} {{kind}}"),
            ),
            draw_lines(
                "Lost events",
                "Switches of cgroups in the last hour that found no room in the kernel's map: "
                "their work is charged to nobody.",
                "none",
                Query(f"sum by (cluster, node) (increase({lost}[1h]))", "{{cluster}} {{node}}"),
            ),
        ),
    )
