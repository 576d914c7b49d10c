"""A pod belongs to the topmost controller above it, also after it is gone."""

from recommender.model.identity import WorkloadRef
from tests.cluster import builder
from tests.cluster.builder import controller, deployment_with_pods, owned_by, pod, vpa


def test_pods_of_old_replica_sets_and_of_past_jobs_belong_to_their_workload(read_shop, shop):
    owners = read_shop(
        *deployment_with_pods(shop, "web"),
        builder.cron_job(shop, "cron"),
        builder.job(shop, "cron-28800000", owners=owned_by("CronJob", "cron", "batch/v1")),
        vpa(shop, "web"),
        vpa(shop, "cron", kind="CronJob", version="batch/v1"),
    ).owners
    web = WorkloadRef(shop, "Deployment", "web")
    cron = WorkloadRef(shop, "CronJob", "cron")
    assert owners.pods == {(shop, f"web-7c6b5d4f8-{each}"): web for each in ("bcdfg", "hjklm")}
    assert owners.replica_sets == {
        (shop, "web-5d4f8c7b9"): web,
        (shop, "web-7c6b5d4f8"): web,
        (shop, "cron-28800000"): cron,
    }
    assert owners.workloads == {web, cron}
    assert owners.owner(shop, "web-5d4f8c7b9-zzzzz") == web
    assert owners.owner(shop, "web-84d4b5c6d7-xwvtz") == web
    assert owners.owner(shop, "cron-28799999-zxwvt") == cron


def test_pods_of_workloads_that_nobody_asked_for_are_not_taken_for_those_of_others(read_shop, shop):
    """Without knowing it, `web-db-bcdfg` looks like a pod of a ReplicaSet `web-db` of `web`."""
    owners = read_shop(
        *deployment_with_pods(shop, "web"),
        controller("DaemonSet", shop, "web-db"),
        pod(shop, "web-db-bcdfg", owners=owned_by("DaemonSet", "web-db")),
        vpa(shop, "web"),
    ).owners
    assert owners.owner(shop, "web-db-bcdfg") == WorkloadRef(shop, "DaemonSet", "web-db")


def test_a_pod_that_nothing_controls_belongs_to_whose_selector_matches(read_shop, shop):
    expressions = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "edge"]},
            {"key": "canary", "operator": "DoesNotExist"},
        ],
    }
    state = read_shop(
        controller(
            "StatefulSet",
            shop,
            "web",
            labels={"app": "web", "tier": "front"},
            selector=expressions,
        ),
        pod(shop, "adopted", labels={"app": "web", "tier": "edge"}),
        pod(shop, "of-another-tier", labels={"app": "web", "tier": "back"}),
        pod(shop, "canary", labels={"app": "web", "tier": "front", "canary": ""}),
        pod(
            shop,
            "owned-by-another",
            labels={"app": "web", "tier": "front"},
            owners=owned_by("DaemonSet", "other"),
        ),
        controller("DaemonSet", shop, "other"),
        vpa(shop, "web", kind="StatefulSet"),
    )
    assert [each.replicas for each in state.workloads] == [1]
    assert (shop, "adopted") in state.owners.pods


def test_a_static_pod_belongs_to_no_workload(control_plane, read_shop, shop):
    name = builder.unique("node")
    control_plane.apply([builder.node(name)])
    mirror = pod(
        shop, "web-static", labels={"app": "web"}, owners=owned_by("Node", name, "v1"), node=name
    )
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    control_plane.apply([builder.controller("Deployment", shop, "web"), vpa(shop, "web")])
    uid = control_plane.api.get(f"/api/v1/nodes/{name}")["metadata"]["uid"]
    mirror["metadata"]["ownerReferences"][0]["uid"] = uid
    state = read_shop(mirror)
    assert state.owners.owner(shop, "web-static") is None
    assert [each.replicas for each in state.workloads] == [0]
    assert state.reserved[name].cores == 0.5
