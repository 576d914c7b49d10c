"""Columns of text that adapt to a width: whole columns are left out, never a part of a name."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from recommender.report.line import Line, Span, line, measure, span

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
WRAPPED_WIDTH = 28  # a last column of sentences may get as narrow as this before columns drop


class Column(msgspec.Struct, frozen=True):
    """A column: its title, and whether it is aligned to the right or may wrap (the last only).

    `short` is its title where the terminal is too narrow for all, "" where it has none.
    """

    title: str
    is_right: bool = False
    wraps: bool = False
    short: str = ""

    @property
    def name(self) -> str:
        return self.short or self.title


class Grid(msgspec.Struct, frozen=True):
    """Lines of a table, its heading first, and the names of the columns that were left out."""

    lines: list[Line]
    hidden: tuple[str, ...]


def layout_grid(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Span]],
    *,
    width: int | None,
    drop_order: Sequence[str] = (),
) -> Grid:
    """Lays rows out in `width` terminal columns; None: as wide as they are.

    Where they do not fit, titles become short, then the columns named in `drop_order` go one
    after the other, the first first. What then still does not fit is left to the terminal.
    """
    widths = _measure_columns(columns, rows)
    kept = list(range(len(columns)))
    if width is not None and _needed(columns, widths, kept) > width:
        columns = [replace(column, title=column.name) for column in columns]
        widths = _measure_columns(columns, rows)
    hidden = []
    for name in drop_order:
        if width is None or _needed(columns, widths, kept) <= width:
            break
        dropped = [index for index in kept if columns[index].name == name]
        kept = [index for index in kept if index not in dropped]
        hidden += [columns[index].name for index in dropped]
    shown = [columns[index] for index in kept]
    sizes = _fit([widths[index] for index in kept], shown, width)
    heading = [span(column.title, "bold") for column in shown]
    lines = _layout_row(heading, shown, sizes)
    for row in rows:
        lines += _layout_row([row[index] for index in kept], shown, sizes)
    return Grid(lines, tuple(hidden))


def _measure_columns(columns: Sequence[Column], rows: Sequence[Sequence[Span]]) -> list[int]:
    return [
        max([measure(column.title), *(measure(row[index].text) for row in rows)])
        for index, column in enumerate(columns)
    ]


def _needed(columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int]) -> int:
    least = [
        min(widths[index], WRAPPED_WIDTH) if columns[index].wraps else widths[index]
        for index in kept
    ]
    return sum(least) + GAP * (len(least) - 1)


def _fit(widths: list[int], columns: Sequence[Column], width: int | None) -> list[int]:
    """Widths in which a last column that wraps takes what is left."""
    if width is not None and columns[-1].wraps:
        left = width - sum(widths[:-1]) - GAP * (len(widths) - 1)
        return [*widths[:-1], min(widths[-1], max(left, WRAPPED_WIDTH))]
    return widths


def _layout_row(cells: Sequence[Span], columns: Sequence[Column], sizes: list[int]) -> list[Line]:
    first, *others = wrap_text(cells[-1].text, sizes[-1]) if columns[-1].wraps else [cells[-1].text]
    shown = [*cells[:-1], Span(first, cells[-1].style)]
    pieces: list[Span] = []
    for cell, column, size in zip(shown, columns, sizes, strict=True):
        padding = " " * (size - measure(cell.text))
        before, after = (padding, "") if column.is_right else ("", padding)
        pieces += [Span(before), cell, Span(after + " " * GAP)]
    indent = Span(" " * (sum(sizes[:-1]) + GAP * (len(sizes) - 1)))
    return [tuple(pieces), *((indent, Span(text, cells[-1].style)) for text in others)]


def wrap_text(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` characters; a word that is longer stays whole."""
    if measure(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def layout_sentence(text: str, *, width: int | None, style: str = "") -> list[Line]:
    """A sentence in lines of `width` columns (None: one line), each indented as its first."""
    bare = text.lstrip(" ")
    indent = text[: len(text) - len(bare)]
    if width is None:
        return [line(text, style)]
    room = max(width - len(indent), WRAPPED_WIDTH)
    return [line(indent + part, style) for part in wrap_text(bare, room)]
