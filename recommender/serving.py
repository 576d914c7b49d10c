"""Puts the service together: what it reads, who may write, who hears of it, and how it ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.cluster.connection import connect
from recommender.cluster.event import EventWriter, choose_events
from recommender.cluster.kubeconfig import SERVICE_ACCOUNT
from recommender.cluster.lease import Lease, name_replica
from recommender.cluster.reader import ClusterReader
from recommender.cluster.resource import is_object_name
from recommender.cluster.writer import StatusWriter
from recommender.cycle import Cycle, run_once
from recommender.errors import ClusterError, StoreError, UsageError
from recommender.evidence import LiveSource
from recommender.history.endpoint import parse_endpoint
from recommender.history.kept import KeptHistory
from recommender.history.store_reader import StoreReader
from recommender.operator import Bell, ObjectWatch
from recommender.service import Alarm, Rhythm, Service
from recommender.telemetry.health import Vitals
from recommender.telemetry.metric import ServiceMetrics
from recommender.telemetry.page import Pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from recommender.cluster.connection import ApiConnection
    from recommender.settings import (
        ClusterSettings,
        PageSettings,
        RunSettings,
        SizingSettings,
        StoreSettings,
        WindowSettings,
    )

_LOGGER = logging.getLogger(__name__)

_LEASE_TIMEOUT = 3.0  # seconds of one request for the Lease: three fit into its renewal's time
_GRACE = 5.0  # seconds that a cycle under way has to notice the end
_DEFAULT_NAMESPACE = "joulefit"


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """All that the service goes by."""

    run: RunSettings
    cluster: ClusterSettings
    store: StoreSettings
    window: WindowSettings
    sizing: SizingSettings
    pages: PageSettings


def serve(settings: ServiceSettings) -> None:
    """Run until SIGTERM or SIGINT. Raises UsageError and ClusterConfigError before it begins.

    A cluster or a store that does not answer is no reason not to begin: readiness says so.
    """
    alarm = Alarm()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: alarm.end())
    with ExitStack() as running:
        connection = running.enter_context(connect(settings.cluster))
        lease = _build_lease(settings, running)
        desk = Desk(connection, interval=settings.run.interval)
        pages = Pages(settings.pages, vitals=lambda: desk.vitals, metrics=desk.metrics)
        service = _build_service(settings, connection, lease=lease, desk=desk, alarm=alarm)
        watch = _build_watch(settings.cluster, connection, alarm)
        pages.start()
        running.callback(pages.stop)
        watch.start()
        running.callback(watch.stop)
        _LOGGER.info("started listen=%s interval=%g", settings.pages.listen, settings.run.interval)
        _run(service, lease, desk=desk, alarm=alarm)


def _run(service: Service, lease: Lease | None, *, desk: Desk, alarm: Alarm) -> None:
    """Both loops in threads of their own, so that the end never waits for a slow server."""

    def on_change(is_held: bool) -> None:  # noqa: FBT001 - what the Lease tells
        desk.metrics.record_leadership(is_leader=is_held)
        alarm.ring()

    desk.metrics.record_leadership(is_leader=lease is None)
    cycles = threading.Thread(target=service.run, name="cycles", daemon=True)
    threads = [cycles]
    if lease is not None:
        keep = threading.Thread(
            target=lease.keep, args=(alarm.ending,), kwargs={"on_change": on_change}, daemon=True
        )
        threads.append(keep)
    for thread in threads:
        thread.start()
    alarm.ending.wait()
    _LOGGER.info("ending")
    cycles.join(_GRACE)
    for thread in threads[1:]:
        thread.join(2.0 * _LEASE_TIMEOUT)
    if cycles.is_alive():
        # It waits for a store or an API server, writes nothing any more, and holds nothing that
        # must be given back; the interpreter would wait for its requests to time out.
        logging.shutdown()
        os._exit(0)


def _build_lease(settings: ServiceSettings, running: ExitStack) -> Lease | None:
    if settings.run.no_lease:
        return None
    name = f"{settings.cluster.recommender_name}-recommender"
    if not is_object_name(name):
        raise UsageError(
            f"--recommender-name {settings.cluster.recommender_name!r} is no name that a Lease can "
            "have; use lower case letters, digits, - and ., or give --no-lease"
        )
    # A connection of its own, since a slow list must not hold up a renewal.
    brisk = replace(settings.cluster, cluster_timeout=_LEASE_TIMEOUT)
    return Lease(
        running.enter_context(connect(brisk)),
        namespace=settings.run.lease_namespace or _own_namespace(),
        name=name,
        identity=name_replica(),
    )


def _own_namespace(folder: Path = SERVICE_ACCOUNT) -> str:
    """Of the pod that this runs in; joulefit's usual one elsewhere."""
    try:
        return (folder / "namespace").read_text().strip() or _DEFAULT_NAMESPACE
    except OSError:
        return _DEFAULT_NAMESPACE


def _build_service(
    settings: ServiceSettings,
    connection: ApiConnection,
    *,
    lease: Lease | None,
    desk: Desk,
    alarm: Alarm,
) -> Service:
    source = LiveSource(
        store=KeptHistory(StoreReader(settings.store, power=settings.sizing.power)),
        cluster=ClusterReader(connection, settings.cluster),
        settings=settings.cluster,
        window=settings.window,
        store_name=parse_endpoint(settings.store.store).url,  # without its password
        keeps_going=True,
        settle=settings.run.settle,
    )

    def may_run() -> bool:
        return lease is None or lease.is_held

    sink = StatusWriter(connection, may_write=lambda: may_run() and not alarm.has_ended)

    def run_cycle() -> Cycle:
        return run_once(source, sink, settings=settings.sizing, with_curves=False)

    return Service(
        run_cycle,
        may_run=may_run,
        observer=desk,
        alarm=alarm,
        rhythm=Rhythm(interval=settings.run.interval),
    )


def _build_watch(
    settings: ClusterSettings, connection: ApiConnection, alarm: Alarm
) -> ObjectWatch:
    bell = Bell(
        alarm.ring,
        recommender_name=settings.recommender_name,
        ignored_namespaces=settings.ignore_namespace,
    )
    return ObjectWatch(connection, bell, namespaces=settings.namespace)


class Desk:
    """Where the outcome of each turn arrives: metrics, vitals, Events."""

    def __init__(
        self,
        connection: ApiConnection,
        *,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = ServiceMetrics()
        self.vitals = Vitals(started=clock(), interval=interval)
        self._events = EventWriter(connection, reporter="joulefit", instance=name_replica())
        self._clock = clock

    def record_cycle(self, cycle: Cycle, *, seconds: float) -> None:
        history, unread = cycle.evidence.history, cycle.evidence.unread
        self.metrics.record_cycle(
            cycle.report,
            cycle.changes,
            seconds=cycle.timer.seconds,
            queries=history.queries,
            received_bytes=history.received_bytes,
        )
        store = self.vitals.store
        self._turn(
            cluster=self.vitals.cluster.reached(),
            store=store.failed(unread) if unread else store.reached(),
            report=cycle.report,
        )
        self._post_events(cycle)
        _say(cycle, seconds)

    def record_failure(self, error: Exception, *, seconds: float) -> None:  # noqa: ARG002
        self.metrics.record_failure(error)
        text, vitals = str(error), self.vitals
        self._turn(
            cluster=vitals.cluster.failed(text) if isinstance(error, ClusterError) else vitals.cluster,
            store=vitals.store.failed(text) if isinstance(error, StoreError) else vitals.store,
        )

    def record_standby(self) -> None:
        self._turn(is_standby=True)

    def _turn(self, *, is_standby: bool = False, **changed: Any) -> None:
        self.vitals = replace(
            self.vitals, last_turn=self._clock(), is_standby=is_standby, **changed
        )

    def _post_events(self, cycle: Cycle) -> None:
        events = [event for change in cycle.changes for event in choose_events(change)]
        if events:
            self.metrics.record_events(self._events.write(events))


def _say(cycle: Cycle, seconds: float) -> None:
    """One line for a cycle that changed something or could not do all."""
    written = sum(change.outcome == "written" for change in cycle.changes)
    failed = [change for change in cycle.changes if change.outcome == "failed"]
    for change in failed[:3]:
        _LOGGER.warning("vpa=%s/%s error=%r", change.vpa.namespace, change.vpa.name, change.error)
    if cycle.evidence.unread:
        _LOGGER.warning("history unread error=%r", cycle.evidence.unread)
    if written or failed:
        _LOGGER.info(
            "cycle seconds=%.2f vpas=%d written=%d failed=%d skipped=%d",
            seconds,
            len(cycle.changes),
            written,
            len(failed),
            len(cycle.report.skipped),
        )
