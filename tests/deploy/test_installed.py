"""What ships, on a real node: from `helm install` to `helm uninstall`, and beside a thousand VPAs.

One file, so that one worker of the test run has the node for all of it.
"""

import pytest

from tests.bench.service import SHAPE
from tests.deploy.cluster import IMAGE
from tests.deploy.stay import COLLECTOR, RECOMMENDER, Stay
from tests.deploy.thousand import (
    FleetPlane,
    count_answered,
    kubeconfig,
    port_of,
    recommender_pod,
    resident,
)
from tests.testbed.fleet import generate_fleet
from tests.testbed.history_cache import prometheus_of_fleet
from tests.testbed.manifest import fleet_objects
from tests.testbed.pod import is_ready
from tests.testbed.process import wait_until

pytestmark = pytest.mark.timeout(600)

MIB = 1 << 20


@pytest.fixture(scope="module")
def stay(user_cluster):
    stay = Stay(user_cluster)
    stay.go()
    return stay


@pytest.fixture
def seen(stay):
    return stay.seen


def entry(vpa):
    (found,) = vpa["status"]["recommendation"]["containerRecommendations"]
    return found


def learnt(profile):
    """What does not change by a few more minutes of history."""
    return profile["tier"], [(each["name"], each["recommended"]) for each in profile["containers"]]


def test_both_workloads_are_ready(seen):
    assert [len(seen.pods[each]) for each in (RECOMMENDER, COLLECTOR)] == [2, 1]
    assert all(is_ready(pod) for pods in seen.pods.values() for pod in pods)


def test_from_install_to_recommendation_takes_less_than_three_minutes(seen):
    assert seen.answered_seconds < 180


def test_the_recommendation_is_of_the_history(stay, seen):
    cores = stay.fleet.cores[0]
    target = entry(seen.vpa)["target"]["cpu"]
    assert cores.mean() * 1000 <= int(target.removesuffix("m")) <= 1.15 * 1.05 * cores.max() * 1000
    (provided,) = [
        each
        for each in seen.vpa["status"]["conditions"]
        if each["type"] == "RecommendationProvided"
    ]
    assert provided["status"] == "True"


def test_helm_says_nothing_against_it(seen):
    """Pod Security of the namespace is enforced and would also warn, at level restricted."""
    assert "PodSecurity" not in seen.notes
    assert "WARNING" not in seen.notes
    assert "joulefit 0.1.0 is in joulefit, its collector in joulefit-collector" in seen.notes


def test_no_pod_was_started_again(seen):
    states = [pod["status"]["containerStatuses"] for pods in seen.pods.values() for pod in pods]
    assert [state["restartCount"] for (state,) in states] == [0, 0, 0]


def test_the_recommender_is_nobody_without_rights(seen):
    status = seen.status[RECOMMENDER]
    assert status["Uid"].split() == ["65532"] * 4
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"  # a filter


def test_the_collector_has_its_three_capabilities_and_a_filter(seen):
    status = seen.status[COLLECTOR]
    dac_read_search, perfmon, bpf = 2, 38, 39  # <linux/capability.h>
    assert int(status["CapEff"], 16) == 1 << dac_read_search | 1 << perfmon | 1 << bpf
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_with_these_the_collector_uses_ebpf_and_knows_the_pods(seen):
    page = seen.pages[COLLECTOR]
    assert "activity    used: time:" in page or "activity    used: counters:" in page
    assert "names       used: the API server" in page
    assert "ready       yes" in page


def test_memory_stays_within_the_requests(seen):
    """Those of the chart: of the limits, half is for what a larger cluster takes."""
    assert seen.peaks[RECOMMENDER] < 256 * MIB
    assert seen.peaks[COLLECTOR] < 160 * MIB


def test_an_upgrade_keeps_counters_and_what_was_learnt(seen):
    assert seen.images == {f"{IMAGE}:current"}
    assert seen.after > seen.before > 0
    before, after = seen.profiles
    assert learnt(after) == learnt(before)
    assert all(targets for _, targets in learnt(before)[1])


def test_removed_it_leaves_nothing_but_its_kind(seen):
    assert seen.left == []
    assert "energyprofiles.joulefit.io" in seen.crds


def test_what_users_wrote_and_what_was_learnt_of_it_stays(seen):
    assert seen.profile_after_removal["tier"] == seen.profiles[-1]["tier"]


@pytest.fixture(scope="module")
def fleet_plane(user_cluster):
    with FleetPlane(user_cluster.gateway) as plane:
        plane.apply(fleet_objects(generate_fleet(SHAPE)))
        yield plane


@pytest.fixture(scope="module")
def store():
    with prometheus_of_fleet(SHAPE, "joulefit") as server:
        yield server


def test_it_answers_a_thousand_vpas_within_its_request_of_memory(user_cluster, fleet_plane, store):
    host, port = user_cluster.open(port_of(fleet_plane.url))
    store_host, store_port = user_cluster.open(port_of(store.url))
    with user_cluster.namespace("thousand") as namespace:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "store", "namespace": namespace},
            "stringData": {"kubeconfig": kubeconfig(fleet_plane, host, port)},
        }
        wanted = recommender_pod(f"http://{store_host}:{store_port}", namespace)
        wait_until(
            lambda: user_cluster.api.answers(
                f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
            ),
            "the namespace has an account",
        )
        user_cluster.apply([secret, wanted])

        def is_done():
            (pod,) = user_cluster.list_pods(namespace=namespace)
            assert pod["status"]["phase"] in {"Pending", "Running"}, pod["status"]
            return is_ready(pod) and count_answered(fleet_plane) == SHAPE.workloads

        wait_until(is_done, "a thousand VPAs have recommendations", seconds=240, pause=0.5)
        (pod,) = user_cluster.list_pods(namespace=namespace)
        (limits,) = [each["resources"] for each in pod["spec"]["containers"]]
        assert limits == {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "512Mi"},
        }
        assert resident(user_cluster, pod, "VmRSS") < 256 * MIB
        assert resident(user_cluster, pod, "VmHWM") < 384 * MIB  # three quarters of its limit
