"""Selectors of PromQL: text that says which series are asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Not the pod's own cgroup (no container: the sum of its containers), not the pause container.
CONTAINERS = 'container!="",container!="POD"'

_SPECIAL = re.compile(r"[^A-Za-z0-9_\-]")


def match_any(label: str, values: Iterable[str], *, is_negated: bool = False) -> str:
    """A matcher for one of some literal values, or for none of them."""
    found = sorted(set(values))
    if len(found) == 1 and not _SPECIAL.search(found[0]):
        return f'{label}{"!=" if is_negated else "="}"{found[0]}"'
    pattern = "|".join(_SPECIAL.sub(_escape, value) for value in found)
    return f'{label}{"!~" if is_negated else "=~"}"{pattern}"'


def match_exactly(label: str, value: str) -> str:
    """A matcher for one literal value, whatever characters it has; `label` is a label's name."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{label}="{escaped}"'


def match_names(names: Iterable[str]) -> str:
    """A selector for series of any of these names; patterns are allowed."""
    return f'{{__name__=~"{"|".join(names)}"}}'


def join_matchers(*matchers: str) -> str:
    """The matchers that are not empty, in braces."""
    return "{" + ",".join(matcher for matcher in matchers if matcher) + "}"


def _escape(match: re.Match[str]) -> str:
    """A character that means itself in a regular expression inside of a quoted string."""
    character = match.group()
    if character == "\n":
        return "\\n"
    return f"\\\\\\{character}" if character in '\\"' else f"\\\\{character}"
