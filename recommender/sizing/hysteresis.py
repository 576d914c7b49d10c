"""A published target stays until the optimum leaves its published band.

Every move of a target may restart pods, and the optimum moves a little in every loop. So the
previous recommendation is kept, value for value, while it is good enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from recommender.errors import UsageError
from recommender.model.report import Reason
from recommender.sizing.band import Band, cap
from recommender.sizing.resource import MOST, RESOURCES, Resource, describe_amount, parse_amount

if TYPE_CHECKING:
    from recommender.sizing.policy import Caps

SPENT_RATIO = 2.0
"""A published band this many times as wide (in log(upper / lower)) as today's evidence makes it
is spent: it holds its target no longer once that lies outside today's band.

Without this a band from little evidence would hold for ever, since nearly every later optimum
lies within it. Worked: the stock rule after one day has an upper bound of 2 x 1.15 x p95
and a lower of 1.15 x p50; for p50 = 190 m and p95 = 430 m that is 218 ... 989 m, log ratio
1.51. A priced quantile of 411 m with 372 ... 470 m has 0.23: the target of the first day (437 m)
is inside and stays, one of 512 m would move. Each such move at least halves the band, so there
are few of them.
"""


class Previous(msgspec.Struct, frozen=True):
    """The published band of each resource of a container; `flaw` says what could not be used."""

    bands: Mapping[Resource, Band]
    flaw: str = ""

    def explain(self) -> Reason | None:
        if not self.flaw:
            return None
        return Reason("previous", "ignored", f"the previous recommendation {self.flaw}")


def parse_previous(status: Mapping[str, Any], container: str) -> Previous:
    """The previous recommendation for `container` in the status of a VPA, whoever wrote it.

    What is not a whole band, lower <= target <= upper, is ignored and said to be.
    """
    entry = _find_entry(status, container)
    if entry is None:
        return Previous({})
    if isinstance(entry, str):
        return Previous({}, entry)
    bands: dict[Resource, Band] = {}
    flaws = []
    for resource in RESOURCES:
        found = _parse_band(entry, resource)
        if isinstance(found, Band):
            bands[resource] = found
        elif found:
            flaws.append(found)
    return Previous(bands, "; ".join(flaws))


def choose_settled(
    resource: Resource, new: Band, previous: Band | None, caps: Caps, *, least: int = 0
) -> tuple[Band, Reason | None]:
    """The band to publish: the previous one while it holds, else the new one, within the caps.

    `new` is before caps. Caps that changed always apply, to a band that is kept too. A target
    below `least`, within the caps, is not kept. Applied to its own result, with the same `new`,
    it gives that result again.
    """
    capped = new.capped(caps.minimum, caps.maximum)
    safe = min(cap(least, caps.minimum, caps.maximum), capped.target)
    if previous is None or previous.target < safe or not _is_held(capped, previous):
        return capped, _explain_move(resource, capped, previous, safe=safe)
    kept = previous.capped(caps.minimum, caps.maximum)
    kept = kept.with_uncapped(_choose_uncapped(kept, new, caps))
    if kept.target == capped.target:
        return kept, None
    return kept, Reason(
        f"{resource} kept",
        describe_amount(resource, kept.target),
        f"{describe_amount(resource, capped.target)} is within the published "
        f"{_describe(resource, previous)}: nothing is changed",
    )


def _choose_uncapped(kept: Band, new: Band, caps: Caps) -> int:
    """What a kept target would be without the caps, which applied to it give the target.

    Where a cap decides the target it is said anew once it is far off; where none does it is
    the target itself.
    """
    uncapped = kept.uncapped if new.holds(kept.uncapped) else new.target
    return uncapped if cap(uncapped, caps.minimum, caps.maximum) == kept.target else kept.target


def _is_held(capped: Band, previous: Band) -> bool:
    """Whether the previous band still holds its target against this new one."""
    if not previous.holds(capped.target):
        return False
    is_spent = _width(previous) > SPENT_RATIO * _width(capped)
    return not is_spent or capped.holds(previous.target)


def _width(band: Band) -> float:
    return math.log(band.upper / band.lower)


def _explain_move(
    resource: Resource, new: Band, previous: Band | None, *, safe: int
) -> Reason | None:
    if previous is None or previous.target == new.target:
        return None
    band = _describe(resource, previous)
    if not previous.holds(new.target):
        why = f"outside the published {band}"
    elif previous.target < safe:
        why = f"the published {describe_amount(resource, previous.target)} is too little"
    else:
        why = f"the published band {band} is from less evidence"
    return Reason(f"{resource} moved", describe_amount(resource, new.target), why)


def _describe(resource: Resource, band: Band) -> str:
    ends = (describe_amount(resource, end) for end in (band.lower, band.upper))
    return " - ".join(ends)


def _find_entry(status: Mapping[str, Any], container: str) -> Mapping[str, Any] | str | None:
    """The entry of a container, a flaw, or None where nothing was published for it."""
    recommendation = status.get("recommendation")
    if recommendation is None:
        return None
    if not isinstance(recommendation, Mapping):
        return "is no mapping"
    entries = recommendation.get("containerRecommendations")
    if entries is None:
        return None
    if not isinstance(entries, list):
        return "has no list of containers"
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("containerName") == container:
            return entry
    return None


def _parse_band(entry: Mapping[str, Any], resource: Resource) -> Band | str:
    """The band of one resource, "" where nothing is said of it, or what is wrong with it."""
    target = _quantity(entry, "target", resource)
    if target is None:
        return ""
    bounds = [_quantity(entry, key, resource) for key in ("lowerBound", "upperBound")]
    if None in bounds:
        return f"has no {resource} bounds, so it is not from here"
    uncapped = _quantity(entry, "uncappedTarget", resource)
    try:
        amounts = [
            _parse(resource, text)
            for text in (bounds[0], target, bounds[1], target if uncapped is None else uncapped)
        ]
        return Band(*amounts)
    except UsageError as error:
        return f"cannot be read: {error}"
    except ValueError:
        return f"has {resource} bounds that do not hold its target"


def _quantity(entry: Mapping[str, Any], key: str, resource: Resource) -> Any:
    part = entry.get(key)
    return part.get(resource) if isinstance(part, Mapping) else None


def _parse(resource: Resource, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{value!r} is no quantity")
    amount = parse_amount(resource, str(value))
    if amount > MOST:
        raise UsageError(f"{value!r} is beyond any machine")
    return amount
