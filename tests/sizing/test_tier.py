"""Which rule the evidence allows, and what is missing for the next."""

import math

import pytest

from recommender.settings import SizingSettings
from recommender.sizing.tier import choose_tier, describe_days
from recommender.units import parse_duration
from tests.sizing.build import DEFAULTS, demand_of, size_app, terms_for, usage_of


def test_three_days_500_samples_and_a_close_price_are_tier_one():
    tier = choose_tier(3.0, 500, terms=terms_for(), settings=DEFAULTS)
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
    tier = choose_tier(days, samples, terms=terms, settings=DEFAULTS)
    assert (tier.name, tier.basis, tier.gap) == ("T0", "stock rule", gap)
    assert tier.reason.why == f"no energy evidence: {gap}"


@pytest.mark.parametrize(
    ("low", "high", "name"), [(1.0, 1.83, "T1"), (1.0, 1.85, "T0")], ids=["29.6 %", "30.4 %"]
)
def test_the_price_must_be_known_to_thirty_percent(low, high, name):
    terms = terms_for(reserved_low=low, reserved_high=high)
    assert choose_tier(14.0, 4032, terms=terms, settings=DEFAULTS).name == name


def test_a_vague_price_that_moves_no_quantile_is_close_enough():
    """Near the efficiency peak 0.1 W (0-0.3) is vague, but all of it means p95."""
    terms = terms_for(reserved=0.1, reserved_low=0.0, reserved_high=0.3)
    assert choose_tier(14.0, 4032, terms=terms, settings=DEFAULTS).name == "T1"


def test_a_price_of_nothing_is_a_price():
    terms = terms_for(reserved=0.0, reserved_low=0.0, reserved_high=0.0)
    tier = choose_tier(14.0, 4032, terms=terms, settings=DEFAULTS)
    assert tier.name == "T1"
    assert tier.reason.why.endswith("a reserved core costs nothing")


def test_modelled_power_passes_however_wide_and_is_named():
    terms = terms_for(reserved_low=0.5, reserved_high=3.0, is_modelled=True)
    tier = choose_tier(14.0, 4032, terms=terms, settings=DEFAULTS)
    assert (tier.name, tier.basis) == ("T1", "priced quantile, modelled power")


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (30 / 86400, "30 s"),
        (119 / 86400, "1 min"),
        (7 / 1440, "7 min"),
        (3599 / 86400, "59 min"),
        (1 / 24, "1 h"),
        (0.999, "23 h"),
        (1.0, "1 d"),
        (2.99, "2.9 d"),
        (14.0, "14 d"),
    ],
)
def test_days_are_never_rounded_up_to_what_is_needed(days, text):
    assert describe_days(days) == text


def test_any_number_of_seconds_is_said_without_rounding():
    """A part of a day is no exact number: 10 s are 9.999999999999998 when they come back."""
    for seconds in range(1, 60):
        assert describe_days(seconds / 86400) == f"{seconds} s"


@pytest.mark.parametrize(
    ("least", "days", "gap"),
    [
        ("2m", 1.9 / 1440, "1 min of history, 2 min needed"),
        ("12h", 0.49, "11 h of history, 12 h needed"),
        ("1d", 0.99, "23 h of history, 24 h needed"),
        ("2d", 0.99, "23 h of history, 24 h needed"),
        ("2d", 1.99, "1.9 d of history, 2 d needed"),
        ("7d", 6.99, "6.9 d of history, 7 d needed"),
    ],
)
def test_how_much_history_is_needed_is_an_option(least, days, gap):
    settings = SizingSettings(least_history=parse_duration(least), least_samples=0)
    tier = choose_tier(days, 0.2, terms=terms_for(), settings=settings)
    assert (tier.name, tier.gap) == ("T0", gap)
    enough = choose_tier(parse_duration(least) / 86400, 0.2, terms=terms_for(), settings=settings)
    assert enough.name == "T1"


def test_how_many_samples_are_needed_is_an_option():
    settings = SizingSettings(least_samples=12)
    tier = choose_tier(14.0, 11, terms=terms_for(), settings=settings)
    assert tier.gap == "11 five-minute samples in 14 d, 12 needed"
    assert choose_tier(14.0, 12, terms=terms_for(), settings=settings).name == "T1"


@pytest.mark.parametrize("step", [60, 300, 900])
def test_samples_count_as_what_they_last_whatever_the_step(step):
    """Four days are 1,152 times five minutes, and 96 h."""
    demand = demand_of(days=4.0, step=step)
    assert (demand.five_minute_bins, demand.days) == (1152.0, 4.0)
    assert size_app(usage_of({"app": (0.2, 2**30)}, days=4.0, step=step)).tier == "T1"


def test_seconds_of_history_are_enough_where_the_settings_say_so():
    """Twelve bins of ten seconds at a steady 200 m."""
    usage = usage_of({"app": (0.2, 2**30)}, days=120 / 86400, step=10)
    young = size_app(usage)
    assert (young.tier, young.why) == ("T0", "2 min of history, 24 h needed")
    ripe = size_app(usage, settings=SizingSettings(least_history=120.0, least_samples=0))
    assert ripe.tier == "T1"
    assert int(ripe.recommended.target.cpu.removesuffix("m")) == pytest.approx(200, rel=0.025)
