"""The service answers each VPA of ours, soon, once, and nobody else."""

import copy
import signal

import pytest

from tests.main_job.command import joulefit
from tests.service.conftest import GROUP, TEAM, WINDOW
from tests.testbed.process import wait_until


def without_status(item):
    """What belongs to its user: everything but /status and who wrote what when."""
    item = copy.deepcopy(item)
    item.pop("status", None)
    for name in ("resourceVersion", "managedFields"):
        item["metadata"].pop(name, None)
    return item


def test_every_vpa_is_answered_as_a_single_run_would_answer_it(plane, store, start):
    service = start()
    service.wait(plane.is_answered, "every VPA has a recommendation")
    found = plane.recommendations()
    service.stop()
    plane.forget()
    joulefit("run", "--once", "--kubeconfig", plane.kubeconfig, "--store", store, *WINDOW)
    assert plane.recommendations() == found


def test_cycles_without_news_write_nothing_and_ask_the_store_nothing(plane, start, store_proxy):
    service = start(store=store_proxy.url)
    service.wait(plane.is_answered, "every VPA has a recommendation")
    service.wait_cycles(1)
    versions, asked = plane.versions(), len(store_proxy.requests)
    service.wait_cycles(3)
    assert plane.versions() == versions
    assert len(store_proxy.requests) == asked


def test_nothing_of_ours_is_on_a_users_object_outside_its_status(plane, start):
    before = {key: without_status(each) for key, each in plane.vpas().items()}
    service = start()
    service.wait(plane.is_answered, "every VPA has a recommendation")
    service.wait_cycles(2)
    after = plane.vpas()
    assert {key: without_status(each) for key, each in after.items()} == before
    for each in after.values():
        fields = each["metadata"]["managedFields"]
        assert {field.get("subresource") for field in fields if field["manager"] == "joulefit"} == {
            "status"
        }


def test_a_new_vpa_is_answered_long_before_the_next_cycle(plane, start):
    old = plane.vpas()[f"{TEAM}/deployment-002"]
    path = f"{GROUP}/namespaces/{TEAM}/verticalpodautoscalers"
    plane.kubectl("delete", "vpa", "deployment-002", "-n", TEAM)
    service = start(interval="1h")
    service.wait(plane.is_answered, "every VPA has a recommendation")
    others = plane.recommendations()
    new = {key: old[key] for key in ("apiVersion", "kind", "spec")}
    plane.api.post(path, new | {"metadata": {"name": "deployment-002", "namespace": TEAM}})
    service.wait(plane.is_answered, "the new VPA has a recommendation", seconds=20)
    assert all(plane.recommendations()[key] for key in others)  # their pool has one more to hold
    entries = plane.recommendations()[f"{TEAM}/deployment-002"]["containerRecommendations"]
    assert [each["target"].keys() for each in entries] == [{"cpu", "memory"}] * len(entries)


def test_a_changed_vpa_is_answered_long_before_the_next_cycle(plane, start):
    key, path = f"{TEAM}/deployment-003", f"{GROUP}/namespaces/{TEAM}/verticalpodautoscalers"
    service = start(interval="1h")
    service.wait(plane.is_answered, "every VPA has a recommendation")
    spec, before = plane.vpas()[key]["spec"], plane.recommendations()
    off = {"containerPolicies": [{"containerName": "*", "mode": "Off"}]}
    plane.api.patch(f"{path}/deployment-003", {"spec": {"resourcePolicy": off}})
    service.wait(lambda: plane.recommendations()[key] is None, "it is switched off", seconds=20)
    plane.api.patch(
        f"{path}/deployment-003", {"spec": {"resourcePolicy": spec.get("resourcePolicy")}}
    )
    service.wait(plane.is_answered, "it is switched on again", seconds=20)
    assert plane.recommendations() == before


def test_a_wrong_work_class_is_said_at_once_and_mended_at_once(plane, start):
    key, path = f"{TEAM}/deployment-003", f"{GROUP}/namespaces/{TEAM}/verticalpodautoscalers"
    service = start(interval="1h")
    service.wait(plane.is_answered, "every VPA has a recommendation")
    before = plane.recommendations()[key]
    for value, status in (("urgent", "True"), (None, None)):
        annotations = {"annotations": {"joulefit.io/work-class": value}}
        plane.api.patch(f"{path}/deployment-003", {"metadata": annotations})
        service.wait(
            lambda expected=status: (
                plane.condition(key, "ConfigUnsupported").get("status") == expected
            ),
            f"work class {value}",
            seconds=20,
        )
    assert plane.recommendations()[key] == before


def test_ignored_namespaces_are_left_alone(plane, start):
    service = start("--ignore-namespace", TEAM)
    service.wait_cycles(2)
    answered = {key for key, each in plane.recommendations().items() if each}
    assert answered == {key for key in plane.vpas() if not key.startswith(f"{TEAM}/")}


def test_only_the_named_namespaces_are_served(plane, start):
    service = start("-n", TEAM)
    service.wait_cycles(2)
    answered = {key for key, each in plane.recommendations().items() if each}
    assert answered == {key for key in plane.vpas() if key.startswith(f"{TEAM}/")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_it_ends_when_told_to_and_gives_the_lease_back(plane, start, number):
    service = start()
    service.wait(plane.is_answered, "every VPA has a recommendation")
    service.signal(number)
    wait_until(lambda: not service.is_running, "it has ended", seconds=10)
    assert service.servers[-1].code == 0
    lease = plane.api.get(
        "/apis/coordination.k8s.io/v1/namespaces/joulefit/leases/joulefit-recommender"
    )
    assert "holderIdentity" not in lease["spec"]


def test_health_pages_tell_life_and_readiness(start):
    service = start()
    service.wait(lambda: service.get("/readyz").status_code == 200, "it is ready")
    assert service.get("/healthz").status_code == 200
    assert service.get("/").text.startswith("joulefit recommender\n")


def test_an_unknown_or_contradicting_setting_ends_it_before_it_begins(plane, store):
    where = ("--kubeconfig", plane.kubeconfig, "--store", store)
    outcome = joulefit("run", "--dry-run", *where)
    assert (outcome.code, "--dry-run needs --once" in outcome.error) == (2, True)
    outcome = joulefit("run", "--recommender-name", "Not A Name", *where)
    assert (outcome.code, "is no name that a Lease can have" in outcome.error) == (2, True)
    outcome = joulefit("run", "--listen", "nowhere", *where)
    assert (outcome.code, "--listen" in outcome.error) == (2, True)


def test_explain_shows_what_is_published_whatever_namespace_is_asked_for(answered_plane, store):
    """The pool is replayed with all that a service sizes, not with what one namespace shows."""
    for key, found in answered_plane.recommendations().items():
        namespace, name = key.split("/")
        where = ("--kubeconfig", answered_plane.service, "--store", store)
        outcome = joulefit("explain", f"{namespace}/{name}", *where, *WINDOW)
        assert outcome.code == 0, outcome.stderr
        for each in found["containerRecommendations"]:
            head = f"container {each['containerName']}: request {each['target']['cpu']} cpu"
            assert head in outcome.stdout
