"""The best size of a replica, by hand.

The plain replica: 0.11 + 0.78 w + 0.11 w^2 cores, nothing fixed, so the best rate is 1 and there
it uses 1 core. With 4 W for a used core, 1.2 W for a reserved one and an HPA at 60 %, a core that
is used costs 4 + 1.2 / 0.6 = 6 W.
"""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.sizing.replica import Part, Replica, widen
from recommender.sizing.workcurve import WorkCurve
from tests.sizing.build import terms_for

BENT = WorkCurve(0.11, 0.78, 0.11)


def part_of(curve=BENT, name="app", **changes):
    return Part(**({"name": name, "curve": curve, "cores": 2.0, "gib": 2.0} | changes))


def replica_of(*parts, tau=0.6, **terms):
    return Replica(parts or (part_of(),), terms_for(**({"reserved": 1.2} | terms)), tau)


def test_the_best_rate_balances_being_there_and_being_crowded():
    replica = replica_of()
    assert replica.watts_per_core().value == 6.0
    assert replica.fixed_watts().value == 0.0
    assert replica.best_rate().value == pytest.approx(1.0)
    assert replica.request(replica.parts[0], 1.0).value == pytest.approx(1 / 0.6, rel=1e-5)
    assert replica.joules(1.0) == pytest.approx(6.0)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_factor_of_two_off_costs_five_and_a_half_percent(factor):
    """Idle and bend are 0.22 of the core: 0.22 x ((2 + 1/2) / 2 - 1) = 0.055."""
    replica = replica_of()
    assert replica.joules(factor) / replica.joules(1.0) == pytest.approx(1.055)


def test_memory_that_binds_makes_replicas_larger():
    """0.33 W per GiB x 2 GiB beside 0.66 W of idle use: sqrt(2) times the rate."""
    replica = replica_of(memory=0.33)
    assert replica.fixed_watts().text == "0.33 x 2 = 0.66"
    assert replica.best_rate().value == pytest.approx(math.sqrt(2), rel=1e-5)
    assert replica.best_rate().text == "sqrt((6 x 0.11 + 0.66) / (6 x 0.11)) = 1.41421"


def test_the_dual_formula_of_one_container():
    """w* = sqrt((u0 + p0 / A) / q), as the text of the science has it."""
    replica = replica_of(memory=0.9)
    expected = math.sqrt((0.11 + 1.8 / 6.0) / 0.11)
    assert replica.best_rate().value == pytest.approx(expected, rel=1e-5)


def test_a_container_beside_costs_its_request_once_and_its_use_without_reservation():
    """The HPA looks at app alone: log reserves 0.5 cores whatever the work."""
    log = part_of(WorkCurve(0.1, 0.0, 0.0), "log", cores=0.5, gib=0.0, is_counted=False)
    replica = replica_of(part_of(gib=0.0), log)
    assert replica.fixed_watts().value == pytest.approx(1.2 * 0.5)
    # 6 x 0.11 of app, 4 x 0.1 of log's use, 0.6 of its request
    expected = math.sqrt((0.66 + 0.4 + 0.6) / 0.66)
    assert replica.best_rate().value == pytest.approx(expected, rel=1e-5)
    assert replica.request(replica.parts[0], 1.0).value == pytest.approx(1 / 0.6, rel=1e-5)


def test_all_containers_of_a_pod_share_what_the_hpa_holds_by_their_use():
    log = part_of(WorkCurve(0.1, 0.1, 0.0), "log")
    replica = replica_of(part_of(), log)
    requests = [replica.request(part, 1.0).value for part in replica.parts]
    assert requests == pytest.approx([1.0 / 0.6, 0.2 / 0.6], rel=1e-5)
    assert replica.rate_of(sum(requests)) == pytest.approx(1.0, rel=1e-5)


def test_a_request_that_is_not_ours_is_taken_off():
    """1.2 cores used at 60 % are 2 requested, of which the proxy has 0.5."""
    proxy = part_of(WorkCurve(0.1, 0.1, 0.0), "proxy", cores=0.5, is_ours=False)
    replica = replica_of(part_of(), proxy)
    found = replica.request(replica.parts[0], 1.0)
    assert found.value == pytest.approx(1.5)
    assert found.text == "1 / 1 x (1.2 / 0.6 - 0.5) = 1.5"


def test_where_others_request_all_that_the_hpa_allows_nothing_is_left():
    proxy = part_of(WorkCurve(0.1, 0.1, 0.0), "proxy", cores=2.5, is_ours=False)
    assert replica_of(part_of(), proxy).request(part_of(), 1.0) is None


@pytest.mark.parametrize(
    "replica",
    [
        pytest.param(replica_of(part_of(WorkCurve(0.1, 0.8, 0.0))), id="nothing bends"),
        pytest.param(replica_of(part_of(WorkCurve(0.0, 0.8, 0.1))), id="nothing is fixed"),
        pytest.param(replica_of(reserved=0.0, used=0.0), id="nothing costs"),
    ],
)
def test_without_both_there_is_no_best_rate(replica):
    assert replica.best_rate() is None


def test_the_rates_within_two_percent_cost_two_percent_more():
    replica = replica_of()
    for rate in replica.indifferent_rates(1.0, share=0.02):
        assert replica.joules(rate) == pytest.approx(1.02 * 6.0)
    low, high = replica.indifferent_rates(1.0, share=0.02)
    assert low < 1.0 < high
    assert low * high == pytest.approx(1.0)  # e is the same for f and 1 / f


def test_two_percent_are_worth_more_than_a_restart():
    assert replica_of().slack(1.0) == 0.02


def test_bounds_are_no_nearer_than_five_percent():
    assert widen(0.99, 1.0, 1.01) == pytest.approx((0.95, 1.05))
    assert widen(0.8, 1.0, 1.5) == (0.8, 1.5)


CURVES = st.builds(WorkCurve, st.floats(0.01, 2.0), st.floats(0.0, 5.0), st.floats(0.001, 2.0))


@settings(max_examples=50)
@given(CURVES, st.floats(0.3, 1.0), st.floats(0.0, 3.0), st.floats(0.0, 1.0))
def test_nothing_is_cheaper_than_the_best_rate(curve, tau, reserved, memory):
    replica = replica_of(part_of(curve), tau=tau, reserved=reserved, memory=memory)
    best = replica.best_rate().value
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert replica.joules(best) <= replica.joules(best * factor) * (1 + 1e-9)


@settings(max_examples=50)
@given(CURVES, st.floats(0.1, 10.0))
def test_the_unit_of_work_does_not_matter(curve, factor):
    """Counted in other units the same work gives the same request."""
    other = WorkCurve(curve.idle, curve.linear / factor, curve.quadratic / factor**2)
    requests = []
    for each in (curve, other):
        replica = replica_of(part_of(each, gib=0.0))
        requests.append(replica.request(replica.parts[0], replica.best_rate().value).value)
    assert requests[1] == pytest.approx(requests[0], rel=1e-4)


@settings(max_examples=50)
@given(CURVES, st.floats(0.1, 10.0))
def test_a_replica_of_twice_the_cores_gets_twice_the_request(curve, factor):
    other = WorkCurve(*(factor * part for part in (curve.idle, curve.linear, curve.quadratic)))
    requests = []
    for each in (curve, other):
        replica = replica_of(part_of(each, gib=0.0))
        requests.append(replica.request(replica.parts[0], replica.best_rate().value).value)
    assert requests[1] == pytest.approx(factor * requests[0], rel=1e-4)


@settings(max_examples=50)
@given(CURVES, st.floats(0.0, 0.9), st.floats(0.01, 1.0))
def test_dearer_memory_never_makes_replicas_smaller(curve, memory, more):
    rates = [
        replica_of(part_of(curve), memory=price).best_rate().value
        for price in (memory, memory + more)
    ]
    assert rates[1] >= rates[0] * (1 - 1e-5)
