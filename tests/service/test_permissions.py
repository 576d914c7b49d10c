"""The role that joulefit ships is enough for all that its service does, and for nothing else."""

import json

import pytest

from recommender.cluster.lease import name_lease
from recommender.cluster.role import list_lease_rules, list_rules
from tests.service.conftest import HOME, TEAM

REFUSED = [
    ("get", "secrets"),
    ("list", "secrets"),
    ("list", "configmaps"),
    ("create", "pods/exec"),
    ("create", "pods/eviction"),
    ("delete", "pods"),
    ("watch", "pods"),
    ("patch", "pods"),
    ("patch", "deployments.apps"),
    ("update", "deployments.apps/scale"),
    ("patch", "verticalpodautoscalers.autoscaling.k8s.io"),
    ("update", "verticalpodautoscalers.autoscaling.k8s.io"),
    ("delete", "verticalpodautoscalers.autoscaling.k8s.io"),
    ("create", "verticalpodautoscalers.autoscaling.k8s.io"),
    ("patch", "energyprofiles.joulefit.io"),
    ("delete", "energyprofiles.joulefit.io"),
    ("patch", "events.events.k8s.io"),
    ("delete", "events.events.k8s.io"),
    ("patch", "nodes"),
    ("create", "leases.coordination.k8s.io"),  # of others
]


def may(plane, verb, resource, *where):
    """What the API server says to `kubectl auth can-i` of the service's account."""
    plural, _, part = resource.partition("/")
    asked = [resource] if plural.startswith("leases") else [plural]
    asked += [f"--subresource={part}"] if part and asked == [plural] else []
    try:
        said = plane.kubectl("auth", "can-i", verb, *asked, *where, kubeconfig=plane.service)
    except Exception as error:  # noqa: BLE001 - kubectl says no by its exit code
        said = getattr(error, "output", "")
    return said.strip() == "yes"


@pytest.mark.parametrize(("verb", "resource"), REFUSED, ids=str)
def test_what_the_service_does_not_need_is_refused(plane, verb, resource):
    assert not may(plane, verb, resource, "-n", TEAM)


def test_each_needed_verb_is_granted_everywhere(plane):
    for rule in list_rules():
        (group,), (resource,) = rule["apiGroups"], rule["resources"]
        if group == "*":
            continue  # */scale: the next test
        plural, _, subresource = resource.partition("/")
        name = f"{plural}.{group}" if group else plural
        full = f"{name}/{subresource}" if subresource else name
        for verb in rule["verbs"]:
            assert may(plane, verb, full, "--all-namespaces"), (verb, full)
    assert may(plane, "get", "deployments.apps/scale", "--all-namespaces")


def test_the_own_lease_is_granted_and_no_other(plane):
    lease = name_lease("joulefit")
    assert [rule["verbs"] for rule in list_lease_rules(lease)] == [["create"], ["get", "update"]]
    assert may(plane, "create", "leases.coordination.k8s.io", "-n", HOME)
    leases = "leases.coordination.k8s.io"
    for verb in ("get", "update"):
        assert may(plane, verb, f"{leases}/{lease}", "-n", HOME)
        assert not may(plane, verb, f"{leases}/other", "-n", HOME)
        assert not may(plane, verb, f"{leases}/{lease}", "-n", "kube-system")


def test_the_service_does_its_work_under_that_role(plane, start):
    service = start()
    service.wait(plane.is_answered, "every VPA has a recommendation")
    user = json.loads(plane.service.read_text())["users"][0]["name"]
    assert (user, "forbidden" in service.log) == ("service", False)
