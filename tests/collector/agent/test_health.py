"""Ready means that a real source delivers; what is wrong is said in words."""

from collector.health import Status, describe, judge_life, judge_readiness
from collector.model import Zone
from collector.snapshot import ZoneTotal
from tests.collector.agent.picture import SOURCES, snapshot


def status(**changes):
    values = {"began": 900.0, "interval": 5.0, "sources": SOURCES, "snapshot": snapshot()}
    return Status(**values | changes)


def zones(*qualities):
    return tuple(
        ZoneTotal(Zone("package", str(number)), "source", quality, 1.0)
        for number, quality in enumerate(qualities)
    )


def test_a_collector_lives_while_intervals_end():
    assert judge_life(status(), now=1030.0).is_good
    late = judge_life(status(), now=1030.1)
    assert not late.is_good
    assert late.reason == "no interval ended for 30 s"


def test_long_intervals_may_take_three_times_as_long():
    assert judge_life(status(interval=60.0), now=1180.0).is_good
    assert not judge_life(status(interval=60.0), now=1181.0).is_good


def test_before_the_first_interval_life_counts_from_the_start_and_nothing_is_ready():
    young = status(snapshot=None)
    assert judge_life(young, now=930.0).is_good
    assert not judge_life(young, now=931.0).is_good
    assert judge_readiness(young).reason == "the first interval has not ended"


def test_a_measured_zone_makes_ready():
    verdict = judge_readiness(status())
    assert (verdict.is_good, verdict.reason) == (True, "power is measured")


def test_without_any_zone_it_is_not_ready_and_names_each_refusal():
    verdict = judge_readiness(status(snapshot=snapshot(zones=())))
    assert not verdict.is_good
    assert verdict.reason == "no source of power works (rapl: no intel-rapl zone)"


def test_modelled_power_alone_is_ready_only_where_that_was_allowed():
    modelled = snapshot(zones=zones("modelled"))
    assert not judge_readiness(status(snapshot=modelled)).is_good
    assert "--allow-modelled" in judge_readiness(status(snapshot=modelled)).reason
    assert judge_readiness(status(snapshot=modelled, allows_modelled=True)).is_good


def test_one_measured_zone_beside_modelled_ones_is_enough():
    mixed = snapshot(zones=zones("modelled", "measured"))
    assert judge_readiness(status(snapshot=mixed)).reason == "power is measured, modelled"


def test_the_page_names_sources_with_reasons_zones_and_problems():
    text = describe(status(snapshot=snapshot(problems=("zone x went",))), now=1001.0)
    for line in (
        "  ready       yes: power is measured",
        "  power       not used: rapl: no intel-rapl zone",
        "  power       used: modelled: platform",
        "  zone        package 0: 100 J by rapl, measured",
        "  idle        package 0: 30.0 W without load",
        "  containers  1 named, 0 not (yet)",
        "  problem     zone x went",
    ):
        assert line in text.splitlines()
