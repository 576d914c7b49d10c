"""What is wrong with the structure of dashboards, read off their JSON. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNITS = frozenset(
    {"Bps", "bytes", "hertz", "none", "percentunit", "reqps", "s", "watt"}
    | {
        f"suffix:{unit}"
        for unit in ("/J", "W/core", "core-s/J", "cores", "x", "g/h", "g/kWh", "/h", "/kWh")
    }
)
"""Grafana's names of the units in use, and suffixes of our own."""

SOURCE = "${datasource}"

_VARIABLE = re.compile(r"\$\{?(\w+)")
_OWN = re.compile(r"^__")  # Grafana's own, as $__rate_interval


def find_faults(dashboards: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each fault, with the file and the panel it is in; none is good.

    `dashboards` are documents by file name.
    """
    faults = [
        f"{name}: {fault}" for name, page in dashboards.items() for fault in _page_faults(page)
    ]
    counts = Counter(str(page.get("uid")) for page in dashboards.values())
    return faults + [f"{uid}: {count} dashboards have this uid" for uid, count in counts.items()
                     if count > 1]  # fmt: skip


def _page_faults(page: Mapping[str, Any]) -> Iterator[str]:
    if not page.get("uid") or not page.get("title") or not page.get("description"):
        yield "a dashboard has a uid, a title and a description"
    variables = page.get("templating", {}).get("list", [])
    yield from _variable_faults(variables)
    panels = list(list_panels(page))
    for number, count in Counter(panel.get("id") for panel in panels).items():
        if count > 1 or not number:
            yield f"{count} panels have the id {number}"
    for title, count in Counter(str(panel.get("title")) for panel in panels).items():
        if count > 1:
            yield f"{count} panels have the title {title!r}"
    names = {each["name"] for each in variables}
    for panel in panels:
        for fault in _panel_faults(panel, names):
            yield f"panel {panel.get('title')!r}: {fault}"


def list_panels(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All panels, rows and those folded into rows included."""
    for panel in page.get("panels", []):
        yield panel
        yield from panel.get("panels", [])


def _variable_faults(variables: list[Mapping[str, Any]]) -> Iterator[str]:
    kinds = {each["name"]: each["type"] for each in variables}
    if kinds.get("datasource") != "datasource":
        yield "there is no variable `datasource` of that type"
    if "cluster" not in kinds:
        yield "there is no variable `cluster`"
    seen: set[str] = set()
    for each in variables:
        if each["type"] == "query" and each.get("datasource", {}).get("uid") != SOURCE:
            yield f"variable {each['name']}: its data source is not {SOURCE}"
        for used in find_variables(str(each.get("query"))) - seen - {each["name"]}:
            yield f"variable {each['name']}: ${used} is not defined before it"
        seen.add(each["name"])


def find_variables(text: str) -> set[str]:
    """The names of the dashboard's variables that a text refers to."""
    return {name for name in _VARIABLE.findall(text) if not _OWN.match(name)}


def _panel_faults(panel: Mapping[str, Any], variables: set[str]) -> Iterator[str]:
    if panel.get("type") == "row":
        return
    if not str(panel.get("description", "")).endswith("."):
        yield "it has no description in a sentence"
    if panel.get("datasource", {}).get("uid") != SOURCE:
        yield f"its data source is not {SOURCE}"
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("noValue"):
        yield "it says nothing where there is no value"
    yield from _target_faults(panel.get("targets", []), variables)
    yield from _unit_faults(panel)


def _target_faults(targets: list[Mapping[str, Any]], variables: set[str]) -> Iterator[str]:
    if not targets:
        yield "it asks nothing"
    for name, count in Counter(each.get("refId") for each in targets).items():
        if count > 1 or not name:
            yield f"{count} queries are called {name}"
    for each in targets:
        if each.get("datasource", {}).get("uid") != SOURCE:
            yield f"query {each.get('refId')}: its data source is not {SOURCE}"
        for unknown in find_variables(each.get("expr", "")) - variables:
            yield f"query {each.get('refId')}: ${unknown} is no variable of this dashboard"
        if "$cluster" not in each.get("expr", ""):
            yield f"query {each.get('refId')}: it does not look at the cluster that was chosen"


def _unit_faults(panel: Mapping[str, Any]) -> Iterator[str]:
    """A table has a unit for each column, other panels one for all."""
    field = panel.get("fieldConfig", {})
    if panel.get("type") != "table":
        if (unit := field.get("defaults", {}).get("unit")) not in UNITS:
            yield f"its unit is {unit}"
        return
    units = [
        each["value"]
        for override in field.get("overrides", [])
        for each in override["properties"]
        if each["id"] == "unit"
    ]
    if len(units) != len(panel.get("targets", [])):
        yield f"{len(units)} of its columns have a unit"
    for unit in units:
        if unit not in UNITS:
            yield f"the unit of a column is {unit}"
