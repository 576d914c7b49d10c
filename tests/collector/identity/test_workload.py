"""The workload behind a pod, by its controller."""

import pytest

from collector.identity.pod import decode_pods
from collector.identity.workload import find_workload
from tests.collector.identity.build import a_pod, body_of

# The pod of `a_pod` began at 2026-03-01T10:00:00Z: minute 29539320, second 1772359200.
MINUTE = 29_539_320
assert MINUTE * 60 == 1_772_359_200


def workload_of(**options):
    (pod,) = decode_pods(body_of(a_pod("pod-1", **options))).pods
    return find_workload(pod)


@pytest.mark.parametrize(
    ("owner", "labels", "expected"),
    [
        pytest.param(
            ("ReplicaSet", "web-7c5d9"),
            {"pod-template-hash": "7c5d9"},
            ("web", "Deployment"),
            id="Deployment",
        ),
        pytest.param(
            ("ReplicaSet", "my-web-app-7c5d9"),
            {"pod-template-hash": "7c5d9"},
            ("my-web-app", "Deployment"),
            id="Deployment with dashes",
        ),
        pytest.param(
            ("ReplicaSet", "web-7c5d9"), {}, ("web-7c5d9", "ReplicaSet"), id="ReplicaSet alone"
        ),
        pytest.param(
            ("ReplicaSet", "web"),
            {"pod-template-hash": "7c5d9"},
            ("web", "ReplicaSet"),
            id="ReplicaSet that a foreign label does not fit",
        ),
        pytest.param(
            ("ReplicaSet", "web-7c5d9"),
            {"rollouts-pod-template-hash": "7c5d9"},
            ("web", "Rollout"),
            id="Argo Rollout",
        ),
        pytest.param(("StatefulSet", "db"), {}, ("db", "StatefulSet"), id="StatefulSet"),
        pytest.param(("DaemonSet", "agent"), {}, ("agent", "DaemonSet"), id="DaemonSet"),
        pytest.param(
            ("Job", f"backup-{MINUTE - 1}"), {}, ("backup", "CronJob"), id="CronJob, minutes"
        ),
        pytest.param(
            ("Job", f"backup-{MINUTE * 60}"), {}, ("backup", "CronJob"), id="CronJob, seconds"
        ),
        pytest.param(
            ("Job", "backup-20260301"), {}, ("backup-20260301", "Job"), id="Job with a date"
        ),
        pytest.param(("Job", "migrate"), {}, ("migrate", "Job"), id="Job"),
        pytest.param(("Job", "migrate-42"), {}, ("migrate-42", "Job"), id="Job with a number"),
        pytest.param(
            ("Workflow", "nightly"), {}, ("nightly", "Workflow"), id="any other controller"
        ),
        pytest.param(None, {}, ("pod-1", "Pod"), id="none"),
        pytest.param(("Node", "node-1"), {}, ("node-1", "Node"), id="mirror of a static pod"),
    ],
)
def test_workload(owner, labels, expected):
    assert workload_of(owner=owner, labels=labels) == expected


def test_static_pod_belongs_to_its_node():
    notes = {"annotations": {"kubernetes.io/config.source": "file"}}

    assert workload_of(owner=None, metadata=notes) == ("node-1", "Node")


def test_reference_that_does_not_control_is_no_owner():
    references = [{"kind": "Backup", "name": "b"}, {"kind": "Set", "name": "s", "controller": True}]

    assert workload_of(metadata={"ownerReferences": references}) == ("s", "Set")
