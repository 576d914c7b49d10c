"""Another machine's clock is judged by what can be known of it, and by no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.model.clock import FAIL_SECONDS, WARN_SECONDS, ClockReading, judge_clock

NOW = 1_700_000_000.0
SECONDS = st.floats(0, 100)
ROUNDED = 1e-6  # what is left of a fraction beside so many seconds


@given(st.floats(-1000, 1000), SECONDS, SECONDS)
def test_the_true_distance_is_within_the_margin_however_slow_the_answer(offset, there, back):
    """The other clock is read after `there` seconds, and its answer arrives `back` later."""
    reading = ClockReading(NOW + there + offset, NOW, NOW + there + back)
    assert abs(reading.ahead - offset) <= reading.margin + 1e-6


@given(st.floats(-WARN_SECONDS + ROUNDED, WARN_SECONDS - ROUNDED), SECONDS, SECONDS)
def test_a_slow_answer_alone_is_never_a_warning(offset, there, back):
    reading = ClockReading(NOW + there + offset, NOW, NOW + there + back)
    assert judge_clock("clock", reading).level == "ok"


@pytest.mark.parametrize(
    ("ahead", "level", "found"),
    [
        (0.2, "ok", "within 1 s of this machine's"),
        (-9.0, "ok", "within 9 s of this machine's"),
        (11.0, "warn", "11 s ahead of this machine's"),
        (-90.0, "warn", "1.5 min behind this machine's"),
        (FAIL_SECONDS + 1, "fail", "5 min ahead of this machine's"),
        (-7200.0, "fail", "2 h behind this machine's"),
    ],
)
def test_a_clock_is_off_by_so_much_to_one_side(ahead, level, found):
    check = judge_clock("clock", ClockReading(NOW + ahead, NOW, NOW))
    assert (check.level, check.found) == (level, found)
    assert bool(check.advice) == (level != "ok")


def test_what_is_rounded_is_not_held_against_it():
    reading = ClockReading(NOW - WARN_SECONDS - 0.9, NOW, NOW, rounding=1.0)
    assert judge_clock("clock", reading).level == "ok"
