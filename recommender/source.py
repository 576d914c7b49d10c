"""Where a command takes its evidence from: a recording, tables, or a cluster and its store."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from recommender.background import Begun
from recommender.errors import UsageError
from recommender.flags import collect
from recommender.settings import (
    CarbonSettings,
    ClusterSettings,
    SourceSettings,
    StoreSettings,
    WindowSettings,
)

if TYPE_CHECKING:
    from recommender.carbon import CarbonReader
    from recommender.cluster.connection import ApiConnection
    from recommender.cycle import EvidenceSource
    from recommender.history.work import WorkReader
    from recommender.report.progress import Progress
    from recommender.settings import RecordSettings

READING = (StoreSettings, ClusterSettings, WindowSettings)
"""Settings that choose what is read from a cluster and a store."""


def choose_source(
    values: dict[str, Any],
    progress: Progress,
    *,
    explained: str = "",
    nodes_only: bool = False,
    sees_all: bool = False,
) -> EvidenceSource:
    """The recording where one is named, else the live edges.

    With `sees_all` -n and -l narrow what is shown alone, for the judgement of pools takes all.
    The command's context closes the connection when the command ends. Raises UsageError for
    options that contradict each other.
    """
    if values["recording"]:
        return _recorded_source(values, sees_all=sees_all)
    connection = None
    if not values["no_cluster"]:
        from recommender.cluster.connection import connect

        connection = click.get_current_context().with_resource(
            connect(collect(ClusterSettings, values))
        )
    elif values["selector"]:
        raise UsageError("--selector needs the labels of an API server; leave out --no-cluster")
    return live_source(
        values,
        connection,
        progress=progress,
        explained=explained,
        nodes_only=nodes_only,
        sees_all=sees_all,
    )


def live_source(
    values: dict[str, Any],
    connection: ApiConnection | None,
    *,
    progress: Progress,
    explained: str = "",
    nodes_only: bool = False,
    sees_all: bool = False,
) -> EvidenceSource:
    """A store and, unless `connection` is None, an API server. Else as `choose_source`.

    Both are asked from now on, while the caller imports what it needs to go on.
    """
    from recommender.history.allocator import keep_heap_small

    keep_heap_small()  # before the first thread
    settings = collect(ClusterSettings, values)
    cluster = None
    if connection:
        from recommender.cluster.reader import ClusterReader

        # It answers while numpy and the store's client are imported.
        cluster = Begun(ClusterReader(connection, settings, sees_all=sees_all).read)
    from recommender.evidence import LiveSource
    from recommender.history.endpoint import parse_endpoint
    from recommender.history.latency import LatencyReader
    from recommender.history.store_reader import StoreReader

    window, store = collect(WindowSettings, values), collect(StoreSettings, values)
    reader = StoreReader(
        store,
        power=values.get("power", "auto"),
        reads_bursts=not window.no_bursts,
        progress=progress,
    )
    source = LiveSource(
        store=reader,
        latency=LatencyReader(store) if cluster else None,
        cluster=cluster,
        settings=settings,
        window=window,
        store_name=parse_endpoint(store.store).url,  # without its password
        work=None if nodes_only else _work_reader(store, progress),
        explained=explained,
        nodes_only=nodes_only,
        sees_all=sees_all and cluster is not None,
    )
    return Begun(source.read)


def carbon_reader(values: dict[str, Any]) -> CarbonReader | None:
    """What reads carbon and cost; None where nothing of it is asked for.

    A command may have the option of carbon alone (IntensitySettings). Raises UsageError for what
    cannot be meant, TableError for a file that is none.
    """
    asked = {each.name for each in dataclasses.fields(CarbonSettings)} & values.keys()
    settings = CarbonSettings(**{name: values[name] for name in asked})
    if settings == CarbonSettings():
        return None
    from recommender.carbon import build_reader

    if not values.get("recording"):
        return build_reader(settings, collect(StoreSettings, values))
    for option in ("carbon_intensity", "energy_price"):
        if getattr(settings, option).strip().startswith("metric:"):
            raise UsageError(
                f"--{option.replace('_', '-')} names a metric, and --recording reads no store; "
                "give a number or a file"
            )
    return build_reader(settings, None)


def table_source(settings: RecordSettings, progress: Progress) -> EvidenceSource:
    """Tables of other sources. Raises UsageError for options that contradict each other."""
    from recommender.table import TableSource

    _refuse_live_options("--from-csv", allowed=set())
    if settings.nodes_csv and settings.server:
        raise UsageError("--nodes measures the nodes, --server models them; leave out one of them")
    return TableSource(
        usage=Path(settings.from_csv),
        nodes=Path(settings.nodes_csv) if settings.nodes_csv else None,
        server=settings.server,
        progress=progress,
    )


def _recorded_source(values: dict[str, Any], *, sees_all: bool) -> EvidenceSource:
    from recommender.evidence import RecordedSource

    _refuse_live_options("--recording", allowed={"namespace", "recording"})
    path = Path(values["recording"])
    return RecordedSource(path, namespaces=values["namespace"], sees_all=sees_all)


def _refuse_live_options(instead: str, *, allowed: set[str]) -> None:
    """Options typed beside `instead` that only a cluster or a store would heed."""
    context = click.get_current_context()
    groups = (*READING, SourceSettings)
    live = {each.name for group in groups for each in dataclasses.fields(group)} - allowed
    for option in context.command.params:
        is_typed = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if is_typed and option.name in live:
            raise UsageError(
                f"{option.opts[0]} chooses what is read from a cluster or a store, and {instead} "
                "reads neither; leave out one of the two"
            )


def _work_reader(settings: StoreSettings, progress: Progress) -> WorkReader:
    from recommender.history.work import WorkReader

    return WorkReader(settings, progress=progress)
