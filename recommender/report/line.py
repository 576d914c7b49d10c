"""Lines of text made of pieces that may have a colour.

The only place where foreign text becomes output: every piece is made by `span`, which escapes
it. Colour repeats what the text says and is never alone; it is left out in pipes, and where
NO_COLOR or TERM=dumb ask for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recommender.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Iterable


class Span(NamedTuple):
    """A piece of a line; `style` is a style of rich, "" for none."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def span(text: str, style: str = "") -> Span:
    """A piece of a line, free of control characters."""
    return Span(escape_controls(text), style)


def line(text: str = "", style: str = "") -> Line:
    """A line of one piece."""
    return (span(text, style),) if text else ()


def measure(text: str) -> int:
    """Columns of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - late: names are ASCII nearly always

    return cell_len(text)


def join_lines(lines: Iterable[Line], *, is_terminal: bool) -> str:
    """All lines, each with its line break; on a terminal with their colours."""
    kept = [_without_trailing_space(pieces) for pieces in lines]
    if is_terminal:
        return _paint(kept)
    return "".join("".join(piece.text for piece in pieces) + "\n" for pieces in kept)


def _without_trailing_space(pieces: Line) -> Line:
    kept = list(pieces)
    while kept:
        last = kept.pop()
        text = last.text.rstrip(" ")
        if text:
            return (*kept, Span(text, last.style))
    return ()


def _paint(lines: list[Line]) -> str:
    import io  # noqa: PLC0415 - late, with rich: 50 ms that a pipe need not pay

    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    target = io.StringIO()
    console = Console(
        file=target, force_terminal=True, highlight=False, markup=False, emoji=False, width=80
    )
    for pieces in lines:
        # soft_wrap: the lines are laid out already; rich must neither wrap nor cut them.
        console.print(Text.assemble(*pieces), soft_wrap=True)
    return target.getvalue()
