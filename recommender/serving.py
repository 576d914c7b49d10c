"""Puts the service together: what it reads, who may write, who hears of it, and how it ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from recommender.backtest.gate import TierJudge
from recommender.carbon import build_reader
from recommender.cluster.connection import connect
from recommender.cluster.event import EventWriter, choose_events
from recommender.cluster.lease import Lease, find_namespace, name_lease, name_replica
from recommender.cluster.profile_writer import ProfileWriter
from recommender.cluster.reader import ClusterReader
from recommender.cluster.resource import is_object_name
from recommender.cluster.writer import StatusWriter
from recommender.cycle import Cycle, run_once
from recommender.errors import UsageError
from recommender.evidence import LiveSource
from recommender.history.allocator import keep_heap_small
from recommender.history.endpoint import parse_endpoint
from recommender.history.kept import KeptHistory
from recommender.history.keptwork import KeptWork
from recommender.history.latency import LatencyReader
from recommender.history.store_reader import StoreReader
from recommender.history.work import WorkReader
from recommender.operator import Bell, ObjectWatch
from recommender.service import Alarm, Rhythm, Service
from recommender.settings import CarbonSettings
from recommender.telemetry.metric import ServiceMetrics
from recommender.telemetry.observer import CycleObserver
from recommender.telemetry.page import Pages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recommender.cluster.connection import ApiConnection
    from recommender.model.change import StatusChange
    from recommender.settings import (
        ClusterSettings,
        LeaseSettings,
        PageSettings,
        RunSettings,
        SizingSettings,
        StoreSettings,
        WindowSettings,
    )

_LOGGER = logging.getLogger(__name__)

_LEASE_TIMEOUT = 3.0  # seconds of one request for the Lease: three fit into its renewal's time
_GRACE = 5.0  # seconds that a cycle under way has to notice the end


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that the service goes by."""

    run: RunSettings
    lease: LeaseSettings
    cluster: ClusterSettings
    store: StoreSettings
    window: WindowSettings
    sizing: SizingSettings
    pages: PageSettings
    carbon: CarbonSettings = msgspec.field(default_factory=CarbonSettings)


def serve(settings: ServiceSettings) -> None:
    """Run until SIGTERM or SIGINT. Raises UsageError, ClusterConfigError and TableError (of a file
    of carbon or prices) before it begins.

    A cluster or a store that does not answer is no reason not to begin: readiness says so.
    """
    keep_heap_small()  # before the first thread
    alarm = Alarm()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: alarm.end())
    with ExitStack() as running:
        connection = running.enter_context(connect(settings.cluster))
        lease = _build_lease(settings, running)
        metrics = ServiceMetrics()
        observer = _build_observer(settings, connection, metrics, lease)
        pages = Pages(settings.pages, vitals=lambda: observer.vitals, metrics=metrics)
        service = _build_service(settings, connection, lease, observer=observer, alarm=alarm)
        watch = _build_watch(settings.cluster, connection, alarm)
        pages.start()
        running.callback(pages.stop)
        watch.start()
        running.callback(watch.stop)
        _LOGGER.info("started listen=%s interval=%g", settings.pages.listen, settings.run.interval)
        _run(service, lease, alarm)


def _run(service: Service, lease: Lease | None, alarm: Alarm) -> None:
    """Both loops in threads of their own, so that the end never waits for a slow server."""
    cycles = threading.Thread(target=service.run, name="cycles", daemon=True)
    cycles.start()
    if lease is not None:
        lease.keep(alarm.ending, on_change=lambda _: alarm.ring())  # given back when it returns
    alarm.ending.wait()
    _LOGGER.info("ending")
    cycles.join(_GRACE)
    if cycles.is_alive():
        # It waits for a store or an API server, writes nothing any more, and holds nothing that
        # must be given back; the interpreter would wait for its requests to time out.
        logging.shutdown()
        os._exit(0)


def _build_lease(settings: ServiceSettings, running: ExitStack) -> Lease | None:
    if settings.run.no_lease:
        return None
    name = name_lease(settings.cluster.recommender_name)
    if not is_object_name(name):
        raise UsageError(
            f"--recommender-name {settings.cluster.recommender_name!r} is no name that a Lease can "
            "have; use lower case letters, digits, - and ., or give --no-lease"
        )
    # A connection of its own, since a slow list must not hold up a renewal.
    brisk = replace(settings.cluster, cluster_timeout=_LEASE_TIMEOUT)
    return Lease(
        running.enter_context(connect(brisk)),
        namespace=find_namespace(settings.lease),
        name=name,
        identity=name_replica(),
    )


def _build_observer(
    settings: ServiceSettings,
    connection: ApiConnection,
    metrics: ServiceMetrics,
    lease: Lease | None,
) -> CycleObserver:
    writer = EventWriter(connection, reporter="joulefit", instance=name_replica())

    def tell(changes: Sequence[StatusChange]) -> Mapping[str, int]:
        counts = writer.write(event for change in changes for event in choose_events(change))
        return {str(outcome): count for outcome, count in counts.items()}

    return CycleObserver(
        metrics,
        interval=settings.run.interval,
        tell=tell,
        reaches_cluster=lambda: lease is not None and lease.is_known,
    )


def _build_service(
    settings: ServiceSettings,
    connection: ApiConnection,
    lease: Lease | None,
    *,
    observer: CycleObserver,
    alarm: Alarm,
) -> Service:
    def note_answer(step: str, done: int, total: int) -> None:  # noqa: ARG001 - as Progress has it
        if done:
            observer.record_answer()

    source = LiveSource(
        store=KeptHistory(
            StoreReader(
                settings.store,
                power=settings.sizing.power,
                reads_bursts=not settings.window.no_bursts,
                progress=note_answer,
            )
        ),
        latency=LatencyReader(settings.store),
        cluster=ClusterReader(connection, settings.cluster),
        settings=settings.cluster,
        window=settings.window,
        store_name=parse_endpoint(settings.store.store).url,  # without its password
        work=KeptWork(WorkReader(settings.store, progress=note_answer)),
        keeps_going=True,
        settle=settings.run.settle,
    )

    def may_run() -> bool:
        return lease is None or lease.is_held

    def may_write() -> bool:
        return may_run() and not alarm.has_ended

    sink = StatusWriter(connection, may_write=may_write)
    profile_sink = ProfileWriter(connection, may_write=may_write)

    judge = TierJudge()
    carbon = build_reader(settings.carbon, settings.store)

    def run_cycle() -> Cycle:
        return run_once(
            source,
            sink,
            settings=settings.sizing,
            with_curves=False,
            profile_sink=profile_sink,
            judge=judge,
            carbon=carbon,
        )

    return Service(
        run_cycle,
        may_run=may_run,
        observer=observer,
        alarm=alarm,
        rhythm=Rhythm(interval=settings.run.interval),
    )


def _build_watch(settings: ClusterSettings, connection: ApiConnection, alarm: Alarm) -> ObjectWatch:
    bell = Bell(
        alarm.ring,
        recommender_name=settings.recommender_name,
        ignored_namespaces=settings.ignore_namespace,
    )
    return ObjectWatch(connection, bell, namespaces=settings.namespace)
