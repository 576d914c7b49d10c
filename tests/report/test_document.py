from __future__ import annotations

import json

import msgspec
import pytest
import yaml

from recommender.model.report import Report
from recommender.report.document import REPORT_OUTPUTS, format_report
from tests.report.sample import container, sample_report, savings, source, workload


def _format(output, report=None):
    return format_report(report or sample_report(), output=output, width=30, is_terminal=True)


def _named(name):
    return sample_report(workloads=(workload(name=name),), skipped=())


def test_the_top_of_the_document_is_as_published():
    document = json.loads(_format("json"))
    assert list(document) == [
        *("apiVersion", "kind", "generatedAt", "source", "pools", "workloads", "skipped"),
        *("savings", "footprint"),
    ]
    assert (document["apiVersion"], document["kind"]) == ("joulefit.io/report/v1alpha1", "Report")


def test_a_container_holds_requests_in_the_notation_of_kubernetes():
    document = json.loads(_format("json"))
    checkout = next(row for row in document["workloads"] if row["name"] == "checkout")
    assert {"namespace", "kind", "name", "containers"} <= set(checkout)
    (app,) = checkout["containers"]
    assert app["current"] == {
        "requests": {"cpu": "1500m", "memory": "2Gi"},
        "limits": {"cpu": "3", "memory": "2Gi"},
    }
    assert app["recommended"]["target"] == {"cpu": "411m", "memory": "1181116006"}
    assert list(app["recommended"]) == ["target", "lowerBound", "upperBound", "uncappedTarget"]
    assert set(app["stock"]) == set(app["recommended"])
    assert app["wattsSaved"] == {"value": 9.28, "low": 8.91, "high": 9.65}
    assert (app["priceWattsPerCore"], app["quantile"], app["tier"]) == (1.42, 0.93, "T1")
    assert app["curve"][0]["requestCores"] == 0.1


def test_json_is_indented_by_two_and_ends_in_a_line_break():
    assert _format("json").startswith('{\n  "apiVersion": ')
    assert _format("json").endswith("\n}\n")


def test_json_reads_back_as_the_same_report():
    assert msgspec.json.decode(_format("json"), type=Report) == sample_report()


def test_yaml_is_the_same_document_as_json():
    assert yaml.safe_load(_format("yaml")) == json.loads(_format("json"))
    assert list(yaml.safe_load(_format("yaml"))) == list(json.loads(_format("json")))


@pytest.mark.parametrize("name", ["1e3", "12e45", "0x1f", "0o17", "007", "yes", "null", "1.5", "~"])
def test_a_name_that_looks_like_another_type_is_quoted_in_yaml(name):
    text = _format("yaml", _named(name))
    assert f'  name: "{name}"\n' in text
    assert yaml.safe_load(text)["workloads"][0]["name"] == name


@pytest.mark.parametrize("output", REPORT_OUTPUTS)
def test_a_report_without_workloads_is_whole_in_every_output(output):
    empty = sample_report(workloads=(), pools=(), skipped=(), savings=savings())
    text = _format(output, empty)
    assert text.endswith("\n")
    reads = {
        "json": json.loads,
        "yaml": yaml.safe_load,
        "patch": lambda patches: list(yaml.safe_load_all(patches)),
    }
    found = reads.get(output, str)(text)
    assert found == [] if output == "patch" else found


@pytest.mark.parametrize("output", REPORT_OUTPUTS)
def test_no_output_lets_controls_of_others_through(output):
    evil = "a\x1b[2J\x9b31m\u202eb\r\n\x07"
    report = sample_report(
        workloads=(
            workload(
                container(name=evil, why=evil, basis=evil),
                namespace=evil,
                name=evil,
                kind=evil,
                vpa=evil,
            ),
        ),
        source=msgspec.structs.replace(source(), warnings=(evil,), store=evil, cluster=evil),
    )
    text = format_report(report, output=output, width=None, is_terminal=False)
    shown = text.replace("\r\n", "").replace("\n", "")
    assert shown.isprintable()
    assert "2J" in shown


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_too_only_our_own_colours_are_sent():
    evil = "a\x1b]0;owned\x07"
    report = sample_report(workloads=(workload(container(name=evil)),))
    text = format_report(report, output="table", width=200, is_terminal=True)
    assert r"a\x1b]0;owned\x07" in text
    assert "\x1b]" not in text


@pytest.mark.usefixtures("terminal")
def test_rich_markup_in_names_is_text():
    report = sample_report(workloads=(workload(container(name="[red]a[/red]", why=":smile:")),))
    text = format_report(report, output="table", width=200, is_terminal=True)
    assert "[red]a[/red]" in text
    assert ":smile:" in text
