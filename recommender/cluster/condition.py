"""Conditions of a VPA's status: what was found, in sentences for `kubectl describe vpa`.

Types and reasons are those of the VPA API; `LowConfidence` and `FetchingHistory` exist in it
and are free for a recommender to use.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from recommender.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECOMMENDATION_PROVIDED = "RecommendationProvided"
NO_PODS_MATCHED = "NoPodsMatched"
CONFIG_UNSUPPORTED = "ConfigUnsupported"
LOW_CONFIDENCE = "LowConfidence"
FETCHING_HISTORY = "FetchingHistory"

OURS = frozenset(
    {
        RECOMMENDATION_PROVIDED,
        NO_PODS_MATCHED,
        CONFIG_UNSUPPORTED,
        LOW_CONFIDENCE,
        FETCHING_HISTORY,
        "ConfigDeprecated",  # of the stock recommender; out of date once it no longer writes
    }
)

LONGEST_MESSAGE = 32768
"""Characters that Kubernetes' own type of a condition allows; users' texts are quoted in ours."""

# A number of its own: the 8 of `8 h`, both of `1.37-1.47`, but neither of `T1` and `app-2`.
_NUMBER = re.compile(r"(?<![\w.])(?<![A-Za-z_]-)\d+(?:[.,]\d+)*")


class Condition(msgspec.Struct, frozen=True):
    """One condition without its time."""

    type: str
    is_true: bool
    reason: str
    message: str

    @property
    def status(self) -> str:
        return "True" if self.is_true else "False"


def stamp_conditions(
    conditions: Sequence[Condition], old: Mapping[str, Any], *, now: str
) -> list[dict[str, Any]]:
    """The list for the status, by type; a time moves only when its condition's status flips.

    Conditions of types that no recommender has are carried over from the `old` status.
    """
    before = read_conditions(old)
    stamped = {
        condition.type: {
            "type": condition.type,
            "status": condition.status,
            "lastTransitionTime": _since(before.get(condition.type), condition, now),
            "reason": condition.reason,
            "message": escape_controls(condition.message[:LONGEST_MESSAGE])[:LONGEST_MESSAGE],
        }
        for condition in conditions
    }
    foreign = {name: each for name, each in before.items() if name not in OURS}
    merged = foreign | stamped
    return [merged[name] for name in sorted(merged)]


def read_conditions(status: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The conditions of a status by type, whoever wrote it."""
    listed = status.get("conditions")
    return {
        str(each["type"]): each
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and "type" in each
    }


def conditions_differ(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the conditions of two statuses say something else, whatever their times."""
    before, after = read_conditions(old), read_conditions(new)
    return before.keys() != after.keys() or any(
        _differs(before[name], after[name]) for name in after
    )


def _since(before: Mapping[str, Any] | None, condition: Condition, now: str) -> str:
    if before and before.get("status") == condition.status:
        return str(before.get("lastTransitionTime") or now)
    return now


def _differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if any(old.get(key) != new.get(key) for key in ("status", "reason")):
        return True
    before, after = str(old.get("message", "")), str(new.get("message", ""))
    if new["type"] == CONFIG_UNSUPPORTED:  # its numbers are those of the user's own spec
        return before != after
    return not says_the_same(before, after)


def says_the_same(before: str, after: str) -> bool:
    """Whether two messages differ in their numbers only, and none by a factor of two.

    Evidence grows in every loop; `3 h of history` need not be rewritten for `4 h`.
    """
    if _NUMBER.sub("#", before) != _NUMBER.sub("#", after):
        return False
    pairs = zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
    return all(old == new or _is_near(old, new) for old, new in pairs)


def _is_near(old: str, new: str) -> bool:
    try:
        a, b = float(old.replace(",", "")), float(new.replace(",", ""))
    except ValueError:  # a version or an address: 1.34.4
        return False
    return 0.5 < (a / b if b else 0.0) < 2.0
