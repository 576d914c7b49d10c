"""Efficiency: what the cluster draws and for what, work per joule, and the watts to save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.dashboards.page import (
    CLUSTER,
    COLLECTOR,
    NAMESPACE,
    RECOMMENDER,
    REPORT,
    Row,
    build_page,
)
from manifests.dashboards.panel import (
    HALF,
    QUARTER,
    SIXTH,
    WIDE,
    draw_lines,
    show_number,
    show_table,
)
from manifests.dashboards.query import IN_CLUSTER, IN_NAMESPACE, Query, collector, rate, recommender

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

    from manifests.dashboards.panel import Panel

_WHO = "namespace, workload_kind, workload, container"
_ROWS = 10

# Of pools whose power is metered: the parts are then parts of the same sum.
_WATTS = recommender("pool_watts")
_METERED = f"and on (cluster, pool) {_WATTS}"
_INTERCEPT = f"clamp_min({recommender('pool_intercept_watts')}, 0) {_METERED}"
_UNUSED = f"clamp_min({recommender('pool_reserved_unused_watts')}, 0) {_METERED}"

TOTAL = f"sum({_WATTS})"
DYNAMIC = f"sum({_WATTS}) - sum({_INTERCEPT})"
STRANDED = f"sum({_UNUSED})"
IDLE = f"sum({_INTERCEPT}) - (sum({_UNUSED}) or vector(0))"

_CORES = f"{recommender('pool_utilisation_ratio')} * {recommender('pool_cores')}"

_ENDS = {"low": "at least", "value": "best guess", "high": "at most"}

_NOT_TOLD = "not told: see {}"

_GAIN = recommender("efficiency_gain_ratio", IN_NAMESPACE)
_NOW = f"sum by ({_WHO}) (1 / ({_GAIN} > 0))"


def build() -> Dashboard:
    """The dashboard with the uid joulefit-efficiency."""
    return build_page(
        "efficiency",
        "joulefit / Efficiency",
        "What the cluster draws and for what, where work per joule is lost, and what can be saved.",
        choices=[CLUSTER, NAMESPACE],
        needs=[RECOMMENDER, REPORT, COLLECTOR],
        rows=[_watts(), _work(), _savings(), _carbon(), _namespaces()],
    )


def _watts() -> Row:
    return Row(
        "Watts of the cluster",
        (
            show_number(
                "Power",
                "Mean power of all nodes whose power is metered, over the window that the newest "
                "report is computed from.",
                "watt",
                Query(TOTAL),
                width=QUARTER,
            ),
            show_number(
                "Idle, for reservations in use",
                "What nodes draw for being there at their present load (the intercept of their "
                "power curve's tangent), as far as what is reserved is used.",
                "watt",
                Query(IDLE),
                width=QUARTER,
            ),
            show_number(
                "Stranded by over-requests",
                "The part of the idle power that is owed to cores that are reserved and not used: "
                "smaller requests would let nodes go. 0 where memory fills the nodes, since then "
                "less CPU frees none.",
                "watt",
                Query(STRANDED),
                width=QUARTER,
            ),
            show_number(
                "Dynamic",
                "What the work itself draws: power above the intercept.",
                "watt",
                Query(DYNAMIC),
                width=QUARTER,
            ),
            draw_lines(
                "Power by what it is for",
                "The three parts add up to the power of the metered nodes. Each point is the mean "
                "over the window of a report, so that the lines move slowly.",
                "watt",
                Query(DYNAMIC, "dynamic"),
                Query(IDLE, "idle, for reservations in use"),
                Query(STRANDED, "stranded by over-requests"),
                is_stacked=True,
            ),
            draw_lines(
                "Power by pool",
                "Mean power of all nodes of each node class; modelled ones have none.",
                "watt",
                Query(f"sum by (cluster, pool) ({_WATTS})", "{{cluster}} {{pool}}"),
                is_stacked=True,
            ),
        ),
    )


def _work() -> Row:
    return Row(
        "Work per joule",
        (
            draw_lines(
                "Busy core-seconds per joule, by pool",
                "Work done per joule, CPU time standing for work: this tells how well the work is "
                "provided for, and nothing of how good the code is.",
                "suffix:core-s/J",
                Query(
                    f"sum by (cluster, pool) ({_CORES}) / sum by (cluster, pool) ({_WATTS})",
                    "{{cluster}} {{pool}}",
                ),
                width=WIDE,
            ),
            _ranking(
                "Least work per joule",
                "The containers that lose most: work per joule with the request as it is, as a "
                "share of that with ours. Above 100 % a request is smaller than it should be: see "
                "the exposure, the share of time in which usage is above the request.",
                f"bottomk({_ROWS}, {_NOW})",
            ),
            _ranking(
                "Most work per joule",
                "The containers whose request is nearest to ours or below it. What stands above "
                "100 % pays with its exposure, the share of time in which usage is above the "
                "request.",
                f"topk({_ROWS}, {_NOW})",
            ),
        ),
    )


def _ranking(title: str, description: str, chosen: str) -> Panel:
    exposure = recommender("exposure_ratio", IN_NAMESPACE, policy="current")
    gain = f"sum by ({_WHO}) ({_GAIN})"
    return show_table(
        title,
        description,
        Query(chosen, "work per joule, of ours", "percentunit"),
        Query(f"{gain} and on ({_WHO}) {chosen}", "times as much with ours", "none"),
        Query(
            f"sum by ({_WHO}) ({exposure}) and on ({_WHO}) {chosen}", "exposure now", "percentunit"
        ),
        has_links=True,
    )


def saved_in_all(condition: str, estimate: str) -> str:
    """Watts that all recommendations save, by what happens to emptied nodes."""
    selector = recommender("savings_watts", IN_CLUSTER, condition=condition, estimate=estimate)
    return f"sum({selector})"


def _savings() -> Row:
    of_containers = recommender("saved_watts", IN_NAMESPACE, estimate="value")
    top = f"topk(20, sum by ({_WHO}) ({of_containers}))"
    ends = {
        end: f"sum by ({_WHO}) ({recommender('saved_watts', IN_NAMESPACE, estimate=end)})"
        for end in ("low", "high")
    }
    return Row(
        "Watts to save",
        (
            show_number(
                "To save when emptied nodes are released",
                "All containers with energy evidence, with its 90 % interval. Requests alone "
                "change no node's power: it is saved once the freed nodes are switched off.",
                "watt",
                *(Query(saved_in_all("nodes_released", end), name) for end, name in _ENDS.items()),
                width=HALF,
            ),
            show_number(
                "The condition for it",
                "The component seen in the cluster that removes empty nodes. Without one the watts "
                "are saved only when somebody switches the freed nodes off.",
                "none",
                Query(
                    f"max by (releaser) ({recommender('node_releaser')})",
                    "nodes are released by: {{releaser}}",
                ),
                width=QUARTER,
                is_named=True,
            ),
            show_number(
                "To save when emptied nodes stay on",
                "What is saved where nobody switches freed nodes off; not known where what an "
                "emptied node draws was never seen.",
                "watt",
                Query(saved_in_all("nodes_kept", "value")),
                width=QUARTER,
                none="not known",
            ),
            show_table(
                "Most watts to save",
                "The containers whose recommended request frees most, over all replicas, with the "
                "90 % interval. Below 0: more is requested than now.",
                Query(top, "watts", "watt"),
                Query(f"{ends['low']} and on ({_WHO}) {top}", "at least", "watt"),
                Query(f"{ends['high']} and on ({_WHO}) {top}", "at most", "watt"),
                sort_by="watts",
                has_links=True,
            ),
            draw_lines(
                "Watts to save, by namespace",
                "What the recommended requests would free, over time: it falls as they are taken.",
                "watt",
                Query(
                    f"sum by (cluster, namespace) ({of_containers})", "{{cluster}} {{namespace}}"
                ),
                least=None,
            ),
        ),
    )


def _carbon() -> Row:
    """Empty where the service was told neither carbon nor prices."""
    grams, cost = "carbon_grams_per_hour", "energy_cost_per_hour"
    ages = {
        "carbon": recommender("carbon_intensity_timestamp_seconds"),
        "price": recommender("energy_price_timestamp_seconds"),
    }
    return Row(
        "Carbon and cost",
        (
            show_number(
                "Carbon of the nodes' energy",
                "What the nodes' mean power emits in an hour, and what of it the recommended "
                "requests save once the freed nodes are switched off.",
                "suffix:g/h",
                Query(f"sum({recommender(grams, estimate='now')})", "now"),
                Query(f"sum({recommender(grams, estimate='saved')})", "to save"),
                width=SIXTH,
                none=_NOT_TOLD.format("--carbon-intensity"),
            ),
            show_number(
                "Cost of the nodes' energy",
                "What the nodes' mean power costs in an hour, by currency, and what of it the "
                "recommended requests save once the freed nodes are switched off.",
                "suffix:/h",
                Query(f"sum by (currency) ({recommender(cost, estimate='now')})", "{{currency}}"),
                Query(
                    f"sum by (currency) ({recommender(cost, estimate='saved')})",
                    "{{currency}} to save",
                ),
                width=SIXTH,
                none=_NOT_TOLD.format("--energy-price"),
            ),
            show_number(
                "Embodied carbon, apart",
                "What making the nodes emitted, spread over the time that they serve; it is no "
                "part of the carbon of their energy.",
                "suffix:g/h",
                Query(f"sum({recommender('embodied_grams_per_hour')})"),
                width=SIXTH,
                none=_NOT_TOLD.format("--embodied-carbon"),
            ),
            show_number(
                "Age of the sources",
                "How long ago the newest value of each source was of; one that has stopped gives "
                "no number, and its age grows.",
                "s",
                *(
                    Query(f"time() - max by (source) ({newest})", f"{name}, {{{{source}}}}")
                    for name, newest in ages.items()
                ),
                width=QUARTER,
                none="constants have none",
            ),
            show_number(
                "Sources without a number",
                "Sources of carbon intensity and of prices that stopped, or never had a value: "
                "what rests on them is missing.",
                "none",
                *(
                    Query(f"count({known} == 0) or 0 * count({known})", name)
                    for name, known in (
                        ("carbon", recommender("carbon_intensity_known")),
                        ("price", recommender("energy_price_known")),
                    )
                ),
                width=QUARTER,
                none="none was named",
            ),
            draw_lines(
                "Carbon intensity",
                "What a kilowatt-hour emits, by its source: the mean over the window of a report.",
                "suffix:g/kWh",
                Query(
                    recommender("carbon_intensity_grams_per_kwh"),
                    "{{cluster}} {{source}}",
                ),
            ),
            draw_lines(
                "Price of energy",
                "What a kilowatt-hour costs, by its source and currency: the mean over the window "
                "of a report.",
                "suffix:/kWh",
                Query(
                    recommender("energy_price_per_kwh"),
                    "{{cluster}} {{currency}}, {{source}}",
                ),
                least=None,
            ),
        ),
    )


def _namespaces() -> Row:
    energy = rate(collector("container_energy_joules_total", IN_NAMESPACE))
    return Row(
        "Energy that was charged",
        (
            draw_lines(
                "Power by namespace",
                "What the collector charged to the containers of each namespace: dynamic power by "
                "what they did, idle power by what they reserve.",
                "watt",
                Query(f"sum by (cluster, namespace) ({energy})", "{{cluster}} {{namespace}}"),
                is_stacked=True,
            ),
            draw_lines(
                "Power by part",
                "The same power by its two parts, in the namespaces chosen.",
                "watt",
                Query(f"sum by (part) ({energy})", "{{part}}"),
                is_stacked=True,
            ),
        ),
    )
