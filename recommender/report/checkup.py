"""The page of `joulefit doctor`: a line for each check, beneath it what to do; or JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from recommender.model.check import LEVELS, Check, Level, worst_level
from recommender.report.document import format_json
from recommender.report.grid import WRAPPED_WIDTH, wrap_text
from recommender.report.line import Line, join_lines, line, measure, span
from recommender.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

API_VERSION: Literal["joulefit.io/checkup/v1alpha1"] = "joulefit.io/checkup/v1alpha1"

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_LEVEL_WIDTH = max(map(len, LEVELS))
_GAP = "  "
_COUNTED = {
    "ok": ("ok", "ok"),
    "warn": ("warning", "warnings"),
    "fail": ("failure", "failures"),
}


class Checkup(msgspec.Struct, frozen=True, rename="camel"):
    """What `joulefit doctor --output json` prints; `level` is the worst of its checks."""

    api_version: Literal["joulefit.io/checkup/v1alpha1"]
    kind: Literal["Checkup"]
    generated_at: str
    level: Level
    checks: tuple[Check, ...]


def format_checkup(
    checks: Sequence[Check], *, output: str, now: str, width: int | None, is_terminal: bool
) -> str:
    """The page as text that ends in a line break.

    output: text or json; now: RFC 3339, for JSON; width: columns of the terminal, None in a
    pipe, where nothing is wrapped. Manifests stand at the first column as a shell takes them.
    """
    if output == "json":
        return format_json(Checkup(API_VERSION, "Checkup", now, worst_level(checks), tuple(checks)))
    subjects = max((measure(check.subject) for check in checks), default=0)
    lines: list[Line] = []
    for check in checks:
        lines += _check_lines(check, subjects, width=width)
    lines += [line(), line(_count_levels(checks), "bold")]
    return join_lines(lines, is_terminal=is_terminal)


def _check_lines(check: Check, subjects: int, *, width: int | None) -> list[Line]:
    indent = " " * (_LEVEL_WIDTH + subjects + 2 * len(_GAP))
    room = None if width is None else max(width - len(indent), WRAPPED_WIDTH)
    level = span(check.level.ljust(_LEVEL_WIDTH) + _GAP, _STYLES[check.level])
    subject = span(check.subject + " " * (subjects - measure(check.subject)) + _GAP)
    first, *others = _wrap(check.found, room)
    return [
        (level, subject, span(first)),
        *((span(indent), span(text)) for text in others),
        *((span(indent), span(text, "dim")) for text in _wrap(check.advice, room) if text),
        *(line(text) for text in _command_lines(check)),
    ]


def _wrap(text: str, room: int | None) -> list[str]:
    shown = escape_controls(text)  # before it is measured
    return [shown] if room is None else wrap_text(shown, room)


def _command_lines(check: Check) -> list[str]:
    """A command that applies the manifests; the shell leaves what is quoted so as it is."""
    if not check.manifests:
        return []
    from recommender.report.yaml_text import format_yaml_documents  # noqa: PLC0415 - yaml only here

    text = format_yaml_documents(check.manifests)
    return ["kubectl apply -f - <<'EOF'", *text.splitlines(), "EOF"]


def _count_levels(checks: Sequence[Check]) -> str:
    counts = Counter(check.level for check in checks)
    parts = [
        f"{count} {_COUNTED[level][count != 1]}" for level in LEVELS if (count := counts[level])
    ]
    return ", ".join(parts) or "nothing was looked at"
