"""What must be so at the end of the road, a sentence each; it fails as an assertion does."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest

from recommender.units import MIB, parse_bytes, parse_millicores
from tests.collector.real.law import IDLE_WATTS, WATTS_PER_CPU
from tests.e2e.road import find_condition, find_entry
from tests.e2e.stage import CASES

if TYPE_CHECKING:
    from tests.e2e.road import Object, Objects, Walk

TOLERANCE = 0.10
"""Of a bin: its ends are known to half a second of ten where the machine is busy."""

LOAD_TOLERANCE = 0.03
LEAST_LOAD = 0.7  # of what was meant: a busy machine may keep a part back
POWER_TOLERANCE = 0.10
"""Watts and use are means of the same bins, whose ends are known no better than those of a load."""

SECONDS_TO_ANSWER = 30.0  # it takes one or two; the machine may be busy with other things
POD_MIN_BYTES = 250 * MIB  # the stock rule's least memory of a pod
MAPS = ("lowerBound", "target", "upperBound", "uncappedTarget")


def the_loads_were_what_they_were_meant_to_be(walk: Walk) -> None:
    for case in CASES:
        share = walk.mean_cores[case.name] / case.cores
        assert LEAST_LOAD < share < 1.0 + LOAD_TOLERANCE


def a_vpa_is_answered_within_seconds(walk: Walk) -> None:
    assert walk.answered_seconds < SECONDS_TO_ANSWER


def every_status_has_target_and_bounds_in_order(walk: Walk) -> None:
    for vpa in _all_vpas(walk):
        entry = find_entry(vpa)
        assert entry is not None
        assert entry["containerName"] == "main"
        assert set(entry) == {"containerName", *MAPS}
        for parse, resource in ((parse_millicores, "cpu"), (parse_bytes, "memory")):
            lower, target, upper, uncapped = (parse(entry[name][resource]) for name in MAPS)
            assert 0 < lower <= target <= upper
            assert uncapped == target
        condition = find_condition(vpa, "RecommendationProvided")
        assert condition["status"] == "True"
        assert vpa["status"]["observedGeneration"] == vpa["metadata"]["generation"]


def minutes_of_history_are_the_stock_rule_and_say_so(walk: Walk) -> None:
    for case in CASES:
        vpa, profile = walk.young[case.name], walk.young_profiles[case.name]
        low, high = _likely_p90(walk.young_bins[case.name])
        assert stock_millicores(low) <= _target(vpa) <= stock_millicores(high)
        condition = find_condition(vpa, "LowConfidence")
        assert (condition["status"], condition["reason"]) == ("True", "StockRule")
        assert "T0 stock rule" in condition["message"]
        assert "of history, 24 h needed" in condition["message"]
        status = profile["status"]
        assert (status["tier"], status["confidence"]) == ("T0", "low")


def with_less_history_asked_for_the_request_is_the_load_at_a_price(walk: Walk) -> None:
    """Of a steady load each quantile is the load, and its mean too: times the pool's factor."""
    factor = _pool_factor(walk.report)
    for case in CASES:
        status = walk.ripe_profiles[case.name]["status"]
        assert status["tier"] == "T1"
        assert status["basis"].startswith("priced quantile")
        assert status["containers"][0]["priceWattsPerCore"] > 0.0
        low, high = (1000.0 * factor * cores for cores in _likely_p90(walk.ripe_bins[case.name]))
        assert low <= _target(walk.ripe[case.name]) <= high


def who_asks_for_too_much_gets_less_and_who_asks_for_too_little_more(walk: Walk) -> None:
    for vpas in (walk.young, walk.ripe):
        assert _target(vpas["roomy"]) < 800
        assert _target(vpas["tight"]) > 50


def memory_is_the_least_of_a_pod(walk: Walk) -> None:
    """A shell uses a few MiB."""
    for vpa in _all_vpas(walk):
        entry = find_entry(vpa)
        assert entry is not None
        assert parse_bytes(entry["target"]["memory"]) == POD_MIN_BYTES


def usage_and_power_are_the_collectors(walk: Walk) -> None:
    sources = {row["purpose"]: row["schema"] for row in walk.report["source"]["series"]}
    purposes = ("usage", "memory", "throttling", "node cpu", "node power")
    assert {name: sources[name] for name in purposes} == dict.fromkeys(purposes, "joulefit")
    assert walk.report["source"]["stepSeconds"] == 10


def the_watts_of_the_node_are_those_of_its_registers(walk: Walk) -> None:
    """The law of the registers at the pool's own use."""
    (pool,) = walk.report["pools"]
    assert pool["reach"] == "package+dram"
    busy = pool["utilisation"] * pool["coresPerNode"]
    assert pool["watts"] == pytest.approx(IDLE_WATTS + WATTS_PER_CPU * busy, rel=POWER_TOLERANCE)


def minutes_of_power_are_no_curve_and_the_pool_says_so(walk: Walk) -> None:
    (pool,) = walk.report["pools"]
    assert pool["quality"] == "modelled"
    assert any("of the 24 hours that a curve needs" in reason for reason in pool["reasons"])
    for vpa in walk.ripe.values():
        assert find_condition(vpa, "LowConfidence")["reason"] == "ModelledPower"


def kubectl_shows_it(walk: Walk) -> None:
    for word in ("Target:", "Lower Bound:", "Upper Bound:", "RecommendationProvided"):
        assert word in walk.described
    heading, *rows = walk.listed.splitlines()
    assert heading.split()[:3] == ["NAME", "TIER", "BASIS"]
    assert [row.split()[:2] for row in rows] == [[case.name, "T1"] for case in CASES]


EXPECTATIONS = (
    the_loads_were_what_they_were_meant_to_be,
    a_vpa_is_answered_within_seconds,
    every_status_has_target_and_bounds_in_order,
    minutes_of_history_are_the_stock_rule_and_say_so,
    with_less_history_asked_for_the_request_is_the_load_at_a_price,
    who_asks_for_too_much_gets_less_and_who_asks_for_too_little_more,
    memory_is_the_least_of_a_pod,
    usage_and_power_are_the_collectors,
    the_watts_of_the_node_are_those_of_its_registers,
    minutes_of_power_are_no_curve_and_the_pool_says_so,
    kubectl_shows_it,
)


def stock_millicores(cores: float) -> int:
    """What the VPA's stock rule makes of a p90: the end of its bucket, and 15 %, each truncated.

    Bucket n begins at 0.01 (1.05^n - 1) / 0.05 cores: 0.206 is in the 14th, 196 ... 215 m, which
    gives 215 + 32.
    """
    number = math.floor(math.log1p(0.05 * cores / 0.01) / math.log(1.05))
    end = math.floor(1000 * 0.01 * (1.05 ** (number + 1) - 1.0) / 0.05)
    return end + math.floor(0.15 * end)


def _likely_p90(bins: tuple[float, ...]) -> tuple[float, float]:
    """Between the second highest bin and the highest, of which less than twenty are: so p90 and p95
    are whatever few bins more, lower ones, belong to the history.
    """
    *_, second, highest = sorted(bins)
    return second * (1.0 - TOLERANCE), highest * (1.0 + TOLERANCE)


def _pool_factor(report: Object) -> float:
    """By which the pool's replay raised the mean of each container; 1 where it did not."""
    said = [
        re.fullmatch(r"x([\d.]+) of its mean", reason["value"])
        for workload in report["workloads"]
        for container in workload["containers"]
        for reason in container["reasons"]
        if reason["step"] == "pool"
    ]
    assert said
    return max(float(found[1]) if found else 1.0 for found in said)


def _all_vpas(walk: Walk) -> list[Object]:
    return [*walk.young.values(), *walk.ripe.values()]


def _target(vpa: Object) -> int:
    entry = find_entry(vpa)
    assert entry is not None
    return parse_millicores(entry["target"]["cpu"])


def list_pairs(vpas: Objects) -> str:
    """Each Deployment's request and what its VPA says, for people."""
    return ", ".join(f"{case.name} {case.request}m > {_target(vpas[case.name])}m" for case in CASES)
