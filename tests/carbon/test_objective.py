"""Objective carbon: blocks of the day weighed by what a kWh emits, the same service over the day."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.cluster.condition import says_the_same
from recommender.model.cluster import Vpa
from recommender.model.identity import WorkloadRef
from recommender.model.intensity import Intensity
from recommender.model.profile import Profile
from recommender.sizing.carbon import (
    LEAST_WEIGHT,
    MOST_WEIGHT,
    explain_objective,
    spread_weights,
    weigh_blocks,
    weigh_quantile,
)
from recommender.sizing.pooled import size_by_block
from recommender.sizing.pooltier import BlockFactor, Pooled
from recommender.sizing.quantile import CLASS_RANGE, explain_quantile
from recommender.sizing.terms import Terms
from tests.replay.build import Pod, trace_of

SOLAR = (400.0, 400.0, 300.0, 200.0, 300.0, 400.0)  # by block; the mean is 1000 / 3


def intensity(blocks=SOLAR, **changes):
    hourly = tuple(grams for grams in blocks for _ in range(4))
    values = {"mean": float(np.mean(blocks)), "hourly": hourly, **changes}
    return Intensity("carbon", "gCO2e", "file grid.csv", **values)


def vpa(objective="carbon", name="web"):
    target = WorkloadRef("shop", "Deployment", name)
    return Vpa("shop", name, 1, target, profile=Profile(1, objective=objective))


def test_a_block_counts_what_it_emits_over_the_mean_of_the_blocks():
    assert weigh_blocks(intensity()) == (1.2, 1.2, 0.9, 0.6, 0.9, 1.2)


def test_hours_of_a_block_count_as_their_mean():
    hourly = (0.0, 200.0, 300.0, 500.0, *(250.0,) * 20)
    assert weigh_blocks(intensity(hourly=hourly)) == (1.0,) * 6


@pytest.mark.parametrize(
    "carbon",
    [
        pytest.param(None, id="not asked for"),
        pytest.param(Intensity("carbon", "gCO2e", "constant", mean=450.0), id="constant"),
        pytest.param(intensity(mean=None, hourly=(), flaw="has stopped"), id="stopped"),
        pytest.param(intensity(hourly=(300.0,) * 23 + (None,)), id="an hour is not known"),
        pytest.param(intensity((0.0,) * 6), id="no emission at all"),
    ],
)
def test_where_nothing_tells_hours_apart_nothing_is_weighed(carbon):
    assert weigh_blocks(carbon) == ()


@given(st.lists(st.floats(0.0, 1000.0), min_size=6, max_size=6))
def test_over_the_day_no_more_time_is_above_the_request_than_the_class_allows(blocks):
    weights = weigh_blocks(intensity(tuple(blocks)))
    if not weights:
        return
    assert np.mean(weights) <= 1.0 + 1e-4
    assert all(LEAST_WEIGHT <= weight <= MOST_WEIGHT for weight in weights)
    dirtiest, cleanest = int(np.argmax(blocks)), int(np.argmin(blocks))
    assert weights[dirtiest] == max(weights)
    assert weights[cleanest] == min(weights)
    for least, _ in CLASS_RANGE.values():
        above = 1.0 - weigh_quantile(least, np.array(weights))
        assert np.mean(above) <= (1.0 - least) * (1.0 + 1e-4)


def test_what_a_clean_block_is_raised_by_is_taken_off_the_others():
    """1.2 five times and 0: 0 counts 0.2, the others 0.2 + 1.0 x 0.96, and the mean is 1."""
    assert weigh_blocks(intensity((360.0,) * 5 + (0.0,))) == (*(1.16,) * 5, 0.2)


def test_at_the_least_weight_every_class_has_its_greatest_quantile():
    for least, greatest in CLASS_RANGE.values():
        assert float(weigh_quantile(least, LEAST_WEIGHT)) == pytest.approx(greatest)


def ramps():
    """Use climbs from 0 to 1 within each block of four hours (48 bins), on two days."""
    ramp = np.tile((np.arange(48) + 0.5) / 48, 12)
    return trace_of(Pod(ramp), Pod(ramp))


def test_a_request_is_lower_in_dirty_hours_and_higher_in_clean_ones():
    """p75 at weight 1; at 1.2 it is 1 - 0.25 x 1.2 = 0.7, at 0.6 it is 0.85."""
    trace = ramps()
    weights = spread_weights(trace, weigh_blocks(intensity()), {trace.workloads[0]})
    checks = size_by_block(trace, weights=weights).checks
    floors = np.array([check.rule.floor for check in checks])
    wanted = [0.7, 0.7, 0.775, 0.85, 0.775, 0.7]
    assert floors[:, 0] == pytest.approx(wanted, abs=0.01)
    assert floors[:, 1] == pytest.approx([0.75] * 6, abs=0.01)
    assert all(check.is_met for check in checks)


@settings(max_examples=5, deadline=None)
@given(st.floats(1.0, 2000.0))
def test_an_even_intensity_sizes_as_the_objective_energy_does(grams):
    trace = ramps()
    weights = spread_weights(trace, weigh_blocks(intensity((grams,) * 6)), set(trace.workloads))
    assert weights.tolist() == np.ones((6, 2)).tolist()
    plain, weighed = size_by_block(trace), size_by_block(trace, weights=weights)
    assert weighed.requests.tolist() == plain.requests.tolist()


def test_without_a_workload_that_asks_nothing_is_weighed():
    trace = ramps()
    assert spread_weights(trace, weigh_blocks(intensity()), set()) is None
    assert spread_weights(trace, (), set(trace.workloads)) is None


def test_the_step_of_the_quantile_says_its_arithmetic():
    terms = Terms(1.0, 0.9, 1.1, 20.0, 3.0, 0.4, 0.8, "standard")
    block = BlockFactor(3, 1.0, weight=0.6)
    p, (step,) = explain_quantile(terms, Pooled("T3", 1.0, "", block=block))
    assert p == 0.85
    assert (step.step, step.value, step.why) == (
        "quantile",
        "0.85",
        (
            "objective carbon: 1 - 0.25 x 0.6 = 0.85 in 12-16 UTC; over the day it is 0.75, the least"
            " of standard work"
        ),
    )


def test_an_unweighted_block_is_explained_as_before():
    terms = Terms(1.0, 0.9, 1.1, 20.0, 3.0, 0.4, 0.8, "standard")
    block = BlockFactor(3, 1.0)
    _, (step,) = explain_quantile(terms, Pooled("T3", 1.0, "", block=block))
    assert "carbon" not in step.why


@pytest.mark.parametrize(
    ("asked", "carbon", "words"),
    [
        (vpa("energy"), intensity(), ""),
        (vpa(""), intensity(), ""),
        (None, intensity(), ""),
        (vpa(), None, "objective carbon needs --carbon-intensity: energy is what is saved"),
        (
            vpa(),
            intensity(mean=None, flaw="file grid.csv has stopped"),
            "objective carbon: file grid.csv has stopped; energy is what is saved",
        ),
        (
            vpa(),
            intensity(hourly=()),
            (
                "objective carbon: file grid.csv tells no hours of the day apart, so what saves energy"
                " saves carbon"
            ),
        ),
        (
            vpa(),
            intensity(),
            (
                "objective carbon: by block of the day a reserved core counts 0.60 to 1.20 times "
                "(file grid.csv); it acts on requests at tier T3"
            ),
        ),
    ],
)
def test_what_becomes_of_the_objective_is_said(asked, carbon, words):
    assert explain_objective(asked, carbon) == words


def test_what_is_said_moves_with_the_grid_without_being_news_to_a_status():
    """Weights differ a little in each cycle; a status is written for what differs in meaning."""
    first = explain_objective(vpa(), intensity())
    later = explain_objective(vpa(), intensity((410.0, 400.0, 310.0, 210.0, 300.0, 390.0)))
    assert first != later
    assert says_the_same(first, later)
