"""Samples of replies as arrays: the same numbers that float() gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.history.sample import parse_points
from tests.history.build import START, STEP, reply_of


def parse(*series: list[tuple[float, str]]):
    return parse_points(
        reply_of(*(({"n": str(i)}, samples) for i, samples in enumerate(series))),
        start=START,
        step=STEP,
    )


def at_grid(*texts: str) -> list[tuple[float, str]]:
    return [(START + number * STEP, text) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "1",
        "12345678",
        "123456789",
        "1234567890123456",
        "0.5",
        "0.000000001",
        "7.25",
        "12345.678901234",
        "99999999.99999999",
        "123456789012.5",
        "0.1234567",
        "0.12345678",
        "0.123456789",
        "0.123456789012345",
        "1500000000",
    ],
)
def test_a_plain_number_is_exact_but_for_the_last_bit(text):
    [parsed] = parse(at_grid(text)).values.tolist()
    assert abs(parsed - float(text)) <= math.ulp(float(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e+06", 1e6),
        ("1.5e-07", 1.5e-7),
        ("-3.25", -3.25),
        ("12345678901234567890", 1.2345678901234567e19),
        ("6.02e23", 6.02e23),
    ],
)
def test_numbers_of_another_form_are_read_too(text, value):
    assert parse(at_grid("1.5", text, "2.5")).values.tolist() == [1.5, value, 2.5]


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_left_out(text):
    points = parse(at_grid("1", text, "3"), at_grid("4", "5"))
    assert points.counts.tolist() == [2, 2]
    assert points.at.tolist() == [0, 2, 0, 1]
    assert points.values.tolist() == [1.0, 3.0, 4.0, 5.0]


def test_series_keep_their_order_and_counts():
    points = parse(at_grid("1.5", "2.5"), at_grid("7"), at_grid("3.25", "4.25", "5.25"))
    assert points.counts.tolist() == [2, 1, 3]
    assert points.at.tolist() == [0, 1, 0, 0, 1, 2]
    assert points.values.tolist() == [1.5, 2.5, 7.0, 3.25, 4.25, 5.25]


def test_gaps_are_seen_by_the_times():
    samples = [(START + at * STEP, f"{at}.5") for at in (0, 1, 5, 6, 9)]
    points = parse(at_grid("1", "2"), samples)
    assert points.at.tolist() == [0, 1, 0, 1, 5, 6, 9]


def test_a_gap_next_to_a_double_does_not_pass_for_no_gap():
    # first, last and count alone would fit 0, 1, 2, 3
    samples = [(START + at * STEP, "1") for at in (0, 2, 3)]
    assert parse(samples).at.tolist() == [0, 2, 3]


def test_times_with_fractions_are_rounded_to_their_grid_point():
    samples = [(START + 0.25, "1.5"), (START + STEP + 0.25, "2.5")]
    points = parse(samples)
    assert points.at.tolist() == [0, 1]
    assert points.values.tolist() == [1.5, 2.5]


def test_a_reply_without_series_has_no_points():
    points = parse()
    assert points.counts.tolist() == []
    assert len(points.at) == len(points.values) == 0


def test_a_series_without_samples_has_no_points():
    points = parse([], at_grid("1"), [])
    assert points.counts.tolist() == [0, 1, 0]


def test_more_than_a_block_is_read_as_a_block_is():
    rng = np.random.default_rng(1)
    series = [
        [
            f"{value:.{rng.integers(0, 10)}f}"
            for value in rng.random(3000) * 10.0 ** rng.integers(0, 12)
        ]
        for _ in range(5)
    ]
    points = parse(*(at_grid(*texts) for texts in series))
    true = np.array([float(text) for texts in series for text in texts])
    assert (np.abs(points.values - true) <= np.spacing(true)).all()
    assert points.at.tolist() == list(range(3000)) * 5


decimal_texts = st.builds(
    lambda whole, decimals: f"{whole}.{decimals}" if decimals else str(whole),
    st.integers(0, 10**7),
    st.text("0123456789", max_size=8),
)


@given(st.lists(st.lists(decimal_texts, min_size=1, max_size=6), min_size=1, max_size=5))
def test_any_counter_is_exact_but_for_the_last_bit(series):
    points = parse(*(at_grid(*texts) for texts in series))
    assert points.counts.tolist() == [len(texts) for texts in series]
    true = [float(text) for texts in series for text in texts]
    assert all(
        abs(parsed - value) <= math.ulp(value)
        for parsed, value in zip(points.values.tolist(), true, strict=True)
    )


@given(st.floats(min_value=1e-6, max_value=1e15))
def test_any_float_as_stores_print_it_is_read_to_one_part_in_1e15_or_1e_minus_15(value):
    text = np.format_float_positional(value, trim="-")
    [parsed] = parse(at_grid(text)).values.tolist()
    assert math.isclose(parsed, value, rel_tol=4.5e-16, abs_tol=1e-15)
