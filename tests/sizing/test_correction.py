"""Histograms of demand moved by a factor for each bin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sizing.correction import BinUsage, correct_days
from recommender.sizing.histogram import DEMAND, quantile


def counted(cores, day):
    """Counts [D, K] of samples cores [P, T] of pods."""
    counts = np.zeros((int(day.max()) + 1, DEMAND.count), np.uint32)
    for pod in np.atleast_2d(cores):
        np.add.at(counts, (day, DEMAND.index(pod)), 1)
    return counts


def corrected(cores, factor, *, bins_per_day=288):
    cores = np.atleast_2d(np.asarray(cores, np.float32))
    day = np.arange(cores.shape[1]) // bins_per_day
    pods = np.full(cores.shape[1], len(cores), np.uint16)
    bins = BinUsage(cores.mean(axis=0), pods, day)
    return correct_days(counted(cores, day), bins, np.broadcast_to(factor, cores.shape[1]))


CORES = np.random.default_rng(4).lognormal(-2.0, 0.6, 3 * 288)


def test_a_factor_of_one_changes_nothing():
    found = corrected(CORES, 1.0)
    np.testing.assert_allclose(found.cpu_days, counted(CORES, np.arange(864) // 288), atol=1e-9)
    assert found.day_cores == pytest.approx(CORES.reshape(3, 288).sum(axis=1), rel=1e-6)


def test_two_buckets_up_is_two_buckets_up():
    found = corrected(CORES, 1.025**2)
    before = counted(CORES, np.arange(864) // 288)
    np.testing.assert_allclose(found.cpu_days[:, 2:], before[:, :-2], atol=1e-6)


def test_half_a_bucket_up_divides_between_two():
    found = corrected(np.full(288, 0.1), 1.025**0.5)
    bucket = int(DEMAND.index(0.1))
    assert found.cpu_days[0, bucket : bucket + 2] == pytest.approx([144.0, 144.0], rel=1e-6)


def test_each_sample_of_one_pod_moves_by_the_factor_of_its_bin():
    factor = np.where(np.arange(864) % 3 == 0, 1.8, 1.0)
    found = corrected(CORES, factor)
    for p in (0.5, 0.9, 0.99):
        assert quantile(found.cpu_days.sum(axis=0), p) == pytest.approx(
            np.quantile(CORES * factor, p), rel=0.03
        )
    assert found.day_cores.sum() == pytest.approx((CORES * factor).sum(), rel=1e-6)


def test_bins_with_factor_zero_are_left_out():
    factor = np.where(np.quantile(CORES, 0.8) < CORES, 0.0, 1.0)
    found = corrected(CORES, factor)
    assert found.cpu_days.sum() == pytest.approx((factor > 0).sum())
    assert quantile(found.cpu_days.sum(axis=0), 1.0) == pytest.approx(
        np.quantile(CORES, 0.8), rel=0.03
    )


def test_pods_that_are_busy_together_move_together():
    cores = np.array([CORES, CORES * 1.5])
    factor = np.where(CORES > 0.2, 2.0, 1.0)
    found = corrected(cores, factor)
    assert quantile(found.cpu_days.sum(axis=0), 0.95) == pytest.approx(
        np.quantile(cores * factor, 0.95), rel=0.05
    )


def test_days_do_not_mix():
    cores = np.repeat([0.1, 1.0], 288)
    found = corrected(cores, np.repeat([2.0, 1.0], 288))
    assert quantile(found.cpu_days[0], 0.5) == pytest.approx(0.2, rel=0.03)
    assert quantile(found.cpu_days[1], 0.5) == pytest.approx(1.0, rel=0.03)


def test_nothing_stays_nothing():
    nothing = BinUsage(
        np.full(288, np.nan, np.float32), np.zeros(288, np.uint16), np.zeros(288, int)
    )
    found = correct_days(np.zeros((1, DEMAND.count), np.uint32), nothing, np.ones(288))
    assert not found.cpu_days.any()
    assert not found.day_cores.any()


@given(seed=st.integers(0, 99), factor=st.floats(1.0, 8.0))
def test_samples_are_neither_made_nor_lost_and_none_gets_smaller(seed, factor):
    rng = np.random.default_rng(seed)
    cores = rng.lognormal(-3.0, 1.0, 288)
    times = np.where(rng.random(288) < 0.5, factor, 1.0)
    before, found = counted(cores, np.zeros(288, int)), corrected(cores, times)
    assert found.cpu_days.sum() == pytest.approx(288.0)
    above = found.cpu_days[0, ::-1].cumsum() - before[0, ::-1].cumsum()
    assert above.min() >= -1e-6
