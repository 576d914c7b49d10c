"""Nodes are described by what they allocate and by the labels that others put on them."""

import msgspec
import pytest

from recommender.cluster.manifest import NodeItem, Pod
from recommender.cluster.node import (
    convert_nodes,
    describe_cpu,
    find_releaser_of_nodes,
    name_releaser,
)
from recommender.model.cluster import Node
from tests.cluster.builder import node, pod

CPU = "feature.node.kubernetes.io/cpu-model."


def decoded(kind, item):
    return msgspec.json.decode(msgspec.json.encode(item), type=kind)


def test_a_node_has_its_allocatable_cores_and_bytes_and_its_type():
    item = node(
        "n1",
        cpu="31850m",
        memory="129000000Ki",
        labels={"node.kubernetes.io/instance-type": "m7a.8xlarge", CPU + "vendor_id": "AMD"},
    )
    assert convert_nodes([decoded(NodeItem, item)]) == (
        Node("n1", 31.85, 129_000_000 * 1024, cpu_model="AMD", instance_type="m7a.8xlarge"),
    )


def test_nodes_are_sorted_and_one_that_allocates_nothing_yet_is_left_out():
    fresh = {"metadata": {"name": "n0"}, "status": {}}
    items = [decoded(NodeItem, each) for each in (node("n2"), fresh, node("n1"))]
    assert [each.name for each in convert_nodes(items)] == ["n1", "n2"]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (
            {CPU + "vendor_id": "AMD", CPU + "family": "25", CPU + "id": "1"},
            "AMD family 25 model 1",
        ),
        ({CPU + "vendor_id": "Intel"}, "Intel"),
        ({CPU + "family": "6"}, ""),
        ({}, ""),
    ],
)
def test_the_cpu_is_told_by_the_labels_of_node_feature_discovery(labels, text):
    assert describe_cpu(labels) == text


@pytest.mark.parametrize(
    ("labels", "releaser"),
    [
        ({"karpenter.sh/nodepool": "default"}, "karpenter"),
        ({"karpenter.sh/provisioner-name": "default"}, "karpenter"),
        ({"eks.amazonaws.com/compute-type": "auto"}, "karpenter"),
        ({"eks.amazonaws.com/compute-type": "ec2"}, ""),
        ({}, ""),
    ],
)
def test_labels_of_nodes_tell_that_karpenter_made_them(labels, releaser):
    items = [decoded(NodeItem, node("n1")), decoded(NodeItem, node("n2", labels=labels))]
    assert find_releaser_of_nodes(items) == releaser


@pytest.mark.parametrize(
    ("name", "labels", "releaser"),
    [
        ("cluster-autoscaler-6d9f-x", {}, "cluster-autoscaler"),
        ("ca-1", {"app.kubernetes.io/name": "aws-cluster-autoscaler"}, "cluster-autoscaler"),
        ("ca-1", {"k8s-app": "cluster-autoscaler"}, "cluster-autoscaler"),
        ("k-1", {"app.kubernetes.io/name": "karpenter"}, "karpenter"),
        ("vertical-autoscaler-1", {"app": "web"}, ""),
    ],
)
def test_a_pod_that_removes_empty_nodes_is_known_by_label_or_name(name, labels, releaser):
    item = decoded(Pod, pod("kube-system", name, labels=labels))
    assert name_releaser(item) == releaser
