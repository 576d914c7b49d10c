"""Kubernetes Events about VPAs: what changed in a way that a user wants to be told.

`choose_events` is pure; `EventWriter` posts, rarely enough that nobody is annoyed.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from recommender.cluster.allowance import Allowance, Bucket, Rate
from recommender.cluster.condition import RECOMMENDATION_PROVIDED, read_conditions
from recommender.cluster.entry import read_entries
from recommender.cluster.resource import EVENTS, VPA_GROUP
from recommender.errors import (
    ClusterError,
    ClusterReplyError,
    ClusterUnreachableError,
    UsageError,
)
from recommender.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from decimal import Decimal

    from recommender.cluster.api import ApiClientEdge
    from recommender.model.change import StatusChange

_LOGGER = logging.getLogger(__name__)

EventOutcome = Literal["posted", "dropped", "failed"]

PER_VPA = Rate(burst=4, seconds=300.0)
OVERALL = Rate(burst=100, seconds=1.0)
"""What every VPA and what all of them may say: the events of a VPA that flaps are one in five
minutes; a fleet that starts says a hundred things at once and then one a second."""

REPEAT_SECONDS = 3600.0
"""How long the API server keeps an Event: what it still holds needs no saying again."""

_NOTE_BYTES = 1024  # events.k8s.io/v1 refuses more
_NAME_LENGTH = 220  # of the 253 that a name may have, the rest is the suffix
_CONFLICT = 409

# `app, log: T1 priced quantile; old: kept from an earlier run`, as the condition says it.
_RULE = re.compile(r"(?:^|; )([a-z0-9-]+(?:, [a-z0-9-]+)*): (T\d+)\b")


class Event(msgspec.Struct, frozen=True):
    """One thing to tell about one VPA."""

    namespace: str
    vpa: str
    uid: str
    reason: str
    note: str
    is_warning: bool = False


def choose_events(change: StatusChange) -> tuple[Event, ...]:
    """What a status that was written says anew: the first recommendation, its loss, another tier,
    or a target that left the bounds published before. Moved bounds alone are no news.

    Tiers are compared where both statuses name one; a number that was merely kept has none.
    """
    if change.outcome != "written":
        return ()
    before, after = _by_container(change.vpa.status), _by_container(change.status)
    if not before and after:
        found = [("RecommendationProvided", _describe_targets(after), False)]
    elif before and not after:
        found = [("RecommendationLost", _describe_loss(change.status), True)]
    else:
        found = [
            ("TierChanged", _describe_tiers(change.vpa.status, change.status), False),
            ("TargetMoved", _describe_moves(before, after), False),
        ]
    vpa = change.vpa
    return tuple(
        Event(vpa.namespace, vpa.name, vpa.uid, reason, _shorten(note), is_warning)
        for reason, note, is_warning in found
        if note
    )


class EventWriter:
    """Posts Events (events.k8s.io/v1), at most as often as the rates allow.

    `reporter` names who says it. An Event that cannot be posted is logged and counted: nothing
    depends on it. `clock` never goes back; `now` is unix seconds.
    """

    def __init__(
        self,
        client: ApiClientEdge,
        *,
        reporter: str,
        instance: str = "",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._reporter = reporter
        self._instance = instance or reporter
        self._clock = clock
        self._now = now
        self._allowance = Allowance(PER_VPA, Bucket.full(OVERALL, now=clock()))
        self._said: dict[Event, float] = {}

    def write(self, events: Iterable[Event]) -> dict[EventOutcome, int]:
        """Post them and say how many were posted, dropped (too many, or said lately) and failed.

        An API server that cannot be reached is asked once, not for each of them.
        """
        counts: Counter[EventOutcome] = Counter()
        is_reachable = True
        self._forget()
        for event in events:
            if not self._admits(event):
                counts["dropped"] += 1
            elif not is_reachable:
                counts["failed"] += 1
            else:
                error = self._post(event)
                counts["failed" if error else "posted"] += 1
                is_reachable = not isinstance(error, ClusterUnreachableError)
        return dict(counts)

    def _forget(self) -> None:
        """What was said too long ago to matter: memory is bounded by what was said lately."""
        now = self._clock()
        self._said = {each: at for each, at in self._said.items() if now - at < REPEAT_SECONDS}
        self._allowance.forget(now=now)

    def _admits(self, event: Event) -> bool:
        now = self._clock()
        if event in self._said or not self._allowance.take((event.namespace, event.vpa), now=now):
            return False
        self._said[event] = now
        return True

    def _post(self, event: Event) -> ClusterError | None:
        body = msgspec.json.encode(self._manifest(event))
        try:
            self._client.request("POST", EVENTS.path(event.namespace), body=body)
        except ClusterError as error:
            if isinstance(error, ClusterReplyError) and error.status == _CONFLICT:
                return None  # it was there: an answer got lost and the request was repeated
            self._said.pop(event, None)
            _LOGGER.warning(
                "event=%s vpa=%s/%s failed: %s", event.reason, event.namespace, event.vpa, error
            )
            return error
        return None

    def _manifest(self, event: Event) -> dict[str, Any]:
        return {
            "apiVersion": f"{EVENTS.group}/{EVENTS.version}",
            "kind": "Event",
            "metadata": {
                "name": f"{event.vpa[:_NAME_LENGTH].rstrip('-.')}.{uuid.uuid4().hex[:16]}",
                "namespace": event.namespace,
            },
            "eventTime": _format_micro_time(self._now()),
            "reportingController": self._reporter,
            "reportingInstance": self._instance[:128],
            "action": "Recommend",
            "reason": event.reason,
            "type": "Warning" if event.is_warning else "Normal",
            "note": event.note,
            "regarding": {
                "apiVersion": f"{VPA_GROUP}/v1",
                "kind": "VerticalPodAutoscaler",
                "namespace": event.namespace,
                "name": event.vpa,
                "uid": event.uid,
            },
        }


def _by_container(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(entry.get("containerName")): entry for entry in read_entries(status)}


def _describe_targets(entries: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{name}: " + ", ".join(f"{key} {amount}" for key, amount in _part(entry, "target").items())
        for name, entry in sorted(entries.items())
    )


def _describe_loss(status: Mapping[str, Any]) -> str:
    condition = read_conditions(status).get(RECOMMENDATION_PROVIDED, {})
    return str(condition.get("message") or "no container is left to be sized")


def _describe_tiers(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    old, new = _read_tiers(before), _read_tiers(after)
    return "; ".join(
        f"{name}: {old[name]} -> {new[name]}"
        for name in sorted(old.keys() & new.keys())
        if old[name] != new[name]
    )


def _read_tiers(status: Mapping[str, Any]) -> dict[str, str]:
    """The tier of each container that the condition names one for; the words are `status`'s."""
    message = str(read_conditions(status).get(RECOMMENDATION_PROVIDED, {}).get("message", ""))
    return {name: tier for names, tier in _RULE.findall(message) for name in str(names).split(", ")}


def _describe_moves(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> str:
    return "; ".join(
        f"{name}: {move}"
        for name in sorted(before.keys() & after.keys())
        for move in _list_moves(before[name], after[name])
    )


def _list_moves(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Each resource whose new target lies outside the old bounds, where there were some."""
    target = _part(new, "target")
    lower, upper = _part(old, "lowerBound"), _part(old, "upperBound")
    for resource, was in _part(old, "target").items():
        low, now, high = (_amount(part.get(resource)) for part in (lower, target, upper))
        if low is not None and now is not None and high is not None and not low <= now <= high:
            yield (
                f"{resource} {was} -> {target[resource]}, "
                f"outside {lower[resource]} - {upper[resource]}"
            )


def _part(entry: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = entry.get(key)
    return found if isinstance(found, dict) else {}


def _amount(quantity: Any) -> Decimal | None:
    if quantity is None:
        return None
    try:
        return parse_quantity(str(quantity))
    except UsageError:  # another recommender's words
        return None


def _shorten(note: str) -> str:
    """At most as long as the API server takes, whole characters."""
    encoded = note.encode()
    if len(encoded) <= _NOTE_BYTES:
        return note
    return encoded[: _NOTE_BYTES - 4].decode(errors="ignore") + " ..."


def _format_micro_time(seconds: float) -> str:
    """RFC 3339 with microseconds, as eventTime wants it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
