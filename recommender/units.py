"""Quantities, durations and times as people and Kubernetes write them.

Inside joulefit CPU is cores (float) or millicores (int, `_millicores`), memory is bytes,
time is seconds, power is watts, energy is joules. Only this module converts.
"""

from __future__ import annotations

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
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

LEAST_STEP = 10  # seconds; a day of shorter bins is more than Prometheus answers with at once
MINUTE = 60
HOUR = 3600
DAY = 86400
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
