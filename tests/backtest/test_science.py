"""The page of the science: measured on a tiny fleet, and written as it was measured."""

import pytest

from docs import science


@pytest.fixture(scope="module")
def figures():
    return science.measure(["mixed"], containers=60, days=7)


def of(figures, policy, server=0, seed=1):
    return figures["mixed", server, seed, policy]


def test_every_policy_is_measured_on_every_server_and_seed(figures):
    policies = {*science.POLICIES, science.WHOLE}
    assert set(figures) == {
        ("mixed", server, seed, policy)
        for server in range(3)
        for seed in science.SEEDS
        for policy in policies
    }


def test_figures_are_against_the_stock_rule(figures):
    assert of(figures, "stock").released == of(figures, "stock").kept == 0.0
    assert of(figures, "as-requested").released >= 0.0
    assert of(figures, "limit").released < 0.0
    assert of(figures, "limit").hot_mean is None


def test_every_fleet_and_policy_has_an_expectation():
    assert set(science.EXPECTED) == {"flat", "daily", "bursty", "batch", "mixed"}
    for expected in science.EXPECTED.values():
        assert set(expected) == set(science.POLICIES) - {"stock", "p99"}


def figure(released, hot=0.0, worst=0.0):
    return science.Figure(released, released / 2, hot, worst, 0.0, 10.0)


def whole_page(**mixed):
    """A page on which every policy of every fleet is as expected, but for those of mixed."""
    figures = {}
    for kind in science.FLEET_KINDS:
        for policy in (*science.POLICIES, science.WHOLE):
            expected = science.EXPECTED[kind].get(policy, (0, 0, 0))
            for server, percent in enumerate(expected):
                for seed in science.SEEDS:
                    found = mixed.get(policy) if kind == "mixed" else None
                    figures[kind, server, seed, policy] = found or figure(percent / 100)
    return science.format_page(figures)


def test_what_is_as_expected_is_no_shortfall():
    text = whole_page().partition("## Where a figure")[2].partition("Why,")[0]
    assert "| flat |" not in text
    assert "| mixed |" not in text


def test_what_falls_short_is_told_by_how_much():
    text = whole_page(T2=figure(-0.10)).partition("## Where a figure")[2]
    # -10 % of -13, -21 and -22 %
    assert "| mixed | T2 | -13 / -21 / -22 | -10.0 / -10.0 / -10.0 | +3.0 / +11.0 / +12.0 |" in text


def test_each_criterion_is_held_or_not():
    text = whole_page(T2=figure(-0.13, hot=0.004, worst=0.03), T1=figure(-0.05, hot=0.001))
    assert "-13.0 % of -12 % (yes), -13.0 % of -20 % (**no**)" in text
    assert "T2: hot time, 0.5 % and on the worst day 2 %: 0.40 %, 3.0 % (**no**)" in text
    assert "T1: hot time, 0.5 % and on the worst day 2 %: 0.10 %, 0.0 % (yes)" in text
    assert "T1: never hotter than stock, points of hot time: +0.100 (**no**)" in text
