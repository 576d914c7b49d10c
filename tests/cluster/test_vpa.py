"""Only VPAs that name us are ours; a spec that cannot be meant is refused with what to do."""

import msgspec
import pytest

from recommender.cluster.vpa import VpaItem, claim_vpas, find_older
from recommender.model.cluster import Amounts, ContainerPolicy, Vpa
from recommender.units import MIB
from tests.cluster.builder import policy, vpa


def decoded(*items):
    return [msgspec.json.decode(msgspec.json.encode(item), type=VpaItem) for item in items]


def claim(**spec):
    (found,) = claim_vpas(decoded(vpa("shop", "web", **spec)), "joulefit")
    return found


@pytest.mark.parametrize(
    "recommenders",
    [(), ("other",), ("JOULEFIT",), ("joulefit-2",), (" joulefit",)],
    ids=["none: the stock one's", "another", "another case", "a longer name", "a blank"],
)
def test_a_vpa_that_does_not_name_us_exactly_is_not_ours(recommenders):
    assert claim_vpas(decoded(vpa("shop", "web", recommenders=recommenders)), "joulefit") == []


def test_a_vpa_of_others_is_not_even_decoded():
    broken = vpa("shop", "web", recommenders=("other",))
    broken["spec"]["resourcePolicy"] = 7
    unreadable = vpa("shop", "odd")
    unreadable["spec"]["recommenders"] = "joulefit"
    assert claim_vpas(decoded(broken, unreadable), "joulefit") == []


def test_the_name_can_be_chosen():
    (found,) = claim_vpas(decoded(vpa("shop", "web", recommenders=("clever",))), "clever")
    assert (found.name, found.problem) == ("web", "")


def test_a_vpa_that_is_being_deleted_is_left_alone():
    item = vpa("shop", "web")
    item["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert claim_vpas(decoded(item), "joulefit") == []


def test_an_ordinary_spec_is_read_whole():
    found = claim(
        updatePolicy={"updateMode": "Off"},
        resourcePolicy={
            "containerPolicies": [
                {
                    "containerName": "app",
                    "minAllowed": {"cpu": "50m", "memory": "64Mi"},
                    "maxAllowed": {"cpu": 2, "memory": "0"},
                    "controlledResources": ["cpu"],
                    "controlledValues": "RequestsOnly",
                },
                {"containerName": "*", "mode": "Off"},
            ]
        },
        annotations={"joulefit.io/work-class": "batch"},
    )
    assert (found.problem, found.update_mode, found.work_class) == ("", "Off", "batch")
    assert found.policies == (
        ContainerPolicy(
            "app",
            min_allowed=Amounts(50, 64 * MIB),
            max_allowed=Amounts(2000, None),
            controlled=frozenset({"cpu"}),
            scales_limits=False,
        ),
        ContainerPolicy("*", is_off=True),
    )


def test_without_policies_the_defaults_of_the_api_hold():
    found = claim()
    assert (found.update_mode, found.policies, found.work_class) == ("Auto", (), "")


def test_an_empty_list_of_controlled_resources_controls_none():
    (only,) = claim(resourcePolicy=policy("app", controlledResources=[])).policies
    assert only.controlled == frozenset()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param(
            {"recommenders": ("joulefit", "other")}, ["also names other", "name one"], id="two"
        ),
        pytest.param({"target": "Web Shop"}, ["'Web Shop'", "no object name"], id="odd name"),
        pytest.param({"target": "../../x"}, ["no object name"], id="a name that is a path"),
        pytest.param({"kind": ""}, ["targetRef", "name the workload"], id="no kind"),
        pytest.param(
            {"resourcePolicy": policy("app", minAllowed={"cpu": "2"}, maxAllowed={"cpu": "1"})},
            ["'app'", "minAllowed cpu 2 is above maxAllowed 1", "lower one"],
            id="cpu minimum above maximum",
        ),
        pytest.param(
            {"resourcePolicy": policy(minAllowed={"memory": "2Gi"}, maxAllowed={"memory": "1G"})},
            ["minAllowed memory 2Gi is above maxAllowed 1000000000"],
            id="memory minimum above maximum",
        ),
        pytest.param(
            {"resourcePolicy": policy(minAllowed={"cpu": "lots"})},
            ["minAllowed of container '*'", "'lots' is not a Kubernetes quantity"],
            id="no quantity",
        ),
        pytest.param(
            {"resourcePolicy": policy(maxAllowed={"cpu": "-1"})}, ["below zero"], id="negative"
        ),
        pytest.param(
            {"resourcePolicy": policy(minAllowed={"cpu": "9E"})},
            ["minAllowed of container '*'", "beyond any machine", "lower it"],
            id="a minimum that no machine has",
        ),
        pytest.param(
            {"resourcePolicy": policy(mode="Maybe")}, ["'Maybe'", "Auto or Off"], id="mode"
        ),
        pytest.param(
            {"resourcePolicy": policy(controlledValues="LimitsOnly")},
            ["'LimitsOnly'", "RequestsOnly"],
            id="controlled values",
        ),
        pytest.param({"resourcePolicy": 7}, ["spec cannot be read"], id="no object"),
        pytest.param(
            {"annotations": {"joulefit.io/work-class": "urgent"}},
            ["joulefit.io/work-class", "'urgent'", "critical, standard, batch"],
            id="work class",
        ),
    ],
)
def test_a_faulty_vpa_of_ours_says_what_is_wrong_and_what_to_do(spec, words):
    problem = claim(**spec).problem
    assert [word for word in words if word not in problem] == []
    assert "\n" not in problem


def test_a_missing_target_reference_is_named():
    item = vpa("shop", "web")
    del item["spec"]["targetRef"]
    (found,) = claim_vpas(decoded(item), "joulefit")
    assert "spec.targetRef is missing" in found.problem


def test_a_minimum_without_a_maximum_and_a_maximum_of_zero_are_no_contradiction():
    assert claim(resourcePolicy=policy(minAllowed={"cpu": "2"})).problem == ""
    both = policy(minAllowed={"cpu": "2"}, maxAllowed={"cpu": "0"})
    assert claim(resourcePolicy=both).problem == ""


def test_the_oldest_vpa_on_a_target_wins_then_the_first_name():
    items = [vpa("shop", name, target="web") for name in ("c", "b", "a")]
    for item, day in zip(items, ("01", "02", "02"), strict=True):
        item["metadata"]["creationTimestamp"] = f"2026-01-{day}T00:00:00Z"
    items += [vpa("shop", "other", target="db"), vpa("else", "web", target="web")]
    rivals = find_older(claim_vpas(decoded(*items), "joulefit"))
    assert {name: rival.name for name, rival in rivals.items()} == {
        ("shop", "a"): "c",
        ("shop", "b"): "c",
    }


def test_a_maximum_beyond_any_machine_is_no_cap_and_the_least_quantity_is_one_unit():
    found = claim(
        resourcePolicy=policy(maxAllowed={"cpu": "9E"}, minAllowed={"cpu": "1e-9", "memory": "1m"})
    )
    assert found.problem == ""
    assert found.policies[0].max_allowed.cpu_millicores > 10**14
    assert found.policies[0].min_allowed == Amounts(1, 1)


@pytest.mark.parametrize("status", [None, [], "x", 7], ids=str)
def test_a_status_that_is_no_object_counts_as_none(status):
    item = vpa("shop", "web") | {"status": status}
    (found,) = claim_vpas(decoded(item), "joulefit")
    assert found.status == {}


def test_of_policies_with_one_name_the_first_holds_and_of_those_for_all_the_last():
    listed = [
        {"containerName": "app", "mode": "Off"},
        {"containerName": "app"},
        {"containerName": "*"},
        {"containerName": "*", "mode": "Off"},
    ]
    found = claim(resourcePolicy={"containerPolicies": listed})
    answer = Vpa("shop", "web", 1, None, policies=found.policies)
    assert [answer.policy(name).is_off for name in ("app", "log")] == [True, True]
    assert not Vpa("shop", "web", 1, None, policies=found.policies[1:3]).policy("log").is_off


@pytest.mark.parametrize(
    "mode", ["Off", "Initial", "Recreate", "InPlace", "InPlaceOrRecreate", "Auto", "Soon"]
)
def test_every_update_mode_is_answered_also_one_that_is_not_known_yet(mode):
    found = claim(updatePolicy={"updateMode": mode})
    assert (found.update_mode, found.problem) == (mode, "")
