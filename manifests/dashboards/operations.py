"""Operations: whether the service works, how old what it says is, and what all of it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.dashboards.page import (
    CLUSTER,
    COLLECTOR,
    NAMESPACE,
    NODE_LABEL,
    RECOMMENDER,
    REPORT,
    Row,
    build_page,
)
from manifests.dashboards.panel import (
    QUARTER,
    THIRD,
    draw_lines,
    show_number,
    show_table,
)
from manifests.dashboards.query import (
    IN_NAMESPACE,
    Query,
    collector,
    rate,
    recommender,
)

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_HOUR = "[1h]"


def build() -> Dashboard:
    """The dashboard with the uid joulefit-operations."""
    return build_page(
        "operations",
        "joulefit / Operations",
        "Whether cycles end and statuses are written, how old everything is, what the store is "
        "asked, and what the collectors cost.",
        choices=[CLUSTER, NAMESPACE],
        needs=[RECOMMENDER, REPORT, COLLECTOR, NODE_LABEL],
        rows=[_state(), _cycles(), _outcomes(), _collectors()],
    )


def _state() -> Row:
    dated = recommender("recommendation_timestamp_seconds", IN_NAMESPACE)
    return Row(
        "State",
        (
            show_number(
                "Replicas that lead",
                "One, always, in each cluster: it alone runs cycles and writes.",
                "none",
                Query(f"sum by (cluster) ({recommender('leader')})", "{{cluster}}"),
            ),
            show_number(
                "Age of the newest cycle",
                "Since the newest cycle that did not fail made its report; one is due each minute.",
                "s",
                Query(f"time() - max({recommender('last_cycle_timestamp_seconds')})"),
                limit=900.0,
            ),
            show_number(
                "Age of the history",
                "Since the end of the newest history that was read; some minutes are usual, since "
                "only finished bins are read.",
                "s",
                Query(f"time() - max({recommender('history_end_timestamp_seconds')})"),
                limit=1800.0,
            ),
            show_number(
                "Oldest recommendation",
                "Of the VPAs of the chosen namespaces, that which has gone longest without a "
                "number from the newest history.",
                "s",
                Query(f"time() - min({dated})"),
                none="no VPA has one",
                limit=1800.0,
            ),
            show_number(
                "Versions that run",
                "Replicas of the service by their version.",
                "none",
                Query(
                    f"count by (version) ({recommender('build_info')})",
                    "{{version}}",
                ),
            ),
            show_number(
                "Collectors",
                "Nodes of which the store has a collector.",
                "none",
                Query(f"count({collector('node_info')})"),
                none="none in this store",
            ),
            show_table(
                "VPAs by state",
                "VPAs that name joulefit; each has one state.",
                Query(f"sum by (state) ({recommender('vpas')})", "VPAs", "none"),
                width=THIRD,
                sort_by="VPAs",
            ),
            show_table(
                "Skipped, by reason",
                "Workloads and containers without a number, by the class of the reason; "
                "`joulefit report` has the reasons in words.",
                Query(f"sum by (reason) ({recommender('skipped')})", "rows", "none"),
                width=THIRD,
                sort_by="rows",
            ),
            show_table(
                "Oldest recommendations",
                "The ten VPAs that have gone longest without a number from the newest history.",
                Query(f"topk(10, max by (cluster, namespace, vpa) (time() - {dated}))", "age", "s"),
                width=THIRD,
                sort_by="age",
            ),
        ),
    )


def _cycles() -> Row:
    steps = {
        part: f"sum by (step) ({rate(recommender(f'step_seconds_{part}'))})"
        for part in ("sum", "count")
    }
    buckets = f"sum by (step, le) ({rate(recommender('step_seconds_bucket'))})"
    return Row(
        "Cycles",
        (
            draw_lines(
                "Mean duration of the steps",
                "Named as in the log; total is the whole cycle. read asks the API server and the "
                "store. Alerts when it takes above 30 s.",
                "s",
                Query(f"{steps['sum']} / ({steps['count']} > 0)", "{{step}}"),
            ),
            draw_lines(
                "95th percentile of the steps",
                "As far as the histogram's buckets tell it, of steps that were taken.",
                "s",
                Query(
                    f"histogram_quantile(0.95, {buckets}) and on (step) ({steps['count']} > 0)",
                    "{{step}}",
                ),
            ),
            draw_lines(
                "Queries to the store",
                "How often the metric store is asked.",
                "reqps",
                Query(f"sum({rate(recommender('store_queries_total'))})", "queries"),
            ),
            draw_lines(
                "Bytes from the store",
                "What it answers; the first cycle reads the whole window, later ones new bins.",
                "Bps",
                Query(f"sum({rate(recommender('store_received_bytes_total'))})", "received"),
            ),
        ),
    )


def _outcomes() -> Row:
    counted = (
        (
            "Cycles by outcome",
            (
                "Cycles of the last hour; without_history: the store could not be read and earlier "
                "history stood in."
            ),
            "cycles_total",
            "outcome",
        ),
        (
            "Errors by kind",
            "Errors that ended cycles in the last hour; the log has each in words.",
            "errors_total",
            "kind",
        ),
        (
            "Statuses by outcome",
            "Statuses of VPAs in the last hour; unchanged ones cost no request.",
            "status_writes_total",
            "outcome",
        ),
        (
            "Events by outcome",
            "Kubernetes Events in the last hour; dropped: said lately, or too many at once.",
            "events_total",
            "outcome",
        ),
    )
    return Row(
        "What became of it",
        tuple(
            draw_lines(
                title,
                description,
                "none",
                Query(
                    f"sum by ({label}) (increase({recommender(name)}{_HOUR}))", f"{{{{{label}}}}}"
                ),
                width=QUARTER,
            )
            for title, description, name, label in counted
        ),
    )


def _collectors() -> Row:
    def own(name: str) -> str:
        return collector(f"collector_{name}")

    by_node = "{{cluster}} {{node}}"
    runs = f"sum by (cluster, node) ({rate(own('bpf_runs_total'))})"
    at = own("last_collection_timestamp_seconds")
    return Row(
        "What the collectors cost",
        (
            draw_lines(
                "CPU of the collectors",
                "Cores that each collector uses for itself. Alerts above 0.01.",
                "suffix:cores",
                Query(f"sum by (cluster, node) ({rate(own('cpu_seconds_total'))})", by_node),
                width=THIRD,
                limit=0.01,
            ),
            draw_lines(
                "Memory of the collectors",
                "Resident memory. Alerts above 200 MB; the container's limit is 256 MB.",
                "bytes",
                Query(f"max by (cluster, node) ({own('resident_bytes')})", by_node),
                width=THIRD,
                limit=200e6,
            ),
            draw_lines(
                "Time of a collection",
                "How long reading and attributing one interval took.",
                "s",
                Query(f"max by (cluster, node) ({own('collection_seconds')})", by_node),
                width=THIRD,
            ),
            draw_lines(
                "Age of the newest collection",
                "Since the newest interval ended; it lasts 5 s.",
                "s",
                Query(f"max by (cluster, node) (time() - {at})", by_node),
                width=THIRD,
            ),
            draw_lines(
                "Time of a run in the kernel",
                "Mean time that the eBPF program takes at a context switch, while "
                "kernel.bpf_stats_enabled is 1.",
                "s",
                Query(
                    f"sum by (cluster, node) ({rate(own('bpf_seconds_total'))}) / ({runs} > 0)",
                    by_node,
                ),
                width=THIRD,
            ),
            draw_lines(
                "Cores taken in the kernel",
                "Cores that the eBPF program takes on the node, while kernel.bpf_stats_enabled "
                "is 1.",
                "suffix:cores",
                Query(f"sum by (cluster, node) ({rate(own('bpf_seconds_total'))})", by_node),
                width=THIRD,
            ),
        ),
    )
