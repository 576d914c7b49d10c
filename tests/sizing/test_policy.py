"""What the VPA's policy and the cluster's settings allow."""

import pytest

from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.settings import SizingSettings
from recommender.sizing.band import Band
from recommender.sizing.policy import (
    Caps,
    choose_caps,
    choose_floor,
    choose_limit_floor,
    explain_caps,
    explain_floor,
    explain_limit,
    explain_limit_floor,
    hold_limit,
    scale_limit,
)
from tests.sizing.build import GIB, MIB, spec_of


def _policy(low=(None, None), high=(None, None)):
    return ContainerPolicy("app", min_allowed=Amounts(*low), max_allowed=Amounts(*high))


EVERYWHERE = SizingSettings(max_cpu=4000, max_memory=8 * GIB)


@pytest.mark.parametrize(
    ("policy", "settings", "minimum", "maximum"),
    [
        (_policy(), SizingSettings(), None, None),
        (_policy((50, None), (2000, None)), SizingSettings(), 50, 2000),
        (_policy((0, 0), (0, 0)), SizingSettings(), None, None),
        (_policy(), EVERYWHERE, None, 4000),
        (_policy(high=(6000, None)), EVERYWHERE, None, 6000),
        (_policy(high=(0, None)), EVERYWHERE, None, 4000),
        (_policy(high=(None, GIB)), EVERYWHERE, None, 4000),
    ],
    ids=[
        "nothing is set",
        "both are set",
        "zero counts as unset",
        "the cluster's cap where the VPA has none",
        "the VPA's cap beats the cluster's",
        "a cap of zero is none",
        "a cap on memory is none on cpu",
    ],
)
def test_caps_of_cpu(policy, settings, minimum, maximum):
    caps = choose_caps(policy, settings, "cpu")
    assert (caps.minimum, caps.maximum) == (minimum, maximum)


def test_caps_of_memory_are_its_own():
    caps = choose_caps(_policy((50, GIB), (2000, None)), EVERYWHERE, "memory")
    assert (caps.minimum, caps.maximum) == (GIB, 8 * GIB)


def test_containers_share_the_least_of_a_pod_and_none_gets_zero():
    assert choose_floor(SizingSettings(), "cpu", 2) == 12
    assert choose_floor(SizingSettings(), "memory", 2) == 125 * MIB
    assert choose_floor(SizingSettings(pod_min_cpu=0), "cpu", 2) == 1


@pytest.mark.parametrize(
    ("caps", "uncapped", "value", "why"),
    [
        (Caps(50, 2000), 411, "no change", "minAllowed 50m, maxAllowed 2"),
        (Caps(None, 300), 411, "300m", "maxAllowed 300m: lowered to the maximum"),
        (Caps(500, None), 411, "500m", "minAllowed 500m: raised to the minimum"),
        (
            Caps(None, 300, "the cluster-wide cap"),
            411,
            "300m",
            "the cluster-wide cap 300m: lowered to the maximum",
        ),
        (
            Caps(500, 300),
            411,
            "300m",
            "minAllowed 500m is above maxAllowed 300m: the maximum wins; mend one",
        ),
    ],
    ids=["inside", "above", "below", "cluster", "contradiction"],
)
def test_what_the_caps_did_is_said(caps, uncapped, value, why):
    reason = explain_caps("cpu", caps, uncapped)
    assert (reason.step, reason.value, reason.why) == ("cpu policy", value, why)


def test_without_caps_nothing_is_said():
    assert explain_caps("cpu", Caps(), 411) is None


def test_the_floor_is_said_only_where_it_decides():
    assert explain_floor("cpu", Band.fixed(25), 25) is None
    assert explain_floor("cpu", Band.fixed(10), 25).why.endswith("; 10m would do")


@pytest.mark.parametrize(
    ("spec", "target", "implied"),
    [
        (spec_of(cpu=1000, limits=(2000, None)), 300, "600m"),
        (spec_of(cpu=None, limits=(2000, None)), 300, "300m"),
        (spec_of(cpu=1000, limits=(2000, None)), 350, None),
        (spec_of(cpu=1000), 300, None),
    ],
    ids=["below the peak", "a limit alone is its request", "at the peak", "no limit"],
)
def test_a_limit_scaled_below_the_observed_peak_is_warned_of(spec, target, implied):
    reason = explain_limit("cpu", spec, target=target, peak=700.0)
    assert (reason and reason.value) == implied
    if reason:
        assert "below the observed peak of 700m, which throttles it" in reason.why
        assert reason.why.endswith("RequestsOnly and a limit of at least 700m")


def test_a_scaled_memory_limit_below_the_peak_kills():
    spec = spec_of(memory=2 * GIB, limits=(None, GIB))
    reason = explain_limit("memory", spec, target=GIB, peak=float(GIB))
    assert "which has it killed" in reason.why


@pytest.mark.parametrize(
    ("spec", "target", "limit"),
    [
        (spec_of(cpu=1000, limits=(2000, None)), 300, 600),
        (spec_of(cpu=None, limits=(2000, None)), 300, 300),
        (spec_of(cpu=0, limits=(2000, None)), 300, 2000),
        (spec_of(cpu=0, limits=(2000, None)), 3000, 3000),
        (spec_of(cpu=1000), 300, None),
        (spec_of(cpu=1000, limits=(0, None)), 300, None),
    ],
    ids=[
        "in proportion",
        "a limit alone is its request",
        "a request of zero has no ratio",
        "but its limit holds the target",
        "no limit",
        "a limit of zero is none",
    ],
)
def test_admission_keeps_the_ratio_of_limit_to_request(spec, target, limit):
    assert scale_limit("cpu", spec, target=target) == limit


@pytest.mark.parametrize(
    ("spec", "peak", "floor"),
    [
        (spec_of(cpu=1000, limits=(2000, None)), 700.0, 350),
        (spec_of(cpu=1000, limits=(2000, None)), 700.5, 351),
        (spec_of(cpu=1000, limits=(1000, None)), 700.0, 700),
        (spec_of(cpu=1000, limits=(2000, None)), 2500.0, 1000),
        (spec_of(cpu=None, limits=(2000, None)), 700.0, 700),
        (spec_of(cpu=0, limits=(2000, None)), 700.0, 0),
        (spec_of(cpu=1000), 700.0, 0),
        (spec_of(cpu=1000, limits=(2000, None)), None, 0),
    ],
    ids=[
        "half of the peak for twice the limit",
        "rounded up",
        "the peak where limit and request are one",
        "never above the present request",
        "a limit alone is its request",
        "a request of zero leaves the limit alone",
        "no limit",
        "no peak",
    ],
)
def test_the_target_is_held_where_its_limit_is_at_the_peak(spec, peak, floor):
    assert choose_limit_floor("cpu", spec, peak=peak) == floor


def test_a_held_target_gets_room_about_it_and_a_larger_one_is_left_alone():
    band = Band.around(400, lower=350, upper=450)
    assert hold_limit(band, 1000) == Band(950, 1000, 1050, 1000)
    assert hold_limit(band, 410) == Band(390, 410, 450, 410)
    assert hold_limit(band, 400) is band


def test_what_would_do_without_the_limit_is_said():
    reason = explain_limit_floor("cpu", Band.fixed(400), floor=500, peak=1000.0)
    assert (reason.step, reason.value) == ("cpu limit floor", "500m")
    assert "would fall below the observed peak of 1;" in reason.why
    assert reason.why.endswith("400m would do with controlledValues: RequestsOnly")
    assert explain_limit_floor("cpu", Band.fixed(500), floor=500, peak=1000.0) is None
