"""Every panel's queries on a real Prometheus: each gives what its panel can show."""

from __future__ import annotations

import math
import re

import pytest

from tests.dashboards.fleet import CLUSTER, EMPTY_CLUSTER
from tests.dashboards.grafana import fill, name_panel, panels

CHOSEN = {
    "cluster": CLUSTER,
    "namespace": "shop",
    "workload": "checkout",
    "container": "app",
    "node": ".*",
    "pool": "epyc-7763",
}
ALL = CHOSEN | {"cluster": ".*", "namespace": ".*"}
PANELS = panels()
MARKS = {"current", "stock VPA", "joulefit"}

# What may be seen in each unit: shares of conservation and of savings may be below 0.
PLAUSIBLE = {
    "percentunit": (-0.5, 2.0),
    "watt": (-1e3, 1e6),
    "s": (-1.0, 1e5),
    "hertz": (1e8, 1e10),
    "suffix:cores": (0.0, 1e4),
    "suffix:core-s/J": (0.0, 10.0),
}


def of_type(*kinds):
    return pytest.mark.parametrize(
        "panel",
        [panel for panel in PANELS if panel["type"] in kinds],
        ids=name_panel,
    )


def queries(panel, variables=CHOSEN):
    return [(each, fill(each["expr"], variables)) for each in panel["targets"]]


def legend_of(target, labels):
    """The name of a series, and the labels that its panel names but it has not."""
    pattern = target.get("legendFormat", "")
    wanted = re.findall(r"{{(\w+)}}", pattern)
    name = re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), pattern)
    return name, {label for label in wanted if label not in labels}


def check_values(panel, found):
    low, high = PLAUSIBLE.get(panel["fieldConfig"]["defaults"].get("unit"), (-1e12, 1e15))
    for labels, value in found:
        assert math.isfinite(value), labels
        assert low <= value <= high, labels


@of_type("timeseries")
def test_lines_have_values_until_now_and_names_that_tell_them_apart(store, panel):
    names = []
    for target, expression in queries(panel):
        found = store.watch(expression)
        assert found, expression
        check_values(panel, found)
        for labels, _ in found:
            name, lacking = legend_of(target, labels)
            assert not lacking
            names.append(name)
    assert len(names) == len(set(names))
    assert len(names) == 1 or all(names)


@of_type("stat")
def test_numbers_are_one_value_or_named(store, panel):
    names = []
    for target, expression in queries(panel):
        assert target["instant"] is True
        found = store.ask(expression)
        assert found, expression
        check_values(panel, found)
        named = [legend_of(target, labels) for labels, _ in found]
        assert not any(lacking for _, lacking in named)
        names += [name for name, _ in named]
    assert len(names) == len(set(names))
    is_named = all(names)
    assert is_named or len(names) == 1
    if len(names) > 1:
        assert panel["options"]["textMode"] in {"value_and_name", "name"}


@of_type("table")
def test_columns_of_a_table_are_about_the_same_rows(store, panel):
    rows = []
    for target, expression in queries(panel):
        assert (target["instant"], target["format"]) == (True, "table")
        found = store.ask(expression)
        assert found, expression
        check_values(panel, found)
        rows.append({frozenset(labels.items()) for labels, _ in found})
        assert len(rows[-1]) == len(found)
        assert all("__name__" not in labels for labels, _ in found)
    for others in rows[1:]:
        assert others == rows[0]


@of_type("trend")
def test_curves_have_a_value_at_each_point_of_their_axis(store, panel):
    columns = {}
    for target, expression in queries(panel):
        assert (target["instant"], target["format"]) == (True, "table")
        found = store.ask(expression)
        assert all(labels.keys() == {"point"} for labels, _ in found)
        columns[target["legendFormat"]] = {labels["point"]: value for labels, value in found}
    axis = columns.pop(panel["options"]["xField"])
    assert len(axis) >= 20
    points = sorted(axis)
    assert [axis[point] for point in points] == sorted(axis.values())
    for name, column in columns.items():
        if name in MARKS:
            assert len(column) == 1
            assert column.keys() <= axis.keys()
        else:
            assert column.keys() == axis.keys()


@of_type("trend")
def test_a_band_encloses_its_curve(store, panel):
    columns = {
        target["legendFormat"]: {labels["point"]: value for labels, value in store.ask(expression)}
        for target, expression in queries(panel)
    }
    (middle,) = {"work per joule", "power"} & columns.keys()
    for point, value in columns[middle].items():
        assert columns["90 % band, low"][point] <= value <= columns["90 % band, high"][point]


EMPTY = CHOSEN | {"cluster": EMPTY_CLUSTER, "namespace": ".*"}


@pytest.mark.parametrize("panel", PANELS, ids=name_panel)
@pytest.mark.parametrize("variables", [ALL, EMPTY], ids=["all clusters", "a new cluster"])
def test_no_query_fails_with_all_clusters_or_one_without_workloads(store, panel, variables):
    for _, expression in queries(panel, variables):
        for labels, value in store.ask(expression):
            assert math.isfinite(value), labels


@pytest.mark.parametrize("panel", PANELS, ids=name_panel)
def test_no_query_fails_on_an_empty_store(empty_store, panel):
    is_need = panel["title"].startswith("In this store")
    for _, expression in queries(panel):
        found = empty_store.ask(expression)
        assert found == ([({}, 0.0)] if is_need else [])
