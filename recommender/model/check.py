"""One thing that was looked at in a cluster or a store, what was found and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["ok", "warn", "fail"]

LEVELS: tuple[Level, ...] = ("ok", "warn", "fail")
"""Best first. warn: joulefit works, with less than it could have; fail: a part of it cannot."""


class Check(msgspec.Struct, frozen=True):
    """One line of `joulefit doctor`.

    level      ok, warn or fail
    subject    what was looked at, in a word or two
    found      one sentence
    advice     what to do, "" where there is nothing to do
    manifests  Kubernetes objects that mend it when they are applied
    """

    level: Level
    subject: str
    found: str
    advice: str = ""
    manifests: tuple[dict[str, Any], ...] = ()


def worst_level(checks: Iterable[Check]) -> Level:
    """The worst of them; ok where there is none."""
    return max((check.level for check in checks), key=LEVELS.index, default="ok")
