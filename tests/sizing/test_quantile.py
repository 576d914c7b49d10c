"""From the price of a reserved core to the share of time that a request covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.sizing.quantile import choose_quantile, choose_request, explain_quantile
from recommender.sizing.terms import mix_terms, terms_of
from tests.sizing.build import demand_of, energy_of, ramp, terms_for


@pytest.mark.parametrize(
    ("reserved", "work_class", "p"),
    [
        # standard: an unserved core costs 20 W, p = 1 - reserved / 20 within 0.90-0.95
        (1.4, "standard", 0.93),
        (2.0, "standard", 0.90),
        (8.0, "standard", 0.90),
        (0.4, "standard", 0.95),
        (0.0, "standard", 0.95),
        # critical: 200 W, within 0.95-0.99
        (1.4, "critical", 0.99),
        (6.0, "critical", 0.97),
        (50.0, "critical", 0.95),
        # batch: 6 W; one by one nothing gets less than p90, and batch no more
        (1.4, "batch", 0.90),
        (0.01, "batch", 0.90),
        (-1.0, "batch", 0.90),
    ],
)
def test_the_quantile_is_the_critical_ratio_within_the_range_of_the_class(reserved, work_class, p):
    shortfall = terms_for(work_class).shortfall
    assert choose_quantile(reserved, shortfall, work_class) == pytest.approx(p)


@given(
    st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.sampled_from(["critical", "standard", "batch"])
)
def test_a_dearer_core_never_gets_a_greater_quantile(one, other, work_class):
    cheap, dear = sorted((one, other))
    assert choose_quantile(cheap, 20.0, work_class) >= choose_quantile(dear, 20.0, work_class)


def test_the_quantile_says_its_arithmetic():
    p, (worth, quantile) = explain_quantile(terms_for())
    assert p == pytest.approx(0.93)
    assert (worth.value, worth.why) == (
        "standard",
        "a core that is wanted and not there counts 5 x 4 W",
    )
    assert (quantile.value, quantile.why) == ("0.93", "1 - 1.4/20 = 0.93, within 0.90-0.95")


@pytest.mark.parametrize(
    ("frees_nodes", "why"),
    [(True, "a reserved core costs nothing here"), (False, "CPU cuts free no node")],
)
def test_without_a_price_the_greatest_quantile_is_taken_and_the_cause_said(frees_nodes, why):
    p, (_, quantile) = explain_quantile(terms_for(reserved=0.0, frees_nodes=frees_nodes))
    assert p == 0.95
    assert quantile.why == f"{why}: the greatest of 0.90-0.95"


def test_the_request_is_the_quantile_of_demand():
    request, steps = choose_request(demand_of(ramp(0.1, 0.3)), 0.93, 1.0)
    assert request == pytest.approx(0.1 + 0.93 * 0.2, rel=0.002)
    assert steps[0].step == "p93"
    assert steps[0].why == "above the mean of 200m, so it decides"


def test_work_that_is_mostly_off_gets_its_mean():
    """Busy with 1 core for 5 % of the time: p90 is idle, but the mean is what must be served."""
    cpu = ramp(0.0, 1.0)
    cpu = (cpu > 0.95) * 1.0 + (cpu <= 0.95) * 0.001
    share = (cpu == 1.0).mean()
    request, steps = choose_request(demand_of(cpu), 0.90, 1.0)
    assert request == pytest.approx(share + (1 - share) * 0.001, rel=1e-4)
    assert "below the mean" in steps[0].why


def test_a_crowded_pool_gives_every_request_as_much_more():
    plain, _ = choose_request(demand_of(0.2), 0.93, 1.0)
    crowded, _ = choose_request(demand_of(0.2), 0.93, 1.5)
    assert crowded == pytest.approx(1.5 * plain, rel=1e-5)


@pytest.mark.parametrize(
    ("utilisation", "planned", "crowding"),
    [(0.4, 0.8, 1.0), (0.8, 0.8, 1.0), (0.9, 0.6, 1.5), (0.9, 0.0, 1.0), (float("nan"), 0.8, 1.0)],
)
def test_crowding_is_use_over_plan_and_never_lowers(utilisation, planned, crowding):
    terms = terms_for(utilisation=utilisation, planned=planned)
    assert terms.crowding == pytest.approx(crowding)


@pytest.mark.parametrize(
    ("work_class", "watts"), [("critical", 200.0), ("standard", 20.0), ("batch", 6.0)]
)
def test_the_terms_of_a_pool_are_its_price_and_the_watts_of_a_busy_core(work_class, watts):
    terms = terms_of(energy_of(price=1.4, spread=0.2), work_class)
    assert terms.reserved == pytest.approx(1.4)
    assert (terms.reserved_low, terms.reserved_high) == pytest.approx((1.2, 1.6))
    assert terms.shortfall == pytest.approx(watts)
    assert terms.used == pytest.approx(200 / 50)  # P' / C
    assert terms.frees_nodes
    assert not terms.is_modelled


def test_where_memory_binds_a_reserved_core_costs_nothing():
    terms = terms_of(energy_of(price=1.4, factor=0.0), "standard")
    assert (terms.reserved, terms.reserved_low, terms.reserved_high) == (0.0, 0.0, 0.0)
    assert not terms.frees_nodes


def test_where_both_bind_the_price_counts_in_part():
    assert terms_of(energy_of(price=1.4, factor=0.25), "standard").reserved == pytest.approx(0.35)


def test_the_terms_of_several_pools_are_their_means_by_pods():
    dear = terms_for(reserved=2.0, reserved_low=1.0, reserved_high=3.0, shortfall=40.0, used=8.0)
    cheap = terms_for(reserved=1.0, reserved_low=0.5, reserved_high=1.5, shortfall=20.0, used=4.0)
    full = replace(cheap, utilisation=0.8, planned=0.4, is_modelled=True, frees_nodes=False)
    mix = mix_terms([(dear, 3), (full, 1)])
    assert (mix.reserved, mix.reserved_low, mix.reserved_high) == (1.75, 0.875, 2.625)
    assert (mix.shortfall, mix.used) == (35.0, 7.0)
    assert (mix.utilisation, mix.planned) == pytest.approx((0.5, 0.7))
    assert mix.is_modelled
    assert mix.frees_nodes
    assert mix_terms([(dear, 0), (cheap, 0)]).reserved == 1.5


def test_one_pool_has_its_own_terms_to_the_last_bit():
    terms = terms_for(reserved=1.1)
    assert mix_terms([(terms, 7)]) is terms


@given(
    st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 50)), min_size=1, max_size=4),
)
def test_a_mixed_price_lies_between_those_of_its_pools(parts):
    mix = mix_terms([(terms_for(reserved=price), pods) for price, pods in parts])
    prices = [price for price, _ in parts]
    assert min(prices) - 1e-9 <= mix.reserved <= max(prices) + 1e-9
