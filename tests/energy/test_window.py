import numpy as np
import pytest

from recommender.energy.window import NodeWindows, number_periods

NAN = float("nan")


def windows(*, used, watts, step=60.0):
    count = len(used)
    return NodeWindows(
        np.arange(count) * step, np.zeros(count, dtype=np.int64), np.array(used), np.array(watts)
    )


def test_windows_without_a_believable_utilisation_are_dropped():
    kept = windows(used=[0.0, 1.275, 1.28, -0.1, NAN], watts=[1.0, 2.0, 3.0, 4.0, 5.0]).used()
    assert kept.watts.tolist() == [1.0, 2.0]
    assert kept.time.tolist() == [0.0, 60.0]


def test_windows_without_power_are_used_but_not_metered():
    both = windows(used=[0.1, 0.2, 0.3, 0.4], watts=[NAN, 0.0, float("inf"), 90.0])
    assert both.used().utilisation.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert both.metered().utilisation.tolist() == [0.4]


def test_awake_windows_did_more_than_idle():
    assert windows(used=[0.049, 0.05, 0.3], watts=[9.0] * 3).awake().utilisation.tolist() == [
        0.05,
        0.3,
    ]


def test_hours_count_clock_hours_with_data():
    assert windows(used=[0.1] * 4, watts=[9.0] * 4, step=1800.0).hours() == 2
    assert NodeWindows.empty().hours() == 0


def test_periods_are_numbered_without_the_empty_ones():
    time = np.array([7200.0, 7000.0, 36_000.0, 10_799.0, 36_001.0])
    number, periods = number_periods(time, 3600.0)
    assert number.tolist() == [1, 0, 2, 1, 2]
    assert periods == 3


def test_usable_bins_hold_five_windows():
    used = [0.30] * 5 + [0.50] * 4 + [0.59] * 6
    assert windows(used=used, watts=[9.0] * 15).usable_bins() == pytest.approx([0.31, 0.59])


def test_arrays_of_different_length_are_refused():
    none = np.zeros(0)
    with pytest.raises(ValueError, match="one length"):
        NodeWindows(none, none.astype(np.int64), none, np.zeros(3))
