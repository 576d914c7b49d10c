"""A VPA that cannot be answered is a row with its reason and a condition; all others are written."""

from dataclasses import dataclass, field

import pytest

from tests.cluster.builder import controller, deployment_with_pods, policy, vpa
from tests.main_job.bad_input import SMALL, TEAM, WINDOW
from tests.main_job.command import joulefit
from tests.testbed.control_plane import ControlPlane
from tests.testbed.fleet import generate_fleet
from tests.testbed.history_cache import prometheus_of_fleet
from tests.testbed.manifest import fleet_objects

KEYS = {"containerName", "target", "lowerBound", "upperBound", "uncappedTarget"}
NO_USAGE = "no usage in 2 d"


@dataclass(frozen=True)
class Refusal:
    """A VPA of team-1 whose own spec or target keeps it from an answer, and what is said of it."""

    name: str
    reason: str
    spec: dict = field(default_factory=dict)
    on_own_workload: bool = False

    def objects(self):
        own = deployment_with_pods(TEAM, self.name) if self.on_own_workload else []
        return [*own, vpa(TEAM, self.name, **self.spec)]


REFUSALS = [
    Refusal(
        "low-above-high",
        "spec.resourcePolicy of container 'app': minAllowed cpu 2 is above maxAllowed 500m; lower"
        " one or raise the other",
        {"resourcePolicy": policy("app", minAllowed={"cpu": 2}, maxAllowed={"cpu": "500m"})},
        on_own_workload=True,
    ),
    Refusal(
        "low-memory-above-high",
        "spec.resourcePolicy of container '*': minAllowed memory 2Gi is above maxAllowed 1Gi; lower"
        " one or raise the other",
        {"resourcePolicy": policy(minAllowed={"memory": "2Gi"}, maxAllowed={"memory": "1Gi"})},
        on_own_workload=True,
    ),
    Refusal(
        "no-quantity",
        "spec.resourcePolicy: maxAllowed of container '*': '1e9999' is not a Kubernetes quantity;"
        " write for example 250m, 1.5, 512Mi or 2G",
        {"resourcePolicy": policy(maxAllowed={"cpu": "1e9999"})},
        on_own_workload=True,
    ),
    Refusal(
        "below-zero",
        "spec.resourcePolicy: minAllowed of container '*' is below zero",
        {"resourcePolicy": policy(minAllowed={"cpu": "-1"})},
        on_own_workload=True,
    ),
    Refusal(
        "two-recommenders",
        "spec.recommenders also names performance; two recommenders would overwrite each other:"
        " name one",
        {"recommenders": ("joulefit", "performance")},
        on_own_workload=True,
    ),
    Refusal(
        "gold",
        "annotation joulefit.io/work-class is 'gold'; it is one of critical, standard, batch",
        {"annotations": {"joulefit.io/work-class": "gold"}},
        on_own_workload=True,
    ),
    Refusal(
        "unknown-kind",
        "apps/v1 has no kind Rocket with objects in namespaces; correct targetRef.kind",
        {"kind": "Rocket"},
    ),
    Refusal(
        "misspelt-kind",
        "apps/v1 has no kind Deploymnt with objects in namespaces; did you mean Deployment?",
        {"kind": "Deploymnt"},
    ),
    Refusal(
        "unknown-group",
        "the API server serves no space.example/v1; correct targetRef.apiVersion",
        {"kind": "Rocket", "version": "space.example/v1"},
    ),
    Refusal(
        "not-scalable",
        "kind ConfigMap of v1 has no /scale subresource, which names its pods; target the"
        " Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob that"
        " runs them",
        {"kind": "ConfigMap", "version": "v1"},
    ),
    Refusal(
        "missing-target",
        f"there is no Deployment nothing in namespace {TEAM}; create it, or correct targetRef",
        {"target": "nothing"},
    ),
    Refusal(
        "misspelt-target",
        f"there is no Deployment deployment-02 in namespace {TEAM}; did you mean deployment-002?",
        {"target": "deployment-02"},
    ),
    Refusal(
        "not-the-topmost",
        "ReplicaSet owned-7c6b5d4f8 is itself controlled by Deployment owned, and only the topmost"
        " controller can be sized; let targetRef name Deployment owned",
        {"kind": "ReplicaSet", "target": "owned-7c6b5d4f8"},
    ),
    Refusal(
        "the-second",
        "VPA statefulset-001 is older and targets the same workload; delete one of the two",
        {"kind": "StatefulSet", "target": "statefulset-001"},
    ),
]

# VPAs that are sound, and get less than they ask for.
SILENT = [
    *deployment_with_pods(TEAM, "owned"),
    controller("Deployment", TEAM, "without-pods"),
    vpa(TEAM, "without-pods"),
    *deployment_with_pods(TEAM, "without-usage"),
    vpa(TEAM, "without-usage"),
    *deployment_with_pods(TEAM, "all-off"),
    vpa(TEAM, "all-off", resourcePolicy=policy(mode="Off")),
]

# Further keys of the spec of VPAs whose workloads have usage.
NARROWED = {
    "deployment-002": {"resourcePolicy": policy("sidecar", mode="Off")},
    "deployment-003": {"updatePolicy": {"updateMode": "Off"}},
    "statefulset-001": {"updatePolicy": {"updateMode": "Initial"}},
    "daemonset-000": {"updatePolicy": {"updateMode": "Recreate"}},
}


def narrowed(item):
    name = item["metadata"]["name"]
    if item["kind"] == "VerticalPodAutoscaler" and name in NARROWED:
        return {**item, "spec": {**item["spec"], **NARROWED[name]}}
    return item


@pytest.fixture(scope="module")
def plane():
    """An API server with a small fleet, and beside its sound VPAs one for each row."""
    with ControlPlane() as started:
        started.apply(map(narrowed, fleet_objects(generate_fleet(SMALL))))
        started.apply(SILENT)
        started.apply([item for row in REFUSALS for item in row.objects()])
        yield started


@pytest.fixture(scope="module")
def call(plane):
    """`call(command, *flags)`: joulefit on that cluster and the fleet's history."""
    with prometheus_of_fleet(SMALL) as store:
        where = ("--kubeconfig", plane.kubeconfig, "--store", store.url, *WINDOW)
        yield lambda *arguments: joulefit(*arguments, *where)


@pytest.fixture(scope="module")
def run(call):
    """The outcome of the one run that the tests look at."""
    outcome = call("run", "--once")
    assert outcome.stderr == ""
    return outcome


@pytest.fixture(scope="module")
def report(call):
    outcome = call("report", "--output", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    return outcome.json


@pytest.fixture
def status(run, plane):
    """`status(name, namespace)`: the status of a VPA after the run."""
    assert run.code == 0
    path = "/apis/autoscaling.k8s.io/v1/namespaces/{}/verticalpodautoscalers/{}"
    return lambda name, ns=TEAM: plane.api.get(path.format(ns, name))["status"]


def conditions(status):
    return {each["type"]: each for each in status["conditions"]}


def rows(report, name):
    """(container, reason, condition) of the skipped rows of one VPA."""
    return [
        (row["container"], row["reason"], row["condition"])
        for row in report["skipped"]
        if row["vpa"] == name
    ]


def names(status):
    entries = status.get("recommendation", {}).get("containerRecommendations", [])
    assert all(entry.keys() == KEYS for entry in entries)
    return [entry["containerName"] for entry in entries]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: each.name)
def test_a_vpa_that_cannot_be_answered_is_a_row_with_its_reason(refusal, report, run):
    assert rows(report, refusal.name) == [(None, refusal.reason, "ConfigUnsupported")]
    assert f": {refusal.reason}\n" in run.stdout
    assert f"{TEAM}/{refusal.name}: written\n" in run.stdout


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: each.name)
def test_a_vpa_that_cannot_be_answered_says_so_in_its_conditions(refusal, status):
    found = conditions(status(refusal.name))
    assert found.keys() == {"ConfigUnsupported", "RecommendationProvided"}
    refused, provided = found["ConfigUnsupported"], found["RecommendationProvided"]
    assert (refused["status"], refused["message"]) == ("True", refusal.reason)
    assert (provided["status"], provided["reason"]) == ("False", "ConfigUnsupported")
    assert names(status(refusal.name)) == []


def test_all_others_are_recommended_in_the_same_run_whatever_their_update_mode(status, report):
    assert names(status("daemonset-000", "kube-system")) == ["app"]
    assert names(status("statefulset-001")) == ["app", "sidecar"]
    assert names(status("deployment-003")) == ["app", "sidecar"]
    assert [(row["name"], row["updateMode"]) for row in report["workloads"]] == [
        ("daemonset-000", "Recreate"),
        ("deployment-002", "Off"),
        ("deployment-003", "Off"),
        ("statefulset-001", "Initial"),
    ]


def test_a_container_in_mode_off_is_left_out(status, report):
    assert names(status("deployment-002")) == ["app"]
    assert rows(report, "deployment-002") == [("sidecar", "its VPA policy says mode: Off", "")]
    assert conditions(status("deployment-002"))["RecommendationProvided"]["status"] == "True"


def test_where_all_containers_are_in_mode_off_nothing_is_recommended(status, report):
    assert names(status("all-off")) == []
    assert rows(report, "all-off") == [("app", "its VPA policy says mode: Off", "")]
    (provided,) = conditions(status("all-off")).values()
    assert (provided["type"], provided["status"]) == ("RecommendationProvided", "False")
    assert provided["message"] == "no container is left to be sized"


def test_a_target_without_pods(status, report):
    assert rows(report, "without-pods") == [("app", NO_USAGE, "")]
    found = conditions(status("without-pods"))
    assert found.keys() == {"NoPodsMatched", "RecommendationProvided"}
    assert found["NoPodsMatched"]["status"] == "True"
    provided = found["RecommendationProvided"]
    assert (provided["status"], provided["reason"]) == ("False", "NoPodsMatched")


def test_a_workload_without_usage(status, report):
    assert rows(report, "without-usage") == [("app", NO_USAGE, "")]
    (provided,) = conditions(status("without-usage")).values()
    assert (provided["type"], provided["status"]) == ("RecommendationProvided", "False")
    assert (provided["reason"], provided["message"]) == ("NoRecommendation", f"app: {NO_USAGE}")


def test_nothing_else_is_skipped(report):
    expected = {each.name for each in REFUSALS}
    expected |= {"deployment-002", "all-off", "without-pods", "without-usage"}
    assert {row["vpa"] for row in report["skipped"]} == expected


def test_skipped_rows_end_with_1_only_where_that_is_asked_for(run, call):
    assert run.code == 0
    assert call("report").code == 0
    assert call("report", "--strict").code == 1
    strict = call("run", "--once", "--strict")
    assert strict.code == 1
    assert strict.stderr == ""


@pytest.mark.usefixtures("run")
def test_what_was_said_once_is_not_written_again(call):
    again = call("run", "--once")
    total = len(REFUSALS) + 3 + SMALL.workloads
    assert again.stdout.endswith(f"{total} VPAs: {total} unchanged\n")


@pytest.mark.usefixtures("run")
def test_a_vpa_that_breaks_keeps_its_numbers_and_loses_the_complaint_when_mended(
    plane, call, status
):
    path = "/apis/autoscaling.k8s.io/v1/namespaces/kube-system/verticalpodautoscalers/daemonset-000"
    before = status("daemonset-000", "kube-system")
    broken = policy(minAllowed={"cpu": "2"}, maxAllowed={"cpu": "1"})
    plane.api.patch(path, {"spec": {"resourcePolicy": broken}})
    assert "1 written" in call("run", "--once").stdout
    kept = status("daemonset-000", "kube-system")
    assert kept["recommendation"] == before["recommendation"]
    assert conditions(kept)["ConfigUnsupported"]["status"] == "True"
    plane.api.patch(path, {"spec": {"resourcePolicy": None}})
    assert "1 written" in call("run", "--once").stdout
    mended = status("daemonset-000", "kube-system")
    assert mended["recommendation"] == before["recommendation"]
    assert "ConfigUnsupported" not in conditions(mended)
