"""A published target stays until the optimum leaves its published band."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sizing.band import Band, cap
from recommender.sizing.hysteresis import choose_settled, parse_previous
from recommender.sizing.policy import Caps

FREE = Caps()


def _band(target, *, lower=None, upper=None, uncapped=None):
    """A band of 10 % either way."""
    return Band(
        target * 9 // 10 if lower is None else lower,
        target,
        target * 11 // 10 if upper is None else upper,
        target if uncapped is None else uncapped,
    )


def test_the_first_recommendation_is_the_new_band():
    assert choose_settled("cpu", _band(400), None, FREE) == (_band(400), None)


@pytest.mark.parametrize("target", [360, 399, 400, 440])
def test_inside_the_published_bounds_nothing_moves(target):
    band, _ = choose_settled("cpu", _band(target), _band(400), FREE)
    assert band == _band(400)


@pytest.mark.parametrize("target", [359, 441])
def test_outside_the_published_bounds_the_band_is_centred_anew(target):
    band, reason = choose_settled("cpu", _band(target), _band(400), FREE)
    assert band == _band(target)
    assert (reason.step, reason.why) == ("cpu moved", "outside the published 360m - 440m")


def test_what_is_kept_is_said_with_what_was_wanted():
    _, reason = choose_settled("cpu", _band(420), _band(400), FREE)
    assert (reason.step, reason.value) == ("cpu kept", "400m")
    assert reason.why == "420m is within the published 360m - 440m: nothing is changed"


def test_a_band_from_little_evidence_gives_way_once_its_target_is_outside_a_narrower_one():
    first_day = _band(512, lower=218, upper=989)  # log ratio 1.51
    today = _band(411, lower=372, upper=470)  # log ratio 0.23
    band, reason = choose_settled("cpu", today, first_day, FREE)
    assert band == today
    assert "is from less evidence" in reason.why


def test_a_band_from_little_evidence_stays_while_its_target_is_inside_the_narrower_one():
    first_day = _band(437, lower=218, upper=989)
    assert choose_settled("cpu", _band(411, lower=372, upper=470), first_day, FREE)[0] == first_day


def test_a_band_less_than_twice_as_wide_is_not_spent():
    previous = _band(500, lower=400, upper=600)  # log ratio 0.405
    new = _band(410, lower=370, upper=460)  # 0.218: 1.9 times narrower
    assert choose_settled("cpu", new, previous, FREE)[0] == previous


def test_a_target_that_is_too_little_is_not_kept_however_wide_its_band():
    previous = _band(400, lower=100, upper=4000)
    new = _band(900, lower=500, upper=5000)
    band, reason = choose_settled("cpu", new, previous, FREE, least=800)
    assert band == new
    assert reason.why == "the published 400m is too little"
    assert choose_settled("cpu", new, previous, FREE, least=400)[0] == previous


def test_a_least_beyond_the_cap_does_not_move_a_target_at_the_cap():
    previous = _band(500, lower=450, upper=500, uncapped=520)
    new = _band(530, lower=480, upper=600)
    band, _ = choose_settled("cpu", new, previous, Caps(None, 500), least=510)
    assert (band.target, band.lower) == (500, 450)


def test_new_caps_apply_to_a_kept_band():
    band, reason = choose_settled("cpu", _band(402), _band(400), Caps(370, 430))
    assert (band.lower, band.target, band.upper, band.uncapped) == (370, 400, 430, 400)
    assert reason.step == "cpu kept"


def test_how_far_a_target_is_held_by_a_cap_is_said_anew_once_it_is_far_off():
    at_cap = _band(500, lower=450, upper=500, uncapped=520)
    near, _ = choose_settled("cpu", _band(530), at_cap, Caps(None, 500))
    assert (near.target, near.uncapped) == (500, 520)
    far, _ = choose_settled("cpu", _band(540, lower=530), at_cap, Caps(None, 500))
    assert (far.target, far.uncapped) == (500, 540)


def test_a_lifted_cap_lets_the_target_go():
    at_cap = _band(500, lower=450, upper=500, uncapped=800)
    band, _ = choose_settled("cpu", _band(800), at_cap, FREE)
    assert band == _band(800)


def test_a_kept_target_that_no_cap_decides_any_more_is_its_own_uncapped_target():
    at_cap = _band(500, lower=450, upper=500, uncapped=520)
    band, _ = choose_settled("cpu", _band(490), at_cap, FREE)
    assert (band.target, band.uncapped) == (500, 500)


BANDS = st.lists(st.integers(1, 3000), min_size=3, max_size=3).map(
    lambda parts: Band(*sorted(parts), sorted(parts)[1])
)
CAPS = st.builds(Caps, st.none() | st.integers(1, 3000), st.none() | st.integers(1, 3000))


@given(BANDS, st.none() | BANDS, CAPS, st.none() | CAPS, st.integers(0, 3000))
def test_its_own_result_is_kept_for_good(new, before, caps, caps_before, least):
    if before is not None and caps_before is not None:
        before = before.capped(caps_before.minimum, caps_before.maximum)
    once, _ = choose_settled("cpu", new, before, caps, least=least)
    twice, reason = choose_settled("cpu", new, once, caps, least=least)
    assert twice == once
    assert reason is None or reason.step == "cpu kept"
    assert once.target == cap(once.uncapped, caps.minimum, caps.maximum)


def _status(**entry):
    full = {
        "containerName": "app",
        "target": {"cpu": "411m", "memory": "1Gi"},
        "lowerBound": {"cpu": "372m", "memory": "1000Mi"},
        "upperBound": {"cpu": "470m", "memory": "1100Mi"},
        "uncappedTarget": {"cpu": "0.5", "memory": "1Gi"},
    }
    entries = [{"containerName": "other", "target": {"cpu": "1"}}, full | entry]
    return {"recommendation": {"containerRecommendations": entries}}


def test_the_previous_recommendation_is_read_by_value():
    previous = parse_previous(_status(), "app")
    assert previous.bands["cpu"] == Band(372, 411, 470, 500)
    assert previous.bands["memory"] == Band(1000 * 2**20, 2**30, 1100 * 2**20, 2**30)
    assert previous.explain() is None


def test_a_recommender_that_writes_no_uncapped_target_had_no_cap():
    assert parse_previous(_status(uncappedTarget={}), "app").bands["cpu"].uncapped == 411


@pytest.mark.parametrize(
    "status",
    [{}, {"recommendation": None}, {"recommendation": {}}, _status(containerName="elsewhere")],
    ids=["no status", "null", "no list", "another container"],
)
def test_nothing_published_is_no_flaw(status):
    previous = parse_previous(status, "app")
    assert (dict(previous.bands), previous.flaw) == ({}, "")


@pytest.mark.parametrize(
    ("status", "flaw"),
    [
        ({"recommendation": "x"}, "is no mapping"),
        ({"recommendation": {"containerRecommendations": "x"}}, "has no list of containers"),
        (_status(target={"cpu": "lots"}), "cannot be read: 'lots' is not a Kubernetes quantity"),
        (_status(target={"cpu": ["1"]}), "cannot be read: ['1'] is no quantity"),
        (_status(target={"cpu": "1e20"}), "cannot be read: '1e20' is beyond any machine"),
        (_status(lowerBound={}), "has no cpu bounds, so it is not from here"),
        (_status(target={"cpu": "600m"}), "has cpu bounds that do not hold its target"),
        (_status(lowerBound={"cpu": "0", "memory": "1"}), "has cpu bounds that do not hold"),
    ],
    ids=["text", "no list", "nonsense", "a list", "huge", "no bounds", "crossed", "zero"],
)
def test_what_is_no_whole_band_is_ignored_and_said(status, flaw):
    previous = parse_previous(status, "app")
    assert "cpu" not in previous.bands
    assert previous.flaw.startswith(flaw)
    assert previous.explain().value == "ignored"


def test_a_flaw_of_one_resource_leaves_the_other():
    status = _status(target={"cpu": "lots", "memory": "1Gi"})
    assert list(parse_previous(status, "app").bands) == ["memory"]
