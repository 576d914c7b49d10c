"""The curve of cores against work: recovered from made windows, robust, and refitted by days."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.model.identity import ContainerRef
from recommender.sizing.workcurve import (
    WorkCurve,
    WorkWindows,
    choose_windows,
    fit_curves,
    resample_curves,
)
from tests.sizing.build import WEB, usage_of

BENT = WorkCurve(0.11, 0.78, 0.11)


def windows_of(rate, *cores, per_day=288):
    rate = np.asarray(rate, dtype=float)
    return WorkWindows(
        rate=rate,
        cores=np.array([np.broadcast_to(each, rate.shape) for each in cores], dtype=float),
        day=np.arange(len(rate)) // per_day,
        total=rate * 4,
    )


def parts(curve):
    return curve.idle, curve.linear, curve.quadratic


RATES = np.tile(np.linspace(0.2, 3.0, 288), 5)


def test_three_numbers_are_recovered_from_what_they_made():
    (found,) = fit_curves(windows_of(RATES, BENT.cores(RATES)))
    assert parts(found) == pytest.approx((0.11, 0.78, 0.11), rel=1e-6)


def test_each_container_has_its_own_and_a_pod_their_sum():
    app, log = fit_curves(windows_of(RATES, BENT.cores(RATES), 0.05 + 0.01 * RATES))
    assert parts(log) == pytest.approx((0.05, 0.01, 0.0), abs=1e-9)
    assert parts(WorkCurve.sum_of([app, log])) == pytest.approx((0.16, 0.79, 0.11), rel=1e-5)


def test_noise_of_five_percent_leaves_the_cores_at_any_rate_within_one():
    noise = np.random.default_rng(3).normal(1.0, 0.05, len(RATES))
    (found,) = fit_curves(windows_of(RATES, BENT.cores(RATES) * noise))
    for rate in (0.3, 1.0, 2.9):
        assert found.cores(rate) == pytest.approx(BENT.cores(rate), rel=0.01)


def test_starts_that_use_five_times_as_much_do_not_bend_it():
    """One window in twenty; plain least squares would be a tenth too high."""
    rng = np.random.default_rng(4)
    cores = BENT.cores(RATES) * rng.normal(1.0, 0.02, len(RATES))
    cores[rng.random(len(RATES)) < 0.05] *= 5.0
    (found,) = fit_curves(windows_of(RATES, cores))
    assert found.cores(1.0) == pytest.approx(1.0, rel=0.01)


def test_a_falling_cost_is_no_curve_with_a_part_below_zero():
    (found,) = fit_curves(windows_of(RATES, np.sqrt(RATES)))
    assert min(parts(found)) >= 0.0


@settings(max_examples=20)
@given(st.floats(0.0, 1.0), st.floats(0.01, 2.0), st.floats(0.0, 1.0), st.floats(0.01, 50.0))
def test_the_rate_at_some_cores_is_the_inverse(idle, linear, quadratic, rate):
    curve = WorkCurve(idle, linear, quadratic)
    assert curve.rate(curve.cores(rate)) == pytest.approx(rate, rel=1e-6)


def test_cores_that_are_never_used_have_no_rate():
    assert BENT.rate(0.1) is None
    assert WorkCurve(0.1, 0.0, 0.0).rate(1.0) is None


def test_equal_days_give_equal_refits_and_unlike_days_differ():
    alike = resample_curves(windows_of(RATES, BENT.cores(RATES)))
    assert len(alike) == 100
    for (curve,) in alike:
        assert curve.cores(1.0) == pytest.approx(1.0, rel=1e-5)
    factor = np.repeat([0.9, 1.0, 1.1, 0.95, 1.05], 288)
    unlike = [
        curve.cores(1.0)
        for (curve,) in resample_curves(windows_of(RATES, BENT.cores(RATES) * factor))
    ]
    assert 0.9 < min(unlike) < 0.98
    assert 1.02 < max(unlike) < 1.1


def test_windows_are_the_bins_in_which_all_reported_and_work_is_shared_by_the_replicas():
    two = np.full((2, 576), 0.5)
    two[1, :100] = math.nan  # one replica at first
    log = np.full((2, 576), 0.1)
    log[1, :110] = math.nan  # its second one is seen ten bins later
    usage = usage_of({"app": (two, 2**30), "log": (log, 2**20)}, days=2)
    done = np.full(576, 12.0)
    done[0] = math.nan
    names = [ContainerRef(WEB, name) for name in ("app", "log")]
    found = choose_windows(usage, names, done)
    assert len(found) == 576 - 1 - 10
    assert found.rate[:99] == pytest.approx(np.full(99, 12.0))
    assert found.rate[99:] == pytest.approx(np.full(466, 6.0))
    assert found.cores[:, -1] == pytest.approx([0.5, 0.1])
    assert found.days == 2
    assert set(found.total) == {12.0}
