"""Gates: what they hold against what, and what they say when they trip."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import GateError
from recommender.model.report import Skipped, Watts
from recommender.report.gate import check_gates, estimate_waste_watts
from recommender.settings import ReportGateSettings
from tests.report.sample import container, sample_report, without_energy, workload


def _report(*containers, skipped=()):
    return sample_report(workloads=(workload(*containers),), skipped=skipped)


def _saving(watts, name="app"):
    return container(name=name, watts_saved=Watts(watts, watts - 0.1, watts + 0.1))


def _exposed(share, name="app"):
    return container(name=name, exposure={"current": share, "recommended": 0.9})


def _check(report, **gates):
    return check_gates(report, ReportGateSettings(**gates))


def _trip(report, **gates):
    with pytest.raises(GateError) as caught:
        _check(report, **gates)
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_without_a_gate_everything_passes():
    assert _check(sample_report()) == ()


def test_waste_is_what_is_held_too_much_and_no_need_of_others_is_set_off_against_it():
    report = _report(_saving(30.0), _saving(-20.0, "thirsty"), _saving(5.0, "log"))
    assert estimate_waste_watts(report) == 35.0
    assert _check(report, fail_on_waste_watts=35.0) == ()
    assert _trip(report, fail_on_waste_watts=20.0) == (
        "--fail-on-waste-watts: requests hold 35 W too much and 20 W are allowed, so 15 W above it"
        " (most: shop/deploy/checkout, container app, 30 W)"
    )


def test_a_gate_of_zero_watts_trips_on_any_waste_and_on_nothing_else():
    assert "hold 0.25 W too much" in _trip(_report(_saving(0.25)), fail_on_waste_watts=0.0)
    assert _check(_report(_saving(-3.0)), fail_on_waste_watts=0.0) == ()


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=5), st.floats(0, 1e4))
@settings(max_examples=40)
def test_a_looser_gate_never_trips_where_a_tighter_one_passes(savings, allowed):
    report = _report(*(_saving(watts, f"c{index}") for index, watts in enumerate(savings)))
    waste = sum(watts for watts in savings if watts > 0)
    if waste > allowed:
        _trip(report, fail_on_waste_watts=allowed)
        _trip(report, fail_on_waste_watts=allowed / 2)
    else:
        assert _check(report, fail_on_waste_watts=allowed) == ()


def test_unknown_watts_trip_nothing_and_are_told():
    (said,) = _check(_report(without_energy()), fail_on_waste_watts=0.0)
    assert said == "--fail-on-waste-watts: the watts of no container are known"


def test_risk_is_of_the_present_request_and_the_worst_container_is_named():
    report = _report(_exposed(0.02), _exposed(0.31, "proxy"), _exposed(0.06, "log"))
    assert _check(report, fail_on_risk=0.31) == ()
    assert _trip(report, fail_on_risk=0.05) == (
        "--fail-on-risk: usage of shop/deploy/checkout, container proxy is above its CPU request"
        " for 31 % of the time and 5 % is allowed, so 26 % above it; 1 more are above it"
    )


def test_a_container_without_a_request_has_no_known_risk():
    (said,) = _check(_report(container(exposure={"recommended": 0.5})), fail_on_risk=0.0)
    assert "of no container both usage and the present CPU request are known" in said


def test_what_was_skipped_trips_its_gate_unless_somebody_switched_it_off():
    row = Skipped("shop", "CronJob", "report", None, "no usage in 14 d")
    deliberate = msgspec.structs.replace(row, is_deliberate=True)
    assert _check(_report(skipped=(deliberate,)), fail_on_skipped=True) == ()
    assert _check(_report(skipped=(row,))) == ()
    assert _trip(_report(skipped=(row, deliberate)), fail_on_skipped=True) == (
        "--fail-on-skipped: 1 skipped and 0 are allowed"
        " (first: shop/cronjob/report: no usage in 14 d)"
    )


def test_all_gates_that_tripped_stand_in_one_line():
    said = _trip(sample_report(), fail_on_waste_watts=1, fail_on_risk=0.01, fail_on_skipped=True)
    assert len(said.splitlines()) == 1
    assert [part.split(":")[0] for part in said.split("; --")] == [
        "--fail-on-waste-watts",
        "fail-on-risk",
        "fail-on-skipped",
    ]


def test_a_report_without_workloads_passes_and_says_that_nothing_was_judged():
    report = sample_report(workloads=(), skipped=())
    said = _check(report, fail_on_waste_watts=0.0, fail_on_risk=0.0, fail_on_skipped=True)
    assert [each.split(":")[0] for each in said] == ["--fail-on-waste-watts", "--fail-on-risk"]
