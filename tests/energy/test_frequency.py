"""P(U) = 100 + 200 U watts at 2.5 GHz, of which the 200 U rise in proportion to the clock."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.energy.frequency import describe_clock, estimate_clock_effect, take_clock_out
from recommender.energy.nodeclass import ClassTotals, estimate_class
from recommender.energy.window import NodeWindows

DAY = 86_400
USUAL = 2.5e9
TOTALS = ClassTotals(
    nodes=2, cores=64.0, memory_bytes=1e12, requested_cores=64.0, requested_bytes=4e11
)


def watched(clock_of, *, days=4, nodes=2, noise=0.0, seed=11):
    """Minutes of nodes that are used 20 to 40 % on even days and 40 to 60 % on odd ones."""
    rng = np.random.default_rng(seed)
    time = np.tile(np.arange(days * 1440) * 60.0, nodes)
    node = np.repeat(np.arange(nodes), days * 1440)
    day = (time // DAY).astype(np.int64)
    used = 0.3 + 0.2 * (day % 2) + 0.1 * np.sin(2 * np.pi * time / 7200.0)
    clock = clock_of(day, used)
    watts = 100.0 + 200.0 * used * clock / USUAL
    watts *= 1.0 + noise * rng.standard_normal(len(time))
    return NodeWindows(time, node, used, watts, clock)


def changed_by_day(day, used):
    """A policy: 2.0 GHz on the quiet days, 3.0 GHz on the busy ones."""
    return np.where(day % 2, 3.0e9, 2.0e9) + 0.0 * used


def learn(windows):
    return estimate_class(windows, TOTALS, cpu_model="AMD EPYC 7763", quality="measured")


def test_what_a_changed_policy_adds_is_found():
    """200 W at full use for a clock that is twice the usual one. Within four hours the policy stays,
    so all of its swing is deviation: 2.0 and 3.0 GHz over 2.5 are -20 % and +20 %."""
    effect = estimate_clock_effect(watched(changed_by_day))
    assert effect.usual_hertz == pytest.approx(USUAL)
    assert effect.full_watts == pytest.approx(200.0, rel=1e-6)
    assert effect.variation == pytest.approx(0.4)
    assert sorted(set(effect.deviation.round(6))) == [-0.2, 0.2]


def test_the_error_of_the_effect_falls_with_the_data_and_covers_it():
    """20 trials, each within three standard errors of 200 W and most within two."""
    far = []
    for seed in range(20):
        effect = estimate_clock_effect(watched(changed_by_day, noise=0.02, seed=seed))
        far.append(abs(effect.full_watts - 200.0) / effect.error_watts)
    assert max(far) < 4.0
    assert np.mean(np.array(far) < 2.0) >= 0.75
    longer = estimate_clock_effect(watched(changed_by_day, days=16, noise=0.02))
    shorter = estimate_clock_effect(watched(changed_by_day, days=4, noise=0.02))
    assert longer.error_watts < 0.7 * shorter.error_watts


def test_the_watts_become_those_at_the_usual_clock():
    windows = watched(changed_by_day)
    level = take_clock_out(windows, estimate_clock_effect(windows))
    assert level.watts == pytest.approx(100.0 + 200.0 * windows.utilisation)


def test_the_price_is_that_of_the_usual_clock_and_says_so():
    """Quiet days draw less and busy days more than at 2.5 GHz: taken as they are, they give a line
    steeper than its own, with an intercept far below 100 W."""
    windows = watched(changed_by_day, noise=0.02)
    found = learn(windows)
    blind = learn(replace(windows, frequency=None))
    assert found.price.intercept_watts == pytest.approx(100.0, abs=4.0)
    assert found.intercept[1] <= 100.0 <= found.intercept[2]
    assert blind.price.intercept_watts < 80.0
    assert found.reasons[1].startswith("clocks differed by 40% at the same use")
    assert "2.50 GHz" in found.reasons[1]
    assert found.evidence.clock.full_watts == pytest.approx(200.0, rel=0.1)


def test_what_a_governor_makes_of_the_clock_belongs_to_the_curve():
    """The clock rises with use, within minutes: nothing deviates from what is usual at that use."""
    windows = watched(lambda day, used: 2.0e9 + 1.0e9 * used + 0.0 * day)
    assert estimate_clock_effect(windows) is None
    assert learn(windows).price == learn(replace(windows, frequency=None)).price


@pytest.mark.parametrize(
    "clock_of",
    [
        pytest.param(lambda _day, used: np.full_like(used, USUAL), id="steady"),
        pytest.param(lambda day, used: USUAL * (1.0 + 0.045 * (-1.0) ** day) + 0 * used, id="9 %"),
        pytest.param(lambda _day, used: np.full_like(used, np.nan), id="unknown"),
        pytest.param(
            lambda day, used: np.where(np.arange(len(used)) % 8, changed_by_day(day, used), np.nan),
            id="unknown in an eighth of the windows",
        ),
    ],
)
def test_a_clock_that_is_steady_or_hardly_known_changes_nothing(clock_of):
    windows = watched(clock_of)
    windows = replace(windows, watts=100.0 + 200.0 * windows.utilisation)
    assert estimate_clock_effect(windows) is None
    assert learn(windows).price == learn(replace(windows, frequency=None)).price


def test_some_windows_without_a_clock_stay_as_they_are():
    windows = watched(changed_by_day)
    is_hidden = np.arange(len(windows)) % 20 == 0
    partly = replace(windows, frequency=np.where(is_hidden, np.nan, windows.frequency))
    level = take_clock_out(partly, estimate_clock_effect(partly))
    assert (level.watts[is_hidden] == windows.watts[is_hidden]).all()
    assert level.watts[~is_hidden] == pytest.approx(
        100.0 + 200.0 * windows.utilisation[~is_hidden], rel=0.01
    )


def test_power_that_falls_with_the_clock_is_no_effect_of_it():
    windows = watched(changed_by_day)
    odd = replace(windows, watts=100.0 + 200.0 * windows.utilisation * USUAL / windows.frequency)
    assert estimate_clock_effect(odd) is None


def test_nodes_of_unlike_clocks_are_brought_to_the_usual_one():
    """160 W and 240 W from idle to full at 2.0 and 3.0 GHz."""
    windows = watched(lambda day, used: np.repeat([2.0e9, 3.0e9], len(used) // 2) + 0.0 * day)
    level = take_clock_out(windows, estimate_clock_effect(windows))
    assert level.watts == pytest.approx(100.0 + 200.0 * windows.utilisation)


def test_no_windows_have_no_effect():
    assert estimate_clock_effect(NodeWindows.empty()) is None


def test_a_class_of_windows_keeps_its_clock_when_some_are_dropped():
    windows = watched(changed_by_day)
    holed = replace(windows, watts=np.where(np.arange(len(windows)) % 2, windows.watts, np.nan))
    assert holed.metered().frequency == pytest.approx(windows.frequency[1::2])


def test_arrays_of_different_length_are_refused():
    windows = watched(changed_by_day)
    with pytest.raises(ValueError, match="one length"):
        replace(windows, frequency=windows.frequency[1:])


@settings(max_examples=10)
@given(st.floats(0.25, 8.0), st.floats(0.25, 8.0))
def test_the_effect_scales_with_watts_and_not_with_the_unit_of_the_clock(watts, clock):
    windows = watched(changed_by_day, days=2, noise=0.02)
    plain = estimate_clock_effect(windows)
    scaled = estimate_clock_effect(
        replace(windows, watts=watts * windows.watts, frequency=clock * windows.frequency)
    )
    assert scaled.full_watts == pytest.approx(watts * plain.full_watts, rel=1e-6)
    assert scaled.variation == pytest.approx(plain.variation)


def test_the_sentence_says_how_much_and_at_which_clock():
    text = describe_clock(estimate_clock_effect(watched(changed_by_day)))
    assert text == (
        "clocks differed by 40% at the same use: what this adds (20.0 W for 10% at full use) is "
        "taken out, the curve is that at 2.50 GHz"
    )
