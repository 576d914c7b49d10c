"""A status is written again only when it says something else."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.cluster.status import build_status, status_differs
from tests.cluster.test_status_condition import condition
from tests.cluster.test_status_entry import before, entry, vpa
from tests.cluster.verdict import report, sized, skipped

EARLIER, NOW = "2026-04-01T00:00:00Z", "2026-05-01T12:00:00Z"


def status(*entries, conditions=(), **rest):
    return {**before(*entries), "conditions": list(conditions), **rest}


def low(message, **rest):
    return condition("LowConfidence", message=message, reason="StockRule", **rest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (entry("a", cpu=("1000m", "1500m", "2000m")), entry("a", cpu=("1", "1.5", "2"))),
        (entry("a", cpu=(1, 2, 3)), entry("a", cpu=("1", "2", "3"))),
        (
            entry("a", memory=("1Gi", "2Gi", "3Gi")),
            entry("a", memory=("1024Mi", "2147483648", "3072Mi")),
        ),
    ],
    ids=["millicores", "integers", "bytes"],
)
def test_quantities_count_by_value(old, new):
    assert not status_differs(status(old), status(new))


@pytest.mark.parametrize(
    "new",
    [
        entry("a", cpu=("372m", "412m", "470m")),
        entry("a", cpu=("371m", "411m", "470m")),
        entry("a", cpu=("372m", "411m", "471m")),
        entry("b"),
        entry("a", memory=("1Gi", "2Gi", "3Gi")),
        entry("a") | {"uncappedTarget": {"cpu": "1"}},
    ],
    ids=["target", "lower bound", "upper bound", "container", "resource", "uncapped target"],
)
def test_any_other_amount_is_a_difference(new):
    assert status_differs(status(entry("a")), status(new))


def test_more_fewer_or_doubled_entries_are_a_difference_and_their_order_is_none():
    one, two = status(entry("a")), status(entry("a"), entry("b"))
    assert status_differs(one, two)
    assert status_differs(two, one)
    assert status_differs(status(entry("a"), entry("a")), one)
    assert not status_differs(status(entry("b"), entry("a")), two)


def test_the_first_status_is_a_difference():
    assert status_differs({}, build_status(vpa(), None, [], now=NOW))


def test_times_of_conditions_are_no_difference():
    old = status(conditions=[low("x")])
    new = status(conditions=[low("x", lastTransitionTime=NOW)])
    assert not status_differs(old, new)


@pytest.mark.parametrize(
    "new",
    [
        [low("y")],
        [low("x", status="False")],
        [low("x") | {"reason": "ModelledPower"}],
        [],
        [low("x"), condition("NoPodsMatched")],
    ],
    ids=["message", "status", "reason", "gone", "another"],
)
def test_what_a_condition_says_is_a_difference(new):
    assert status_differs(status(conditions=[low("x")]), status(conditions=new))


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("3 h of history, 24 h needed", "5 h of history, 24 h needed", False),
        ("3 h of history, 24 h needed", "6 h of history, 24 h needed", True),
        ("3 h of history", "1 d of history", True),
        ("1,000 samples", "1,999 samples", False),
        ("1,000 samples", "2,000 samples", True),
        ("costs 1.42 W (1.37-1.47)", "costs 1.43 W (1.36-1.48)", False),
        ("costs 0 W", "costs 1 W", True),
        ("app: T1 priced", "app: T2 priced", True),
        ("app-4: quiet", "app-5: quiet", True),
        ("on 1.34.4", "on 1.34.5", True),
    ],
)
def test_evidence_that_grows_a_little_is_no_difference(old, new, differs):
    assert status_differs(status(conditions=[low(old)]), status(conditions=[low(new)])) is differs


def test_numbers_of_the_users_own_spec_are_a_difference():
    old = condition("ConfigUnsupported", message="minAllowed cpu 3 is above maxAllowed 2")
    new = condition("ConfigUnsupported", message="minAllowed cpu 4 is above maxAllowed 2")
    assert status_differs(status(conditions=[old]), status(conditions=[new]))


def test_a_generation_that_was_pruned_is_no_difference_and_a_changed_one_is():
    new = status(entry("a"), observedGeneration=2)
    assert not status_differs(status(entry("a")), new)
    assert status_differs(status(entry("a"), observedGeneration=1), new)
    assert not status_differs(status(entry("a"), observedGeneration=2), new)


@pytest.mark.parametrize(
    "odd",
    [
        {"recommendation": 7},
        {"recommendation": {"containerRecommendations": "x"}},
        {"recommendation": {"containerRecommendations": [7, {"containerName": None}]}},
        {"conditions": {"type": "x"}},
        {"conditions": [7, {}]},
    ],
)
def test_a_status_of_another_shape_is_read_as_far_as_it_goes_and_replaced(odd):
    new = build_status(vpa(status=odd), report(sized()), [], now=NOW)
    assert status_differs(odd, new)
    assert [each["type"] for each in new["conditions"]] == ["RecommendationProvided"]


containers = st.lists(st.sampled_from(["app", "db", "log", "idle"]), unique=True)


@given(
    containers,
    containers,
    containers,
    st.booleans(),
    st.sampled_from(["", "names two recommenders"]),
)
def test_a_status_that_was_just_written_is_not_written_again(has, gets, quiet, pods, problem):
    claim = vpa(status=status(*(entry(name) for name in has)), problem=problem, matches_pods=pods)
    verdict = report(*map(sized, gets)) if gets else None
    rows = [skipped(name, "no usage in 14 d") for name in quiet if name not in gets]
    written = build_status(claim, verdict, rows, now=EARLIER)
    again = vpa(status=copy.deepcopy(written), problem=problem, matches_pods=pods)
    assert build_status(again, verdict, rows, now=NOW) == written
    assert not status_differs(written, build_status(again, verdict, rows, now=NOW))
