"""`joulefit run --once` on a real API server and a real Prometheus writes what VPA's parts read."""

import json
import re

import numpy as np
import pytest

from recommender.units import parse_bytes, parse_millicores

MIB = 2**20
KEYS = ("target", "lowerBound", "upperBound", "uncappedTarget")


@pytest.fixture(scope="module")
def before(cluster):
    """Every VPA object as it was before joulefit first ran."""
    return _vpas(cluster)


@pytest.fixture(scope="module")
def first_run(before, live):
    assert before
    outcome = live("run", "--once")
    assert outcome.code == 0, outcome.stderr
    return outcome


def _vpas(cluster):
    listed = json.loads(cluster.kubectl("get", "vpa", "-A", "-o", "json"))["items"]
    return {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in listed}


def _is_ours(vpa):
    return [each["name"] for each in vpa["spec"].get("recommenders", [])] == ["joulefit"]


def _condition(vpa, kind):
    found = [each for each in vpa["status"]["conditions"] if each["type"] == kind]
    return found[0] if found else None


@pytest.mark.usefixtures("first_run")
def test_every_vpa_of_ours_gets_target_and_bounds_in_order(cluster, fleet):
    ours = [vpa for vpa in _vpas(cluster).values() if _is_ours(vpa)]
    assert len(ours) == len(fleet.workloads)
    for vpa in ours:
        recommendations = vpa["status"]["recommendation"]["containerRecommendations"]
        names = [each["containerName"] for each in recommendations]
        assert names == sorted(set(names))
        for each in recommendations:
            for resource, parse in (("cpu", parse_millicores), ("memory", parse_bytes)):
                target, low, high, uncapped = (parse(each[key][resource]) for key in KEYS)
                assert 0 < low <= target <= high
                assert uncapped == target  # no VPA of the fleet has caps
        assert _condition(vpa, "RecommendationProvided")["status"] == "True"


@pytest.mark.usefixtures("first_run")
def test_kubectl_describe_shows_target_bounds_and_conditions(cluster, fleet):
    workload = fleet.workloads[-1]
    text = cluster.kubectl("describe", "vpa", workload.name, "-n", workload.namespace)
    for word in (
        "Target:",
        "Lower Bound:",
        "Upper Bound:",
        "Uncapped Target:",
        "RecommendationProvided",
    ):
        assert word in text


@pytest.mark.usefixtures("first_run")
def test_kubectl_get_shows_that_a_recommendation_is_provided(cluster, fleet):
    workload = fleet.workloads[-1]
    row = cluster.kubectl("get", "vpa", workload.name, "-n", workload.namespace, "--no-headers")
    assert "True" in row.split()


@pytest.mark.usefixtures("first_run")
def test_the_cpu_target_is_the_priced_quantile_of_the_usage_that_was_generated(
    cluster, fleet, live
):
    """Standard class, so the quantile is in .90 ... .95; five-minute means of the known usage.

    One factor of the pool times the mean is the least: the fleet's rhythms coincide on 8 nodes.
    """
    report = live("report", "--output", "json").json
    (factor,) = {
        float(re.fullmatch(r"x([\d.]+) of its mean", reason["value"])[1])
        for workload in report["workloads"]
        for container in workload["containers"]
        for reason in container["reasons"]
        if reason["step"] == "pool"
    }
    assert factor > 1.0
    scaled_by_an_hpa = next(w for w in fleet.workloads if w.kind == "Deployment")
    statuses = _vpas(cluster)
    for workload in fleet.workloads:
        if workload is scaled_by_an_hpa:
            continue
        status = statuses[workload.namespace, workload.name]["status"]
        for each in status["recommendation"]["containerRecommendations"]:
            rows = fleet.rows_of(workload, each["containerName"])
            usage = fleet.cores[rows]
            usage = usage[usage > 0]  # a row is zero while its container does not run
            low, high = np.maximum(np.quantile(usage, [0.90, 0.95]), factor * usage.mean())
            target = parse_millicores(each["target"]["cpu"])
            floor = 25 // len(workload.containers)
            assert max(1000 * low * 0.985, floor) <= target <= max(1000 * high * 1.015 + 1, 26)


@pytest.mark.usefixtures("first_run")
def test_the_memory_target_is_the_highest_peak_with_its_margin(cluster, fleet):
    """Peak x 1.15; after a kill for memory the peak or the request x 1.2 and at least +100 MiB."""
    statuses = _vpas(cluster)
    killed = [(c.pod.workload, c.name) for c in fleet.running[: fleet.shape.oom_killed]]
    for workload in fleet.workloads:
        status = statuses[workload.namespace, workload.name]["status"]
        targets = {
            each["containerName"]: parse_bytes(each["target"]["memory"])
            for each in status["recommendation"]["containerRecommendations"]
        }
        for container in workload.containers:
            peak = fleet.memory_bytes[fleet.rows_of(workload, container.name)].max()
            needs = [1.15 * peak, 250 * MIB / len(workload.containers)]
            if (workload, container.name) in killed:
                base = max(peak, container.request_bytes)
                needs += [1.2 * base, base + 100 * MIB]
            assert targets[container.name] == pytest.approx(max(needs), rel=1e-4)


@pytest.mark.usefixtures("first_run")
def test_a_deployment_scaled_on_cpu_keeps_its_cpu_request(cluster, fleet):
    workload = next(w for w in fleet.workloads if w.kind == "Deployment")
    status = _vpas(cluster)[workload.namespace, workload.name]["status"]
    requests = {c.name: c.request_cores for c in workload.containers}
    for each in status["recommendation"]["containerRecommendations"]:
        expected = round(requests[each["containerName"]] * 1000)
        assert parse_millicores(each["target"]["cpu"]) == expected


@pytest.mark.usefixtures("first_run")
def test_vpas_of_others_are_untouched_byte_for_byte(cluster, before):
    after = _vpas(cluster)
    others = {key: vpa for key, vpa in before.items() if not _is_ours(vpa)}
    assert len(others) == 4
    for key, vpa in others.items():
        assert json.dumps(after[key]) == json.dumps(vpa)


@pytest.mark.usefixtures("first_run")
def test_nothing_outside_the_status_of_our_vpas_changes(cluster, before):
    for key, vpa in _vpas(cluster).items():
        kept = {**vpa["metadata"], "resourceVersion": 0, "managedFields": 0}
        was = {**before[key]["metadata"], "resourceVersion": 0, "managedFields": 0}
        assert kept == was
        assert vpa["spec"] == before[key]["spec"]


@pytest.mark.usefixtures("first_run")
def test_a_second_run_writes_nothing(cluster, live):
    once = _vpas(cluster)
    again = live("run", "--once")
    assert again.code == 0
    assert f"{len([v for v in once.values() if _is_ours(v)])} unchanged" in again.stdout
    versions = {key: vpa["metadata"]["resourceVersion"] for key, vpa in once.items()}
    assert {k: v["metadata"]["resourceVersion"] for k, v in _vpas(cluster).items()} == versions


@pytest.mark.usefixtures("first_run")
def test_a_dry_run_prints_the_statuses_and_writes_nothing(cluster, live):
    versions = {key: vpa["metadata"]["resourceVersion"] for key, vpa in _vpas(cluster).items()}
    outcome = live("run", "--once", "--dry-run", "--history", "4d")
    assert outcome.code == 0
    assert "VPAs:" in outcome.stderr
    assert {k: v["metadata"]["resourceVersion"] for k, v in _vpas(cluster).items()} == versions
