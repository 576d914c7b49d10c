from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.model.report import Quantities, Watts
from recommender.report.notation import (
    format_amount,
    format_change,
    format_cpu,
    format_factor,
    format_memory,
    format_power,
    format_price,
    format_quantile,
    format_share,
)


@pytest.mark.parametrize(
    ("watts", "text"),
    [
        pytest.param(Watts(9.237, 8.85, 9.63), "-9.2+-0.4", id="one digit of the margin"),
        pytest.param(Watts(29.3, 6.3, 52.3), "-30+-20", id="tens are not known"),
        pytest.param(Watts(0.4237, 0.383, 0.464), "-0.42+-0.04", id="a small margin"),
        pytest.param(Watts(1234.0, 1194.0, 1274.0), "-1,230+-40", id="thousands"),
        pytest.param(Watts(9.2, 9.0, 10.17), "-9+-1", id="the wider side counts; 0.97 is 1"),
        pytest.param(Watts(-3.06, -4.0, -2.0), "+3+-1", id="more than now"),
        pytest.param(Watts(0.04, -0.46, 0.54), "0.0+-0.5", id="no sign where it rounds to zero"),
        pytest.param(Watts(9.237, 9.237, 9.237), "-9.24", id="no interval: three digits"),
        pytest.param(Watts(0.0, 0.0, 0.0), "0", id="nothing at all"),
        pytest.param(None, "-", id="not known"),
        pytest.param(Watts(math.nan, 0.0, 1.0), "-", id="not a number"),
    ],
)
def test_saved_watts_are_shown_as_a_change_with_their_margin(watts, text):
    assert format_change(watts) == text


def test_an_amount_has_no_sign():
    assert format_amount(Watts(-3.06, -4.0, -2.0)) == "3+-1"


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e5))
def test_the_shown_change_lies_within_the_margin_of_the_true_one(value, half):
    shown, margin = format_change(Watts(value, value - half, value + half)).split("+-")
    assert abs(-float(shown.replace(",", "")) - value) <= float(margin.replace(",", ""))


@pytest.mark.parametrize(
    ("watts", "text"),
    [
        pytest.param(Watts(1.42, 1.37, 1.47), "1.42 W (1.37-1.47)", id="hundredths known"),
        pytest.param(Watts(1.5, 1.1, 1.9), "1.5 W (1.1-1.9)", id="tenths known"),
        pytest.param(Watts(0.2, -0.1, 0.5), "0.2 W (-0.1 to 0.5)", id="below zero"),
        pytest.param(Watts(1.42, 1.42, 1.42), "1.42 W", id="no interval"),
    ],
)
def test_prices_have_the_digits_that_their_interval_allows(watts, text):
    assert format_price(watts) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.0004, "< 0.1 %"),
        (0.004, "0.4 %"),
        (0.07, "7 %"),
        (0.0996, "10 %"),
        (0.314, "31 %"),
        (0.91, "91 %"),
        (0.992, "99.2 %"),
        (0.99996, "> 99.9 %"),
        (1.0, "100 %"),
        (1.25, "125 %"),
        (None, "-"),
        (math.nan, "-"),
    ],
)
def test_shares_never_claim_all_or_nothing_that_is_not_so(share, text):
    assert format_share(share) == text


@pytest.mark.parametrize(
    ("quantile", "text"),
    [(0.93, "p93"), (0.5, "p50"), (0.985, "p98.5"), (0.99, "p99"), (None, "-")],
)
def test_quantiles_are_percentiles(quantile, text):
    assert format_quantile(quantile) == text


def test_quantities_are_shown_as_kubectl_users_write_them():
    pair = Quantities("1.5", "1181116006")
    assert (format_cpu(pair), format_memory(pair)) == ("1500m", "1.1Gi")
    assert (format_cpu(Quantities("2000m")), format_memory(Quantities())) == ("2", "-")
    assert (format_cpu(None), format_memory(None)) == ("-", "-")


def test_factors_and_power_have_few_digits():
    assert format_factor(1.894) == "x1.9"
    assert format_factor(0.526, decimals=2) == "x0.53"
    assert format_factor(None) == "-"
    assert [format_power(each) for each in (2410.4, 9.34, None)] == ["2,410", "9.3", "-"]
