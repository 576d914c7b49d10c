"""Which rule the evidence allows, and what is missing for the next."""

import math

import pytest

from recommender.sizing.tier import choose_tier, describe_days
from tests.sizing.build import terms_for


def test_three_days_500_samples_and_a_close_price_are_tier_one():
    tier = choose_tier(3.0, 500, terms=terms_for())
    assert (tier.name, tier.basis, tier.gap) == ("T1", "priced quantile", "")
    # 1.3 ... 1.5 about 1.4 W: 0.1 of 1.4
    assert tier.reason.why == "3 d of history, 500 five-minute samples, price known to +-7.1%"


@pytest.mark.parametrize(
    ("days", "samples", "terms", "gap"),
    [
        (23.9 / 24, 5000, terms_for(), "23 h of history, 24 h needed"),
        (2.99, 5000, terms_for(), "2.9 d of history, 3 d needed"),
        (14.0, 499, terms_for(), "499 five-minute samples in 14 d, 500 needed"),
        (14.0, 4032, None, "no node of its pool is known"),
        (
            14.0,
            4032,
            terms_for(reserved=math.nan),
            "the price of a reserved core in its pool is no number",
        ),
        (
            14.0,
            4032,
            terms_for(shortfall=0.0),
            "the price of a reserved core in its pool is no number",
        ),
        (
            14.0,
            4032,
            terms_for(reserved_low=1.0, reserved_high=1.84),
            "a reserved core costs 1.40 W (1.00-1.84), +-30% needed",
        ),
    ],
    ids=["hours", "days", "samples", "no pool", "no number", "no worth", "wide price"],
)
def test_what_is_missing_is_said_and_the_stock_rule_decides(days, samples, terms, gap):
    tier = choose_tier(days, samples, terms=terms)
    assert (tier.name, tier.basis, tier.gap) == ("T0", "stock rule", gap)
    assert tier.reason.why == f"no energy evidence: {gap}"


@pytest.mark.parametrize(
    ("low", "high", "name"), [(1.0, 1.83, "T1"), (1.0, 1.85, "T0")], ids=["29.6 %", "30.4 %"]
)
def test_the_price_must_be_known_to_thirty_percent(low, high, name):
    assert (
        choose_tier(14.0, 4032, terms=terms_for(reserved_low=low, reserved_high=high)).name == name
    )


def test_a_vague_price_that_moves_no_quantile_is_close_enough():
    """Near the efficiency peak 0.1 W (0-0.3) is vague, but all of it means p95."""
    terms = terms_for(reserved=0.1, reserved_low=0.0, reserved_high=0.3)
    assert choose_tier(14.0, 4032, terms=terms).name == "T1"


def test_a_price_of_nothing_is_a_price():
    terms = terms_for(reserved=0.0, reserved_low=0.0, reserved_high=0.0)
    tier = choose_tier(14.0, 4032, terms=terms)
    assert tier.name == "T1"
    assert tier.reason.why.endswith("a reserved core costs nothing")


def test_modelled_power_passes_however_wide_and_is_named():
    terms = terms_for(reserved_low=0.5, reserved_high=3.0, is_modelled=True)
    tier = choose_tier(14.0, 4032, terms=terms)
    assert (tier.name, tier.basis) == ("T1", "priced quantile, modelled power")


@pytest.mark.parametrize(
    ("days", "text"), [(0.999, "23 h"), (1.0, "1 d"), (2.99, "2.9 d"), (14.0, "14 d")]
)
def test_days_are_never_rounded_up_to_what_is_needed(days, text):
    assert describe_days(days) == text
