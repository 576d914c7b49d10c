"""What a kilowatt-hour carries: grams of CO2e, or money. Where that is told, and what was told.

Nothing here decides a request but by `objective: carbon` of an EnergyProfile (`sizing.carbon`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import msgspec

from recommender.errors import UsageError
from recommender.model.profile import MetricSelector, find_flaw
from recommender.units import (
    YEAR,
    find_carbon_factor,
    find_price_factor,
    format_time,
    parse_carbon,
    parse_kilograms,
    parse_lifetime,
    parse_price,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Parsed = TypeVar("Parsed")

Measure: TypeAlias = Literal["carbon", "price"]

GRAMS = "gCO2e"
HOURS = 24

MOST_GRAMS = 3000.0
"""Of a kWh: twice what the dirtiest lignite emits. More is kg taken for g, or MWh for kWh."""

DEFAULT_LIFETIME = 4 * YEAR
"""Over which makers' product carbon footprints of servers reckon."""

_METRIC, _FILE = "metric:", "file:"
_SELECTOR = re.compile(r"([^{}\s]*)\s*(?:\{(.*)\})?\s*([^{}\"]*)", re.DOTALL)
_LABEL = re.compile(r'\s*([^=~!,\s"]+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|$)', re.DOTALL)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FILE_UNIT = re.compile(r"(.*\S)\s+(\S+/[kMG]?Wh)", re.IGNORECASE | re.DOTALL)


class IntensitySource(msgspec.Struct, frozen=True):
    """Where it is told what a kWh carries: `value` (a constant), `series` or `path`, one of them.

    `unit` is gCO2e or a currency, `factor` what one of the source's is in `unit` per kWh.
    """

    measure: Measure
    unit: str
    factor: float = 1.0
    value: float | None = None
    series: MetricSelector | None = None
    path: str = ""

    @property
    def name(self) -> str:
        """The source in words, as a user would know it again."""
        if self.series is not None:
            labels = ",".join(f'{key}="{value}"' for key, value in self.series.labels.items())
            return f"metric {self.series.name}" + (f"{{{labels}}}" if labels else "")
        return f"file {self.path}" if self.path else "constant"


class Intensity(msgspec.Struct, frozen=True):
    """What a kWh carried over a window, in `unit` (gCO2e or a currency).

    mean     over the hours of the window that are known; None where there is no number
    hourly   mean of each hour of the day (UTC), [24], None where none is known; () for a constant
    newest   unix seconds of the newest value; None for a constant, and where there was none
    covered  share of the hours of the window that are known
    flaw     why there is no number, "" where there is one
    """

    measure: Measure
    unit: str
    source: str
    mean: float | None = None
    hourly: tuple[float | None, ...] = ()
    newest: float | None = None
    covered: float = 0.0
    flaw: str = ""

    @property
    def newest_time(self) -> str | None:
        """RFC 3339."""
        return None if self.newest is None else format_time(self.newest)


class Embodied(msgspec.Struct, frozen=True):
    """What making one node of a class emitted, and for how many seconds it serves."""

    node_class: str
    kilograms: float
    lifetime: float = DEFAULT_LIFETIME


class Rates(msgspec.Struct, frozen=True):
    """What is known of what energy and nodes carry; None: not asked for."""

    carbon: Intensity | None = None
    price: Intensity | None = None
    embodied: tuple[Embodied, ...] = ()


NO_RATES = Rates()


def parse_carbon_source(text: str) -> IntensitySource:
    """450, 450g/kWh, metric:NAME{label="value"} or file:PATH, with a unit behind. UsageError."""
    option = "--carbon-intensity"
    source = _parse_reference(option, "carbon", text)
    if source is None:
        _refuse_foreign(option, text, '450, metric:NAME{label="value"} or file:FILE.csv')
        value = _explain(option, parse_carbon, text)
        source = IntensitySource("carbon", GRAMS, value=value)
    if source.value is not None and (flaw := find_value_flaw("carbon", source.value)):
        raise UsageError(f"{option}: {flaw}")
    return source


def parse_price_source(text: str) -> IntensitySource:
    """0.30EUR/kWh, metric:NAME{label="value"} EUR/kWh or file:PATH EUR/kWh. UsageError."""
    option = "--energy-price"
    source = _parse_reference(option, "price", text)
    if source is None:
        _refuse_foreign(
            option, text, '0.30EUR/kWh, metric:NAME{label="value"} EUR/kWh or file:FILE.csv EUR/kWh'
        )
        value, currency = _explain(option, parse_price, text)
        source = IntensitySource("price", currency, value=value)
    return source


def find_value_flaw(measure: Measure, value: float) -> str:
    """What is wrong with a value per kWh; "" for nothing. Prices may be negative, as on markets."""
    if measure == "price":
        return ""
    if value < 0.0:
        return f"{value:g} gCO2e/kWh is negative, which no grid is"
    if value > MOST_GRAMS:
        return (
            f"{value:,.0f} gCO2e/kWh is more than anything emits ({MOST_GRAMS:,.0f}); "
            "give its unit, for example kg/MWh"
        )
    return ""


def parse_embodied(texts: Iterable[str]) -> tuple[Embodied, ...]:
    """CLASS=KG[,LIFETIME] each, a class once. Raises UsageError."""
    found: dict[str, Embodied] = {}
    for text in texts:
        each = _parse_embodied(text)
        if each.node_class in found:
            raise UsageError(
                f"--embodied-carbon names the class {each.node_class!r} twice; leave out one"
            )
        found[each.node_class] = each
    return tuple(found.values())


def _parse_embodied(text: str) -> Embodied:
    name, is_there, amount = text.rpartition("=")
    kilograms, has_lifetime, lifetime = amount.partition(",")
    if not is_there or not name.strip():
        raise UsageError(
            f"--embodied-carbon {text!r} is not CLASS=KG[,LIFETIME]; write for example "
            "epyc-7763=1300,4y, with a class as `joulefit curve` names it"
        )
    return Embodied(
        name.strip(),
        _explain("--embodied-carbon", parse_kilograms, kilograms),
        _explain("--embodied-carbon", parse_lifetime, lifetime)
        if has_lifetime
        else DEFAULT_LIFETIME,
    )


def _parse_reference(option: str, measure: Measure, text: str) -> IntensitySource | None:
    """A metric or a file; None for what is neither."""
    stripped = text.strip()
    if stripped.startswith(_METRIC):
        series, unit = _parse_series(option, stripped.removeprefix(_METRIC))
        word, factor = _find_unit(option, measure, unit)
        return IntensitySource(measure, word, factor, series=series)
    if stripped.startswith(_FILE):
        match = _FILE_UNIT.fullmatch(stripped.removeprefix(_FILE))
        path, unit = (match[1], match[2]) if match else (stripped.removeprefix(_FILE), "")
        if not path.strip():
            raise UsageError(f"{option} {text!r} names no file; write file:FILE.csv")
        word, factor = _find_unit(option, measure, unit)
        return IntensitySource(measure, word, factor, path=path.strip())
    return None


def _find_unit(option: str, measure: Measure, unit: str) -> tuple[str, float]:
    """The word and the factor of a unit that stands behind a metric or a file."""
    if measure == "carbon":
        factor = find_carbon_factor(unit or "g/kWh")
        if factor is None:
            raise UsageError(f"{option}: {unit!r} is no unit of it; write g/kWh or kg/MWh")
        return GRAMS, factor
    found = find_price_factor(unit)
    if found is None:
        said = f"{unit!r} is no unit of it" if unit else "the currency is missing"
        raise UsageError(f"{option}: {said}; write it behind, for example EUR/kWh or EUR/MWh")
    return found


def _parse_series(option: str, text: str) -> tuple[MetricSelector, str]:
    match = _SELECTOR.fullmatch(text)
    if match is None:
        raise UsageError(
            f'{option}: {text!r} is no metric with labels; write metric:NAME{{label="value"}}'
        )
    series = MetricSelector(match[1], _parse_labels(option, match[2] or ""))
    if flaw := find_flaw(series, owned=frozenset()):
        raise UsageError(f"{option}: {flaw}")
    return series, match[3].strip()


def _parse_labels(option: str, text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    at = 0
    while text[at:].strip():
        match = _LABEL.match(text, at)
        if match is None:
            raise UsageError(
                f'{option}: labels {text[at:]!r} cannot be read; write {{label="value",...}}'
            )
        label, operator, value, _ = match.groups()
        if operator != "=":
            raise UsageError(
                f"{option}: label {label!r} is matched with {operator}; only = is taken, so that "
                "one series is meant"
            )
        if label in labels:
            raise UsageError(f"{option}: label {label!r} is there twice; leave out one")
        labels[label] = _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[0]), value)
        at = match.end()
    return labels


def _refuse_foreign(option: str, text: str, forms: str) -> None:
    """What is no number at all: a metric or a file without its word in front."""
    stripped = text.strip()
    if not stripped or not (stripped[0].isdigit() or stripped[0] in "+-."):
        raise UsageError(f"{option} {text!r} is nothing that is known; write {forms}")


def _explain(option: str, parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error
