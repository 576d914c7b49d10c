"""The rules that `make check` holds dashboards to: the committed ones keep them, others are told."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

from manifests.dashboards.fault import find_faults, list_panels
from tests.dashboards.grafana import NAMES, PAGES, panels
from tests.rules.test_structure import ALERTS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_dashboards_have_no_fault():
    assert find_faults(PAGES) == []


@pytest.fixture
def page():
    """One dashboard to be spoilt."""
    return copy.deepcopy(PAGES["efficiency"])


def panel_of(page, kind):
    return next(panel for panel in list_panels(page) if panel["type"] == kind)


def spoil(page, kind, path, value):
    """Set what `path` names in the first panel of a type; None takes it away."""
    *way, last = path
    place = panel_of(page, kind)
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value


@pytest.mark.parametrize(
    ("kind", "path", "value", "told"),
    [
        ("timeseries", ["description"], None, "no description"),
        ("timeseries", ["description"], "watts", "no description in a sentence"),
        ("timeseries", ["fieldConfig", "defaults", "unit"], None, "its unit is None"),
        ("stat", ["fieldConfig", "defaults", "unit"], "wat", "its unit is wat"),
        ("stat", ["fieldConfig", "defaults", "noValue"], None, "says nothing where"),
        ("stat", ["datasource", "uid"], "prometheus-1", "its data source is not"),
        ("stat", ["targets", 0, "datasource", "uid"], "prometheus-1", "query A: its data source"),
        ("stat", ["targets", 0, "expr"], "up", "does not look at the cluster"),
        ("stat", ["targets", 0, "expr"], 'x{cluster="$cluster", a="${b}"}', "$b is no variable"),
        ("stat", ["targets"], [], "it asks nothing"),
        ("timeseries", ["targets", 1, "refId"], "A", "2 queries are called A"),
        ("table", ["fieldConfig", "overrides"], [], "0 of its columns have a unit"),
        ("row", ["id"], 3, "2 panels have the id 3"),
    ],
)
def test_a_fault_of_a_panel_is_told(page, kind, path, value, told):
    spoil(page, kind, path, value)
    faults = find_faults({"spoilt.json": page})
    assert any(told in fault for fault in faults)
    assert all(fault.startswith("spoilt.json: ") for fault in faults)


def test_a_variable_of_a_fixed_data_source_is_told(page):
    cluster = page["templating"]["list"][1]
    cluster["datasource"]["uid"] = "prometheus-1"
    assert find_faults({"a": page}) == ["a: variable cluster: its data source is not ${datasource}"]


def test_a_variable_that_uses_one_after_it_is_told(page):
    source, cluster, namespace = page["templating"]["list"]
    page["templating"]["list"] = [source, namespace, cluster]
    assert "a: variable namespace: $cluster is not defined before it" in find_faults({"a": page})


@pytest.mark.parametrize("name", ["datasource", "cluster"])
def test_a_dashboard_without_a_variable_that_all_have_is_told(page, name):
    page["templating"]["list"] = [v for v in page["templating"]["list"] if v["name"] != name]
    assert any(f"no variable `{name}`" in fault for fault in find_faults({"a": page}))


def test_two_dashboards_of_one_uid_are_told(page):
    assert find_faults({"a": page, "b": page}) == [
        "joulefit-efficiency: 2 dashboards have this uid"
    ]


def test_panels_of_a_folded_row_are_looked_at_too(page):
    row = panel_of(page, "row")
    row["panels"] = [{"id": 900, "type": "stat", "title": "folded"}]
    assert any("'folded'" in fault for fault in find_faults({"a": page}))


@pytest.mark.parametrize("name", NAMES)
def test_panels_do_not_lie_on_each_other_and_stay_on_the_grid(name):
    taken = set()
    for panel in list_panels(PAGES[name]):
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize(
    ("title", "alert", "selected"),
    [
        ("Residual: energy charged to nobody", "JoulefitResidualLarge", ""),
        ("CPU of the collectors", "JoulefitCollectorOverBudget", "cpu_seconds"),
        ("Memory of the collectors", "JoulefitCollectorOverBudget", "resident"),
        ("Age of the history", "JoulefitHistoryUnread", ""),
        ("Oldest recommendation", "JoulefitRecommendationStale", ""),
        ("Age of the recommendation", "JoulefitRecommendationStale", ""),
    ],
)
def test_a_red_line_is_where_the_alert_begins(title, alert, selected):
    (panel,) = [each for each in panels() if each["title"] == title]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    (rule,) = [each for each in ALERTS if each["alert"] == alert and selected in str(each["expr"])]
    limit = re.search(r"> ([\d.e]+)", rule["expr"])
    assert steps[-1] == {"color": "red", "value": float(limit[1])}


def test_rows_of_workloads_lead_to_the_dashboard_of_theirs():
    links = [
        (panel, link["url"])
        for panel in panels()
        for override in panel["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    ]
    assert len(links) == 3
    known = {each["name"] for each in PAGES["workload"]["templating"]["list"]}
    for panel, url in links:
        assert url.startswith(f"/d/{PAGES['workload']['uid']}?")
        given = set(re.findall(r"var-(\w+)=", url)) | set(re.findall(r"{(\w+):queryparam}", url))
        assert given == known
        labels = re.findall(r"__data\.fields\.(\w+)", url)
        assert all(label in panel["targets"][0]["expr"] for label in labels)


def test_every_metric_that_a_panel_asks_for_is_documented():
    text = (DOCS / "metrics.md").read_text() + (DOCS / "collector.md").read_text()
    documented = set(re.findall(r"`(joulefit_\w+)`", text))
    asked = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for panel in panels()
        for target in panel["targets"]
        for name in re.findall(r"\bjoulefit_\w+", target["expr"].replace("|", " "))
    }
    asked.discard("joulefit_")  # of the regular expression of all that energy was charged to
    assert asked <= documented


def test_every_metric_of_the_service_is_shown_somewhere():
    """What nobody looks at need not be stored."""
    text = (DOCS / "metrics.md").read_text()
    documented = set(re.findall(r"^\| .*", text, re.MULTILINE))
    names = {name for line in documented for name in re.findall(r"`(joulefit_\w+)`", line)}
    shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    assert {name for name in names if name not in shown} == set()
