"""Numbers and names as the report's readers see them.

No more digits than are known: an interval decides them where there is one. What has no value is
shown as "-".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from recommender.units import format_bytes_short, format_millicores, parse_bytes, parse_millicores

if TYPE_CHECKING:
    from collections.abc import Callable

    from recommender.model.report import Quantities, Recommended, Watts

NONE = "-"


def format_cpu(quantities: Quantities | None) -> str:
    """CPU of a pair: 411m, 2."""
    if quantities is None or quantities.cpu is None:
        return NONE
    return format_millicores(parse_millicores(quantities.cpu))


def format_memory(quantities: Quantities | None) -> str:
    """Memory of a pair, rounded for people: 1.1Gi."""
    if quantities is None or quantities.memory is None:
        return NONE
    return format_bytes_short(parse_bytes(quantities.memory))


def format_bytes_or_none(amount: int | None) -> str:
    """Bytes, rounded for people: 905Mi."""
    return NONE if amount is None else format_bytes_short(amount)


def format_bounds(recommended: Recommended | None, show: Callable[[Quantities], str]) -> str:
    """Lower and upper bound, each as `show` shows it: 372m - 470m."""
    if recommended is None:
        return NONE
    low, high = show(recommended.lower_bound), show(recommended.upper_bound)
    return NONE if low == high == NONE else f"{low} - {high}"


def format_cores(cores: float) -> str:
    """Cores in the notation of Kubernetes, to the millicore."""
    return format_millicores(round(cores * 1000))


def format_share(share: float | None) -> str:
    """A share as 31 %; near its ends with one decimal: 0.4 %, 99.2 %.

    Neither 0 % nor 100 % is said of what is not exactly that.
    """
    if share is None or not math.isfinite(share):
        return NONE
    percent = share * 100
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    has_decimal = 0 < percent < 9.95 or 98.95 <= percent < 100
    return _trim(f"{percent:,.1f}" if has_decimal else f"{percent:,.0f}") + " %"


def format_quantile(quantile: float | None) -> str:
    """A quantile as p93 or p99.5."""
    if quantile is None or not math.isfinite(quantile):
        return NONE
    return "p" + _trim(f"{quantile * 100:.{1 if quantile >= 0.985 else 0}f}")


def format_factor(factor: float | None, *, decimals: int = 1) -> str:
    """A ratio as x1.9."""
    if factor is None or not math.isfinite(factor):
        return NONE
    return f"x{factor:.{decimals}f}"


def format_price(price: Watts) -> str:
    """Watts with their interval: 1.42 W (1.37-1.47)."""
    places = _places(price)
    value = _round(price.value, places)
    if _half_width(price) == 0:
        return f"{value} W"
    low, high = _round(price.low, places), _round(price.high, places)
    return f"{value} W ({low}{' to ' if price.low < 0 else '-'}{high})"


def format_power(watts: float | None) -> str:
    """Watts that are measured and not estimated: 2,410, 9.3."""
    if watts is None or not math.isfinite(watts):
        return NONE
    return f"{watts:,.0f}" if abs(watts) >= 9.95 else _round(watts, 1)


def format_three(value: float) -> str:
    """A number to three digits, and whole from a hundred on: 0.302, 41.5, 1,085."""
    return _trim(_round(value, max(0, _digits(value, 3))))


def format_joules(joules: float | None) -> str:
    """Joules to three digits: 950 J, 1.23 MJ."""
    if joules is None or not math.isfinite(joules):
        return NONE
    scales = (("TJ", 1e12), ("GJ", 1e9), ("MJ", 1e6), ("kJ", 1e3))
    # 999.6 would be shown as 1000.
    unit, size = next((each for each in scales if abs(joules) >= 0.9995 * each[1]), ("J", 1.0))
    scaled = joules / size
    return f"{_round(scaled, max(0, _digits(float(f'{scaled:.2e}'), 3)))} {unit}"


def format_amount(watts: Watts) -> str:
    """Watts without a sign: 9.2+-0.4."""
    return _with_margin(abs(watts.value), watts)


def format_change(saved: Watts | None) -> str:
    """The change of power that saving means: -9.2+-0.4 where 9.2 W are saved, +3+-1 where more
    is used.
    """
    if saved is None or not math.isfinite(saved.value):
        return NONE
    text = _with_margin(abs(saved.value), saved)
    if not text.split("+-")[0].strip("0.,"):  # rounds to zero: no sign
        return text
    return f"-{text}" if saved.value > 0 else f"+{text}"


def _with_margin(value: float, interval: Watts) -> str:
    half = _half_width(interval)
    places = _places(interval)
    return _round(value, places) + (f"+-{_round(half, places)}" if half > 0 else "")


def _half_width(watts: Watts) -> float:
    """The larger side of the interval; 0 where it is not known."""
    half = max(watts.high - watts.value, watts.value - watts.low)
    return half if math.isfinite(half) and half > 0 else 0.0


def _places(watts: Watts) -> int:
    """Decimal places at which the interval's half width has one digit; else three digits."""
    half = _half_width(watts)
    if half == 0:
        return _digits(watts.value, 3)
    # Rounded first: 0.097 is shown as 0.1, and 1.47 - 1.42 is 0.05000000000000004.
    return -math.floor(math.log10(float(f"{half:.0e}")))


def _digits(value: float, count: int) -> int:
    """Decimal places that show `count` digits of the value."""
    return count - 1 - math.floor(math.log10(abs(value))) if value else 0


def _round(value: float, places: int) -> str:
    text = f"{round(value, places):,.{max(0, places)}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def _trim(text: str) -> str:
    """Without a decimal that is zero."""
    return text.removesuffix(".0")
