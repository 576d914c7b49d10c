"""The pods of this node as last heard, and when to ask again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.identity.failure import PodListError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.identity.pod import Pod, PodSource

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """When the list of pods is read.

    gap    seconds between two readings, at least; after failures twice as long each time
    slow   seconds between two readings, at most: what has a name may have a new request
    """

    gap: float = 2.0
    slow: float = 60.0


@dataclass
class _Search:
    """One that is looked for: asked again after twice the time, since what never gets a name
    (a sandbox, a container without Kubernetes) must not make us ask for ever.
    """

    due: float
    attempts: int = 0


class PodBook:
    """Pods by uid and by container id. What the source no longer tells is forgotten here; owners
    that have a name keep it (`Identity`).

    `failed` counts lists that could not be read and items of lists that were damaged.
    """

    def __init__(self, source: PodSource | None, schedule: Schedule | None = None) -> None:
        self._source = source
        self._schedule = schedule or Schedule()
        self._pods: dict[str, Pod] = {}
        self._containers: dict[str, tuple[Pod, str]] = {}
        self._searches: dict[str, _Search] = {}
        self._asked_at: float | None = None
        self._failures = 0
        self.problems: tuple[str, ...] = ()
        self.failed = 0

    def pod(self, uid: str) -> Pod | None:
        return self._pods.get(uid)

    def container(self, container_id: str) -> tuple[Pod, str] | None:
        """Its pod, and its name in it."""
        return self._containers.get(container_id)

    def attempts(self, key: str) -> int:
        """How often the list was read while this container or pod was looked for."""
        search = self._searches.get(key)
        return search.attempts if search else 0

    def refresh(self, searched: Iterable[str], now: float) -> bool:
        """Reads the list if something that is looked for wants it, or it is old; whether it did.

        searched   ids of containers and pods without a name
        """
        if self._source is None:
            return False
        self._searches = {key: self._searches.get(key) or _Search(due=now) for key in set(searched)}
        if not self._is_due(now):
            return False
        self._asked_at = now
        for search in self._searches.values():
            search.attempts += 1
            search.due = now + min(self._schedule.gap * 2**search.attempts, self._schedule.slow)
        return self._read(self._source)

    def _is_due(self, now: float) -> bool:
        if self._asked_at is None:
            return True
        waited = now - self._asked_at
        schedule = self._schedule
        if waited < min(schedule.gap * 2**self._failures, schedule.slow):
            return False
        is_wanted = any(search.due <= now for search in self._searches.values())
        return is_wanted or self._failures > 0 or waited >= schedule.slow

    def _read(self, source: PodSource) -> bool:
        try:
            listing = source.read_pods()
        except PodListError as error:
            self._failures = min(self._failures + 1, 16)
            self.failed += 1
            _LOGGER.debug(
                "pods source=%r error=%r detail=%r", source.name, str(error), error.detail
            )
            self.problems = (f"{error}; pods keep their names, new ones are `unknown`",)
            return False
        self._failures = 0
        self.failed += listing.damaged
        damage = (
            f"{listing.damaged} pods that {source.name} told could not be read and are `unknown`"
        )
        self.problems = (damage,) if listing.damaged else ()
        self._pods = {uid: pod for pod in listing.pods for uid in pod.uids}
        self._containers = {
            container_id: (pod, name)
            for pod in listing.pods
            for container_id, name in pod.containers.items()
        }
        return True
