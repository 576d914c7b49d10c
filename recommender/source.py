"""Where a command takes its evidence from: a recording, tables, or a cluster and its store."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

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
    from recommender.history.store_reader import StoreReader
    from recommender.history.work import WorkReader
    from recommender.model.history import TimeGrid
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
    if values["no_cluster"]:
        if values["selector"]:
            raise UsageError("--selector needs the labels of an API server; leave out --no-cluster")
        return live_source(
            values, None, progress=progress, explained=explained, nodes_only=nodes_only
        )
    store = _store_reader(values, progress)
    store.look_ahead(_grid(values))  # the store works while the API server is asked
    from recommender.cluster.connection import connect

    connection = click.get_current_context().with_resource(
        connect(collect(ClusterSettings, values))
    )
    return live_source(
        values,
        connection,
        progress=progress,
        store=store,
        explained=explained,
        nodes_only=nodes_only,
        sees_all=sees_all,
    )


def live_source(
    values: dict[str, Any],
    connection: ApiConnection | None,
    *,
    progress: Progress,
    store: StoreReader | None = None,
    explained: str = "",
    nodes_only: bool = False,
    sees_all: bool = False,
) -> EvidenceSource:
    """A store and, unless `connection` is None, an API server. Else as `choose_source`."""
    from recommender.cluster.reader import ClusterReader
    from recommender.evidence import LiveSource
    from recommender.history.endpoint import parse_endpoint
    from recommender.history.latency import LatencyReader

    cluster = collect(ClusterSettings, values)
    settings = collect(StoreSettings, values)
    return LiveSource(
        store=store or _store_reader(values, progress),
        latency=LatencyReader(settings) if connection else None,
        cluster=ClusterReader(connection, cluster, sees_all=sees_all) if connection else None,
        settings=cluster,
        window=collect(WindowSettings, values),
        store_name=parse_endpoint(settings.store).url,  # without its password
        work=None if nodes_only else _work_reader(settings, progress),
        explained=explained,
        nodes_only=nodes_only,
    )


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


def _grid(values: dict[str, Any]) -> TimeGrid:
    from recommender.evidence import choose_grid

    return choose_grid(collect(WindowSettings, values), now=time.time())


def _store_reader(values: dict[str, Any], progress: Progress) -> StoreReader:
    from recommender.history.store_reader import StoreReader

    return StoreReader(
        collect(StoreSettings, values),
        power=values.get("power", "auto"),
        reads_bursts=not values.get("no_bursts", False),
        progress=progress,
    )


def _work_reader(settings: StoreSettings, progress: Progress) -> WorkReader:
    from recommender.history.work import WorkReader

    return WorkReader(settings, progress=progress)
