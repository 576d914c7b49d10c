"""The same history gives the same requests, whatever store, schema or file it comes from."""

from pathlib import Path

import jsonschema
import msgspec
import pytest

from recommender.units import parse_bytes, parse_millicores
from tests.main_job.command import joulefit

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"


@pytest.fixture(scope="module")
def report(live):
    outcome = live("report", "--output", "json")
    assert outcome.code == 0, outcome.stderr
    assert outcome.stderr == ""
    return outcome.json


def _requests(report):
    """Target millicores and bytes by workload and container."""
    return {
        (row["namespace"], row["kind"], row["name"], container["name"]): (
            parse_millicores(container["recommended"]["target"]["cpu"]),
            parse_bytes(container["recommended"]["target"]["memory"]),
        )
        for row in report["workloads"]
        for container in row["containers"]
    }


def _assert_within_one_percent(found, expected):
    assert found.keys() == expected.keys()
    for key, (cpu, memory) in expected.items():
        assert found[key][0] == pytest.approx(cpu, rel=0.01, abs=1), key
        assert found[key][1] == pytest.approx(memory, rel=0.01), key


def test_the_report_has_every_workload_and_its_price_comes_from_the_published_curve(report, fleet):
    assert len(report["workloads"]) == len(fleet.workloads)
    (pool,) = report["pools"]
    cores = fleet.shape.cores_per_node
    assert pool["nodes"] == fleet.shape.nodes
    assert (pool["quality"], pool["reach"]) == ("derived", "platform")  # the fleet has Redfish
    # The tangent's intercept of the published server, scaled as the fleet scales it.
    utilisation = fleet.node_cores / cores
    step = 1e-4
    watts = fleet.server.watts_at(utilisation, cores=cores)
    slope = (fleet.server.watts_at(utilisation + step, cores=cores) - watts) / step
    intercept = float((watts - slope * utilisation).mean())
    assert pool["interceptWatts"] == pytest.approx(intercept, rel=0.01)
    reserved = sum(c.template.request_cores for c in fleet.running) / (cores * fleet.shape.nodes)
    assert pool["packing"] == pytest.approx(reserved, rel=0.01)
    price = pool["priceWattsPerCore"]
    assert price["value"] == pytest.approx(intercept / (reserved * cores), rel=0.01)
    assert price["low"] <= price["value"] <= price["high"]


def test_all_containers_of_eight_days_with_a_meter_are_priced(report):
    tiers = {c["tier"] for row in report["workloads"] for c in row["containers"]}
    assert tiers == {"T1"}


def test_the_report_conforms_to_its_published_schema(report):
    schema = msgspec.json.decode(SCHEMA.read_bytes())
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(report)) == []


def test_victoria_metrics_gives_the_same_requests(report, cluster, victoria_metrics, window):
    outcome = joulefit(
        "report",
        "--output",
        "json",
        "--kubeconfig",
        cluster.kubeconfig,
        "--store",
        victoria_metrics,
        *window,
    )
    assert outcome.code == 0, outcome.stderr
    _assert_within_one_percent(_requests(outcome.json), _requests(report))


@pytest.mark.parametrize("schema", ["cadvisor", "cadvisor+ksm", "kepler-0.9", "kepler-0.10"])
def test_each_schema_gives_the_same_requests_and_is_named(
    schema, report, cluster, store_of, window
):
    outcome = joulefit(
        "report",
        "--output",
        "json",
        "--kubeconfig",
        cluster.kubeconfig,
        "--store",
        store_of(schema),
        *window,
    )
    assert outcome.code == 0, outcome.stderr
    _assert_within_one_percent(_requests(outcome.json), _requests(report))
    series = {line["purpose"]: line for line in outcome.json["source"]["series"]}
    assert series["usage"]["schema"] == "cadvisor"
    expected = {"cadvisor": "node-exporter", "cadvisor+ksm": "node-exporter"}.get(schema, schema)
    assert series["node power"]["schema"] == expected
    assert all(line["reason"] for line in series.values())
    price = outcome.json["pools"][0]["priceWattsPerCore"]["value"]
    assert price == pytest.approx(report["pools"][0]["priceWattsPerCore"]["value"], rel=0.05)


def test_the_store_alone_tells_workloads_nodes_and_requests(report, store_of, window):
    outcome = joulefit(
        "report", "--no-cluster", "--output", "json", "--store", store_of("cadvisor+ksm"), *window
    )
    assert outcome.code == 0, outcome.stderr
    alone = _requests(outcome.json)
    # Without the API server nobody knows of the HPA, which keeps one workload's CPU request.
    hpa = {
        key
        for row in report["workloads"]
        if row["hpa"]
        for key in alone
        if key[:3] == (row["namespace"], row["kind"], row["name"])
    }
    expected = {key: value for key, value in _requests(report).items() if key not in hpa}
    _assert_within_one_percent({k: v for k, v in alone.items() if k not in hpa}, expected)


def test_a_recording_gives_the_same_report_but_for_time_and_source(report, live, tmp_path):
    path = tmp_path / "week.joulefit"
    recorded = live("record", path)
    assert recorded.code == 0, recorded.stderr
    outcome = joulefit("report", "--recording", path, "--output", "json")
    assert outcome.code == 0, outcome.stderr
    found, expected = outcome.json, dict(report)
    for document in (found, expected):
        document.pop("generatedAt")
        document.pop("source")
    assert found == expected


def _usage(document):
    return {
        (row["namespace"], row["kind"], row["name"], container["name"]): container["usage"]
        for row in document["workloads"]
        for container in row["containers"]
    }


def test_longer_bins_are_fewer_samples_of_the_same_use_and_a_recording_keeps_them(
    report, live, tmp_path
):
    """Counters telescope: a quarter of an hour used what its three parts used."""
    path = tmp_path / "coarse.joulefit"
    assert live("record", path, "--step", "15m").code == 0
    outcome = joulefit("report", "--recording", path, "--output", "json")
    assert outcome.code == 0, outcome.stderr
    coarse = outcome.json
    assert coarse["source"]["stepSeconds"] == 900
    assert report["source"]["stepSeconds"] == 300
    expected, found = _usage(report), _usage(coarse)
    assert found.keys() == expected.keys()
    for key, usage in expected.items():
        assert found[key]["samples"] == pytest.approx(usage["samples"] / 3, rel=0.01), key
        assert found[key]["meanCores"] == pytest.approx(usage["meanCores"], rel=0.01), key
        assert found[key]["maxCores"] <= usage["maxCores"] * 1.001, key
        assert found[key]["memoryPeakBytes"] == usage["memoryPeakBytes"], key


def test_an_anonymous_recording_holds_no_name_and_gives_the_same_numbers(
    report, live, fleet, tmp_path
):
    path = tmp_path / "anonymous.joulefit"
    assert live("record", path, "--anonymize").code == 0
    outcome = joulefit("report", "--recording", path, "--output", "json")
    assert outcome.code == 0
    assert sorted(_requests(outcome.json).values()) == sorted(_requests(report).values())
    for name in {w.name for w in fleet.workloads} | {w.namespace for w in fleet.workloads}:
        assert name not in outcome.stdout


def test_explain_shows_one_workload_and_knows_short_kinds(live, fleet):
    workload = fleet.workloads[-1]
    outcome = live("explain", f"{workload.namespace}/deploy/{workload.name}")
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout.startswith(f"{workload.namespace}/deploy/{workload.name}")
    for word in ("tier T1", "price", "quantile", "bounds", "work per joule", "exposure"):
        assert word in outcome.stdout


def test_a_part_has_the_rows_of_the_whole(live, report, fleet):
    namespace = fleet.workloads[-1].namespace
    outcome = live("report", "--output", "json", "-n", namespace)
    assert outcome.code == 0, outcome.stderr
    expected = [row for row in report["workloads"] if row["namespace"] == namespace]
    assert 0 < len(expected) < len(report["workloads"])
    assert outcome.json["workloads"] == expected
    assert outcome.json["source"]["warnings"] == report["source"]["warnings"]


def test_a_part_that_the_store_alone_tells_of_says_that_it_is_one(fleet, store_of, window):
    namespace = fleet.workloads[-1].namespace
    flags = ("--no-cluster", "-n", namespace, "--output", "json", *window)
    outcome = joulefit("report", *flags, "--store", store_of("cadvisor+ksm"))
    assert outcome.code == 0, outcome.stderr
    warning = outcome.json["source"]["warnings"][0]
    assert warning.startswith(f"only -n {namespace} was read, so pools are judged by a part")


def test_one_namespace_can_be_asked_for(live):
    outcome = live("report", "--output", "json", "-n", "kube-system", "--all-workloads")
    assert outcome.code == 0
    assert {row["namespace"] for row in outcome.json["workloads"]} == {"kube-system"}


@pytest.mark.parametrize("output", ["table", "wide", "yaml", "csv"])
def test_every_output_names_every_workload(live, fleet, output):
    outcome = live("report", "--output", output)
    assert outcome.code == 0
    assert all(workload.name in outcome.stdout for workload in fleet.workloads)
