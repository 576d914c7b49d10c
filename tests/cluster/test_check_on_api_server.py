"""Doctor on real API servers: CRDs that are missing or half there, users with limited rights."""

from __future__ import annotations

import pytest

from recommender.cluster.check import examine_cluster
from recommender.cluster.connection import connect
from recommender.cluster.role import list_lease_rules, list_rules
from recommender.settings import ClusterSettings
from tests.cluster import builder
from tests.cluster.builder import unique
from tests.testbed.control_plane import ControlPlane
from tests.testbed.process import wait_until

CRD = (
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
    "verticalpodautoscalers.autoscaling.k8s.io"
)


def examine(kubeconfig, **settings):
    """What was found, and the first check of each subject."""
    settings = ClusterSettings(kubeconfig=str(kubeconfig), **settings)
    with connect(settings) as connection:
        found = examine_cluster(connection, settings)
    return found, {check.subject: check for check in reversed(found.checks)}


@pytest.fixture(scope="module")
def plane_without_vpas():
    """An API server of its own without the CRD of VPA."""
    with ControlPlane() as plane:
        plane.api.delete(CRD)
        path = "/apis/autoscaling.k8s.io/v1"
        wait_until(lambda: not plane.api.answers(path), "the VPA resource is gone")
        yield plane


def test_an_administrator_of_an_empty_cluster_sees_no_failure_but_that_it_is_empty(empty_cluster):
    found, checks = examine(empty_cluster.kubeconfig)
    assert {check.subject: check.level for check in found.checks if check.level != "ok"} == (
        dict.fromkeys(["nodes", "autoscaler", "vpas", "requests", "vpa parts"], "warn")
    )
    assert checks["api server"].found.startswith("Kubernetes 1.")
    assert empty_cluster.url in checks["api server"].found
    assert checks["api server clock"].level == "ok"
    assert checks["vpa crd"].found == "VerticalPodAutoscaler v1 with status subresource"


def test_credentials_that_are_not_accepted_are_one_line(control_plane):
    found, checks = examine(control_plane.write_kubeconfig(unique("stranger"), "no-such-token"))
    assert [check.level for check in found.checks] == ["fail"]
    assert "does not accept these credentials" in checks["api server"].found


def test_a_crd_without_status_subresource_is_seen(control_plane_without_status_subresource):
    _, checks = examine(control_plane_without_status_subresource.kubeconfig)
    assert checks["vpa crd"].level == "fail"
    assert "no status subresource" in checks["vpa crd"].found


def test_a_cluster_without_the_crd_is_seen_and_all_else_is_looked_at(plane_without_vpas):
    plane_without_vpas.apply([builder.node("n1")])
    found, checks = examine(plane_without_vpas.kubeconfig)
    assert [check.subject for check in found.checks if check.level == "fail"] == ["vpa crd"]
    assert "no VerticalPodAutoscaler" in checks["vpa crd"].found
    assert checks["nodes"].level == "ok"


OPTIONAL = {
    "*/scale",
    "events",
    "limitranges",
    "resourcequotas",
    "energyprofiles",
    "energyprofiles/status",
}


def test_a_user_who_may_do_nothing_is_told_all_verbs_in_one_rule(control_plane):
    _, checks = examine(control_plane.new_user(unique("nobody"), []))
    check = checks["permissions"]
    assert "patch verticalpodautoscalers/status" in check.found
    wanted = {
        (group, resource, verb)
        for rule in list_rules()
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if resource not in OPTIONAL and verb != "watch"  # joulefit can do without
    }
    [granted] = [each["rules"] for each in check.manifests if each["kind"] == "ClusterRole"]
    assert wanted == {
        (rule["apiGroups"][0], resource, verb)
        for rule in granted
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert checks["workloads"].level == "fail"
    assert checks["vpa crd"].level == "ok"  # discovery is for every user


@pytest.mark.parametrize(
    ("resource", "loss"),
    [
        ("*/scale", "VPAs whose targets are of custom kinds get no answer"),
        ("events", "kubectl describe shows no Events of ours"),
    ],
)
def test_a_user_without_what_can_be_done_without_is_warned_of_its_loss(
    control_plane, resource, loss
):
    rules = [rule for rule in list_rules() if rule["resources"] != [resource]]
    found, _ = examine(control_plane.new_user(unique("user"), rules))
    good, warning = [check for check in found.checks if check.subject == "permissions"]
    assert (good.level, warning.level) == ("ok", "warn")
    assert loss in warning.found


def test_the_role_that_ships_is_enough_for_doctor(control_plane):
    user = control_plane.new_user(unique("doctor"), list_rules())
    _, checks = examine(user)
    assert checks["permissions"].level == "ok"
    assert "workloads" not in checks
    assert f"as system:serviceaccount:testbed-users:{user.name.partition('.')[0]}" in (
        checks["api server"].found
    )


def lease_check(kubeconfig, namespace, **settings):
    settings = ClusterSettings(kubeconfig=str(kubeconfig), **settings)
    with connect(settings) as opened:
        found = examine_cluster(opened, settings, lease_namespace=namespace)
    return next(check for check in found.checks if check.subject == "lease")


def test_whoever_may_not_hold_the_lease_is_given_the_role_that_lets_him(control_plane):
    """Of this recommender name, in this namespace, and nothing else."""
    home = unique("home")
    control_plane.apply([builder.namespace(home)])
    user = control_plane.new_user(unique("runner"), list_rules())
    before = lease_check(user, home, recommender_name="green")
    assert before.level == "warn"
    for verb in ("create", "get", "update"):
        assert f"{verb} leases in namespace {home}" in before.found
    role, _ = before.manifests
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", home)
    assert sorted(role["rules"], key=str) == sorted(list_lease_rules("green-recommender"), key=str)
    control_plane.apply(before.manifests)

    def is_granted():
        return lease_check(user, home, recommender_name="green").level == "ok"

    wait_until(is_granted, "the role is in force")
    assert lease_check(user, home, recommender_name="other").level == "warn"
    assert lease_check(user, "default", recommender_name="green").level == "warn"


def test_workloads_vpas_and_parts_are_those_of_the_cluster(empty_cluster):
    shop = unique("shop")
    bare = [builder.container("app", cpu="100m")]
    recommender = {"name": "main", "image": "registry.invalid/vpa:1", "args": ["--v=4"]}
    program = {"containers": [recommender | {"args": ["--recommender-name=joulefit"]}]}
    empty_cluster.apply(
        [
            builder.namespace(shop),
            builder.node("n1"),
            *builder.deployment_with_pods(shop, "web"),
            *builder.deployment_with_pods(shop, "bare", containers=bare),
            builder.vpa(shop, "web"),
            builder.vpa(shop, "lost"),
            builder.pod(shop, "vpa-updater-5d9c7b8f6-bcdfg"),
            builder.pod(shop, "vpa-admission-controller-5d9c7b8f6-bcdfg"),
            builder.pod(shop, "vpa-recommender-5d9c7b8f6-bcdfg", **program),
            builder.pod(shop, "other-vpa-recommender-5d9c7b8f6-bcdfg", **program),
        ]
    )
    _, checks = examine(empty_cluster.kubeconfig)
    assert checks["nodes"].found == "1 node with 32 cores"
    assert checks["autoscaler"].level == "warn"
    assert checks["vpas"].found.startswith("2 VPAs name joulefit; 1 of them cannot be answered")
    assert f"{shop}/lost: there is no Deployment lost" in checks["vpas"].found
    assert checks["requests"].found.startswith("1 of 2 workloads lacks requests")
    assert f"{shop}/deploy/bare memory" in checks["requests"].found
    assert checks["vpa parts"].found == f"updater and admission controller run in {shop}"
    assert checks["recommenders"].level == "fail"


def test_who_asks_for_one_namespace_is_granted_it_there_and_warned_of_the_rest(control_plane):
    shop = unique("shop")
    control_plane.apply([builder.namespace(shop)])
    found, checks = examine(control_plane.new_user(unique("team"), []), namespace=(shop,))
    granted = checks["permissions"].manifests
    assert {(each["kind"], each["metadata"]["namespace"]) for each in granted} == {
        ("Role", shop),
        ("RoleBinding", shop),
    }
    assert f"list pods in namespace {shop}" in checks["permissions"].found
    [_, warning] = [each for each in found.checks if each.subject == "permissions"]
    assert "list nodes (a reserved core has no price)" in warning.found
    assert "list pods (a core is priced as if all cores were reserved" in warning.found
    assert "ClusterRole" in {each["kind"] for each in warning.manifests}
