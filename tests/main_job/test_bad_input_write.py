"""What goes wrong around a run that writes: nothing is half-written, and each failure is named."""

import pytest

from recommender.cluster.role import list_rules
from tests.cluster import builder
from tests.history.scripted_store import EMPTY, Scripted, json_reply, scripted_store
from tests.main_job.bad_input import ERROR, SMALL, TEAM, WINDOW, assert_refused
from tests.main_job.command import joulefit
from tests.testbed.fleet import generate_fleet
from tests.testbed.history_cache import prometheus_of_fleet
from tests.testbed.manifest import fleet_objects
from tests.testbed.process import free_port

VPAS = ["deployment-002", "deployment-003", "statefulset-001"]
WRITING = "verticalpodautoscalers/status"


def team_objects():
    """The fleet without what is outside of its one namespace."""
    for item in fleet_objects(generate_fleet(SMALL)):
        name = item["metadata"]["name"] if item["kind"] == "Namespace" else ""
        if TEAM in {name, item["metadata"].get("namespace")} or item["kind"] == "Node":
            yield item


@pytest.fixture(scope="module")
def plane(control_plane):
    """The shared API server with the small fleet alone; no test here changes a VPA."""
    control_plane.clear()
    control_plane.apply(team_objects())
    return control_plane


@pytest.fixture(scope="module")
def store():
    """The URL of a Prometheus with the small fleet's history."""
    with prometheus_of_fleet(SMALL) as started:
        yield started.url


def run(kubeconfig, store, *flags):
    where = ("--kubeconfig", kubeconfig, "--store", store, "--store-retries", 0, *WINDOW)
    return joulefit("run", "--once", "-n", TEAM, *where, *flags)


def part_of(namespace):
    """What a run says that reads one namespace alone."""
    return (
        f"warning: only -n {namespace} was read, so pools are judged by a part of their workloads; "
        "tiers and requests may differ from those of a run that sees all"
    )


def listed(plane):
    path = f"/apis/autoscaling.k8s.io/v1/namespaces/{TEAM}/verticalpodautoscalers"
    return plane.api.get(path)["items"]


@pytest.fixture
def untouched(plane):
    """The VPAs are after the test what they were before it."""
    before = listed(plane)
    assert [item["metadata"]["name"] for item in before] == VPAS
    yield
    assert listed(plane) == before


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        pytest.param([Scripted(401)], "401 Unauthorized", id="401"),
        pytest.param([Scripted(200, b"<html>")], "a web page", id="HTML"),
        pytest.param([Scripted(200, EMPTY, sent=40)], "was cut off", id="truncated"),
        pytest.param([json_reply()], "has no CPU series", id="no series"),
    ],
)
@pytest.mark.usefixtures("untouched")
def test_without_a_sound_store_no_vpa_is_written(plane, answers, words):
    with scripted_store(*answers) as broken:
        outcome = run(plane.kubeconfig, broken.url)
    assert_refused(outcome, f"store {broken.url}", words)


@pytest.mark.usefixtures("untouched")
def test_a_store_that_fails_in_the_middle_of_the_window_writes_no_vpa(plane):
    found = (
        b'{"metric":{"__name__":"container_cpu_usage_seconds_total","namespace":"%s"},'
        b'"values":[[%d,"4"]]}' % (TEAM.encode(), SMALL.end)
    )
    discovery = json_reply(EMPTY.replace(b"[]", b"[%s]" % found))
    with scripted_store(discovery, Scripted(503, b"no upstream")) as broken:
        outcome = run(plane.kubeconfig, broken.url)
        assert len(broken.asked) > 1
    assert_refused(outcome, f"store {broken.url} answered 503 Service Unavailable")


@pytest.mark.usefixtures("untouched")
def test_without_a_store_no_vpa_is_written(plane):
    url = f"http://127.0.0.1:{free_port()}"
    assert_refused(run(plane.kubeconfig, url), f"store {url} is unreachable")


@pytest.mark.usefixtures("untouched")
def test_a_window_without_series_is_named_with_namespace_and_times(plane, store):
    where = ("--kubeconfig", plane.kubeconfig, "--store", store)
    outcome = joulefit(
        "run", "--once", "-n", TEAM, *where, "--end", "2024-01-02", "--history", "1d"
    )
    assert_refused(
        outcome,
        f"store {store} has no CPU series of containers",
        f"in namespace {TEAM} between 2024-01-01T00:00:00Z and 2024-01-02T00:00:00Z",
        "look at --store, --end and --history",
    )


@pytest.mark.usefixtures("untouched")
def test_who_may_not_write_gets_the_rule_to_add_for_each_vpa_and_exit_code_1(plane, store):
    name = builder.unique("reader")
    rules = [rule for rule in list_rules() if rule["resources"] != [WRITING]]
    outcome = run(plane.new_user(name, rules), store)
    assert outcome.code == ERROR
    assert outcome.stderr == f"{part_of(TEAM)}\n"
    *lines, count = outcome.stdout.splitlines()
    assert lines == [
        f"{TEAM}/{vpa}: failed: {WRITING}: patch is forbidden for system:serviceaccount:"
        f"testbed-users:{name} in namespace {TEAM}; grant it in a role: apiGroups"
        f" ['autoscaling.k8s.io'], resources ['{WRITING}'], verbs ['patch']"
        for vpa in VPAS
    ]
    assert count == "3 VPAs: 3 failed"


@pytest.mark.usefixtures("untouched")
def test_who_may_only_read_may_run_dry(plane, store):
    rules = [rule for rule in list_rules() if rule["resources"] != [WRITING]]
    outcome = run(plane.new_user(builder.unique("reader"), rules), store, "--dry-run")
    assert outcome.code == 0
    assert outcome.stderr.endswith("3 VPAs: 3 would be written\n")


def test_a_crd_without_the_status_subresource_is_recognised_and_named(
    control_plane_without_status_subresource, store
):
    plane = control_plane_without_status_subresource
    plane.apply(team_objects())
    outcome = run(plane.kubeconfig, store)
    assert outcome.code == ERROR
    assert outcome.stderr == f"{part_of(TEAM)}\n"
    *lines, count = outcome.stdout.splitlines()
    assert lines == [
        f"{TEAM}/{vpa}: failed: the VPA CRD of this cluster has no status"
        " subresource, so no recommender can write; install the CRD of VPA 1.0 or later"
        " (vpa-v1-crd-gen.yaml), or add subresources.status to its version v1"
        for vpa in VPAS
    ]
    assert count == "3 VPAs: 3 failed"
    assert ["status" in item for item in listed(plane)] == [False] * 3


MISSING = "warning: nothing was found in namespace nowhere; is its name right?"


@pytest.mark.usefixtures("untouched")
def test_a_namespace_that_does_not_exist_is_warned_of(plane, store, tmp_path):
    where = ("--kubeconfig", plane.kubeconfig, "--store", store, *WINDOW, "-n", "nowhere")
    written = joulefit("run", "--once", *where)
    assert (written.code, written.stdout) == (0, "no VPA names this recommender\n")
    assert written.stderr == f"{MISSING}\n{part_of('nowhere')}\n"
    assert f"{MISSING}\n" in joulefit("report", *where).stdout
    recorded = joulefit("record", tmp_path / "week", *where)
    assert recorded.stderr.splitlines()[0] == MISSING
    explained = joulefit("explain", "nowhere/deploy/web", *where)
    assert_refused(explained, "no workload nowhere/deploy/web")


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        (f"{TEAM}/deploy/deployment-02", f"{TEAM}/deploy/deployment-002"),
        (f"{TEAM}/sts/deployment-002", f"{TEAM}/deploy/deployment-002"),
        ("team-7/sts/statefulset-001", f"{TEAM}/sts/statefulset-001"),
    ],
)
def test_an_unknown_workload_of_a_live_cluster_is_offered_near_names(plane, store, asked, near):
    where = ("--kubeconfig", plane.kubeconfig, "--store", store, *WINDOW)
    assert_refused(joulefit("explain", asked, *where), f"no workload {asked}; did you mean {near}")
