"""What the VPA's policy and the cluster's settings allow."""

import pytest

from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.settings import SizingSettings
from recommender.sizing.band import Band
from recommender.sizing.policy import (
    Caps,
    choose_caps,
    choose_floor,
    explain_caps,
    explain_floor,
    explain_limit,
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


def test_a_scaled_memory_limit_below_the_peak_kills():
    spec = spec_of(memory=2 * GIB, limits=(None, GIB))
    reason = explain_limit("memory", spec, target=GIB, peak=float(GIB))
    assert "which has it killed" in reason.why
