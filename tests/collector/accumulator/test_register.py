import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.accumulator.register import EnergyAccumulator
from collector.model import MeterReading, Zone, ZoneReading

PACKAGE = Zone("package", "0")
RANGE = 262_143.32885  # joules, as Xeons have it
KEY = (PACKAGE, "rapl", "measured")


def reading(at, joules, *, zone=PACKAGE, range_joules=RANGE, quality="measured"):
    return MeterReading(at, (ZoneReading(zone, joules, "rapl", quality, range_joules),))


def advance_all(accumulator, *readings):
    return [accumulator.advance([each]) for each in readings]


def microjoules(advances):
    return [each.microjoules for advance in advances for each in advance.increments]


def test_the_first_reading_is_where_counting_begins():
    accumulator = EnergyAccumulator()
    (advance,) = advance_all(accumulator, reading(0.0, 5000.0))
    assert [(each.microjoules, each.is_certain) for each in advance.increments] == [(0, False)]
    assert accumulator.totals() == {KEY: 0}


def test_what_a_register_grows_by_is_counted_to_the_microjoule():
    accumulator = EnergyAccumulator()
    advances = advance_all(
        accumulator, reading(0.0, 5000.0), reading(5.0, 5500.000061), reading(10.0, 5500.000122)
    )
    assert microjoules(advances) == [0, 500_000_061, 61]
    assert [advance.increments[0].seconds for advance in advances] == [0.0, 5.0, 5.0]
    assert accumulator.totals() == {KEY: 500_000_122}


def test_a_register_that_wraps_is_counted_across():
    """100 J before the end and 400 J after it are 500 J."""
    accumulator = EnergyAccumulator()
    advances = advance_all(accumulator, reading(0.0, RANGE - 100.0), reading(5.0, 400.0))
    assert microjoules(advances) == [0, 500_000_000]
    assert advances[1].problems == ()
    assert advances[1].increments[0].is_certain


def test_a_register_that_falls_far_from_its_end_was_reset():
    """From 100 kJ of 262 kJ to 50 J in 5 s: a wrap would be 162 kJ, 32 kW."""
    accumulator = EnergyAccumulator()
    advances = advance_all(accumulator, reading(0.0, 100_000.0), reading(5.0, 50.0))
    assert microjoules(advances) == [0, 50_000_000]
    assert advances[1].problems == ("rapl package 0: was reset: 50 J since then are counted",)
    assert not advances[1].increments[0].is_certain


def test_a_register_without_a_range_that_falls_was_reset():
    accumulator = EnergyAccumulator()
    advances = advance_all(
        accumulator,
        reading(0.0, 900.0, range_joules=0.0),
        reading(5.0, 300.0, range_joules=0.0),
    )
    assert microjoules(advances) == [0, 300_000_000]


def test_more_since_a_reset_than_a_package_can_draw_is_dropped():
    """80 kJ in 5 s are 16 kW."""
    accumulator = EnergyAccumulator()
    advances = advance_all(
        accumulator,
        reading(0.0, 90_000.0, range_joules=0.0),
        reading(5.0, 80_000.0, range_joules=0.0),
        reading(10.0, 80_700.0, range_joules=0.0),
    )
    assert microjoules(advances) == [0, 0, 700_000_000]
    assert "not plausible: dropped" in advances[1].problems[0]


def test_a_jump_that_no_package_can_draw_is_dropped_and_said():
    """50 kJ in 5 s are 10 kW."""
    accumulator = EnergyAccumulator()
    advances = advance_all(
        accumulator, reading(0.0, 0.0), reading(5.0, 50_000.0), reading(10.0, 50_400.0)
    )
    assert microjoules(advances) == [0, 0, 400_000_000]
    assert advances[1].problems == ("rapl package 0: a jump of 50000 J is not plausible: dropped",)


def test_a_platform_may_draw_more_than_a_package():
    accumulator = EnergyAccumulator()
    zone = Zone("psys")
    advances = advance_all(
        accumulator, reading(0.0, 0.0, zone=zone), reading(5.0, 50_000.0, zone=zone)
    )
    assert microjoules(advances) == [0, 50_000_000_000]


def test_a_gap_that_may_hold_a_full_round_counts_the_least_possible_and_says_so():
    """At 100 W the register goes round in 2,621 s; twice that power is possible: 1,311 s."""
    accumulator = EnergyAccumulator()
    first = advance_all(accumulator, reading(0.0, 0.0), reading(5.0, 500.0))
    short = accumulator.advance([reading(1305.0, 130_500.0)])
    long = accumulator.advance([reading(2705.0, 130_500.0 + 1000.0)])
    assert microjoules([*first, short, long]) == [0, 500_000_000, 130_000_000_000, 1_000_000_000]
    assert (short.problems, short.increments[0].is_certain) == ((), True)
    assert "1400 s without a reading" in long.problems[0]
    assert "the least possible, 1000 J" in long.problems[0]
    assert not long.increments[0].is_certain


def test_a_zone_that_was_not_read_for_a_while_tells_of_the_whole_time():
    accumulator = EnergyAccumulator()
    advances = advance_all(
        accumulator, reading(0.0, 0.0), MeterReading(5.0, (), ("gone",)), reading(10.0, 900.0)
    )
    assert [(each.microjoules, each.seconds) for each in advances[2].increments] == [
        (900_000_000, 10.0)
    ]


def test_a_register_that_is_updated_once_a_minute_tells_of_a_minute():
    accumulator = EnergyAccumulator()
    still = [reading(5.0 * n, 0.0) for n in range(12)]
    advances = advance_all(accumulator, *still, reading(60.0, 6000.0))
    last = advances[-1].increments[0]
    assert (last.microjoules, last.seconds, last.is_certain) == (6_000_000_000, 60.0, True)


def test_the_same_moment_twice_tells_nothing_new():
    accumulator = EnergyAccumulator()
    advances = advance_all(accumulator, reading(5.0, 1.0), reading(5.0, 2.0), reading(6.0, 3.0))
    assert microjoules(advances) == [0, 2_000_000]


def test_what_the_collector_integrates_itself_begins_anew_without_a_word():
    accumulator = EnergyAccumulator()
    advances = advance_all(
        accumulator,
        reading(0.0, 900.0, range_joules=0.0, quality="derived"),
        reading(5.0, 0.0, range_joules=0.0, quality="derived"),
    )
    assert (microjoules(advances), advances[1].problems) == ([0, 0], ())


def test_counters_go_on_after_a_restart_with_the_energy_of_the_time_between():
    accumulator = EnergyAccumulator()
    advance_all(accumulator, reading(0.0, RANGE - 700.0), reading(5.0, RANGE - 200.0))
    restored = EnergyAccumulator.restore(json.loads(json.dumps(accumulator.state())))
    advance_all(restored, reading(15.0, 800.0))
    assert restored.totals() == {KEY: 1_500_000_000}


@pytest.mark.parametrize("state", [None, [1], [["package"]], {"a": 1}], ids=str)
def test_a_state_that_is_none_is_refused(state):
    with pytest.raises(ValueError, match="not the state"):
        EnergyAccumulator.restore(state)


@given(
    start=st.integers(0, 262_143_328_850),
    steps=st.lists(st.integers(0, 9_000_000_000), max_size=80),
    restarts=st.sets(st.integers(0, 79)),
)
def test_the_counter_is_the_true_energy_across_any_wraps_and_restarts(start, steps, restarts):
    """Up to 1.8 kW for 5 s at a time, so that a wrap is due every 30th step at most."""
    accumulator = EnergyAccumulator()
    register = start
    accumulator.advance([reading(0.0, register / 1e6)])
    for number, step in enumerate(steps, start=1):
        register = (register + step) % 262_143_328_850
        accumulator.advance([reading(5.0 * number, register / 1e6)])
        if number in restarts:
            accumulator = EnergyAccumulator.restore(json.loads(json.dumps(accumulator.state())))
    assert accumulator.totals() == {KEY: sum(steps)}


@given(
    values=st.lists(
        st.tuples(st.floats(0, 1e6), st.sampled_from([0.0, RANGE]), st.floats(0.0, 5000.0)),
        max_size=40,
    )
)
def test_no_counter_ever_falls_whatever_a_register_shows(values):
    accumulator = EnergyAccumulator()
    at, totals = 0.0, [0]
    for joules, range_joules, seconds in values:
        at += seconds
        advance = accumulator.advance([reading(at, joules, range_joules=range_joules)])
        totals.append(totals[-1] + sum(each.microjoules for each in advance.increments))
        assert accumulator.totals()[KEY] == totals[-1]
    assert totals == sorted(totals)
