"""Text of others, made safe to show."""

from __future__ import annotations

_MARKUP = frozenset("\\`*_|<>[]")


def escape_markdown(text: str) -> str:
    """Text that is no markup in markdown either: its marks are escaped by a backslash."""
    return "".join(f"\\{char}" if char in _MARKUP else char for char in escape_controls(text))


def escape_controls(text: str) -> str:
    r"""Text that cannot steer a terminal: control and format characters become \x1b and the like.

    Names and reasons come from clusters, stores and files of others; an escape sequence, a line
    break or a change of writing direction in them would forge the report's face.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
