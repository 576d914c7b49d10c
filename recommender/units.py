"""Quantities, durations and times as people and Kubernetes write them.

Inside joulefit CPU is cores (float) or millicores (int, `_millicores`), memory is bytes,
time is seconds, power is watts, energy is joules. Only this module converts.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation

from recommender.errors import UsageError

_SUFFIXES = {
    "n": Decimal(10) ** -9,
    "u": Decimal(10) ** -6,
    "m": Decimal(10) ** -3,
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}
_QUANTITY = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)|(\d{1,2}(?:\.\d+)?)\s?%|(0?\.\d+)", re.ASCII)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?%|(\d?\.\d+|[01])", re.ASCII)
_WATTS = re.compile(r"(\d{1,12}(?:\.\d+)?)\s?(k?W)?", re.ASCII)
_LARGEST = 2**63 - 1  # what Kubernetes takes for any quantity above it
_LONGEST = 100 * 365 * 86400.0
_PER_KWH = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(\D.*)?", re.ASCII)
_UNIT_PER_ENERGY = re.compile(r"([^\W\d_]{1,12}|[€$£¥])(?:\s*/\s*([kMG]?Wh))?", re.IGNORECASE)
_GRAMS = re.compile(r"(g|kg|t)\s*(?:CO2(?:e|eq|-eq)?)?(?:\s*/\s*([kMG]?Wh))?", re.IGNORECASE)
_MASSES = {"g": 1.0, "kg": 1e3, "t": 1e6}
_PER_ENERGY = {"wh": 1e3, "kwh": 1.0, "mwh": 1e-3, "gwh": 1e-6}  # of what is said per that, per kWh
_MASS = re.compile(
    r"(\d+\.?\d*|\.\d+)\s*(g|kg|t)?(?:\s*CO2(?:e|eq|-eq)?)?", re.ASCII | re.IGNORECASE
)
_YEARS = re.compile(r"(\d+\.?\d*)\s*y", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

LEAST_STEP = 10  # seconds; a day of shorter bins is more than Prometheus answers with at once
MINUTE = 60
HOUR = 3600
DAY = 86400
YEAR = 365.25 * DAY
MIB = 2**20
GIB = 2**30


def parse_quantity(text: str) -> Decimal:
    """The exact value of a Kubernetes quantity such as 100m, 1.5, 1e3, 128Mi or 500k.

    Raises UsageError for anything else.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} is not a Kubernetes quantity; write for example 250m, 1.5, 512Mi or 2G"
        )
    number, exponent, suffix = match.groups()
    try:
        return Decimal(number + (exponent or "")) * _SUFFIXES[suffix or ""]
    except InvalidOperation as error:  # an exponent beyond Decimal's range
        raise UsageError(f"{text!r} is out of range for a Kubernetes quantity") from error


def parse_millicores(text: str) -> int:
    """CPU quantity to whole millicores, rounded up and bounded as Kubernetes does."""
    return _round_up(parse_quantity(text) * 1000)


def parse_bytes(text: str) -> int:
    """Memory quantity to whole bytes, rounded up and bounded as Kubernetes does."""
    return _round_up(parse_quantity(text))


def _round_up(amount: Decimal) -> int:
    if abs(amount) > _LARGEST:
        return _LARGEST if amount > 0 else -_LARGEST
    return int(amount.to_integral_value(ROUND_CEILING))


def format_millicores(millicores: int) -> str:
    """CPU in the notation of Kubernetes: 25m, 1500m, 2."""
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def format_bytes(amount: int) -> str:
    """Memory in the notation of Kubernetes: a binary suffix where it is exact, else bytes."""
    for suffix in ("Gi", "Mi", "Ki"):
        unit = int(_SUFFIXES[suffix])
        if amount and amount % unit == 0:
            return f"{amount // unit}{suffix}"
    return str(amount)


def format_bytes_short(amount: float) -> str:
    """Memory rounded for people: 1.1Gi, 250Mi."""
    for suffix in ("Gi", "Mi", "Ki"):
        scaled = amount / int(_SUFFIXES[suffix])
        if scaled >= 1:
            text = f"{scaled:.1f}" if scaled < 10 else f"{scaled:.0f}"
            return text.removesuffix(".0") + suffix
    return f"{amount:.0f}"


def parse_duration(text: str) -> float:
    """Seconds of a duration such as 90s, 5m, 1h30m, 14d or 2w. Raises UsageError.

    Longer than a century no clock can wait, and nobody means it.
    """
    stripped = text.strip()
    parts = _DURATION.findall(stripped)
    if not parts or "".join(number + unit for number, unit in parts) != stripped:
        raise UsageError(f"{text!r} is not a duration; write for example 90s, 5m, 12h or 14d")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > _LONGEST:
        raise UsageError(f"{text!r} is longer than 100 years; write for example 90s, 12h or 14d")
    return seconds


def parse_step(text: str) -> int:
    """Seconds of a time bin: a duration from 10s to 1h that divides an hour. Raises UsageError.

    Shorter ones no scrape fills, and longer ones hide what a container needs.
    """
    seconds = parse_duration(text)
    if not LEAST_STEP <= seconds <= HOUR or seconds % 1 or HOUR % seconds:
        raise UsageError(
            f"{text!r} is no length of a time bin: it is at least {LEAST_STEP}s, and an hour is"
            " a whole number of them; write for example 1m, 5m or 15m"
        )
    return int(seconds)


def format_duration(seconds: float) -> str:
    """A duration for people, in its largest fitting unit: 14 d, 11 h, 5 min, 30 s, 250 ms."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            text = f"{seconds / size:.1f}"
            return f"{text.removesuffix('.0')} {unit}"
    return f"{seconds * 1000:.0f} ms" if 0 < seconds < 1 else f"{seconds:.0f} s"


def parse_percentile(text: str) -> float:
    """A percentile as a share above 0 and below 1, from p90, 90% or 0.9. Raises UsageError."""
    match = _PERCENTILE.fullmatch(text.strip())
    percent, share = (match[1] or match[2], match[3]) if match else (None, None)
    # Decimal, so that p90 and 0.9 are the same number.
    value = float(Decimal(percent) / 100 if percent else Decimal(share or 0))
    if not value:
        raise UsageError(f"{text!r} is not a percentile; write for example p90, 90% or 0.9")
    return value


def format_percentile(share: float) -> str:
    """A percentile as p90 or p99.5."""
    return f"p{share * 100:.6g}"


def parse_share(text: str) -> float:
    """A share from 0 to 1, from 5% or 0.05. Raises UsageError."""
    match = _SHARE.fullmatch(text.strip())
    percent, share = (match[1], match[2]) if match else (None, None)
    value = Decimal(percent) / 100 if percent else Decimal(share or -1)
    if not 0 <= value <= 1:
        raise UsageError(f"{text!r} is no share from 0 to 1; write for example 5% or 0.05")
    return float(value)


def parse_watts(text: str) -> float:
    """Watts of a power such as 200, 200W or 1.5kW. Raises UsageError."""
    match = _WATTS.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no power; write for example 200, 200W or 1.5kW")
    return float(match[1]) * (1000.0 if match[2] == "kW" else 1.0)


def parse_time(text: str) -> float:
    """Unix seconds of an RFC 3339 time or of a number of seconds. Raises UsageError.

    A time without a zone is UTC.
    """
    stripped = text.strip()
    if re.fullmatch(r"\d{9,11}(\.\d+)?", stripped):
        return float(stripped)
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time; write for example 2026-05-01T12:00:00Z or unix seconds"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_carbon(text: str) -> float:
    """gCO2e per kWh of 450, 450g/kWh, 0.45 kgCO2e/kWh or 450 kg/MWh. Raises UsageError."""
    match = _PER_KWH.fullmatch(text.strip())
    factor = None if match is None else find_carbon_factor(match[2] or "g")
    if match is None or factor is None or not math.isfinite(float(match[1])):
        raise UsageError(f"{text!r} is no carbon intensity; write for example 450 or 450g/kWh")
    return float(match[1]) * factor


def find_carbon_factor(unit: str) -> float | None:
    """What one of g/kWh, kgCO2e/kWh, kg/MWh ... is in gCO2e per kWh; None for what is no unit."""
    match = _GRAMS.fullmatch(unit.strip())
    if match is None:
        return None
    return _MASSES[match[1].lower()] * _PER_ENERGY[(match[2] or "kWh").lower()]


def parse_price(text: str) -> tuple[float, str]:
    """Money per kWh and its currency, of 0.30EUR, 0.30 EUR/kWh or 90 EUR/MWh. Raises UsageError."""
    match = _PER_KWH.fullmatch(text.strip())
    unit = None if match is None else find_price_factor(match[2] or "")
    if match is None or unit is None or not math.isfinite(float(match[1])):
        raise UsageError(
            f"{text!r} is no price of energy; write a number with its currency, for example "
            "0.30EUR/kWh"
        )
    currency, factor = unit
    return float(match[1]) * factor, currency


def find_price_factor(unit: str) -> tuple[str, float] | None:
    """The currency of EUR/kWh, EUR/MWh or EUR, and what one is per kWh; None for no unit."""
    match = _UNIT_PER_ENERGY.fullmatch(unit.strip())
    if match is None or match[1].lower() in _PER_ENERGY or find_carbon_factor(unit) is not None:
        return None
    return match[1], _PER_ENERGY[(match[2] or "kWh").lower()]


def per_hour(watts: float, per_kwh: float) -> float:
    """What so much power carries in an hour, of what a kWh carries so much of."""
    return watts / 1000.0 * per_kwh


def parse_kilograms(text: str) -> float:
    """Kilograms of 1300, 1300kg, 1.3t or 1300 kgCO2e. Raises UsageError."""
    match = _MASS.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no mass of CO2e; write for example 1300 or 1300kg")
    return float(match[1]) * _MASSES[(match[2] or "kg").lower()] / _MASSES["kg"]


def parse_lifetime(text: str) -> float:
    """Seconds of years (4y, 5.5y) or of a duration such as 1500d. Raises UsageError."""
    match = _YEARS.fullmatch(text.strip())
    seconds = float(match[1]) * YEAR if match else parse_duration(text)
    if not 0.0 < seconds <= _LONGEST:
        raise UsageError(f"{text!r} is no lifetime of a node; write for example 4y")
    return seconds


def format_years(seconds: float) -> str:
    """A lifetime for people: 4 years, 5.5 years."""
    years = f"{seconds / YEAR:.1f}".removesuffix(".0")
    return f"{years} year{'' if years == '1' else 's'}"


def grams_per_hour(kilograms: float, lifetime: float) -> float:
    """Grams in each hour of so many kilograms, spread evenly over so many seconds."""
    return kilograms * _MASSES["kg"] / (lifetime / HOUR)
