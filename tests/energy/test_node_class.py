import numpy as np
import pytest

from recommender.energy.bootstrap import Replicates
from recommender.energy.nodeclass import (
    ClassTotals,
    choose_evidence,
    estimate_class,
    missing_evidence,
)
from recommender.energy.published import server_curve
from recommender.energy.window import NodeWindows
from tests.energy.scenario import daily_windows, spread_windows

SERVER = server_curve("Lenovo SR645")
EPYC = "AMD EPYC 7763 64-Core Processor"
# Half of the CPU and a quarter of the memory are reserved: CPU binds.
TOTALS = ClassTotals(
    nodes=4, cores=256.0, memory_bytes=1e12, requested_cores=512.0, requested_bytes=1e12
)


def learn(windows, *, totals=TOTALS, cpu_model=EPYC, quality="measured"):
    return estimate_class(windows, totals, cpu_model=cpu_model, quality=quality)


def without_power(windows):
    return NodeWindows(
        windows.time, windows.node, windows.utilisation, np.full(len(windows), np.nan)
    )


def test_a_day_of_readings_gives_a_measured_price():
    """The price is the mean tangent intercept over the day, over .5 x 256 reserved cores."""
    windows = daily_windows(SERVER.power, seed=1, nodes=4)
    found = learn(windows)
    expected = float(SERVER.intercept(windows.utilisation).mean()) / (0.5 * 256.0)
    assert found.quality == "measured"
    assert found.price.watts_per_core == pytest.approx(expected, rel=0.05)
    assert found.price.low <= expected <= found.price.high
    assert found.price.packing == pytest.approx(0.5)
    assert found.price.utilisation == pytest.approx(windows.utilisation.mean())
    assert found.mean_watts == pytest.approx(windows.watts.mean())
    assert isinstance(found.replicates, Replicates)
    assert len(found.replicates.coefficients) == 100


def test_reasons_tell_curve_price_binding_and_ceiling_in_order():
    reasons = learn(daily_windows(SERVER.power, seed=1, nodes=4)).reasons
    assert [reason.split(" ", 2)[:2] for reason in reasons] == [
        ["power", "curve"],
        ["a", "reserved"],
        ["CPU", "binds:"],
        ["most", "work"],
    ]


def test_the_same_windows_give_the_same_answer():
    windows = daily_windows(SERVER.power, seed=1, nodes=2)
    first, again = learn(windows), learn(windows)
    assert first.price == again.price
    assert first.curve == again.curve
    assert first.reasons == again.reasons


def test_the_order_of_windows_does_not_matter():
    windows = daily_windows(SERVER.power, seed=1, nodes=2)
    mixed = np.random.default_rng(0).permutation(len(windows))
    shuffled = NodeWindows(
        windows.time[mixed], windows.node[mixed], windows.utilisation[mixed], windows.watts[mixed]
    )
    assert learn(shuffled).price.watts_per_core == pytest.approx(
        learn(windows).price.watts_per_core, rel=1e-6
    )


@pytest.mark.parametrize("quality", ["measured", "derived", "modelled", "recorded"])
def test_the_quality_of_the_readings_is_that_of_the_curve(quality):
    found = learn(daily_windows(SERVER.power, seed=1), quality=quality)
    assert found.quality == quality
    assert found.reasons[0].startswith(f"power curve {quality} over 1440 windows")


def test_a_peak_inside_the_data_becomes_the_ceiling():
    windows = daily_windows(SERVER.power, seed=1, days=7, low=0.1, high=1.0)
    found = learn(windows)
    assert found.ceiling.is_identified
    assert found.ceiling.utilisation == pytest.approx(0.8)


def test_a_peak_out_of_sight_leaves_the_usual_ceiling_in_reach():
    """Used up to about 55 %: a quarter more, not the 90 % of AMD."""
    found = learn(daily_windows(SERVER.power, seed=1, days=2, low=0.2, high=0.5))
    assert not found.ceiling.is_identified
    assert found.ceiling.utilisation == pytest.approx(1.25 * found.curve.high)
    assert found.curve.high < 0.65


def test_nothing_known_gives_the_model_of_the_vendor():
    """AMD: 2.14 W x 256 cores at full load; at the usual 30 % use the intercept is .4046 of
    that, and half of the cores are reserved."""
    found = learn(NodeWindows.empty())
    assert found.quality == "modelled"
    assert found.price.watts_per_core == pytest.approx(2.14 * 0.4046 / 0.5)
    assert found.price.low == pytest.approx(0.65 * found.price.watts_per_core)
    assert found.price.high == pytest.approx(1.25 * found.price.watts_per_core)
    assert found.ceiling.utilisation == 0.9
    assert found.mean_watts is None
    assert found.replicates is None
    assert found.reasons[:2] == (
        "no power readings",
        (
            "power modelled from published servers of AMD: 2.14 W per core at full load, "
            "nothing was measured"
        ),
    )


def test_without_a_meter_the_model_is_priced_at_the_use_that_was_seen():
    found = learn(without_power(spread_windows(SERVER.power, np.full(2000, 0.5))))
    assert found.price.utilisation == pytest.approx(0.5)
    assert found.price.intercept_watts == pytest.approx(2.14 * 256 * 0.385)
    assert found.ceiling.utilisation == pytest.approx(1.25 * 0.51)


def test_too_few_hours_scale_the_model_to_what_was_measured():
    windows = daily_windows(SERVER.power, seed=1, days=0.5)
    found = learn(windows)
    assert found.quality == "modelled"
    assert found.reasons[0] == "power readings in 12 of the 24 hours that a curve needs"
    modelled = found.curve.power(windows.utilisation)
    assert modelled.mean() == pytest.approx(windows.watts.mean())
    assert found.mean_watts == pytest.approx(windows.watts.mean())
    assert found.price.low < found.price.watts_per_core < found.price.high


def test_a_steady_load_says_nothing_of_the_slope():
    windows = spread_windows(SERVER.power, np.tile([0.31, 0.33], 1000))
    found = learn(windows)
    assert found.quality == "modelled"
    assert found.reasons[0] == "utilisation varied by 2% only, a curve needs 6%"


def test_rare_loads_say_nothing_of_the_slope():
    windows = spread_windows(SERVER.power, np.linspace(0.0, 1.27, 130))
    hours = NodeWindows(windows.time * 60.0, windows.node, windows.utilisation, windows.watts)
    assert missing_evidence(hours) == "utilisation varied by 0% only, a curve needs 6%"


def test_readings_that_agree_with_the_model_and_say_less_yield_to_it():
    windows = daily_windows(SERVER.power, seed=2, low=0.30, high=0.36, noise=0.5, step=300)
    found = learn(windows)
    assert found.quality == "modelled"
    assert "wider than the model that agrees with them" in found.reasons[0]


def test_readings_that_contradict_the_model_stand():
    """A node whose power is in proportion to its load has no price; AMD's model says 41 %."""
    windows = daily_windows(lambda load: 5.0 + 400.0 * load, seed=2, noise=0.03)
    found = learn(windows)
    assert found.quality == "measured"
    assert found.price.intercept_watts == pytest.approx(5.0, abs=8.0)


IDLE_SERVER = server_curve("Quanta D52BQ")


def with_idle_nodes(busy, *, nodes=1):
    """The windows, and nodes at 1 % use with a sleeping package (44.9 W; awake it is 91 W)."""
    count = nodes * 1440
    return NodeWindows(
        np.concatenate((busy.time, np.tile(np.arange(1440) * 60.0, nodes))),
        np.concatenate((busy.node, np.repeat(np.arange(nodes), 1440) + busy.node.max() + 1)),
        np.concatenate((busy.utilisation, np.full(count, 0.01))),
        np.concatenate((busy.watts, np.full(count, 44.9))),
    )


def test_an_idle_node_does_not_spoil_the_curve():
    busy = daily_windows(IDLE_SERVER.power, seed=1, nodes=5)
    alone, beside = learn(busy), learn(with_idle_nodes(busy))
    assert beside.curve.low > 0.05
    assert beside.curve.power(0.4) == pytest.approx(alone.curve.power(0.4), rel=1e-9)
    assert beside.curve.intercept(0.4) == pytest.approx(alone.curve.intercept(0.4), rel=1e-9)


def test_a_class_that_works_for_some_hours_a_day_is_learnt_from_these():
    busy = daily_windows(IDLE_SERVER.power, seed=1, nodes=2)
    at_work = (busy.time >= 6 * 3600) & (busy.time < 16 * 3600)
    idle = NodeWindows(
        busy.time,
        busy.node,
        np.where(at_work, busy.utilisation, 0.01),
        np.where(at_work, busy.watts, 44.9),
    )
    assert choose_evidence(idle).hours() == 10
    assert learn(idle).curve.low > 0.05


@pytest.mark.parametrize(
    ("low", "high", "awake_hours"),
    [
        pytest.param(0.01, 0.03, 24, id="never awake"),
        pytest.param(0.01, 0.60, 7, id="awake for seven hours"),
        pytest.param(0.01, 0.08, 24, id="awake in a narrow range"),
    ],
)
def test_idle_windows_stay_where_there_is_little_else(low, high, awake_hours):
    clock = np.arange(1440) * 60.0
    load = np.where(clock < awake_hours * 3600, np.linspace(high, low, 1440), 0.02)
    windows = NodeWindows(clock, np.zeros(1440, dtype=np.int64), load, 50.0 + load)
    assert choose_evidence(windows) is windows


def test_bad_readings_are_left_out():
    good = daily_windows(SERVER.power, seed=1)
    bad_watts = np.array([0.0, np.nan, -5.0, np.inf] * 50)
    noisy = NodeWindows(
        np.concatenate((good.time, np.arange(200.0))),
        np.concatenate((good.node, np.zeros(200, dtype=np.int64))),
        np.concatenate((good.utilisation, np.full(200, np.nan))),
        np.concatenate((good.watts, bad_watts)),
    )
    assert learn(noisy).price == learn(good).price


def test_where_memory_binds_the_effective_price_is_zero():
    totals = ClassTotals(
        nodes=4, cores=256.0, memory_bytes=1e12, requested_cores=300.0, requested_bytes=3.6e12
    )
    found = learn(daily_windows(SERVER.power, seed=1), totals=totals)
    assert found.binding.resource == "memory"
    assert found.price.watts_per_core > 0.0
    assert found.effective_price.watts_per_core == 0.0
    assert any("CPU cuts free no node" in reason for reason in found.reasons)


def test_a_class_without_requests_is_priced_as_if_full():
    totals = ClassTotals(
        nodes=4, cores=256.0, memory_bytes=1e12, requested_cores=0.0, requested_bytes=0.0
    )
    found = learn(NodeWindows.empty(), totals=totals)
    assert found.price.packing == 1.0
    assert found.price.watts_per_core == pytest.approx(2.14 * 0.4046)
