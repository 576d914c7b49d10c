"""The pages of the documentation as tests read them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^[ ]*```(?P<kind>\w*)\n(?P<text>.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
_PROGRAMS = {"joulefit", "joulefit-collector"}
_COMMENT = re.compile(r"\s{2,}#.*$")


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it; `is_run` for `$ ...` in a console block."""

    page: str
    words: tuple[str, ...]
    is_run: bool

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.words[1:]

    @property
    def is_live(self) -> bool:
        """Whether it asks a cluster and a store."""
        alone = {"demo", "simulate"}
        return not ({"--recording", "--from-csv"} & set(self.words) or alone & set(self.words))

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def read_commands(text: str, *, page: str) -> list[Shown]:
    """The lines in code blocks of a page that call one of our programs."""
    found = []
    for fence in _FENCE.finditer(text):
        for line in fence["text"].replace("\\\n", " ").splitlines():
            words = _read_words(line)
            if words and words[0] in _PROGRAMS:
                is_run = fence["kind"] == "console" and line.strip().startswith("$ ")
                found.append(Shown(page, words, is_run))
    return found


def _read_words(line: str) -> tuple[str, ...]:
    """The words of a shell's line up to a comment, a redirection or a pipe; none for prose."""
    plain = _COMMENT.sub("", line.strip().removeprefix("$ "))
    if plain.split(" ", 1)[0] not in _PROGRAMS:
        return ()
    words = shlex.split(plain)
    ends = [number for number, word in enumerate(words) if word in {"|", ">", "&", "&&", "2>"}]
    return tuple(words[: min(ends, default=len(words))])


_INLINE = re.compile(r"`(joulefit(?:-collector)? [a-z][^`]*)`")


def read_mentions(text: str, *, page: str) -> list[Shown]:
    """Commands between single backquotes, outside of code blocks; their arguments may be left out."""
    prose = _FENCE.sub("", text)
    lines = (" ".join(mention.split()) for mention in _INLINE.findall(prose))
    return [Shown(page, _read_words(line.replace("\\|", "/")), is_run=False) for line in lines]


COMMANDS = [
    shown
    for path in PAGES
    for shown in read_commands(path.read_text(), page=str(path.relative_to(ROOT)))
]

MENTIONS = sorted(
    {
        shown
        for path in PAGES
        if path.name != "commands.md"  # usage lines, which test_reference holds to the code
        for shown in read_mentions(path.read_text(), page=str(path.relative_to(ROOT)))
    },
    key=str,
)
