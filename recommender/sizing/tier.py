"""Which evidence there is, and so which rule sizes a container."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from recommender.model.report import Reason
from recommender.sizing.quantile import choose_quantile
from recommender.units import DAY, HOUR, MINUTE, format_duration

if TYPE_CHECKING:
    from recommender.settings import SizingSettings
    from recommender.sizing.pooltier import Pooled
    from recommender.sizing.terms import Terms

LEAST_CONFIDENT_DAYS = 1.0
"""History below which even the stock rule says little: a day's rhythm is not yet seen. So this
much is asked for first, unless the settings ask for less in all."""

PRICE_HALFWIDTH = 0.30
"""How closely the price must be known: 30 % of 1 - p = 0.1 are three percentiles."""

QUANTILE_MOVE = 0.01
"""A price that is known less closely still decides where its whole interval moves the quantile
by less than one percentile: beyond the efficiency peak it is near zero and relative width says
nothing, and batch work gets p90 at any price."""


_NOISE = 1e-6  # seconds: a sixth of a minute as a part of a day, times a day, is 9.999999999999998


class Tier(msgspec.Struct, frozen=True):
    """`name` T0 to T3, its `basis` in words; `gap`: what is missing for the next, "" if none."""

    name: str
    basis: str
    reason: Reason
    gap: str = ""


def choose_tier(
    days: float,
    bins: float,
    *,
    terms: Terms | None,
    settings: SizingSettings,
    pooled: Pooled | None = None,
) -> Tier:
    """The tier for `days` of history with `bins` five-minute bins of usage, on these terms.

    `pooled` says what the replay of its pools allows; without it no tier above T1.
    """
    gap = _find_usage_gap(days, bins, settings) or _find_terms_gap(terms)
    if not gap and settings.highest_tier == "T0":
        gap = "--highest-tier T0"
    if not gap and pooled is not None and pooled.name == "T0":
        gap = pooled.gap
    if gap or terms is None:
        basis = "stock rule"
        why = f"no energy evidence: {gap}"
        return Tier("T0", basis, Reason("tier", f"T0 {basis}", why), gap)
    name = "T1" if pooled is None else pooled.name
    basis = _BASIS[name] + ", modelled power" * terms.is_modelled
    why = f"{describe_days(days)} of history, {bins:,.0f} five-minute samples, "
    return Tier(name, basis, Reason("tier", f"{name} {basis}", why + _describe_price(terms)))


_BASIS = {"T1": "priced quantile", "T2": "pooled", "T3": "time of day"}


def _find_usage_gap(days: float, bins: float, settings: SizingSettings) -> str:
    least_days = settings.least_history / DAY
    for needed in (min(LEAST_CONFIDENT_DAYS, least_days), least_days):
        if days < needed:
            return f"{describe_days(days)} of history, {_describe_need(needed)} needed"
    if bins < settings.least_samples:
        return (
            f"{bins:,.0f} five-minute samples in {describe_days(days)}, "
            f"{settings.least_samples} needed"
        )
    return ""


def _find_terms_gap(terms: Terms | None) -> str:
    if terms is None:
        return "no node of its pool is known"
    if not terms.is_usable:
        return "the price of a reserved core in its pool is no number"
    return _find_price_gap(terms)


def _find_price_gap(terms: Terms) -> str:
    """A modelled price passes: its band is that of all servers of the vendor, the class's
    range of quantiles bounds what it can do, and the basis says that it is modelled.
    """
    halfwidth = (terms.reserved_high - terms.reserved_low) / 2.0
    if terms.is_modelled or halfwidth < PRICE_HALFWIDTH * terms.reserved:
        return ""
    high, low = (
        choose_quantile(price, terms.shortfall, terms.work_class)
        for price in (terms.reserved_low, terms.reserved_high)
    )
    if high - low < QUANTILE_MOVE:
        return ""
    return (
        f"a reserved core costs {terms.reserved:.2f} W "
        f"({terms.reserved_low:.2f}-{terms.reserved_high:.2f}), "
        f"+-{PRICE_HALFWIDTH:.0%} needed"
    )


def _describe_price(terms: Terms) -> str:
    if terms.reserved <= 0.0:
        return "a reserved core costs nothing"
    halfwidth = (terms.reserved_high - terms.reserved_low) / 2.0 / terms.reserved
    return f"price known to +-{halfwidth * 100:.2g}%"


def describe_days(days: float) -> str:
    """Days with one decimal, below one whole hours, minutes or seconds; rounded down, never up
    to what is needed.
    """
    if days >= 1.0:
        return f"{math.floor(days * 10) / 10:g} d"
    seconds = math.floor(days * DAY + _NOISE)
    for unit, size in (("h", HOUR), ("min", MINUTE)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _describe_need(days: float) -> str:
    return "24 h" if days == LEAST_CONFIDENT_DAYS else format_duration(days * DAY)
