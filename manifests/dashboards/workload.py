"""Workload: one container's requests, use, price, curve and energy, and why it is sized so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.dashboards.page import (
    CLUSTER,
    COLLECTOR,
    CONTAINER,
    ONE_NAMESPACE,
    RECOMMENDER,
    REPORT,
    WORKLOAD,
    Row,
    build_page,
)
from manifests.dashboards.panel import (
    LOW,
    THIRD,
    WIDE,
    draw_curve,
    draw_lines,
    show_number,
    show_table,
)
from manifests.dashboards.query import (
    IN_NAMESPACE,
    OF_CONTAINER,
    OF_WORKLOAD,
    Query,
    collector,
    rate,
    recommender,
)

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

_NAMES = {"current": "current", "stock": "stock VPA", "recommended": "joulefit"}
_WHO = "cluster, namespace, workload_kind, workload, container"


def build() -> Dashboard:
    """The dashboard with the uid joulefit-workload."""
    return build_page(
        "workload",
        "joulefit / Workload",
        "One container: requests as they are, as the stock recommender and as joulefit would have "
        "them, beside what is used, what it costs and what it risks.",
        choices=[CLUSTER, ONE_NAMESPACE, WORKLOAD, CONTAINER],
        needs=[RECOMMENDER, REPORT, COLLECTOR],
        rows=[_decision(), _requests(), _curve(), _energy()],
    )


def _decision() -> Row:
    info = recommender("workload_info", OF_WORKLOAD)
    age = f"time() - {recommender('recommendation_timestamp_seconds', IN_NAMESPACE)}"
    saved = recommender("saved_watts", OF_CONTAINER, estimate="value")
    return Row(
        "The decision",
        (
            show_number(
                "Tier and basis",
                "The tier of evidence and the rule that sized the container: T0 is the stock rule, "
                "from T1 on energy counts.",
                "none",
                Query(
                    f"max by (tier, basis) ({recommender('tier', OF_CONTAINER)})",
                    "{{tier}}: {{basis}}",
                ),
                is_named=True,
            ),
            show_number(
                "Price of a reserved core",
                "Power that one reserved core costs where the container runs, as far as giving it "
                "back frees a part of a node.",
                "suffix:W/core",
                Query(f"max({recommender('price_watts_per_core', OF_CONTAINER)})"),
                none="no energy evidence",
            ),
            show_number(
                "Quantile",
                "Share of time that the CPU request is to cover; none where the stock rule "
                "decides.",
                "percentunit",
                Query(f"max({recommender('quantile', OF_CONTAINER)})"),
                none="the stock rule decides",
            ),
            show_number(
                "Work per joule, ours over now",
                "How many times as much work a joule does with the recommended request; CPU time "
                "stands for work, so it tells of provisioning, not of the code.",
                "suffix:x",
                Query(f"max({recommender('efficiency_gain_ratio', OF_CONTAINER)})"),
                none="not known",
            ),
            show_number(
                "Watts to save",
                "Over all replicas, once the freed share of nodes is switched off; below 0 where "
                "more is requested than now.",
                "watt",
                Query(f"sum({saved})"),
                none="no energy evidence",
            ),
            show_number(
                "Age of the recommendation",
                "Since when its VPA holds a number from the newest history; none without a VPA of "
                "ours.",
                "s",
                Query(f"min({age} and on (cluster, namespace, vpa) {info})"),
                none="no VPA of ours",
                limit=1800.0,
            ),
            show_table(
                "What it is sized by",
                "The pool that most of its pods run in, its VPA and update mode, its work class "
                "and what stands for its work; the number is that of its pods.",
                Query(
                    "max by (namespace, workload_kind, workload, pool, vpa, update_mode, "
                    "work_class, work_kind) ("
                    f"{recommender('workload_replicas', OF_WORKLOAD)} "
                    "* on (cluster, namespace, workload_kind, workload) "
                    f"group_right () {info})",
                    "pods",
                    "none",
                ),
                width=WIDE,
                height=LOW,
            ),
        ),
    )


def _requests() -> Row:
    cores, amount = (
        f"max by (policy) ({recommender(f'request_{unit}', OF_CONTAINER)})"
        for unit in ("cores", "bytes")
    )
    used = rate(collector("container_cpu_seconds_total", OF_CONTAINER))
    memory = collector("container_memory_working_set_bytes", OF_CONTAINER)
    return Row(
        "Requests and use",
        (
            draw_lines(
                "CPU of a pod: requests and use",
                "Requests as they are, as the stock recommender would have them, and ours with the "
                "bounds within which nothing is changed; use of the mean and of the busiest pod.",
                "suffix:cores",
                Query(cores, "request: {{policy}}"),
                Query(f"avg({used})", "used, mean of the pods"),
                Query(f"max({used})", "used, busiest pod"),
            ),
            draw_lines(
                "Memory of a pod: requests and use",
                "The same for memory, with the working set of the mean and of the greatest pod.",
                "bytes",
                Query(amount, "request: {{policy}}"),
                Query(f"avg({memory})", "working set, mean of the pods"),
                Query(f"max({memory})", "working set, greatest pod"),
            ),
            show_number(
                "CPU used in the window",
                "What the request is read off: mean, 95th percentile and maximum of one pod in the "
                "history of the newest report.",
                "suffix:cores",
                Query(
                    f"max by (statistic) ({recommender('usage_cores', OF_CONTAINER)})",
                    "{{statistic}}",
                ),
                width=THIRD,
            ),
            show_number(
                "Exposure",
                "Share of time in which usage is above the request: of the present one, of the "
                "stock recommender's and of ours.",
                "percentunit",
                Query(
                    f"max by (policy) ({recommender('exposure_ratio', OF_CONTAINER)})", "{{policy}}"
                ),
                width=THIRD,
            ),
            show_number(
                "Highest working set",
                "Of any pod in the window: what the memory request must hold.",
                "bytes",
                Query(f"max({recommender('usage_memory_peak_bytes', OF_CONTAINER)})"),
                width=THIRD,
            ),
        ),
    )


def _curve() -> Row:
    request = f"max by (point) ({recommender('curve_request_cores', OF_CONTAINER)})"
    curve = {
        estimate: "max by (point) ("
        + recommender("curve_work_per_joule_ratio", OF_CONTAINER, estimate=estimate)
        + ")"
        for estimate in ("low", "value", "high")
    }
    exposure = f"max by (point) ({recommender('curve_exposure_ratio', OF_CONTAINER)})"
    return Row(
        "Work per joule against the request",
        (
            draw_curve(
                "Work per joule against the CPU request",
                "Work served per joule at each request, over that of the best feasible one, with "
                "its 90 % band; marked are the present request, the stock recommender's and ours. "
                "It is highest at the smallest requests, where work is not served in time: the "
                "exposure shows why the floor decides.",
                Query(request, "request", "suffix:cores"),
                Query(curve["value"], "work per joule"),
                Query(curve["low"], "90 % band, low"),
                Query(curve["high"], "90 % band, high"),
                Query(exposure, "exposure"),
                unit="percentunit",
                marks=[Query(mark_at(policy), name) for policy, name in _NAMES.items()],
                width=WIDE,
                none="no curve: give its VPA an EnergyProfile of the same name",
            ),
        ),
    )


def mark_at(policy: str) -> str:
    """Work per joule at the point whose request is that of a policy, to half a millicore."""
    curve = recommender("curve_work_per_joule_ratio", OF_CONTAINER, estimate="value")
    requests = recommender("curve_request_cores", OF_CONTAINER)
    at = recommender("request_cores", OF_CONTAINER, policy=policy)
    near = f"abs({requests} - on ({_WHO}) group_left () {at}) < 0.0005"
    return f"max by (point) ({curve} and on ({_WHO}, point) ({near}))"


def _energy() -> Row:
    energy = rate(collector("container_energy_joules_total", OF_CONTAINER))
    work = rate(collector("container_cpu_seconds_total", OF_CONTAINER))
    instructions = rate(collector("container_instructions_total", OF_CONTAINER))
    throttled = rate(collector("container_throttled_seconds_total", OF_CONTAINER))
    return Row(
        "Energy",
        (
            draw_lines(
                "Power by part",
                "What the collector charged to the container in all pods: dynamic by what it did, "
                "idle by what it reserves.",
                "watt",
                Query(f"sum by (part) ({energy})", "{{part}}"),
                is_stacked=True,
            ),
            draw_lines(
                "Power by zone",
                "The same power by the zone that metered it; rest is what a meter of the whole "
                "node shows beyond packages and memory.",
                "watt",
                Query(f"sum by (zone, quality) ({energy})", "{{zone}} ({{quality}})"),
                is_stacked=True,
            ),
            draw_lines(
                "Core-seconds per joule",
                "CPU time per joule charged: it tells how well the work is provided for, and "
                "nothing of how good the code is.",
                "suffix:core-s/J",
                Query(f"sum({work}) / (sum({energy}) > 0)", "core-seconds per joule"),
                width=THIRD,
            ),
            draw_lines(
                "Instructions per joule",
                "Where hardware counters are read: work of one program on one CPU model, and "
                "comparable with nothing else.",
                "suffix:/J",
                Query(f"sum({instructions}) / (sum({energy}) > 0)", "instructions per joule"),
                width=THIRD,
            ),
            draw_lines(
                "Held back by the CPU limit",
                "Seconds per second in which the limit held pods back, the worst one. A request "
                "cannot help against a limit.",
                "percentunit",
                Query(f"max({throttled})", "throttled"),
                width=THIRD,
            ),
        ),
    )
