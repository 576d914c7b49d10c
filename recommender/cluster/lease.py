"""One writer among several replicas: a Lease that its holder renews.

The holder knows until when it may write without asking anybody: `renew_within` after the moment
at which it *sent* its last successful renewal. Others take the Lease only when it has not changed
for its whole duration by their own clock, so no two hold it at once, whatever the clocks say.
"""

from __future__ import annotations

import logging
import random
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from recommender.cluster.kubeconfig import SERVICE_ACCOUNT
from recommender.cluster.manifest import Lean
from recommender.cluster.resource import LEASES
from recommender.errors import ClusterError, ClusterReplyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event

    from recommender.cluster.api import ApiClientEdge
    from recommender.settings import LeaseSettings

_LOGGER = logging.getLogger(__name__)

DEFAULT_NAMESPACE: Final = "joulefit"
"""Where it is unless the pod's namespace or an option says otherwise."""

_NOT_FOUND = 404
_CONFLICT = 409


class LeaseTimes(msgspec.Struct, frozen=True):
    """Seconds: how long a Lease holds without a change, until when its holder trusts it, and how
    often everybody tries. Those of Kubernetes' own controllers.
    """

    duration: float = 15.0
    renew_within: float = 10.0
    retry: float = 2.0


class _Metadata(Lean, frozen=True):
    resource_version: str = ""


class _Spec(Lean, frozen=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class _Lease(Lean, frozen=True):
    metadata: _Metadata = _Metadata()
    spec: _Spec = _Spec()


_DECODER = msgspec.json.Decoder(_Lease)  # before any thread: see api.decode


def name_lease(recommender_name: str) -> str:
    """The Lease of all replicas that answer VPAs which name this recommender."""
    return f"{recommender_name}-recommender"


def find_namespace(settings: LeaseSettings, folder: Path = SERVICE_ACCOUNT) -> str:
    """That of the settings, or of the pod that this runs in, or joulefit's usual one."""
    if settings.lease_namespace:
        return settings.lease_namespace
    try:
        return (folder / "namespace").read_text().strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def name_replica() -> str:
    """Who this process is: the pod's name, and a part that another process of it has not."""
    return f"{socket.gethostname()}_{random.getrandbits(32):08x}"


def boot_seconds() -> float:
    """Seconds that also pass while the process is stopped or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """The Lease of one recommender name, as one replica sees it.

    `try_once` is called every `times.retry` seconds by one thread (`keep`); `is_held` may be asked
    by any.
    """

    def __init__(
        self,
        client: ApiClientEdge,
        *,
        namespace: str,
        name: str,
        identity: str,
        times: LeaseTimes | None = None,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        self.times = times or LeaseTimes()
        self.identity = identity
        self._client = client
        self._namespace, self._name = namespace, name
        self._clock = clock
        self._held_until = -1.0
        self._seen: _Spec | None = None
        self._seen_at = 0.0

    @property
    def is_held(self) -> bool:
        """Whether this replica may write now."""
        return self._clock() < self._held_until

    @property
    def is_known(self) -> bool:
        """Whether the API server has ever told who holds it."""
        return self._seen is not None

    @property
    def holder(self) -> str:
        """Who held it when it was last looked at; "" for nobody."""
        return (self._seen and self._seen.holder_identity) or ""

    def keep(self, end: Event, *, on_change: Callable[[bool], None]) -> None:
        """Take and renew it until the end, then give it back; `on_change` hears of both, and of
        the moment from which somebody else is known to hold it: so long a replica is not ready.

        Errors of the API server are logged: what was held stays held until its time is over.
        """
        was_held = was_known = False
        while not end.is_set():
            try:
                self.try_once()
            except ClusterError as error:
                _LOGGER.warning("lease=%s/%s error=%r", self._namespace, self._name, str(error))
            if self.is_held != was_held:
                was_held = not was_held
                _LOGGER.info("lease=%s/%s held=%s", self._namespace, self._name, was_held)
                on_change(was_held)
            elif self.is_known and not was_known:
                on_change(False)
            was_known = self.is_known
            end.wait(self.times.retry)
        self.release()

    def try_once(self) -> bool:
        """Take the free or expired Lease, or renew the own one. Raises ClusterError.

        A replica that comes late, or whom another outran, gets False.
        """
        sent = self._clock()
        lease = self._read()
        if lease is None:
            return self._settle(sent, self._create())
        if not self._may_take(lease.spec):
            self._held_until = -1.0
            return False
        return self._settle(sent, self._replace(lease))

    def release(self) -> None:
        """Give it back, so that another need not wait until it expires; best effort."""
        was_held, self._held_until = self.is_held, -1.0
        if not was_held:
            return
        try:
            lease = self._read()
            if lease is not None and lease.spec.holder_identity == self.identity:
                self._put(lease, self._spec(lease.spec, holder=None))
        except ClusterError as error:
            _LOGGER.info("lease=%s/%s release=%r", self._namespace, self._name, str(error))

    def _may_take(self, spec: _Spec) -> bool:
        """Whether it is ours, nobody's, or has not changed for its duration while we looked."""
        now = self._clock()
        if spec != self._seen:
            self._seen, self._seen_at = spec, now
        if not spec.holder_identity or spec.holder_identity == self.identity:
            return True
        return now >= self._seen_at + (spec.lease_duration_seconds or self.times.duration)

    def _settle(self, sent: float, spec: _Spec | None) -> bool:
        if spec is None:
            self._held_until = -1.0
            return False
        self._seen, self._seen_at = spec, sent
        self._held_until = sent + self.times.renew_within
        return True

    def _read(self) -> _Lease | None:
        try:
            body = self._client.request("GET", LEASES.path(self._namespace, self._name))
        except ClusterReplyError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return _decode(body)

    def _create(self) -> _Spec | None:
        spec = self._spec(_Spec(), holder=self.identity)
        content = {**_IDENTITY, "metadata": {"name": self._name}, "spec": _plain(spec)}
        return self._send("POST", LEASES.path(self._namespace), content)

    def _replace(self, lease: _Lease) -> _Spec | None:
        return self._put(lease, self._spec(lease.spec, holder=self.identity))

    def _put(self, lease: _Lease, spec: _Spec) -> _Spec | None:
        metadata = {"name": self._name, "resourceVersion": lease.metadata.resource_version}
        content = {**_IDENTITY, "metadata": metadata, "spec": _plain(spec)}
        return self._send("PUT", LEASES.path(self._namespace, self._name), content)

    def _send(self, method: str, path: str, content: dict[str, Any]) -> _Spec | None:
        """What the Lease says now; None where somebody else was faster."""
        try:
            body = self._client.request(method, path, body=msgspec.json.encode(content))
        except ClusterReplyError as error:
            if error.status == _CONFLICT:
                return None
            raise
        return _decode(body).spec

    def _spec(self, old: _Spec, *, holder: str | None) -> _Spec:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        is_new = holder != old.holder_identity
        return _Spec(
            holder_identity=holder,
            lease_duration_seconds=max(1, round(self.times.duration)) if holder else 1,
            acquire_time=now if is_new else old.acquire_time,
            renew_time=now,
            lease_transitions=(old.lease_transitions or 0) + bool(is_new and old.renew_time),
        )


_IDENTITY = {"apiVersion": f"{LEASES.group}/{LEASES.version}", "kind": "Lease"}


def _decode(body: bytes) -> _Lease:
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise ClusterReplyError(f"a Lease cannot be read: {error}", status=200) from error


def _plain(spec: _Spec) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(spec).items() if value is not None}
