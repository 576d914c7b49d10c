"""Rows that cannot be read: counted, the first few with their line and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN = 3
_LONGEST = 40  # characters of a cell that are repeated


class Faults:
    """The bad rows of one table, whose file is called `name`; `read` counts all its rows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.read = 0
        self.count = 0
        self.examples: list[str] = []

    def add(self, line: int, describe: Callable[[], str]) -> None:
        """One more; the reason is only asked for while it will be shown."""
        self.count += 1
        if len(self.examples) < SHOWN:
            self.examples.append(f"line {line}: {describe()}")

    def describe(self) -> str:
        """A sentence on the bad rows, "" where there is none."""
        if not self.count:
            return ""
        more = "; ..." if self.count > len(self.examples) else ""
        left_out = "it is left out" if self.count == 1 else "they are left out"
        return (
            f"{self.count:,} of {self.read:,} rows of {self.name} cannot be read, {left_out}: "
            f"{'; '.join(self.examples)}{more}"
        )


def quote(text: str) -> str:
    """A cell as a reason shows it."""
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")
