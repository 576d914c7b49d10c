"""Every alert is explained, tested and asks for metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
HEADINGS = ["What it costs", "Where to look", "What to do"]


def read_rules():
    """All rules of all files."""
    return [
        rule
        for path in sorted((ROOT / "manifests" / "rules").glob("*.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


RULES = read_rules()
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDS = [rule for rule in RULES if "record" in rule]
NAMES = sorted({rule["alert"] for rule in ALERTS})
TESTS = [
    test
    for path in sorted(Path(__file__).parent.glob("*.test.yaml"))
    for test in yaml.safe_load(path.read_text())["tests"]
]
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.stem != "README")


def documented_metrics():
    text = (ROOT / "docs" / "metrics.md").read_text() + (ROOT / "docs" / "collector.md").read_text()
    return set(re.findall(r"`(joulefit_\w+)`", text))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_how_bad_and_where_to_read_on(rule):
    assert rule["alert"].startswith("Joulefit")
    assert rule["labels"]["severity"] in {"info", "warning"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["description"].endswith(".")
    assert not rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    assert "for" in rule


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_waits_before_it_fires_and_names_no_label_that_its_series_have_not(rule):
    told = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    grouped = re.findall(r"(?:by|on) \(([\w, ]+)\)", rule["expr"])
    recorded = re.findall(r"\b(\w+):joulefit", rule["expr"])
    known = {label for labels in grouped for label in labels.split(", ")}
    known |= {label for labels in recorded for label in labels.split("_")}
    assert told <= known


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    assert [path.stem for path in PAGES] == NAMES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_runbook_tells_what_it_costs_where_to_look_and_what_to_do(path):
    text = path.read_text()
    assert text.startswith(f"# {path.stem}\n\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert all(len(line) <= 110 for line in text.splitlines())


def test_the_index_of_runbooks_lists_all_of_them():
    links = re.findall(r"\[(\w+)\]\((\w+)\.md\)", (RUNBOOKS / "README.md").read_text())
    assert sorted(name for name, _ in links) == NAMES
    assert all(name == target for name, target in links)


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_names_only_options_metrics_and_alerts_that_there_are(path):
    text = path.read_text()
    settings = "".join(
        (ROOT / "docs" / name).read_text() for name in ("settings.md", "collector-settings.md")
    )
    options = set(re.findall(r"`(--[a-z-]+)", text))
    assert {each for each in options if f"`{each}`" not in settings} == set()
    metrics = set(re.findall(r"\b(joulefit_\w+)", text)) - {"joulefit_system_"}
    assert {each for each in metrics if not each.endswith("_")} <= documented_metrics()
    assert set(re.findall(r"\b(Joulefit[A-Z]\w+)", text)) <= set(NAMES)


def test_every_alert_is_seen_firing_and_seen_silent():
    checks = [check for test in TESTS for check in test.get("alert_rule_test", ())]
    firing = {check["alertname"] for check in checks if check.get("exp_alerts")}
    silent = {check["alertname"] for check in checks if not check.get("exp_alerts")}
    assert sorted(firing) == NAMES
    assert sorted(silent) == NAMES


def test_every_recording_rule_is_computed_in_a_test_or_by_a_rule_that_is():
    tested = " ".join(check["expr"] for test in TESTS for check in test.get("promql_expr_test", ()))
    used = " ".join(rule["expr"] for rule in RULES)
    assert {rule["record"] for rule in RECORDS if rule["record"] not in tested + used} == set()


@pytest.mark.parametrize("rule", RECORDS, ids=lambda rule: rule["record"])
def test_a_recording_rule_is_named_by_its_labels_metric_and_operation(rule):
    labels, metric, operation = rule["record"].split(":")
    assert metric.startswith("joulefit_")
    assert re.fullmatch(r"(ratio_)?(rate|mean)\d+m|sum", operation)
    assert labels.split("_")[0] == "cluster"


def test_every_metric_that_a_rule_asks_for_is_documented():
    for rule in RULES:
        asked = set(re.findall(r"(?<![:\w])joulefit_\w+", rule["expr"].replace(":joulefit", ":")))
        asked = {re.sub(r"_(sum|count|bucket)$", "", name) for name in asked} - {"joulefit_"}
        assert asked <= documented_metrics(), rule
