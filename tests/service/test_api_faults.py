"""Whatever the API server does, nothing wrong is written, and what follows needs no restart."""

import threading

import pytest

from tests.service.conftest import GROUP, SHAPE, TEAM, Plane
from tests.testbed.fault_proxy import Fault, FaultProxy
from tests.testbed.fleet import generate_fleet
from tests.testbed.manifest import fleet_objects

KEY = f"{TEAM}/deployment-003"
PATH = f"{GROUP}/namespaces/{TEAM}/verticalpodautoscalers/deployment-003"


def is_write(method, path):
    return method == "PATCH" and path.endswith("/status")


@pytest.fixture(scope="module")
def mortal_fleet_plane(served):
    """An API server of its own whose parts are killed, with the fleet."""
    plane = served(Plane)
    plane.apply(fleet_objects(generate_fleet(SHAPE)))
    return plane


@pytest.fixture
def mortal_plane(mortal_fleet_plane):
    mortal_fleet_plane.forget()
    return mortal_fleet_plane


def switch(plane, value):
    """Switch all containers of a VPA off ("Off") or on again (None)."""
    policies = [{"containerName": "*", "mode": value}] if value else None
    plane.api.patch(PATH, {"spec": {"resourcePolicy": {"containerPolicies": policies}}})


def test_an_api_server_that_is_killed_in_a_cycle_and_comes_back(mortal_plane, start):
    plane = mortal_plane
    service = start("--no-lease", kubeconfig=plane.service)
    service.wait(plane.is_answered, "every VPA has a recommendation")
    found = plane.recommendations()
    plane.kill_api_server()
    service.wait(lambda: "cycle failed" in service.log, "it has noticed")
    assert service.is_running
    assert service.get("/healthz").status_code == 200
    plane.start_api_server()
    service.wait_cycles(2)
    assert plane.recommendations() == found
    switch(plane, "Off")
    service.wait(lambda: plane.recommendations()[KEY] is None, "the watch or a cycle sees it")
    switch(plane, None)
    service.wait(plane.is_answered, "it is switched on again")
    assert plane.recommendations() == found


def test_an_etcd_that_is_killed_at_the_first_write_of_a_cycle_and_comes_back(
    mortal_plane, start, tmp_path
):
    """The API server is there and can keep nothing: no VPA is half written, all are in the end."""
    plane, killed = mortal_plane, threading.Event()
    with FaultProxy(plane.url, authority=plane.authority) as proxy:
        through = tmp_path / "proxied.kubeconfig"
        through.write_text(plane.service.read_text().replace(plane.url, proxy.url))
        killing = threading.Lock()

        def kill():
            with killing:  # several statuses are written at once
                if not killed.is_set():
                    plane.kill_etcd()
                    killed.set()

        proxy.fault = Fault(hits=is_write, before=kill)
        service = start("--cluster-timeout", "2s", kubeconfig=through)
        service.wait(killed.is_set, "a cycle has come to its first write")
        service.wait(lambda: service.log.count("cycle failed") > 1, "the next cycles fail")
        assert service.get("/healthz").status_code == 200
        proxy.fault = None
        plane.start_etcd()
        service.wait(plane.is_answered, "every VPA has a recommendation")
        for recommendation in plane.recommendations().values():
            for entry in recommendation["containerRecommendations"]:
                for bound in ("lowerBound", "target", "upperBound", "uncappedTarget"):
                    assert set(entry[bound]) == {"cpu", "memory"}
        service.wait_cycles(1)
        versions = plane.versions()
        service.wait_cycles(1)
        assert plane.versions() == versions


@pytest.mark.parametrize(
    ("status", "outcome", "word"),
    [
        (409, "superseded", ""),
        (500, "failed", "answered 500"),
        (403, "failed", "patch is forbidden"),
        (429, "failed", "answered 429"),
    ],
)
def test_a_write_that_fails_is_tried_again_by_the_next_cycle(
    plane, start, through, api_proxy, status, outcome, word
):
    api_proxy.fault = Fault(hits=is_write, status=status, body=b"{}")
    service = start(kubeconfig=through)
    service.wait_cycles(2)
    assert word in service.log
    assert set(plane.recommendations().values()) == {None}
    assert service.get("/healthz").status_code == 200
    api_proxy.fault = None
    service.wait(plane.is_answered, "every VPA has a recommendation")
    service.wait_cycles(1)
    assert service.value("joulefit_recommender_status_writes_total", outcome=outcome) > 0
    assert service.value("joulefit_recommender_cycles_total", outcome="failed") == 0


def test_slow_writes_delay_only_themselves(plane, start, through, api_proxy):
    slow = threading.Event()
    api_proxy.fault = Fault(hits=is_write, before=lambda: slow.wait(1.0))
    service = start(kubeconfig=through)
    service.wait(plane.is_answered, "every VPA has a recommendation")
    versions = plane.versions()
    service.wait_cycles(2)
    assert plane.versions() == versions


def test_a_watch_that_is_gone_is_begun_anew(plane, start, through, api_proxy):
    gone = b'{"kind":"Status","code":410,"reason":"Expired","message":"too old"}'
    service = start(kubeconfig=through, interval="1h")
    service.wait(plane.is_answered, "every VPA has a recommendation")
    found = plane.recommendations()
    service.wait(lambda: any("watch=true" in path for _, path in api_proxy.requests), "it watches")
    api_proxy.fault = Fault(hits=lambda _, path: "watch=true" in path, status=410, body=gone)
    api_proxy.cut_links()
    service.wait(
        lambda: api_proxy.count("GET", "watch=true") > 2, "it has met the fault", seconds=30
    )
    api_proxy.fault = None
    off = {
        "spec": {"resourcePolicy": {"containerPolicies": [{"containerName": "*", "mode": "Off"}]}}
    }
    plane.api.patch(PATH, off)
    service.wait(lambda: plane.recommendations()[KEY] is None, "the watch sees it", seconds=90)
    plane.api.patch(PATH, {"spec": {"resourcePolicy": None}})
    service.wait(plane.is_answered, "the watch sees it again", seconds=30)
    assert plane.recommendations() == found
    assert service.value("joulefit_recommender_cycles_total", outcome="failed") == 0


def test_a_forbidden_namespace_is_said_and_the_service_lives(plane, start, through, api_proxy):
    api_proxy.fault = Fault(hits=lambda _, path: f"/namespaces/{TEAM}/" in path, status=403)
    service = start("-n", TEAM, kubeconfig=through)
    said = f"in namespace {TEAM}"
    service.wait(lambda: said in service.get("/readyz").text, "it says so")
    assert service.get("/readyz").status_code == 503
    assert service.get("/healthz").status_code == 200
    api_proxy.fault = None
    service.wait(lambda: plane.recommendations()[KEY], "it is answered")
    service.wait(lambda: service.get("/readyz").status_code == 200, "it is ready")
    answered = {key for key, each in plane.recommendations().items() if each}
    assert answered == {key for key in plane.vpas() if key.startswith(f"{TEAM}/")}


def test_a_crd_that_is_deleted_and_created_again_is_served_again(plane, start):
    objects = list(plane.vpas().values())
    crd = plane.api.get(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
        "verticalpodautoscalers.autoscaling.k8s.io"
    )
    service = start()
    service.wait(plane.is_answered, "every VPA has a recommendation")
    found = plane.recommendations()
    plane.kubectl("delete", "crd", "verticalpodautoscalers.autoscaling.k8s.io")
    service.wait(lambda: "no VerticalPodAutoscaler" in service.log, "it says so")
    assert service.get("/healthz").status_code == 200
    for name in ("resourceVersion", "uid", "creationTimestamp", "managedFields", "generation"):
        crd["metadata"].pop(name, None)
    crd.pop("status")
    plane.apply([crd])
    service.wait(lambda: plane.api.answers(f"{GROUP}/verticalpodautoscalers"), "VPAs are served")
    kept = [
        {
            "apiVersion": each["apiVersion"],
            "kind": each["kind"],
            "metadata": {name: each["metadata"][name] for name in ("name", "namespace")},
            "spec": each["spec"],
        }
        for each in objects
    ]
    plane.apply(kept)
    service.wait(lambda: plane.recommendations() == found, "the same recommendations", seconds=90)
    assert service.get("/readyz").status_code == 200


@pytest.mark.parametrize("what", ["deleted", "edited"])
def test_a_vpa_that_changes_between_read_and_write(plane, start, through, api_proxy, what):
    """The write that was on its way meets another object: nothing is written over it."""
    done = threading.Event()

    def meanwhile():
        if not done.is_set():
            done.set()
            if what == "deleted":
                plane.api.delete(PATH)
            else:
                off = [{"containerName": "*", "mode": "Off"}]
                plane.api.patch(PATH, {"spec": {"resourcePolicy": {"containerPolicies": off}}})

    old = plane.vpas()[KEY]
    api_proxy.fault = Fault(
        hits=lambda method, path: is_write(method, path) and "deployment-003" in path,
        before=meanwhile,
    )
    service = start(kubeconfig=through)
    service.wait_cycles(3)
    assert done.is_set()
    assert plane.recommendations().get(KEY) is None
    assert all(each for key, each in plane.recommendations().items() if key != KEY)
    assert service.value("joulefit_recommender_cycles_total", outcome="failed") == 0
    if what == "deleted":
        clean = {name: old["metadata"][name] for name in ("name", "namespace")}
        plane.apply([{**{k: old[k] for k in ("apiVersion", "kind", "spec")}, "metadata": clean}])
    else:
        plane.api.patch(PATH, {"spec": {"resourcePolicy": old["spec"].get("resourcePolicy")}})
    service.wait(plane.is_answered, "every VPA has a recommendation")
