"""Each verb of our role is asked for by a review, and what is refused becomes a ready rule."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from recommender.cluster.connection import connect
from recommender.cluster.fake import FakeApi
from recommender.cluster.permission import (
    SELF_REVIEWS,
    Permission,
    grant,
    list_permissions,
    read_identity,
    read_refused,
)
from recommender.cluster.role import list_rules
from recommender.errors import ClusterReplyError
from recommender.settings import ClusterSettings
from tests.cluster.builder import namespace, unique
from tests.testbed.process import wait_until

RULES = [
    {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]},
    {"apiGroups": ["autoscaling.k8s.io"], "resources": ["vpas"], "verbs": ["get", "list"]},
]


def described(permissions):
    return [str(each) for each in permissions]


def test_each_verb_on_each_resource_is_wanted_cluster_wide():
    wanted = list_permissions(RULES, [])
    assert described(wanted) == ["list nodes", "list pods", "get vpas", "list vpas"]
    assert {each.loss for each in wanted} == {""}


def test_with_namespaces_each_of_them_is_asked_and_what_prices_a_core_from_all_of_the_cluster():
    wanted = list_permissions(RULES, ["a", "b"])
    assert described(wanted) == [
        "list nodes",
        "list pods in namespace a",
        "list pods in namespace b",
        "get vpas in namespace a",
        "get vpas in namespace b",
        "list vpas in namespace a",
        "list vpas in namespace b",
        "list pods",
    ]
    assert described(each for each in wanted if each.loss) == ["list nodes", "list pods"]


def test_named_objects_are_asked_for_by_name():
    rule = {"apiGroups": ["g"], "resources": ["leases"], "verbs": ["get"], "resourceNames": ["x"]}
    [wanted] = list_permissions([rule], [])
    assert wanted.name == "x"
    [role, _] = grant([wanted], "alice")
    assert role["rules"] == [rule]


def test_what_the_server_refuses_is_found():
    fake = FakeApi(refused=["list pods", "patch verticalpodautoscalers/status"])
    refused = read_refused(fake, list_permissions(list_rules(), []))
    assert described(refused) == ["list pods", "patch verticalpodautoscalers/status"]


def test_who_asks_and_what_time_the_server_has():
    fake = FakeApi(user="alice", clock=lambda: 1_700_000_000.9)
    identity = read_identity(fake)
    assert (identity.user, identity.time) == ("alice", 1_700_000_000)


@pytest.mark.parametrize("status", [403, 404])
def test_a_server_that_does_not_tell_who_asks_is_borne(status):
    fake = FakeApi(failures={f"POST {SELF_REVIEWS.path()}": status})
    assert read_identity(fake) is None


def test_a_server_that_fails_to_tell_who_asks_is_an_error():
    fake = FakeApi(failures={f"POST {SELF_REVIEWS.path()}": 500})
    with pytest.raises(ClusterReplyError):
        read_identity(fake)


def test_the_rule_holds_exactly_what_is_missing_for_exactly_this_user():
    missing = [
        Permission("", "nodes", "list"),
        Permission("", "pods", "list"),
        Permission("autoscaling.k8s.io", "verticalpodautoscalers/status", "patch"),
    ]
    role, binding = grant(missing, "system:serviceaccount:team-a:joulefit")
    assert role["kind"] == "ClusterRole"
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]},
        {
            "apiGroups": ["autoscaling.k8s.io"],
            "resources": ["verticalpodautoscalers/status"],
            "verbs": ["patch"],
        },
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "joulefit", "namespace": "team-a"}
    ]


def test_a_person_is_bound_as_a_user_and_an_unknown_one_not_at_all():
    missing = [Permission("", "pods", "list")]
    assert grant(missing, "alice@example.com")[1]["subjects"] == [
        {
            "kind": "User",
            "name": "alice@example.com",
            "apiGroup": "rbac.authorization.k8s.io",
        }
    ]
    assert [each["kind"] for each in grant(missing, "")] == ["ClusterRole"]


def test_what_is_missing_in_a_namespace_is_granted_there_only():
    missing = [Permission("", "pods", "list", "a"), Permission("", "nodes", "list")]
    granted = grant(missing, "alice")
    assert [(each["kind"], each["metadata"].get("namespace")) for each in granted] == [
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
        ("Role", "a"),
        ("RoleBinding", "a"),
    ]


PERMISSIONS = st.lists(
    st.builds(
        Permission,
        st.sampled_from(["", "apps"]),
        st.sampled_from(["pods", "deployments", "*/scale"]),
        st.sampled_from(["get", "list", "patch"]),
        st.sampled_from(["", "shop"]),
    ),
    min_size=1,
)


@given(PERMISSIONS)
def test_the_rules_grant_all_that_is_missing_and_nothing_more(missing):
    granted = {
        (group, resource, verb, manifest["metadata"].get("namespace", ""))
        for manifest in grant(missing, "alice")
        for rule in manifest.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == {(p.group, p.resource, p.verb, p.namespace) for p in missing}


@given(PERMISSIONS, PERMISSIONS)
def test_roles_of_other_content_have_other_names_so_that_none_is_overwritten(one, other):
    roles = {}
    for missing in (one, other):
        for role in grant(missing, "alice")[::2]:
            name = role["metadata"]["name"], role["metadata"].get("namespace")
            assert roles.setdefault(name, role["rules"]) == role["rules"]


@pytest.mark.parametrize("is_cluster_wide", [True, False], ids=["cluster-wide", "one namespace"])
def test_on_a_real_server_the_printed_rule_mends_what_was_refused(
    control_plane, tmp_path, is_cluster_wide
):
    shop = unique("shop")
    control_plane.apply([namespace(shop)])
    lacking = [rule for rule in list_rules() if "apps" not in rule["apiGroups"]]
    kubeconfig = control_plane.new_user(unique("doctor"), lacking)
    wanted = list_permissions(list_rules(), [] if is_cluster_wide else [shop])
    with connect(ClusterSettings(kubeconfig=str(kubeconfig))) as user:
        refused = read_refused(user, wanted)
        kinds = {"daemonsets", "deployments", "replicasets", "statefulsets"}
        assert {each.resource for each in refused} == kinds
        rule = tmp_path / "rule.yaml"
        rule.write_text(yaml.safe_dump_all(grant(refused, read_identity(user).user)))
        control_plane.kubectl("apply", "-f", str(rule))
        wait_until(lambda: read_refused(user, wanted) == [], "the printed rule is in force")


def test_on_a_real_server_an_administrator_lacks_nothing_and_has_a_name(control_plane):
    with connect(ClusterSettings(kubeconfig=str(control_plane.kubeconfig))) as admin:
        assert read_refused(admin, list_permissions(list_rules(), [])) == []
        assert read_identity(admin).user == "admin"
        said = control_plane.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
        assert said == "admin"


def test_a_rule_that_is_applied_twice_changes_nothing(control_plane, tmp_path):
    rule = tmp_path / "rule.yaml"
    rule.write_text(yaml.safe_dump_all(grant([Permission("", "pods", "list")], unique("user"))))
    control_plane.kubectl("apply", "-f", str(rule))
    said = control_plane.kubectl("apply", "-f", str(rule))
    assert [line.split()[-1] for line in said.splitlines()] == ["unchanged", "unchanged"]
