"""Fleets are drawn the same again, and look like what they are called."""

import subprocess
import sys
from hashlib import blake2b
from itertools import combinations

import numpy as np
import pytest

from recommender.simulator.generator import DEMAND_KINDS, END, FLEET_KINDS, draw_fleet

DAY_BINS = 288
MIB = 2**20


def _fingerprint(fleet):
    arrays = (fleet.usage, fleet.cpu_requests, fleet.memory, fleet.memory_requests)
    return blake2b(b"".join(each.tobytes() for each in arrays)).hexdigest()


@pytest.fixture(scope="module")
def fleets():
    return {kind: draw_fleet(kind, containers=400, days=14, seed=3) for kind in FLEET_KINDS}


@pytest.fixture(scope="module")
def stock_ratios(fleets):
    """p90 x 1.15 over the mean, of the whole fleet."""
    return {
        kind: 1.15 * np.quantile(fleet.usage, 0.9, axis=1).sum() / fleet.usage.mean(axis=1).sum()
        for kind, fleet in fleets.items()
    }


@pytest.mark.parametrize("kind", FLEET_KINDS)
def test_shapes_and_types_are_as_documented(fleets, kind):
    fleet = fleets[kind]
    assert (fleet.grid.end, fleet.grid.bins, fleet.grid.step) == (END, 14 * DAY_BINS, 300)
    assert fleet.usage.dtype == np.float32
    assert fleet.usage.shape == (400, 14 * DAY_BINS)
    assert np.isfinite(fleet.usage).all()
    assert (fleet.usage > 0).all()
    for amounts in (fleet.cpu_requests, fleet.memory, fleet.memory_requests):
        assert amounts.dtype == np.float64
        assert amounts.shape == (400,)
        assert (amounts > 0).all()
    assert len(fleet.demands) == len(fleet.work_classes) == 400


def test_requests_are_what_a_manifest_can_say(fleets):
    fleet = fleets["mixed"]
    assert np.allclose(np.round(fleet.cpu_requests * 100), fleet.cpu_requests * 100, atol=1e-9)
    assert fleet.cpu_requests.min() >= 0.01
    assert not np.any(fleet.memory_requests % MIB)


def test_the_same_seed_gives_the_same_bytes_also_in_another_process_with_other_threads():
    program = (
        "from tests.simulator.test_generator import _fingerprint, draw_fleet;"
        "print(_fingerprint(draw_fleet('mixed', containers=20, days=3, seed=5)))"
    )
    environment = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "7"}
    other = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    here = draw_fleet("mixed", containers=20, days=3, seed=5)
    assert other.stdout.strip() == _fingerprint(here)


def test_another_seed_is_another_fleet():
    one, other = (draw_fleet("mixed", containers=8, days=1, seed=seed) for seed in (1, 2))
    assert not np.any(one.usage == other.usage)


def test_fewer_containers_are_the_first_of_more():
    few = draw_fleet("mixed", containers=9, days=2, seed=4)
    more = draw_fleet("mixed", containers=30, days=2, seed=4)
    assert np.array_equal(few.usage, more.usage[:9])
    assert np.array_equal(few.cpu_requests, more.cpu_requests[:9])


def test_a_mixed_fleet_is_a_quarter_of_each(fleets):
    demands = fleets["mixed"].demands
    assert {each: demands.count(each) for each in DEMAND_KINDS} == dict.fromkeys(DEMAND_KINDS, 100)
    expected = {"flat": "standard", "daily": "standard", "bursty": "standard", "batch": "batch"}
    assert all(
        expected[demand] == work_class
        for demand, work_class in zip(demands, fleets["mixed"].work_classes, strict=True)
    )


def test_sizes_are_log_normal_around_half_a_core(fleets):
    sizes = np.log(fleets["flat"].usage.mean(axis=1, dtype=np.float64))
    # 400 draws: the standard error of the median is 1.25 x 0.8 / 20, of sigma 0.8 / 28.
    assert np.exp(np.median(sizes)) == pytest.approx(0.5, rel=0.15)
    assert sizes.std() == pytest.approx(0.8, abs=0.1)


def test_users_request_3_3_times_the_mean_and_no_more_memory_than_a_third_of_the_nodes(fleets):
    fleet = fleets["mixed"]
    ratios = fleet.cpu_requests / fleet.usage.mean(axis=1, dtype=np.float64)
    assert np.median(ratios) == pytest.approx(3.3, rel=0.1)
    assert np.log(ratios).std() == pytest.approx(0.5, abs=0.06)
    assert np.median(fleet.memory_requests / fleet.memory) == pytest.approx(1.5, rel=0.06)
    gib_per_core = fleet.memory_requests.sum() / 2**30 / fleet.cpu_requests.sum()
    assert gib_per_core / 4.0 == pytest.approx(1 / 3, abs=0.06)


def test_flat_is_flat_and_batch_waits_for_most_of_the_time(fleets, stock_ratios):
    assert stock_ratios["flat"] == pytest.approx(1.15 * np.exp(1.2816 * 0.12), abs=0.05)
    batch = fleets["batch"].usage
    busy = (batch > batch.mean(axis=1, keepdims=True)).mean(axis=1)
    assert busy.mean() == pytest.approx(0.30, abs=0.03)
    assert stock_ratios["batch"] == pytest.approx(3.9, abs=0.3)


def test_stock_requests_leave_as_much_unused_as_the_energy_note_supposes(stock_ratios):
    """Pools packed by them run at 0.7, 0.57, 0.4, 0.25 and 0.41: see its section 8."""
    reached = {kind: 1 / ratio for kind, ratio in stock_ratios.items()}
    assert reached["daily"] == pytest.approx(0.57, abs=0.04)
    assert reached["bursty"] == pytest.approx(0.40, abs=0.03)
    assert reached["mixed"] == pytest.approx(0.41, abs=0.03)


def _correlation(usage):
    """Mean correlation of pairs of twenty containers."""
    matrix = np.corrcoef(usage[:20].astype(float))
    return np.mean([matrix[pair] for pair in combinations(range(20), 2)])


def test_daily_load_comes_to_all_at_once_and_bursts_to_each_alone(fleets):
    assert _correlation(fleets["daily"].usage) > 0.9
    assert abs(_correlation(fleets["bursty"].usage)) < 0.03
    assert abs(_correlation(fleets["batch"].usage)) < 0.05


def _decayed_p90(usage):
    """What the stock rule sees at the end of `usage`: a day ago counts half."""
    weights = np.exp2((np.arange(usage.shape[1]) - usage.shape[1]) / DAY_BINS)
    order = np.argsort(usage, axis=1)
    reached = np.cumsum(weights[order], axis=1) / weights.sum()
    at = (reached >= 0.9).argmax(axis=1)
    return np.take_along_axis(usage, np.take_along_axis(order, at[:, None], 1), 1)[:, 0]


def test_a_pool_of_daily_load_packed_by_the_stock_rule_is_hot_for_a_sixth_of_the_time(fleets):
    """Hot: 1.05 x load > 0.9 x capacity; nodes are filled to 0.97, two days at a time."""
    usage = fleets["daily"].usage[:200].astype(float)
    hot = []
    for end in range(5 * DAY_BINS, 13 * DAY_BINS, 2 * DAY_BINS):
        capacity = 1.15 * _decayed_p90(usage[:, :end]).sum() / 0.97
        load = usage[:, end : end + 2 * DAY_BINS].sum(axis=0)
        hot.append((1.05 * load > 0.9 * capacity).mean())
    assert 0.12 < np.mean(hot) < 0.22


def test_days_peak_in_the_afternoon_and_weekends_are_weaker(fleets):
    days = fleets["daily"].usage.sum(axis=0).reshape(14, DAY_BINS)
    middle = days[:, 13 * 12 : 15 * 12].mean(axis=1)
    night = days[:, 1 * 12 : 3 * 12].mean(axis=1)
    assert (night < 0.6 * middle).all()
    # The grid ends on a Monday at midnight: the last two days are Saturday and Sunday.
    weekend = days[[5, 6, 12, 13]].mean()
    weekday = np.delete(days, [5, 6, 12, 13], axis=0).mean()
    assert weekend / weekday == pytest.approx(0.8, abs=0.12)


def test_no_request_is_larger_than_asked_for():
    small = draw_fleet("bursty", containers=60, days=1, seed=1, most_cores=0.5)
    assert small.cpu_requests.max() <= 0.5
    assert small.usage.max() <= 1.0


@pytest.mark.parametrize(("containers", "days"), [(0, 1), (1, 0), (-3, 2)])
def test_a_fleet_of_nothing_is_refused(containers, days):
    with pytest.raises(ValueError, match="at least one container and one day"):
        draw_fleet("flat", containers=containers, days=days, seed=1)
