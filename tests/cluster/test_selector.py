"""Selectors mean what the Kubernetes documentation says, absent keys included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.cluster.manifest import LabelSelector, LabelTerm
from recommender.cluster.selector import Requirement, convert_selector, parse_selector
from recommender.errors import UsageError

WEB = {"app": "web", "tier": "front", "cores": "8"}


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("", True),
        ("   ", True),
        ("app=web", True),
        ("app==web", True),
        (" app = web ", True),
        ("app=db", False),
        ("app!=db", True),
        ("app!=web", False),
        ("absent!=web", True),
        ("absent=", False),
        ("app=", False),
        ("app", True),
        ("absent", False),
        ("!absent", True),
        ("!app", False),
        ("! absent", True),
        ("app in (web,db)", True),
        ("app in (db, cache)", False),
        ("app in ()", False),
        ("absent in (web)", False),
        ("app notin (db)", True),
        ("app notin (web,db)", False),
        ("absent notin (web)", True),
        ("cores>4", True),
        ("cores>8", False),
        ("cores<9", True),
        ("absent<9", False),
        ("tier>4", False),
        ("app=web,tier!=back,!old", True),
        ("app=web,tier=back", False),
        ("app in (web),tier in (front,back),cores", True),
        ("in=web", False),
        ("app in (in,notin,web)", True),
    ],
)
def test_a_selector_of_kubectl_matches_as_documented(text, is_match):
    assert parse_selector(text).matches(WEB) is is_match


@pytest.mark.parametrize(
    "text",
    [
        "app=web,",
        ",app=web",
        "app=web tier=front",
        "app=(web)",
        "app in web",
        "app in (web",
        "app near (web)",
        "=web",
        "!",
        "-app=web",
        "app=-web",
        "UPPER.example/app/x=1",
        "app=a b",
        "app=" + "x" * 64,
        "x" * 64,
        "cores>many",
        "app=web)",
        "app=ü",
    ],
)
def test_a_selector_with_bad_syntax_is_refused_and_shown(text):
    with pytest.raises(UsageError, match="write for example app=web") as caught:
        parse_selector(text)
    assert repr(text) in str(caught.value)


KEYS = ["app", "tier"]
VALUES = ["", "web", "db"]
labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
value_sets = st.lists(st.sampled_from(VALUES), min_size=1, unique=True)


@given(labels, st.sampled_from(KEYS), value_sets)
def test_not_in_is_the_negation_of_in_also_for_an_absent_key(found, key, values):
    term = Requirement(key, "In", frozenset(values))
    assert Requirement(key, "NotIn", frozenset(values)).matches(found) is not term.matches(found)
    assert term.matches(found) is (key in found and found[key] in values)


@given(labels, st.sampled_from(KEYS))
def test_does_not_exist_is_the_negation_of_exists(found, key):
    assert Requirement(key, "Exists").matches(found) is (key in found)
    assert Requirement(key, "DoesNotExist").matches(found) is (key not in found)


def test_match_labels_and_match_expressions_must_both_hold():
    selector = convert_selector(
        LabelSelector(
            match_labels={"app": "web"},
            match_expressions=[
                LabelTerm("tier", "In", ["front"]),
                LabelTerm("old", "DoesNotExist"),
            ],
        )
    )
    assert selector.matches({"app": "web", "tier": "front"})
    assert not selector.matches({"app": "web", "tier": "front", "old": ""})
    assert not selector.matches({"app": "web"})
    assert not selector.matches({"tier": "front"})
