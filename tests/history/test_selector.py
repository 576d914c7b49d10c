"""Selectors: literal names stay literal."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.history.selector import join_matchers, match_any, match_names


@pytest.mark.parametrize(
    ("values", "matcher"),
    [
        (["shop"], 'namespace="shop"'),
        (["shop", "bank"], 'namespace=~"bank|shop"'),
        (["a.b"], r'namespace=~"a\\.b"'),
        (['a"b'], r'namespace=~"a\\\"b"'),
    ],
)
def test_matcher(values, matcher):
    assert match_any("namespace", values) == matcher


def test_negated():
    assert match_any("namespace", ["a"], is_negated=True) == 'namespace!="a"'
    assert match_any("namespace", ["a", "b"], is_negated=True) == 'namespace!~"a|b"'


@given(
    st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8), min_size=2),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
)
def test_a_pattern_matches_its_values_and_nothing_else(values, other):
    quoted = match_any("l", values).partition("=~")[2] or match_any("l", values).partition("=")[2]
    # PromQL's double-quoted strings have JSON's escapes of these characters.
    pattern = msgspec.json.decode(quoted)
    for text in (*values, other):
        assert bool(re.fullmatch(pattern, text)) is (text in values)


def test_empty_matchers_are_left_out():
    assert join_matchers('a="b"', "", 'c="d"') == '{a="b",c="d"}'
    assert match_names(["x", "y.*"]) == '{__name__=~"x|y.*"}'
