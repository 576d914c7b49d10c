"""The stock recommender's rule, to the unit: check values of vpa-contract.md and its sources."""

import math

import numpy as np
import pytest

from recommender.sizing.histogram import STOCK_CPU, STOCK_MEMORY
from recommender.sizing.stock import (
    divide_floor,
    estimate_confidence,
    estimate_oom_need,
    estimate_stock_cpu,
    estimate_stock_memory,
)
from tests.sizing.build import MIB


def _weights(**by_bucket):
    """Histogram with the given weights: b3=1 puts 1 into the bucket that ends at start(3)."""
    weights = np.zeros(176)
    for name, weight in by_bucket.items():
        weights[int(name[1:]) - 1] = weight
    return weights


@pytest.mark.parametrize(
    ("end", "millicores"),
    [(1, 11), (2, 23), (3, 35), (4, 49), (5, 63), (6, 78), (7, 93), (8, 109), (10, 143), (13, 203)],
)
def test_cpu_target_is_the_check_value_of_its_bucket(end, millicores):
    assert estimate_stock_cpu(_weights(**{f"b{end}": 0.7}), 7.0).target == millicores


@pytest.mark.parametrize(
    ("end", "amount"),
    [
        (16, 272061154),
        (17, 297164212),
        (20, 380258472),
        (22, 442809964),
        (40, 1389197403),
        (52, 2677845899),
    ],
)
def test_memory_target_is_the_check_value_of_its_bucket(end, amount):
    assert estimate_stock_memory(_weights(**{f"b{end}": 0.7}), 7.0).target == amount


MIXED = _weights(b1=50, b3=40, b6=5, b10=5)  # p50 10 m, p90 31 m, p95 68 m, p99 125 m


def test_lower_bound_is_p50_target_p90_and_upper_bound_p95_each_with_its_margin():
    band = estimate_stock_cpu(MIXED, 4.0)
    # (10+1) x 1.00025^-2 = 10.99; 31+4; (68+10) x (1 + 1/4) = 97.5
    assert (band.lower, band.target, band.upper) == (10, 35, 97)


@pytest.mark.parametrize(
    ("days", "lower", "upper"),
    [
        (0.0, 1, 10**14),  # factor 0 and infinite: the least and the most that is ever written
        (0.001, 2, 78 * 1001),  # 11 x 2^-2 = 2.75
        (0.5, 10, 78 * 3),
        (1.0, 10, 78 * 2),
        (1000.0, 10, 78),
    ],
)
def test_bounds_narrow_with_the_days_of_history(days, lower, upper):
    band = estimate_stock_cpu(MIXED, days)
    assert (band.lower, band.target, band.upper) == (lower, 35, upper)


@pytest.mark.parametrize(("percentile", "target"), [(0.5, 11), (0.9, 35), (0.95, 78), (0.99, 143)])
def test_the_target_percentile_is_an_option_and_the_bounds_never_cross_it(percentile, target):
    band = estimate_stock_cpu(MIXED, 4.0, target_percentile=percentile)
    assert (band.lower, band.target, band.upper) == (10, target, max(97, target))


def test_without_a_peak_there_is_no_memory_band():
    assert estimate_stock_memory(np.zeros(176), 7.0) is None


def test_a_kill_counts_as_a_peak_of_today():
    """One pod at 100 MB for days weighs 2; 220 MiB of a kill, the bucket to start(16), weighs 1."""
    weights = np.zeros(176)
    weights[STOCK_MEMORY.index(1e8)] = 2.0
    plain = estimate_stock_memory(weights, 7.0)
    killed = estimate_stock_memory(weights, 7.0, oom_peak=220 * MIB)
    assert plain.target < 150e6
    assert killed.target == 272061154
    assert weights.sum() == 2.0  # the history stays as it was


@pytest.mark.parametrize(
    ("in_use", "need"),
    [(120 * MIB, 220 * MIB), (500 * MIB, 600 * MIB), (1024 * MIB, 1.2 * 1024 * MIB)],
    ids=["a step of 100 MiB", "where both are the same", "a fifth"],
)
def test_after_a_kill_100_mib_or_a_fifth_more_is_needed(in_use, need):
    assert estimate_oom_need(in_use) == pytest.approx(need)


@pytest.mark.parametrize(
    ("pod", "containers", "share"),
    [(25, 1, 25), (25, 2, 12), (25, 3, 8), (250 * MIB, 3, 87381333), (25, 0, 25)],
)
def test_containers_of_a_pod_share_its_floor_truncated(pod, containers, share):
    assert divide_floor(pod, containers) == share


@pytest.mark.parametrize(
    ("span", "samples", "step", "days"),
    [
        (7.0, 2016, 300, 7.0),
        (7.0, 4032, 300, 7.0),  # two pods do not make history longer
        (7.0, 144, 300, 0.5),  # half a day of samples in a week
        (7.0, 1440, 60, 1.0),
    ],
)
def test_confidence_is_the_lesser_of_time_and_samples(span, samples, step, days):
    assert estimate_confidence(span, samples=samples, step=step) == pytest.approx(days)


@pytest.mark.parametrize(
    ("buckets", "first", "most"), [(STOCK_CPU, 0.01, 1e3), (STOCK_MEMORY, 1e7, 1e12)]
)
def test_stock_buckets_grow_by_five_percent_up_to_the_maximum(buckets, first, most):
    assert buckets.count == 176
    assert buckets.edges[:4] == pytest.approx([0, first, first * 2.05, first * 3.1525])
    assert buckets.edges[174] < most * 1.0 <= buckets.edges[175]
    assert math.isclose(buckets.edges[100], first * (1.05**100 - 1) / 0.05)
