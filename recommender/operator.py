"""Tells the service at once when somebody creates or changes a VPA of ours, or its EnergyProfile.

Only a bell: what rings it is read again by the next cycle, and without it the cycle of each minute
finds the same. So it may fail and start anew at any time. kopf, imported nowhere else, watches; of
it nothing but `on.event` is used: its other handlers put finalizers and annotations on objects.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import kopf

from recommender.cluster.resource import PROFILES, VPAS
from recommender.cluster.vpa import WORK_CLASS_ANNOTATION
from recommender.errors import ClusterError, ClusterForbiddenError, ClusterReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from recommender.cluster.connection import ApiConnection
    from recommender.cluster.resource import Resource

_LOGGER = logging.getLogger(__name__)

# Why a watch ended is said here, in one line; the library says it in tracebacks.
logging.getLogger("kopf").setLevel(logging.CRITICAL)

LONGEST_PAUSE: Final = 60.0  # seconds between two starts of the watch
_STEADY: Final = 300.0  # a watch that lived so long failed for a new reason
_NOT_FOUND = 404


class Bell:
    """Decides which events ring; `wake` is called from the watch's thread.

    An event rings where the object is ours and what it asks for is not what was seen before:
    our own writes to /status change neither its generation nor its annotations.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        recommender_name: str,
        ignored_namespaces: Collection[str] = (),
    ) -> None:
        self._wake = wake
        self._name = recommender_name
        self._ignored = frozenset(ignored_namespaces)
        self._seen: dict[str, tuple[Any, ...]] = {}

    def take_vpa(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """An event of a VPA; `kind` is None while the watch lists what was there before it."""
        named = (body.get("spec") or {}).get("recommenders") or ()
        is_ours = any(isinstance(each, dict) and each.get("name") == self._name for each in named)
        self._take(kind, body, is_ours=is_ours)

    def take_profile(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """An event of an EnergyProfile, whose VPA may or may not be ours."""
        self._take(kind, body, is_ours=True)

    def _take(self, kind: str | None, body: Mapping[str, Any], *, is_ours: bool) -> None:
        metadata = body["metadata"]
        uid = metadata["uid"]
        if kind == "DELETED" or metadata.get("namespace") in self._ignored or not is_ours:
            self._seen.pop(uid, None)
            return
        annotations = metadata.get("annotations") or {}
        asks = metadata.get("generation"), annotations.get(WORK_CLASS_ANNOTATION)
        before, self._seen[uid] = self._seen.get(uid), asks
        is_news = before != asks and (kind is not None or before is not None)
        if is_news:
            _LOGGER.info("woken by %s/%s", metadata.get("namespace"), metadata.get("name"))
            self._wake()


class ObjectWatch:
    """Watches VPAs and EnergyProfiles in a thread of its own, from `start` to `stop`."""

    def __init__(
        self, connection: ApiConnection, bell: Bell, *, namespaces: Collection[str] = ()
    ) -> None:
        self._connection = connection
        self._bell = bell
        self._namespaces = tuple(namespaces)
        self._end = threading.Event()
        self._stop_running: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end, and wait for a moment; the thread does not keep the process alive."""
        self._end.set()
        self._stop_running()
        self._thread.join(timeout=3.0)

    def _run(self) -> None:
        """Start the watch again, with growing pauses, whenever it ends before it should."""
        pause = 1.0
        while not self._end.is_set():
            begun = time.monotonic()
            reason = self._watch_once()
            if time.monotonic() - begun > _STEADY:
                pause = 1.0
            if not self._end.is_set():
                _LOGGER.info("the watch ended (%s); again in %.0f s", reason, pause)
            self._end.wait(pause)
            pause = min(2.0 * pause, LONGEST_PAUSE)

    def _watch_once(self) -> str:
        """Watch until the end or a failure; why it ended."""
        try:
            served = [each for each in (VPAS, PROFILES) if self._serves(each)]
            if VPAS not in served:
                return "this cluster has no VerticalPodAutoscaler"
            asyncio.run(self._watch(served))
        except ClusterError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - whatever the library meets, a cycle finds the same
            return repr(error)
        return "it was told to"

    def _serves(self, resource: Resource) -> bool:
        """Whether the objects are there for us; EnergyProfiles may be missing or forbidden."""
        path = resource.path(self._namespaces[0] if self._namespaces else "")
        try:
            self._connection.request("GET", path, query={"limit": "1"})
        except ClusterForbiddenError:
            if resource == VPAS:
                raise
            return False
        except ClusterReplyError as error:
            if error.status == _NOT_FOUND:
                return False
            raise
        return True

    async def _watch(self, served: Collection[Resource]) -> None:
        # A flag of this loop: kopf would wait for one of threads in a thread that then never ends.
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def stop_running() -> None:
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(stop.set)

        self._stop_running = stop_running
        if self._end.is_set():
            return
        await kopf.operator(
            registry=self._registry(served),
            settings=_settings(),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=stop,
        )

    def _registry(self, served: Collection[Resource]) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        takers = {VPAS: self._bell.take_vpa, PROFILES: self._bell.take_profile}
        for resource in served:
            take = takers[resource]

            async def on_event(
                type: str | None,  # noqa: A002 - kopf's name
                body: Mapping[str, Any],
                take: Callable[[str | None, Mapping[str, Any]], None] = take,
                **_: object,
            ) -> None:
                take(type, body)

            watch = kopf.on.event(
                resource.group, resource.version, resource.plural, registry=registry
            )
            watch(on_event)
        kopf.on.login(registry=registry)(self._login)
        return registry

    async def _login(self, **_: object) -> kopf.ConnectionInfo:
        """As our own requests; asked again when the API server refuses what it gave."""
        known = self._connection.credentials()
        return kopf.ConnectionInfo(
            server=known.server,
            ca_path=known.ca_file or None,
            insecure=known.is_insecure or None,
            scheme=known.scheme or None,
            token=known.token or None,
            certificate_path=known.certificate_file or None,
            private_key_path=known.key_file or None,
            proxy_url=known.proxy or None,
        )


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = None  # the service ends by itself
    settings.watching.server_timeout = 45  # whole seconds: the API server takes nothing else
    # A watch whose answer never begins would ring no more, and nobody would know.
    settings.watching.client_timeout = 60
    settings.watching.connect_timeout = 5
    settings.networking.error_backoffs = (1, 2, 5)
    return settings
