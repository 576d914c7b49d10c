"""What `joulefit curve` tells of a pool: the numbers of its energy, and what is missing."""

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.model.cluster import ClusterState, Node, NodeLoad
from recommender.model.history import NodeHistory, TimeGrid
from recommender.report.nodeclass import describe_class
from recommender.sizing.pool import estimate_pools

GIB = 2**30
EPYC = "AMD EPYC 7763 64-Core Processor"
NAMES = ("a", "b", "c")


def history(*, reach="platform", quality="measured", days=3, cpu_model=EPYC):
    """100 + 200 U watts of 64 cores that are used 20 to 60 %."""
    grid = TimeGrid(end=86400 * 100, bins=288 * days)
    use = np.tile(0.4 + 0.2 * np.sin(np.linspace(0, 2 * np.pi * days, grid.bins)), (3, 1))
    return NodeHistory(
        grid=grid,
        nodes=NAMES,
        watts=(100 + 200 * use).astype(np.float32),
        cpu_used=(64 * use).astype(np.float32),
        quality=(quality,) * 3,
        reach=(reach,) * 3,
        cpu_model=(cpu_model,) * 3,
    )


def described(read, *, reserved=32.0, knows_clock=True, power="auto"):
    cluster = ClusterState(
        source="a test",
        nodes=tuple(Node(name, 64.0, 256 * GIB) for name in NAMES),
        reserved={name: NodeLoad(reserved, 64 * GIB) for name in NAMES} if reserved else {},
    )
    (pool,) = estimate_pools(cluster, read, power=power)
    return describe_class(pool, knows_clock=knows_clock)


def test_a_class_with_meters_shows_the_price_of_its_line():
    shown = described(history())
    assert (shown.nodes, shown.metered_nodes, shown.hours) == (3, 3, 72)
    assert shown.intercept_watts.value == pytest.approx(100.0, rel=0.01)
    price = shown.price_watts_per_core
    assert price.value == pytest.approx(100.0 / 32.0, rel=0.01)
    assert price.low <= price.value <= price.high
    assert (shown.packing, shown.utilisation) == pytest.approx((0.5, 0.4), rel=1e-3)
    assert shown.mean_watts == pytest.approx(180.0, rel=1e-3)
    assert (shown.quality, shown.reach) == ("measured", "platform")


def test_points_are_the_bins_and_the_curve_runs_through_them():
    shown = described(history())
    assert sum(point.windows for point in shown.points) == shown.windows == 3 * 3 * 288
    for point in shown.points:
        assert point.watts == pytest.approx(100 + 200 * point.utilisation, rel=1e-3)
    assert [point.utilisation for point in shown.curve] == sorted(
        {point.utilisation for point in shown.curve}
    )
    assert shown.curve[0].utilisation == shown.lowest_utilisation
    assert shown.curve[-1].utilisation == shown.highest_utilisation
    for point in shown.curve:
        assert point.watts == pytest.approx(100 + 200 * point.utilisation, rel=1e-3)
        assert point.low <= point.watts <= point.high


@pytest.mark.parametrize("power", ["auto", "modelled"])
def test_the_formula_gives_each_point_of_the_curve(power):
    shown = described(history(), power=power)
    formula = shown.formula
    for point in shown.curve:
        use = point.utilisation
        hinges = zip(formula.knots, formula.hinge_watts, strict=True)
        bent = sum(watts * max(use - knot, 0.0) for knot, watts in hinges)
        found = formula.base_watts + formula.linear_watts * use + formula.cubic_watts * use**3
        assert found + bent == pytest.approx(point.watts)


def test_a_modelled_class_goes_from_idle_to_full_without_a_band():
    shown = described(history(), power="modelled")
    assert (shown.curve[0].utilisation, shown.curve[-1].utilisation) == (0.0, 1.0)
    assert {(point.low, point.high) for point in shown.curve} == {(None, None)}
    assert (shown.lowest_utilisation, shown.highest_utilisation) == (None, None)
    # AMD: 2.14 W x 64 cores at full load, of which .41 at no use
    assert shown.curve[0].watts == pytest.approx(0.41 * 2.14 * 64)
    assert (shown.metered_nodes, shown.windows, shown.points) == (0, 0, ())


def test_some_hours_of_readings_are_shown_though_they_make_no_curve():
    read = history(days=1)
    watts = read.watts.copy()
    watts[:, 100:] = np.nan
    shown = described(replace(read, watts=watts))
    assert (shown.quality, shown.metered_nodes, shown.windows) == ("modelled", 3, 300)
    assert len(shown.points) > 2


@pytest.mark.parametrize(
    ("read", "options", "sentence"),
    [
        pytest.param(
            history(quality="", reach=""), {}, "power of no node is read: install", id="no meter"
        ),
        pytest.param(
            history(days=1),
            {"power": "modelled"},
            "no curve of these nodes could be learnt: no power readings",
            id="modelled",
        ),
        pytest.param(
            replace(
                history(), quality=("measured", "", "measured"), reach=("platform", "", "platform")
            ),
            {},
            "power of 1 of 3 nodes is not in the curve",
            id="a node without",
        ),
        pytest.param(
            history(reach="package+dram"), {}, "fans, disks and power supplies", id="package+dram"
        ),
        pytest.param(history(reach="package"), {}, "packages alone: memory, fans", id="package"),
        pytest.param(history(), {}, "most work per joule is not identified", id="no peak"),
        pytest.param(
            history(), {"knows_clock": False}, "no series tells the nodes' clock", id="no clock"
        ),
        pytest.param(history(cpu_model=""), {}, "the CPU model is unknown", id="no CPU model"),
        pytest.param(history(), {"reserved": 0}, "no requests are known", id="no requests"),
    ],
)
def test_what_is_missing_is_said(read, options, sentence):
    shown = described(read, **options)
    assert any(sentence in each for each in shown.missing), shown.missing


def test_nothing_is_called_missing_that_is_there():
    assert described(history()).missing == (
        "the use at which a node does most work per joule is not identified",
    )


def test_the_clock_is_shown_where_its_effect_was_taken_out():
    read = history(days=8)
    turn = (np.arange(read.grid.bins) // 576) % 2
    clock = np.tile(np.where(turn, 3e9, 2e9), (3, 1)).astype(np.float32)
    use = read.cpu_used / 64
    read = replace(read, watts=(100 + 200 * use * clock / 2.5e9).astype(np.float32))
    assert described(read).clock is None
    shown = described(replace(read, frequency=clock)).clock
    assert (shown.usual_hertz, shown.full_watts) == pytest.approx((2.5e9, 200.0), rel=0.02)
    assert shown.variation == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize(("cpu_model", "usual"), [(EPYC, 0.9), ("Intel Xeon", 0.7), ("", 0.8)])
def test_the_usual_ceiling_is_the_vendors(cpu_model, usual):
    assert described(history(cpu_model=cpu_model)).usual_ceiling == usual
