"""`joulefit` on a real API server and a real Prometheus, with an EnergyProfile beside a VPA."""

import json
import math
import re

import pytest

from recommender.cluster.connection import connect
from recommender.cluster.profile_writer import ProfileWriter
from recommender.cluster.reader import ClusterReader
from recommender.cluster.writer import StatusWriter
from recommender.cycle import run_once
from recommender.evidence import LiveSource
from recommender.history.store_reader import StoreReader
from recommender.settings import ClusterSettings, SizingSettings, StoreSettings, WindowSettings
from tests.cluster.builder import energy_profile
from tests.conftest import PROFILE_CRD
from tests.main_job.command import joulefit
from tests.main_job.conftest import SHAPE
from tests.testbed.api import ApiError
from tests.testbed.process import free_port, wait_until

CPU_TIME = "joulefit_container_cpu_seconds_total"


@pytest.fixture(scope="module")
def workload(fleet):
    return fleet.workloads[-1]


@pytest.fixture(scope="module")
def profiles(cluster, workload):
    """The cluster with the CRD, and one EnergyProfile whose metric is the CPU time itself."""
    cluster.install(PROFILE_CRD)
    metric = {"name": CPU_TIME, "unit": "seconds"}
    wanted = {"workClass": "critical", "workMetric": metric}
    cluster.apply([energy_profile(workload.namespace, workload.name, **wanted)])
    yield cluster
    cluster.kubectl("delete", "enp", workload.name, "-n", workload.namespace)


def explain(live, workload):
    outcome = live("explain", f"{workload.namespace}/deploy/{workload.name}")
    assert outcome.code == 0, outcome.stderr
    return outcome.stdout


def work_line(text):
    (line,) = [each for each in text.splitlines() if each.startswith("  work  ")]
    return line


def change(profiles, workload, **spec):
    path = f"/apis/joulefit.io/v1alpha1/namespaces/{workload.namespace}/energyprofiles/"
    profiles.api.patch(path + workload.name, {"spec": spec})


def is_taken(profiles, workload, **spec):
    """Whether the API server, which learns of a changed CRD a moment later, takes this."""
    try:
        change(profiles, workload, **spec)
    except ApiError:
        return False
    return True


@pytest.mark.usefixtures("profiles")
def test_a_dry_run_prints_the_status_of_both_objects(live, workload, cluster):
    before = status_of(cluster, workload, "enp")
    outcome = live("run", "--once", "--dry-run")
    assert outcome.code == 0, outcome.stderr
    assert "kind: EnergyProfile" in outcome.stdout
    assert status_of(cluster, workload, "enp") == before


@pytest.mark.usefixtures("profiles")
def test_explain_shows_the_work_and_who_chose_the_class(live, workload, fleet):
    text = explain(live, workload)
    line = work_line(text)
    # Seconds of CPU per busy core-second are one, whatever the load.
    assert ", 1 per core-second" in line
    rows = [row for each in workload.containers for row in fleet.rows_of(workload, each.name)]
    expected = float(fleet.cores[rows].sum(axis=0).mean())
    assert float(line.split()[1]) == pytest.approx(expected, rel=0.02)
    assert f"{CPU_TIME} of its EnergyProfile: its own throughput" in line
    assert "work class critical: spec.workClass of its EnergyProfile" in text


def test_a_metric_without_series_is_told_and_stops_nothing(live, workload, profiles):
    change(profiles, workload, workMetric={"name": "orders_total"})
    text = explain(live, workload)
    assert "no series of orders_total in namespace" in text
    assert "efficiency of provisioning, not of the code" in text
    change(profiles, workload, workMetric={"name": CPU_TIME})


@pytest.mark.usefixtures("profiles")
def test_a_recording_holds_the_profile_and_the_work(live, workload, tmp_path):
    path = tmp_path / "week.joulefit"
    assert live("record", path).code == 0
    name = f"{workload.namespace}/deploy/{workload.name}"
    outcome = joulefit("explain", name, "--recording", path)
    assert outcome.code == 0, outcome.stderr
    assert f"{CPU_TIME} of its EnergyProfile: its own throughput" in outcome.stdout
    assert work_line(outcome.stdout) == work_line(explain(live, workload))
    assert "work class critical: spec.workClass of its EnergyProfile" in outcome.stdout


@pytest.mark.usefixtures("profiles")
def test_without_an_energy_profile_cpu_time_stands_for_work(live, fleet):
    text = explain(live, fleet.workloads[-2])
    assert "CPU time stands for work: efficiency of provisioning, not of the code" in text


@pytest.fixture
def scaled(profiles, fleet):
    """The deployment that an HPA holds at 70 %, with its own CPU time as its work."""
    first = next(each for each in fleet.workloads if each.kind == "Deployment")
    metric = {"name": CPU_TIME, "unit": "seconds"}
    profiles.apply([energy_profile(first.namespace, first.name, workMetric=metric)])
    yield first
    profiles.kubectl("delete", "enp", first.name, "-n", first.namespace)


def test_a_workload_under_an_hpa_is_sized_by_its_work(live, scaled, cluster):
    """Its two containers share the work unevenly as it grows, which is what bends one of them."""
    text = explain(live, scaled)
    assert "tier T1 work per joule of a replica" in text
    line = next(each for each in text.splitlines() if each.startswith("  request "))
    _, cores, _ = re.split(r"\s{2,}", line.strip(), maxsplit=2)
    used = float(re.search(r"(\S+) / 0\.7 = ", line)[1])  # the HPA's 70 %
    assert int(cores.removesuffix("m")) == math.ceil(used / 0.7 * 1000)
    assert live("run", "--once").code == 0
    found = status_of(cluster, scaled, "enp")
    assert found["work"]["kind"] == "throughput"
    assert found["basis"] == "work per joule of a replica"


def status_of(cluster, workload, kind):
    text = cluster.kubectl("get", kind, workload.name, "-n", workload.namespace, "-o", "json")
    return json.loads(text).get("status", {})


@pytest.mark.usefixtures("profiles")
def test_a_run_writes_what_was_learnt_and_a_second_run_nothing(live, workload, cluster):
    outcome = live("run", "--once")
    assert outcome.code == 0, outcome.stderr
    status = status_of(cluster, workload, "enp")
    assert (status["tier"], status["workClass"], status["workClassSource"]) == (
        *("T1", "critical", "EnergyProfile"),
    )
    published = status_of(cluster, workload, "vpa")["recommendation"]["containerRecommendations"]
    assert [
        {"containerName": each["name"], **each["recommended"]} for each in status["containers"]
    ] == published
    assert all(2 <= len(each["curve"]) <= 15 for each in status["containers"])
    assert live("run", "--once").code == 0
    text = cluster.kubectl("get", "enp", workload.name, "-n", workload.namespace, "-o", "json")
    version = json.loads(text)["metadata"]["resourceVersion"]
    assert live("run", "--once").code == 0
    text = cluster.kubectl("get", "enp", workload.name, "-n", workload.namespace, "-o", "json")
    assert json.loads(text)["metadata"]["resourceVersion"] == version


def run_without_a_store(cluster):
    """One cycle of a service that has just started while its store is down."""
    settings = ClusterSettings(kubeconfig=str(cluster.kubeconfig))
    down = StoreSettings(store=f"http://127.0.0.1:{free_port()}", store_retries=0)
    with connect(settings) as opened:
        source = LiveSource(
            store=StoreReader(down),
            cluster=ClusterReader(opened, settings),
            settings=settings,
            window=WindowSettings(end=float(SHAPE.end), history=SHAPE.days * 86400.0),
            store_name=down.store,
            keeps_going=True,
        )
        return run_once(
            source,
            StatusWriter(opened),
            settings=SizingSettings(),
            with_curves=False,
            profile_sink=ProfileWriter(opened),
        )


def test_a_vpa_made_again_while_the_store_is_down_has_its_numbers_back(
    live, workload, cluster, profiles
):
    assert live("run", "--once").code == 0
    before, learnt = (status_of(cluster, workload, kind) for kind in ("vpa", "enp"))
    text = cluster.kubectl("get", "vpa", workload.name, "-n", workload.namespace, "-o", "json")
    whole = json.loads(text)
    cluster.kubectl("delete", "vpa", workload.name, "-n", workload.namespace)
    metadata = {key: whole["metadata"][key] for key in ("name", "namespace")}
    profiles.apply(
        [{**{k: whole[k] for k in ("apiVersion", "kind", "spec")}, "metadata": metadata}]
    )
    cycle = run_without_a_store(cluster)
    assert not [each for each in cycle.changes if each.outcome == "failed"]
    after = status_of(cluster, workload, "vpa")
    assert after["recommendation"] == before["recommendation"]
    assert {each["type"]: each["status"] for each in after["conditions"]} == {
        "FetchingHistory": "True",
        "RecommendationProvided": "True",
    }
    assert status_of(cluster, workload, "enp") == learnt
    # Back again, nothing jumps: the targets are those that were there.
    assert live("run", "--once").code == 0
    assert status_of(cluster, workload, "vpa")["recommendation"] == before["recommendation"]


def test_a_profile_that_cannot_be_meant_stops_its_own_vpa_only(live, workload, cluster, profiles):
    """A CRD without its rules lets anything through; here the rules are taken out for a moment."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/energyprofiles.joulefit.io"
    crd = profiles.api.get(path)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"] = {}
    spec["x-kubernetes-preserve-unknown-fields"] = True
    profiles.api.patch(path, {"spec": crd["spec"]})
    try:
        wait_until(lambda: is_taken(profiles, workload, workClass="urgent"), "no rule holds")
        outcome = live("run", "--once")
        assert outcome.code == 0, outcome.stderr
        lines = [each for each in outcome.stdout.splitlines() if each.startswith("skipped ")]
        (line,) = [each for each in lines if workload.name in each]
        assert "EnergyProfile" in line
        assert "spec.workClass is 'urgent'" in line
        vpa = status_of(cluster, workload, "vpa")
        assert vpa["recommendation"]["containerRecommendations"]
        (accepted,) = status_of(cluster, workload, "enp")["conditions"]
        assert (accepted["status"], accepted["reason"]) == ("False", "InvalidSpec")
    finally:
        change(profiles, workload, workClass="critical")
        profiles.install(PROFILE_CRD)
