"""The fake API server is told from the real one only by its name."""

import pytest
from msgspec.structs import replace

from recommender.cluster.fake import FakeApi
from recommender.cluster.reader import ClusterReader
from recommender.cluster.resource import VPAS
from recommender.cluster.status import build_status
from recommender.cluster.writer import StatusWriter
from recommender.errors import (
    ClusterError,
    ClusterForbiddenError,
    ClusterReplyError,
    StatusSubresourceMissingError,
)
from recommender.settings import ClusterSettings
from tests.cluster import builder
from tests.cluster.builder import custom, deployment_with_pods, owned_by, vpa
from tests.cluster.verdict import report, sized

NOW = "2026-05-01T12:00:00Z"
GROUP = "fake.testbed.invalid"
ALL = ClusterSettings(all_workloads=True)


def fleet(shop):
    """One of everything that the reader looks at."""
    return [
        *deployment_with_pods(shop, "web", labels={"tier": "front"}, node=f"{shop}-n1"),
        builder.controller("StatefulSet", shop, "db"),
        builder.pod(shop, "db-0", owners=owned_by("StatefulSet", "db")),
        builder.cron_job(shop, "cron"),
        builder.job(shop, "cron-1", owners=owned_by("CronJob", "cron", "batch/v1")),
        custom("Raft", GROUP, shop, "raft", selector="app=raft"),
        builder.pod(shop, "log", labels={"app": "raft"}),
        builder.hpa(shop, "scaler", target="web"),
        vpa(shop, "web", resourcePolicy=builder.policy(mode="Off")),
        vpa(shop, "db", kind="StatefulSet"),
        vpa(shop, "raft", kind="Raft", version=f"{GROUP}/v1"),
        vpa(shop, "lost"),
        vpa(shop, "theirs", target="web", recommenders=()),
    ]


def as_served(objects):
    """What the API server adds: a generation, and a scale for a custom object."""
    for item in objects:
        item["metadata"]["generation"] = 1
        if item["kind"] == "Raft":
            item["scale"] = item["status"]["selector"]
    return objects


@pytest.mark.parametrize("how", [{}, {"all_workloads": True}, {"selector": "tier=front"}], ids=str)
def test_the_fake_and_the_real_api_server_give_the_same_state(control_plane, read_shop, shop, how):
    control_plane.apply([builder.custom_definition("Raft", GROUP)])
    control_plane.kubectl(
        "wait", "--for=condition=Established", "--timeout=30s", f"crd/rafts.{GROUP}"
    )
    real = read_shop(*fleet(shop), **how)
    settings = ClusterSettings(namespace=(shop,), **how)
    fake = ClusterReader(FakeApi(as_served(fleet(shop))), settings).read()
    assert fake.workloads == real.workloads
    # Only a server numbers objects and their versions.
    assert fake.vpas == tuple(replace(vpa, uid="", resource_version="") for vpa in real.vpas)
    assert all(vpa.uid and vpa.resource_version for vpa in real.vpas)
    assert fake.owners == real.owners
    assert fake.reserved[f"{shop}-n1"] == real.reserved[f"{shop}-n1"]


def test_the_fake_takes_a_status_and_keeps_it():
    fake = FakeApi(as_served([*deployment_with_pods("shop", "web"), vpa("shop", "web")]))
    (found,) = ClusterReader(fake, ClusterSettings()).read().vpas
    status = build_status(found, report(sized()), [], now=NOW)
    assert StatusWriter(fake).write(found, status) == "written"
    assert fake.get(VPAS, "shop", "web")["status"] == status
    (again,) = ClusterReader(fake, ClusterSettings()).read().vpas
    assert again == replace(found, status=status)
    assert StatusWriter(fake).write(again, status) == "unchanged"


def asked(path, status):
    return FakeApi(as_served(fleet("shop")), failures={f"GET {path}": status})


PODS_OF_SHOP, ALL_PODS = "/api/v1/namespaces/shop/pods", "/api/v1/pods"
VPA_LIST = "/apis/autoscaling.k8s.io/v1/verticalpodautoscalers"


def test_a_cluster_without_vpas_is_told_to_install_them_or_to_look_at_all_workloads():
    with pytest.raises(ClusterError, match="install its CRDs, or look at all workloads"):
        ClusterReader(asked(VPA_LIST, 404), ClusterSettings()).read()
    state = ClusterReader(asked(VPA_LIST, 404), ALL).read()
    assert {each.ref.name for each in state.workloads} == {"cron", "db", "web"}
    assert ["no VerticalPodAutoscaler" in each for each in state.warnings] == [True]


def test_an_api_server_without_the_second_version_of_hpas_is_read_with_a_warning():
    state = ClusterReader(asked("/apis/autoscaling/v2/horizontalpodautoscalers", 404), ALL).read()
    assert {each.hpa_on_cpu for each in state.workloads} == {""}
    assert state.warnings == ("HPAs are not seen: this API server has no autoscaling/v2",)


@pytest.mark.parametrize(
    "path",
    [
        ALL_PODS,
        "/api/v1/nodes",
        VPA_LIST,
        "/apis/apps/v1/deployments",
        "/apis/autoscaling/v2/horizontalpodautoscalers",
    ],
)
@pytest.mark.parametrize(
    ("status", "kind"), [(403, ClusterForbiddenError), (500, ClusterReplyError)]
)
def test_a_list_that_must_be_there_fails_the_read(path, status, kind):
    with pytest.raises(kind):
        ClusterReader(asked(path, status), ALL).read()


@pytest.mark.parametrize("path", ["", "/namespaces/shop/rafts/raft/scale"])
@pytest.mark.parametrize("status", [403, 500])
def test_a_custom_kind_that_cannot_be_read_is_the_problem_of_its_vpas_only(path, status):
    fake = asked(f"/apis/{GROUP}/v1{path}", status)
    state = ClusterReader(fake, ClusterSettings()).read()
    vpas = {each.name: each for each in state.vpas}
    assert vpas["raft"].problem.startswith("targetRef cannot be read: ")
    assert (vpas["raft"].target, vpas["web"].problem) == (None, "")
    assert [each.ref.name for each in state.workloads] == ["web", "db"]


def test_the_metadata_of_a_custom_object_may_be_forbidden():
    fake = asked(f"/apis/{GROUP}/v1/namespaces/shop/rafts/raft", 403)
    vpas = {each.name: each for each in ClusterReader(fake, ClusterSettings()).read().vpas}
    assert vpas["raft"].problem == ""
    chosen = ClusterReader(fake, ClusterSettings(selector="app=raft")).read()
    assert [each.name for each in chosen.vpas] == ["raft"]


@pytest.mark.parametrize("status", [403, 422, 500])
def test_a_write_that_fails_raises_and_changes_nothing(status):
    fake = FakeApi(as_served([*deployment_with_pods("shop", "web"), vpa("shop", "web")]))
    path = VPAS.path("shop", "web", "status")
    fake.failures[f"PATCH {path}"] = status
    (found,) = ClusterReader(fake, ClusterSettings()).read().vpas
    with pytest.raises(ClusterError):
        StatusWriter(fake).write(found, build_status(found, report(sized()), [], now=NOW))
    assert "status" not in fake.get(VPAS, "shop", "web")


def test_a_missing_status_subresource_is_told_from_a_missing_vpa():
    fake = FakeApi(as_served([*deployment_with_pods("shop", "web"), vpa("shop", "web")]))
    (found,) = ClusterReader(fake, ClusterSettings()).read().vpas
    status = build_status(found, report(sized()), [], now=NOW)
    fake.failures[f"PATCH {VPAS.path('shop', 'web', 'status')}"] = 404
    with pytest.raises(StatusSubresourceMissingError):
        StatusWriter(fake).write(found, status)
    fake.failures[f"GET {VPAS.path('shop', 'web')}"] = 404
    assert StatusWriter(fake).write(found, status) == "gone"
    fake.failures[f"GET {VPAS.path('shop', 'web')}"] = 500
    with pytest.raises(ClusterReplyError):
        StatusWriter(fake).write(found, status)


@pytest.mark.parametrize(
    ("name", "releaser"),
    [("web-autoscaler-1", ""), ("cluster-autoscaler-1", "cluster-autoscaler")],
)
def test_an_autoscaler_that_removes_nodes_is_seen_in_any_namespace(name, releaser):
    fake = FakeApi([builder.pod("kube-system", name), builder.pod("shop", "web")])
    state = ClusterReader(fake, ClusterSettings(namespace=("shop",))).read()
    assert state.node_releaser == releaser


def test_an_autoscaler_that_does_not_run_removes_nothing():
    fake = FakeApi([builder.pod("kube-system", "karpenter-1", phase="Failed")])
    assert ClusterReader(fake, ClusterSettings()).read().node_releaser == ""
