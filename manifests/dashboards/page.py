"""Dashboards as rows of panels, with what stands on each of them: variables and what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from manifests.dashboards.panel import HALF, SOURCE, Panel, show_number
from manifests.dashboards.query import IN_CLUSTER, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG = "joulefit"


@dataclass(frozen=True)
class Row:
    """A heading with the panels under it, which flow from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Choice:
    """A variable that is read from the store: the values of `label` in the series of `selector`."""

    name: str
    selector: str
    label: str
    title: str
    is_single: bool = False


@dataclass(frozen=True)
class Need:
    """Series that a dashboard draws from: `selector` finds some where they are in the store.

    `lack` says what to do where there are none.
    """

    name: str
    selector: str
    lack: str


_RECOMMENDER = "joulefit_recommender_build_info"
_BOTH = "joulefit_recommender_build_info|joulefit_node_info"
_WORKLOADS = "joulefit_recommender_tier|joulefit_container_cpu_seconds_total"
_OF_BOTH = f'{{__name__=~"{_WORKLOADS}", {IN_CLUSTER}'

CLUSTER = Choice("cluster", f'{{__name__=~"{_BOTH}"}}', "cluster", "Cluster")
NAMESPACE = Choice("namespace", f"{_OF_BOTH}}}", "namespace", "Namespace")
NODE = Choice("node", f"joulefit_node_cpu_seconds_total{{{IN_CLUSTER}}}", "node", "Node")
POOL = Choice(
    "pool", f"joulefit_recommender_pool_nodes{{{IN_CLUSTER}}}", "pool", "Pool", is_single=True
)
ONE_NAMESPACE = Choice("namespace", f"{_OF_BOTH}}}", "namespace", "Namespace", is_single=True)
WORKLOAD = Choice(
    "workload",
    f'{_OF_BOTH}, namespace=~"$namespace", workload!=""}}',
    "workload",
    "Workload",
    is_single=True,
)
CONTAINER = Choice(
    "container",
    f'{_OF_BOTH}, namespace=~"$namespace", workload=~"$workload", container!=""}}',
    "container",
    "Container",
    is_single=True,
)

RECOMMENDER = Need(
    "recommender",
    f"{_RECOMMENDER}{{{IN_CLUSTER}}}",
    "no: run it, and let the store scrape its :8942",
)
REPORT = Need(
    "report",
    f"joulefit_recommender_last_cycle_timestamp_seconds{{{IN_CLUSTER}}}",
    "no: no cycle has ended, see its page and log",
)
COLLECTOR = Need(
    "collector",
    f"joulefit_node_info{{{IN_CLUSTER}}}",
    "no: without it no watts by container or zone",
)
NODE_LABEL = Need(
    "label node",
    f'joulefit_node_energy_joules_total{{{IN_CLUSTER}, node!=""}}',
    "no: the collector's scrape must add it",
)


def build_page(
    name: str,
    title: str,
    description: str,
    *,
    choices: Sequence[Choice],
    needs: Sequence[Need],
    rows: Sequence[Row],
) -> models.Dashboard:
    """A dashboard with the uid joulefit-NAME; its panels are numbered from 1."""
    page = (
        dashboard.Dashboard(title)
        .uid(f"joulefit-{name}")
        .description(description)
        .tags([TAG])
        .time("now-24h", "now")
        .timezone("browser")
        .refresh("1m")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(_link())
        .with_variable(_source())
    )
    for choice in choices:
        page = page.with_variable(_variable(choice))
    for row in (Row("What this dashboard draws from", _show_needs(needs)), *rows):
        page = page.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            page = page.with_panel(panel)
    built = page.build()
    for number, each in enumerate(built.panels or (), start=1):
        each.id_val = number
    return built


def _show_needs(needs: Sequence[Need]) -> tuple[Panel, ...]:
    """What the store has of the series needed, each with what to do where it has none."""
    width = HALF // ((len(needs) + 1) // 2)
    return tuple(
        show_number(
            f"In this store: {need.name}",
            f"Whether the store has series that this dashboard needs: {need.selector}. "
            "Where it has none, panels that draw from them say so and stay empty.",
            "none",
            Query(f"(count({need.selector}) > bool 0) or vector(0)"),
            words={"1": "yes", "0": need.lack},
            width=width,
        )
        for need in needs
    )


def _link() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("joulefit")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def _source() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _variable(choice: Choice) -> dashboard.QueryVariable:
    query: dict[str, object] = {
        "query": f"label_values({choice.selector}, {choice.label})",
        "refId": f"variable-{choice.name}",
    }
    variable = (
        dashboard.QueryVariable(choice.name)
        .label(choice.title)
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if choice.is_single:
        return variable
    every = models.VariableOption(selected=True, text="All", value="$__all")
    return variable.multi(True).include_all(True).all_value(".*").current(every)
