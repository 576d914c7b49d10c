"""targetRef leads to the topmost controller, of any kind, or to what is wrong with it."""

import pytest

from recommender.model.identity import WorkloadRef
from tests.cluster import builder
from tests.cluster.builder import controller, custom, deployment_with_pods, owned_by, pod, vpa

GROUP = "testbed.invalid"
KINDS = {
    "Fleet": {},
    "Plain": {"is_scalable": False},
    "Mute": {"has_selector": False},
}


@pytest.fixture(scope="module", autouse=True)
def custom_kinds(control_plane):
    """Custom kinds: with /scale, without it, and with one that names no pods."""
    control_plane.apply(
        [builder.custom_definition(kind, GROUP, **how) for kind, how in KINDS.items()]
    )
    for kind in KINDS:
        name = f"crd/{kind.lower()}s.{GROUP}"
        control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", name)


def fleet(shop, name, **rest):
    return custom("Fleet", GROUP, shop, name, **rest)


def fleet_vpa(shop, name, *, kind="Fleet", **rest):
    return vpa(shop, name, kind=kind, version=f"{GROUP}/v1", **rest)


def only_vpa(state):
    (found,) = state.vpas
    return found


def test_any_kind_with_a_scale_subresource_can_be_a_target(read_shop, shop):
    state = read_shop(
        fleet(shop, "boats", selector="app=boats,tier in (deck,hull),!spare"),
        pod(shop, "any-name", labels={"app": "boats", "tier": "deck"}),
        pod(shop, "a-spare", labels={"app": "boats", "tier": "deck", "spare": ""}),
        pod(shop, "of-others", labels={"app": "cars", "tier": "deck"}),
        fleet_vpa(shop, "boats"),
    )
    boats = WorkloadRef(shop, "Fleet", "boats")
    assert only_vpa(state).problem == ""
    assert [(each.ref, each.replicas) for each in state.workloads] == [(boats, 1)]
    assert state.owners.pods[shop, "any-name"] == boats


def test_old_pods_of_a_scalable_target_are_known_by_the_replica_sets_it_owns(read_shop, shop):
    owner = owned_by("Fleet", "boats", f"{GROUP}/v1")
    state = read_shop(
        fleet(shop, "boats", selector="app=boats"),
        controller("ReplicaSet", shop, "boats-5d4f8c7b9", owners=owner),
        controller("ReplicaSet", shop, "boats-7c6b5d4f8", owners=owner),
        pod(
            shop,
            "boats-7c6b5d4f8-bcdfg",
            labels={"app": "boats"},
            owners=owned_by("ReplicaSet", "boats-7c6b5d4f8"),
        ),
        fleet_vpa(shop, "boats"),
    )
    boats = WorkloadRef(shop, "Fleet", "boats")
    assert state.owners.owner(shop, "boats-5d4f8c7b9-zxwvt") == boats
    assert state.owners.owner(shop, "boats-7c6b5d4f8-zxwvt") == boats


def test_all_workloads_hold_scalable_custom_ones_instead_of_what_they_own(read_shop, shop):
    state = read_shop(
        fleet(shop, "boats", selector="app=boats"),
        *deployment_with_pods(shop, "hull"),
        controller("Deployment", shop, "deck", owners=owned_by("Fleet", "boats", f"{GROUP}/v1")),
        controller("ReplicaSet", shop, "deck-5d4f8c7b9", owners=owned_by("Deployment", "deck")),
        pod(shop, "deck-5d4f8c7b9-bcdfg", owners=owned_by("ReplicaSet", "deck-5d4f8c7b9")),
        all_workloads=True,
    )
    assert {(each.ref.kind, each.ref.name) for each in state.workloads} == {
        ("Deployment", "hull"),
        ("Fleet", "boats"),
    }


def test_a_controller_under_a_custom_object_without_scale_is_the_topmost(read_shop, shop):
    owner = owned_by("Plain", "operator", f"{GROUP}/v1")
    state = read_shop(
        custom("Plain", GROUP, shop, "operator"),
        controller("StatefulSet", shop, "db", owners=owner),
        pod(shop, "db-0", owners=owned_by("StatefulSet", "db")),
        vpa(shop, "db", kind="StatefulSet"),
    )
    assert only_vpa(state).problem == ""
    assert [each.replicas for each in state.workloads] == [1]


def test_a_scalable_grandparent_above_one_without_scale_is_found(read_shop, shop):
    state = read_shop(
        fleet(shop, "boats", selector="app=boats"),
        custom("Plain", GROUP, shop, "between", owners=owned_by("Fleet", "boats", f"{GROUP}/v1")),
        controller("Deployment", shop, "deck", owners=owned_by("Plain", "between", f"{GROUP}/v1")),
        vpa(shop, "deck"),
    )
    assert "controlled by Fleet boats" in only_vpa(state).problem


def deployment_and_set(shop):
    owner = owned_by("Deployment", "web")
    return [
        controller("Deployment", shop, "web"),
        controller("ReplicaSet", shop, "rs", owners=owner),
    ]


def nothing(_):
    return []


@pytest.mark.parametrize(
    ("objects", "claim", "words"),
    [
        pytest.param(
            deployment_and_set,
            lambda ns: vpa(ns, "x", kind="ReplicaSet", target="rs"),
            ["ReplicaSet rs", "controlled by Deployment web", "let targetRef name Deployment web"],
            id="not the topmost controller",
        ),
        pytest.param(
            deployment_and_set,
            lambda ns: vpa(ns, "x", target="wep"),
            ["no Deployment wep", "did you mean web?"],
            id="a misspelt name",
        ),
        pytest.param(
            nothing,
            lambda ns: vpa(ns, "x", target="nothing"),
            ["no Deployment nothing in namespace", "create it"],
            id="no such object",
        ),
        pytest.param(
            nothing,
            lambda ns: vpa(ns, "x", kind="Fleet", version=f"{GROUP}/v9"),
            [f"serves no {GROUP}/v9", "targetRef.apiVersion"],
            id="an unknown version",
        ),
        pytest.param(
            nothing,
            lambda ns: vpa(ns, "x", kind="Flet", version=f"{GROUP}/v1"),
            ["no kind Flet", "did you mean Fleet?"],
            id="an unknown kind",
        ),
        pytest.param(
            nothing,
            lambda ns: vpa(ns, "x", kind="Node", version="v1"),
            ["v1 has no kind Node with objects in namespaces"],
            id="a kind without namespaces",
        ),
        pytest.param(
            nothing,
            lambda ns: vpa(ns, "x", kind="Fleet", version=None),
            ["Fleet without an apiVersion", "give the apiVersion"],
            id="no version",
        ),
        pytest.param(
            nothing,
            lambda ns: vpa(ns, "x", kind="Fleet", version="../../v1"),
            ["serves no ../../v1"],
            id="a version that is a path",
        ),
        pytest.param(
            lambda ns: [custom("Plain", GROUP, ns, "plain")],
            lambda ns: fleet_vpa(ns, "x", kind="Plain", target="plain"),
            ["Plain", "no /scale", "target the Deployment"],
            id="a kind without scale",
        ),
        pytest.param(
            lambda ns: [custom("Mute", GROUP, ns, "mute")],
            lambda ns: fleet_vpa(ns, "x", kind="Mute", target="mute"),
            ["/scale of Mute mute names no pods", "labelSelectorPath"],
            id="a scale without a selector",
        ),
        pytest.param(
            lambda ns: [fleet(ns, "boats", selector="app in boats")],
            lambda ns: fleet_vpa(ns, "boats"),
            ["/scale of Fleet boats", "'app in boats'"],
            id="a scale with a bad selector",
        ),
        pytest.param(
            nothing,
            lambda ns: fleet_vpa(ns, "boats"),
            ["no Fleet boats in namespace"],
            id="no such custom object",
        ),
        pytest.param(
            lambda ns: [
                fleet(ns, "boats", selector="a=b"),
                fleet(
                    ns, "inner", selector="a=c", owners=owned_by("Fleet", "boats", f"{GROUP}/v1")
                ),
            ],
            lambda ns: fleet_vpa(ns, "inner"),
            ["Fleet inner is itself controlled by Fleet boats"],
            id="a custom object below another",
        ),
    ],
)
def test_a_target_that_cannot_be_sized_says_why_and_what_to_do(
    read_shop, shop, objects, claim, words
):
    state = read_shop(*objects(shop), claim(shop))
    problem = only_vpa(state).problem
    assert [word for word in words if word not in problem] == []
    assert state.workloads == ()


def test_owner_references_in_a_circle_are_named(control_plane, read_shop, shop):
    control_plane.apply([controller("StatefulSet", shop, name) for name in ("a", "b")])
    owners = {"a": owned_by("StatefulSet", "b"), "b": owned_by("StatefulSet", "a")}
    for name, references in owners.items():
        made = controller("StatefulSet", shop, name, owners=references)
        control_plane.apply([made])
    state = read_shop(vpa(shop, "a", kind="StatefulSet"))
    assert "form a circle" in only_vpa(state).problem


def test_the_target_is_looked_for_in_the_namespace_of_the_vpa_only(control_plane, read_shop, shop):
    other = builder.unique("other")
    control_plane.apply([builder.namespace(other), controller("Deployment", other, "web")])
    state = read_shop(vpa(shop, "web"), namespace=(shop, other))
    assert f"no Deployment web in namespace {shop}" in only_vpa(state).problem


def test_a_kind_of_the_same_name_in_another_group_is_not_kubernetes_own(read_shop, shop):
    state = read_shop(
        controller("StatefulSet", shop, "db"),
        vpa(shop, "db", kind="StatefulSet", version="apps.kruise.invalid/v1"),
    )
    assert "serves no apps.kruise.invalid/v1" in only_vpa(state).problem


def test_of_several_vpas_of_ours_on_one_target_the_oldest_is_answered(
    control_plane, read_shop, shop
):
    control_plane.apply([*deployment_with_pods(shop, "web"), vpa(shop, "b-first", target="web")])
    state = read_shop(vpa(shop, "c-second", target="web"), vpa(shop, "d-third", target="web"))
    problems = {each.name: each.problem for each in state.vpas}
    # Times have whole seconds, so a VPA made in the same second wins by its name; b is first by both.
    assert problems["b-first"] == ""
    for name in ("c-second", "d-third"):
        assert "VPA b-first is older and targets the same workload" in problems[name]
    assert [each.ref.name for each in state.workloads] == ["web"]
    assert {each.target for each in state.vpas} == {WorkloadRef(shop, "Deployment", "web")}


def test_a_shadow_vpa_beside_the_stock_recommenders_is_answered(read_shop, shop):
    state = read_shop(
        *deployment_with_pods(shop, "web"),
        vpa(shop, "stock", target="web", recommenders=()),
        vpa(shop, "shadow", target="web", updatePolicy={"updateMode": "Off"}),
    )
    assert (only_vpa(state).name, only_vpa(state).problem) == ("shadow", "")
