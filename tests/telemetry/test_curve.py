"""Curves as series: points in order, marks kept, bands only where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.cycle import run_once
from recommender.model.report import CurvePoint
from recommender.settings import SizingSettings
from recommender.simulator import simulate
from recommender.telemetry.curve import (
    POINTS,
    PowerCurve,
    collect_power,
    collect_work,
    sample_power,
    thin,
)
from tests.report.sample import container, quantities, recommended, sample_report, workload

PREFIX = "joulefit_recommender_"


def series(families, name):
    """Labels -> value of one family, without the labels that all of them share."""
    (family,) = [each for each in families if each.name == PREFIX + name]
    return {
        tuple(sample.labels[key] for key in ("point", "estimate") if key in sample.labels): (
            sample.value
        )
        for sample in family.samples
    }


def test_points_of_work_per_joule_are_numbered_from_the_smallest_request():
    families = list(collect_work([workload()]))
    assert series(families, "curve_request_cores") == {("00",): 0.1, ("01",): 0.4, ("02",): 1.6}
    assert series(families, "curve_exposure_ratio") == {("00",): 0.92, ("01",): 0.07, ("02",): 0.0}
    ratios = series(families, "curve_work_per_joule_ratio")
    assert [ratios["01", each] for each in ("low", "value", "high")] == [0.92, 1.0, 1.08]
    assert len(ratios) == 3 * 3


def test_a_container_without_a_curve_has_no_points():
    families = list(collect_work([workload(container(curve=()))]))
    assert [family.samples for family in families] == [[], [], []]


def test_who_it_is_stands_on_each_point():
    (first, *_) = next(iter(collect_work(sample_report().workloads))).samples
    assert first.labels == {
        "namespace": "shop",
        "workload_kind": "Deployment",
        "workload": "checkout",
        "container": "app",
        "point": "00",
    }


def point(cores):
    return CurvePoint(cores, 1.0, 0.9, 1.1, 0.1, 0.01, True)


MILLICORES = st.integers(1, 64_000)


@settings(max_examples=50)
@given(
    grid=st.lists(MILLICORES, max_size=45, unique=True),
    marks=st.lists(MILLICORES, min_size=3, max_size=3, unique=True),
)
def test_half_of_the_points_stay_and_all_marks_do(grid, marks):
    curve = tuple(point(cores / 1000) for cores in sorted({*grid, *marks}))
    now, stock, ours = (f"{mark}m" for mark in marks)
    of = container(
        curve=curve,
        current=container().current.__class__(quantities(now), quantities()),
        stock=recommended((stock,) * 4, (None,) * 4),
        recommended=recommended((ours,) * 4, (None,) * 4),
    )
    kept = [each.request_cores for each in thin(of)]
    assert {mark / 1000 for mark in marks} <= set(kept)
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (curve[0].request_cores, curve[-1].request_cores)
    assert len(kept) <= len(curve) // 2 + 2 + len(marks)


@pytest.fixture(scope="module")
def pools():
    """Of two simulated days on three nodes."""
    made = simulate(end=1_764_000_000 // 86_400 * 86_400, days=2, seed=7, nodes=3)

    class Source:
        def read(self):
            return made

    return {
        power: run_once(
            Source(), None, settings=SizingSettings(power=power), with_curves=False
        ).pools
        for power in ("auto", "modelled")
    }


def test_a_learnt_power_curve_is_shown_where_it_was_learnt_with_its_band(pools):
    (pool,) = pools["auto"]
    curve = sample_power(pool)
    learnt = pool.energy.curve
    assert (curve.utilisation[0], curve.utilisation[-1]) == (learnt.low, learnt.high)
    assert len(curve.utilisation) == POINTS
    assert np.array_equal(curve.watts, learnt.power(curve.utilisation))
    assert (curve.low <= curve.watts).all()
    assert (curve.watts <= curve.high).all()
    assert (np.diff(curve.watts) >= 0.0).all()


def test_a_modelled_power_curve_covers_all_loads_and_has_no_band(pools):
    (pool,) = pools["modelled"]
    curve = sample_power(pool)
    assert (curve.utilisation[0], curve.utilisation[-1]) == (0.0, 1.0)
    assert curve.low is None
    assert curve.high is None
    watts = series(list(collect_power([curve])), "pool_curve_watts")
    assert {estimate for _, estimate in watts} == {"value"}


def test_points_of_power_are_numbered_from_the_least_load():
    load = np.array([0.1, 0.5])
    curve = PowerCurve("epyc", load, load * 400, load * 380, load * 420)
    families = list(collect_power([curve]))
    assert series(families, "pool_curve_utilisation_ratio") == {("00",): 0.1, ("01",): 0.5}
    watts = series(families, "pool_curve_watts")
    assert {each: watts["01", each] for each in ("low", "value", "high")} == {
        "low": 190.0,
        "value": 200.0,
        "high": 210.0,
    }
