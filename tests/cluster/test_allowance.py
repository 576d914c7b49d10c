"""No more than the rates allow, whatever is asked and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.cluster.allowance import Allowance, Bucket, Rate

EACH, OVERALL = Rate(burst=3, seconds=60.0), Rate(burst=5, seconds=10.0)
ASKED = st.lists(st.tuples(st.floats(0, 100), st.sampled_from("abc")), max_size=80)


def allowance(each=EACH, overall=OVERALL):
    return Allowance(each, Bucket.full(overall, now=0.0))


def test_a_burst_is_allowed_and_then_one_each_period():
    allowed = allowance(overall=Rate(100, 1.0))
    assert [allowed.take("web", now=0.0) for _ in range(4)] == [True, True, True, False]
    assert not allowed.take("web", now=59.0)
    assert allowed.take("web", now=60.0)
    assert not allowed.take("web", now=61.0)


def test_keys_do_not_take_from_each_other():
    allowed = allowance(overall=Rate(100, 1.0))
    assert [allowed.take("a", now=0.0) for _ in range(4)][-1] is False
    assert allowed.take("b", now=0.0)


def test_all_keys_together_have_a_limit_too():
    allowed = allowance()
    assert [allowed.take(n, now=0.0) for n in range(6)] == [True] * 5 + [False]
    assert allowed.take(6, now=10.0)


def test_what_was_refused_costs_nothing():
    allowed = allowance(each=Rate(1, 10.0), overall=Rate(1, 100.0))
    assert allowed.take("a", now=0.0)
    assert not allowed.take("b", now=50.0)  # all together may not yet
    assert allowed.take("b", now=100.0)


def test_a_key_that_was_quiet_for_long_is_forgotten():
    allowed = allowance()
    allowed.take("a", now=0.0)
    allowed.take("b", now=30.0)
    allowed.forget(now=60.0)
    assert len(allowed) == 1
    allowed.forget(now=90.0)
    assert len(allowed) == 0


@given(ASKED)
def test_never_more_than_the_burst_and_what_dripped_in(asked):
    allowed, now, taken = allowance(), 0.0, {"a": 0, "b": 0, "c": 0}
    for pause, key in asked:
        now += pause
        taken[key] += allowed.take(key, now=now)
        assert taken[key] <= EACH.burst + now / EACH.seconds + 1e-6
        assert sum(taken.values()) <= OVERALL.burst + now / OVERALL.seconds + 1e-6


@given(ASKED)
def test_forgetting_changes_no_answer(asked):
    tidy, untidy, now = allowance(), allowance(), 0.0
    for pause, key in asked:
        now += round(pause)
        tidy.forget(now=now)
        assert tidy.take(key, now=now) is untidy.take(key, now=now)


@pytest.mark.parametrize("back", [1.0, 1e6])
def test_a_clock_that_goes_back_gives_nothing(back):
    bucket = Bucket.full(EACH, now=back)
    bucket.tokens = 0.0
    bucket.fill(0.0)
    assert bucket.tokens == 0.0
