"""The role that joulefit ships is enough for all that its service does, and for nothing else."""

import json

import pytest

from recommender.cluster.lease import name_lease
from recommender.cluster.role import list_lease_rules, list_rules
from tests.service.account import HOME
from tests.service.conftest import TEAM

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


def may(plane, verb, resource, *, namespace="", name=""):
    """What the API server says of the service's account."""
    full, _, subresource = resource.partition("/")
    plural, _, group = full.partition(".")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": subresource}
    asked |= {"namespace": namespace, "name": name}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:{HOME}:{HOME}", "resourceAttributes": asked},
    }
    answer = plane.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return answer["status"]["allowed"]


def test_the_kubeconfig_of_the_service_is_that_accounts(plane):
    said = plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=plane.service)
    user = json.loads(said)["status"]["userInfo"]["username"]
    assert user == f"system:serviceaccount:{HOME}:{HOME}"


@pytest.mark.parametrize(("verb", "resource"), REFUSED, ids=str)
def test_what_the_service_does_not_need_is_refused(plane, verb, resource):
    assert not may(plane, verb, resource, namespace=TEAM)


def test_each_needed_verb_is_granted_everywhere(plane):
    for rule in list_rules():
        (group,), (resource,) = rule["apiGroups"], rule["resources"]
        if group == "*":
            continue  # */scale: the next test
        plural, _, subresource = resource.partition("/")
        name = f"{plural}.{group}" if group else plural
        full = f"{name}/{subresource}" if subresource else name
        for verb in rule["verbs"]:
            assert may(plane, verb, full), (verb, full)
    assert may(plane, "get", "deployments.apps/scale")


def test_the_own_lease_is_granted_and_no_other(plane):
    lease = name_lease("joulefit")
    assert [rule["verbs"] for rule in list_lease_rules(lease)] == [["create"], ["get", "update"]]
    leases = "leases.coordination.k8s.io"
    assert may(plane, "create", leases, namespace=HOME)
    for verb in ("get", "update"):
        assert may(plane, verb, leases, namespace=HOME, name=lease)
        assert not may(plane, verb, leases, namespace=HOME, name="other")
        assert not may(plane, verb, leases, namespace="kube-system", name=lease)


def test_the_service_does_its_work_under_that_role(plane, start):
    service = start()
    service.wait(plane.is_answered, "every VPA has a recommendation")
    assert "forbidden" not in service.log
