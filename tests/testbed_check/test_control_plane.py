"""The API server of the testbed behaves as one of a cluster, as far as a recommender sees it."""

import subprocess

import pytest

from tests.testbed.api import ApiError, split_waves

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "check"}}
VPA_PATH = "/apis/autoscaling.k8s.io/v1/namespaces/check/verticalpodautoscalers"
READ_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


def vpa(name: str, **more: object) -> dict:
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": name, "namespace": "check"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "updatePolicy": {"updateMode": "Off"},
            "recommenders": [{"name": "joulefit"}],
        },
        **more,
    }


def status(cpu: str, memory: str) -> dict:
    return {
        "observedGeneration": 1,
        "recommendation": {
            "containerRecommendations": [
                {"containerName": "app", "target": {"cpu": cpu, "memory": memory}}
            ]
        },
        "conditions": [{"type": "RecommendationProvided", "status": "True"}],
    }


def deployment(name: str) -> dict:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "check"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "app:1"}]},
            },
        },
    }


def test_kubectl_get_vpa_prints_the_recommendation_in_columns(control_plane):
    control_plane.apply([NAMESPACE, vpa("columns", status=status("25m", "1Gi"))])
    header, row = control_plane.kubectl("-n", "check", "get", "vpa", "columns").splitlines()
    assert header.split() == ["NAME", "MODE", "CPU", "MEM", "PROVIDED", "AGE"]
    assert row.split()[:5] == ["columns", "Off", "25m", "1Gi", "True"]


def test_kubectl_describe_vpa_prints_the_status(control_plane):
    control_plane.apply([NAMESPACE, vpa("described", status=status("1500m", "272061154"))])
    text = control_plane.kubectl("-n", "check", "describe", "vpa", "described")
    assert "1500m" in text
    assert "272061154" in text
    assert "RecommendationProvided" in text


def test_a_patch_of_the_main_resource_silently_drops_the_status(control_plane):
    control_plane.apply([NAMESPACE, vpa("dropped")])
    answer = control_plane.api.patch(f"{VPA_PATH}/dropped", {"status": status("25m", "1Gi")})
    assert "status" not in answer


def test_unknown_keys_of_the_status_are_pruned(control_plane):
    written = status("25m", "1Gi") | {"joules": 7}
    control_plane.apply([NAMESPACE, vpa("pruned", status=written)])
    assert control_plane.api.get(f"{VPA_PATH}/pruned")["status"] == status("25m", "1Gi")


def test_a_nonsense_quantity_is_refused(control_plane):
    control_plane.apply([NAMESPACE])
    with pytest.raises(ApiError) as refused:
        control_plane.apply([vpa("nonsense", status=status("much", "1Gi"))])
    assert refused.value.status == 422


def test_without_the_status_subresource_a_patch_of_it_is_not_found(
    control_plane_without_status_subresource,
):
    api = control_plane_without_status_subresource.api
    control_plane_without_status_subresource.apply([NAMESPACE, vpa("old")])
    assert api.get(f"{VPA_PATH}/old")["metadata"]["name"] == "old"
    with pytest.raises(ApiError) as refused:
        api.patch(f"{VPA_PATH}/old/status", {"status": status("25m", "1Gi")})
    assert refused.value.status == 404
    patched = api.patch(f"{VPA_PATH}/old", {"status": status("25m", "1Gi")})
    assert patched["status"] == status("25m", "1Gi")


def test_owner_references_get_the_uid_of_the_created_owner(control_plane):
    owned = deployment("owner")
    replica_set = deployment("owned") | {"kind": "ReplicaSet"}
    replica_set["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "owner", "controller": True}
    ]
    control_plane.apply([replica_set, owned, NAMESPACE])
    path = "/apis/apps/v1/namespaces/check"
    owner = control_plane.api.get(f"{path}/deployments/owner")
    found = control_plane.api.get(f"{path}/replicasets/owned")
    assert found["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]


def test_apply_changes_what_exists(control_plane):
    control_plane.apply([NAMESPACE, vpa("changed")])
    other = vpa("changed")
    other["spec"]["updatePolicy"]["updateMode"] = "Initial"
    control_plane.apply([other])
    found = control_plane.api.get(f"{VPA_PATH}/changed")
    assert found["spec"]["updatePolicy"]["updateMode"] == "Initial"


def test_a_user_may_do_what_its_rules_say_and_nothing_else(control_plane):
    kubeconfig = control_plane.new_user("pod-reader", [READ_PODS])
    control_plane.kubectl("get", "pods", "-A", kubeconfig=kubeconfig)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        control_plane.kubectl("get", "nodes", kubeconfig=kubeconfig)
    assert "cannot list resource" in refused.value.__notes__[0]


def test_an_emptied_cluster_has_neither_workloads_nor_vpas(empty_cluster):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    empty_cluster.apply([NAMESPACE, node, deployment("gone"), vpa("gone")])
    empty_cluster.clear()
    for path in ("/api/v1/nodes", "/apis/apps/v1/deployments", VPA_PATH):
        assert empty_cluster.api.get(path)["items"] == []


def test_owners_in_a_circle_are_refused():
    left, right = deployment("left"), deployment("right")
    left["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "right"}]
    right["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "left"}]
    with pytest.raises(ValueError, match="circle"):
        split_waves([left, right])
