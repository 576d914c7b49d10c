"""Charts as SVG text: lines, bands, points and bars with axes; no drawing library behind it.

The text is the same on every machine: coordinates are rounded to a tenth of a pixel. Colours
follow the reader's light or dark setting, and every line bears its name beside it, so that nothing
is told by colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 680.0, 380.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 28.0, 20.0, 52.0
"""Margins for the axes' texts."""

Ink: TypeAlias = Literal["ours", "other", "third", "plain"]
Point: TypeAlias = tuple[float, float]

_STYLE = """\
text{font:14px system-ui,sans-serif;fill:var(--ink)}
svg{--ink:#222;--grid:#ddd;--ours:#00695c;--other:#b3541e;--third:#3949ab;--page:#fff}
@media(prefers-color-scheme:dark){svg{--ink:#ddd;--grid:#444;--ours:#4db6ac;--other:#ffab73;\
--third:#9fa8da;--page:#1c1c1c}}
.page{fill:var(--page)}
.grid{stroke:var(--grid);stroke-width:1}
.axis{stroke:var(--ink);stroke-width:1}
.line{fill:none;stroke-width:2.5;stroke-linejoin:round}
.dashed{stroke-dasharray:7 5}
.band{opacity:.25}
"""


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, with (value, text) at each of `ticks`."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Line:
    points: tuple[Point, ...]
    ink: Ink = "ours"
    is_dashed: bool = False


@dataclass(frozen=True)
class Band:
    """Between `low` and `high`, both from left to right."""

    low: tuple[Point, ...]
    high: tuple[Point, ...]
    ink: Ink = "ours"


@dataclass(frozen=True)
class Dots:
    points: tuple[Point, ...]
    ink: Ink = "ours"
    is_hollow: bool = False
    radius: float = 4.0


@dataclass(frozen=True)
class Bar:
    """Upright, from zero to `height`, `width` in units of the x axis."""

    middle: float
    height: float
    width: float
    ink: Ink = "ours"


@dataclass(frozen=True)
class Label:
    """Text that begins, ends or has its middle at a point."""

    at: Point
    text: str
    ink: Ink = "plain"
    anchor: Literal["start", "middle", "end"] = "start"


Mark: TypeAlias = Line | Band | Dots | Bar | Label


@dataclass(frozen=True)
class Chart:
    """`title` is read to those who do not see the picture."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...] = field(default=())


def even_ticks(values: Iterable[float], *, form: str = "g") -> tuple[tuple[float, str], ...]:
    """Ticks whose texts are their values in a format of Python's."""
    return tuple((value, format(value, form)) for value in values)


def zip_points(x: Iterable[float], y: Iterable[float]) -> tuple[Point, ...]:
    """Points of two equally long rows of numbers; others are a ValueError."""
    return tuple((float(a), float(b)) for a, b in zip(x, y, strict=True))


def draw_chart(chart: Chart) -> str:
    """The chart as one SVG file, without any reference to another one."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img">',
        f"<title>{escape(chart.title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{WIDTH:g}" height="{HEIGHT:g}"/>',
        *_draw_axes(chart),
        *(_draw_mark(chart, mark) for mark in chart.marks),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _at(chart: Chart, point: Point) -> tuple[str, str]:
    x = (point[0] - chart.x.low) / (chart.x.high - chart.x.low)
    y = (point[1] - chart.y.low) / (chart.y.high - chart.y.low)
    return (
        _number(LEFT + x * (WIDTH - LEFT - RIGHT)),
        _number(HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM)),
    )


def _number(pixels: float) -> str:
    return f"{round(pixels, 1) + 0.0:g}"


def _draw_axes(chart: Chart) -> list[str]:
    parts = []
    for value, text in chart.y.ticks:
        (x, y), (end, _) = _at(chart, (chart.x.low, value)), _at(chart, (chart.x.high, value))
        parts.append(f'<line class="grid" x1="{x}" y1="{y}" x2="{end}" y2="{y}"/>')
        parts.append(_text(LEFT - 8, float(y) + 5, text, anchor="end"))
    (x, y), (end, top) = (
        _at(chart, (chart.x.low, chart.y.low)),
        _at(chart, (chart.x.high, chart.y.high)),
    )
    parts.append(f'<line class="axis" x1="{x}" y1="{y}" x2="{end}" y2="{y}"/>')
    parts.append(f'<line class="axis" x1="{x}" y1="{y}" x2="{x}" y2="{top}"/>')
    for value, text in chart.x.ticks:
        at = float(_at(chart, (value, chart.y.low))[0])
        parts.append(_text(at, HEIGHT - BOTTOM + 20, text, anchor="middle"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, HEIGHT - 10, chart.x.title, anchor="middle"))
    height = (TOP + HEIGHT - BOTTOM) / 2
    turned = f' transform="rotate(-90 16 {_number(height)})"'
    parts.append(_text(16, height, chart.y.title, anchor="middle", more=turned))
    return parts


def _draw_mark(chart: Chart, mark: Mark) -> str:
    match mark:
        case Line():
            path = _path(chart, mark.points)
            dashed = " dashed" if mark.is_dashed else ""
            return f'<path class="line{dashed}" stroke="{_colour(mark.ink)}" d="{path}"/>'
        case Band():
            path = _path(chart, (*mark.low, *reversed(mark.high)))
            return f'<path class="band" fill="{_colour(mark.ink)}" d="{path}Z"/>'
        case Dots():
            return "".join(_draw_dot(chart, point, mark) for point in mark.points)
        case Bar():
            return _draw_bar(chart, mark)
        case Label():
            x, y = _at(chart, mark.at)
            colour = f' style="fill:{_colour(mark.ink)}"'
            return _text(float(x), float(y), mark.text, anchor=mark.anchor, more=colour)


def _draw_dot(chart: Chart, point: Point, dots: Dots) -> str:
    x, y = _at(chart, point)
    colour = _colour(dots.ink)
    fill = "var(--page)" if dots.is_hollow else colour
    return (
        f'<circle cx="{x}" cy="{y}" r="{dots.radius:g}" fill="{fill}" '
        f'stroke="{colour}" stroke-width="2"/>'
    )


def _draw_bar(chart: Chart, bar: Bar) -> str:
    left, zero = _at(chart, (bar.middle - bar.width / 2, 0.0))
    right, end = _at(chart, (bar.middle + bar.width / 2, bar.height))
    top, height = min(float(zero), float(end)), abs(float(zero) - float(end))
    return (
        f'<rect x="{left}" y="{_number(top)}" width="{_number(float(right) - float(left))}" '
        f'height="{_number(height)}" fill="{_colour(bar.ink)}"/>'
    )


def _path(chart: Chart, points: Sequence[Point]) -> str:
    return "M" + "L".join(" ".join(_at(chart, point)) for point in points)


def _text(x: float, y: float, text: str, *, anchor: str, more: str = "") -> str:
    place = f'x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}"'
    return f"<text {place}{more}>{escape(text)}</text>"


def _colour(ink: Ink) -> str:
    return "var(--ink)" if ink == "plain" else f"var(--{ink})"
