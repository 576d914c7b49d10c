"""Where pods suffered in the last week, requests rise and never fall."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.sizing.guard import judge_strain
from recommender.sizing.strain import Strain
from recommender.units import parse_millicores
from tests.sizing.build import (
    GIB,
    ramp,
    size_app,
    spec_of,
    step_of,
    usage_of,
    vpa_of,
    workload_of,
)

DAYS = 10
HOURS = DAYS * 24
NONE = np.zeros(HOURS)


def on_day(value, *, ago, base=0.0):
    """By hour: a value on one day, counted back from the last (0)."""
    hours = np.full(HOURS, base)
    hours[HOURS - (ago + 1) * 24 : HOURS - ago * 24] = value
    return hours


def judge(*, cores=0.2, request=1.0, **known):
    return judge_strain(Strain(np.full(HOURS, cores), **known), request)


def test_nothing_known_is_no_verdict():
    assert judge() is None
    assert judge(throttled=np.full(HOURS, np.nan)) is None


@pytest.mark.parametrize(("share", "bad_day"), [(0.009, None), (0.011, 2)])
def test_a_day_that_was_held_back_for_more_than_a_hundredth_is_bad(share, bad_day):
    guard = judge(throttled=on_day(share, ago=2))
    assert guard.bad_day == bad_day
    assert guard.asked == ("throttling",)


def test_one_hour_counts_as_its_part_of_the_day():
    hours = NONE.copy()
    hours[-5] = 0.2
    assert judge(throttled=hours).bad_day is None  # 0.2 / 24 = 0.008
    hours[-5] = 0.3
    assert judge(throttled=hours).bad_day == 0  # 0.0125


@pytest.mark.parametrize(("ago", "bad_day"), [(0, 0), (6, 6), (7, None)])
def test_after_seven_clean_days_it_is_over(ago, bad_day):
    assert judge(throttled=on_day(0.5, ago=ago)).bad_day == bad_day


@pytest.mark.parametrize(
    ("cores", "request_cores", "is_bad"),
    [
        pytest.param(0.81, 1.0, True, id="most of the request is used"),
        pytest.param(0.79, 1.0, False, id="there is room in the request"),
        pytest.param(0.1, None, True, id="nothing is requested"),
    ],
)
def test_pressure_counts_where_the_request_is_nearly_used_up(cores, request_cores, is_bad):
    guard = judge(cores=cores, request=request_cores, pressure=on_day(0.11, ago=0))
    assert (guard.bad_day is not None) == is_bad


def test_a_tenth_of_the_time_is_not_too_much_waiting():
    assert judge(cores=0.9, pressure=on_day(0.099, ago=0)).bad_day is None


def test_any_hour_of_too_much_latency_makes_a_bad_day():
    hours = np.full(HOURS, 0.9)
    hours[-30] = 1.2
    guard = judge(latency=hours)
    assert guard.bad_day == 1
    assert guard.faults == ("latency 1.2 times what its EnergyProfile allows",)


def test_latency_beyond_the_last_bucket_is_bad_whatever_it_is():
    assert judge(latency=on_day(np.inf, ago=3)).faults == (
        "latency beyond what its series can tell",
    )


def test_hours_without_pods_are_not_held_back():
    cores = np.where(np.arange(HOURS) < HOURS - 24, 0.2, np.nan)
    guard = judge_strain(Strain(cores, throttled=on_day(0.5, ago=0)), 1.0)
    assert guard.bad_day is None


def test_less_than_a_week_is_said_to_be():
    known = np.where(np.arange(HOURS) >= HOURS - 40, 0.0, np.nan)
    assert judge(throttled=known).days == 2


def guarded(share, *, ago=0, request=300, days=DAYS, vpa=None):
    usage = usage_of({"app": (ramp(0.1, 0.3, days=days), GIB)}, days=days)
    usage = replace(usage, throttled=on_day(share, ago=ago)[None].astype(np.float32))
    return size_app(usage, workload=workload_of(spec_of(cpu=request)), vpa=vpa)


def target_of(container):
    return parse_millicores(container.recommended.target.cpu)


def cores_of(container, step):
    return parse_millicores(step_of(container, step).value)


def test_the_request_leaves_a_fifth_of_room_while_the_guard_holds():
    found = guarded(0.05)
    covered = cores_of(found, "p93")
    assert target_of(found) == pytest.approx(covered / 0.8, abs=2)
    assert step_of(found, "slo guard").value == found.recommended.target.cpu
    assert step_of(found, "slo guard").why == (
        f"held back by its limit 5.0% of a day, in the last day: at least {covered}m / 0.8, no"
        " less than the 300m of now, until 7 clean days"
    )


def test_nothing_is_lowered_while_it_holds():
    assert target_of(guarded(0.05, request=1500)) == 1500
    assert target_of(guarded(0.05, ago=6, request=1500)) == 1500
    assert target_of(guarded(0.05, ago=7, request=1500)) < 400


def test_a_clean_week_is_said_to_be_clean():
    step = step_of(guarded(0.0), "slo guard")
    assert (step.value, step.why) == ("clean", "throttling of the last 7 d: no bad day")


def test_what_was_published_before_is_not_lowered_either():
    entry = {"lowerBound": {"cpu": "100m"}, "target": {"cpu": "700m"}, "upperBound": {"cpu": "2"}}
    status = {"recommendation": {"containerRecommendations": [{"containerName": "app", **entry}]}}
    assert target_of(guarded(0.05, vpa=vpa_of(status=status))) == 700


@settings(max_examples=12)
@given(share=st.sampled_from([0.0, 0.005, 0.02, 0.4]), request=st.integers(50, 2000))
def test_applied_to_its_own_result_nothing_moves(share, request):
    first = guarded(share, request=request, vpa=vpa_of())
    maps = first.recommended
    entry = {"containerName": "app"} | {
        name: {"cpu": part.cpu, "memory": part.memory}
        for name, part in (
            ("lowerBound", maps.lower_bound),
            ("target", maps.target),
            ("upperBound", maps.upper_bound),
            ("uncappedTarget", maps.uncapped_target),
        )
    }
    status = {"recommendation": {"containerRecommendations": [entry]}}
    again = guarded(share, request=target_of(first), vpa=vpa_of(status=status))
    assert again.recommended == first.recommended
