"""The command line: parsing and wiring only.

Everything heavy (numpy, kubernetes, the store's client, rich) is imported inside the commands,
so that `joulefit --help` answers at once.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from recommender import __version__
from recommender.console import Group
from recommender.errors import UsageError
from recommender.flags import collect, settings_options
from recommender.settings import (
    ClusterSettings,
    DemoSettings,
    DoctorSettings,
    GateSettings,
    OutputSettings,
    PageSettings,
    RecordSettings,
    RunSettings,
    SizingSettings,
    SourceSettings,
    StoreSettings,
    WindowSettings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recommender.cluster.connection import ApiConnection
    from recommender.cycle import Cycle, EvidenceSource, StatusSink
    from recommender.history.store_reader import StoreReader
    from recommender.history.work import WorkReader
    from recommender.model.history import TimeGrid
    from recommender.report.progress import Progress

_READING = (StoreSettings, ClusterSettings, WindowSettings)
_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(cls=Group, invoke_without_command=True, context_settings=_HELP)
@click.version_option(__version__, prog_name="joulefit")
@click.pass_context
def main(context: click.Context) -> None:
    """Energy-optimal resource requests for Kubernetes workloads.

    Reads usage and power from a Prometheus-compatible store, prices a reserved core in watts
    and says which requests do the most work per joule; `run` writes them into the status of
    the VerticalPodAutoscalers that name joulefit.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@main.command()
@settings_options(OutputSettings, GateSettings, SourceSettings, *_READING, SizingSettings)
def report(**values: Any) -> None:
    """Show what each workload should request, and why. Changes nothing."""
    from recommender.report.document import format_report

    output = collect(OutputSettings, values)
    with _progress() as progress:
        cycle = _run(_source(values, progress), values, with_curves=output.output in _WITH_CURVES)
    text = format_report(
        cycle.report, output=output.output, width=_width(), is_terminal=_is_terminal()
    )
    click.echo(text, nl=False)
    _end(_is_gated(cycle, values))


_WITH_CURVES = ("json", "yaml")


@main.command()
@click.argument("workload", metavar="NAMESPACE/KIND/NAME")
@settings_options(SourceSettings, *_READING, SizingSettings)
def explain(workload: str, **values: Any) -> None:
    """Show each step of one workload's recommendation with its numbers."""
    import msgspec

    from recommender.report.explain import format_explanation
    from recommender.report.lookup import find_workload
    from recommender.work import read_work

    values["all_workloads"] = True
    with _progress() as progress:
        cycle = _run(_source(values, progress, explained=workload), values, with_curves=True)
        found = find_workload(cycle.report, workload)
        step = read_work(cycle.evidence, found, _work_reader(values, progress))
    found = msgspec.structs.replace(found, work=step)
    click.echo(
        format_explanation(cycle.report, found, width=_width(), is_terminal=_is_terminal()),
        nl=False,
    )


@main.command()
@click.argument("workload", metavar="[NAMESPACE/KIND/NAME]", default="")
@settings_options(OutputSettings, SourceSettings, *_READING, SizingSettings)
def compare(workload: str, **values: Any) -> None:
    """Hold our requests against those of other recommenders' VPAs, over time. Changes nothing.

    A VPA that names joulefit with updateMode: Off beside another one on the same workload is
    the safe way to compare. Where no other VPA is, the stock rule is compared.
    """
    from recommender.compare import compare as compare_recommenders
    from recommender.history.target import TargetReader
    from recommender.report.document import format_comparison

    if values["no_cluster"]:
        raise UsageError("VPAs are on an API server only; leave out --no-cluster")
    values["all_workloads"] = values["all_workloads"] or bool(workload)
    with _progress() as progress:
        targets = None
        if not values["recording"]:
            targets = TargetReader(collect(StoreSettings, values), progress=progress)
        comparison = compare_recommenders(
            _source(values, progress, explained=workload),
            targets,
            workload=workload,
            settings=collect(SizingSettings, values),
        )
    text = format_comparison(
        comparison,
        output=collect(OutputSettings, values).output,
        width=_width(),
        is_terminal=_is_terminal(),
    )
    click.echo(text, nl=False)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@settings_options(RecordSettings, SourceSettings, *_READING)
def record(file: Path, **values: Any) -> None:
    """Write all that a report needs into FILE, to be read with --recording FILE."""
    from recommender.recording import anonymize, check_writable, write_recording

    check_writable(file)
    with _progress() as progress:
        evidence = _source(values, progress).read()
    is_anonymous = collect(RecordSettings, values).anonymize
    size = write_recording(file, anonymize(evidence) if is_anonymous else evidence)
    _print_warnings((*evidence.cluster.warnings, *evidence.history.warnings))
    count = len(evidence.history.usage.containers)
    click.echo(f"{file}: {count} containers, {size:,} bytes", err=True)


@main.command()
@settings_options(RunSettings, PageSettings, GateSettings, *_READING, SizingSettings)
def run(**values: Any) -> None:
    """Write recommendations into the status of the VPAs that name joulefit.

    A service that goes on until it is told to end (SIGTERM), or with --once a single cycle.
    """
    from recommender.cluster.connection import connect
    from recommender.cluster.profile_writer import ProfileWriter
    from recommender.cluster.writer import StatusWriter
    from recommender.report.change import format_changes, format_statuses, warn_of_profiles

    settings = collect(RunSettings, values)
    if not settings.once:
        _serve(values)
        return
    with connect(collect(ClusterSettings, values)) as connection, _progress() as progress:
        sinks = None if settings.dry_run else (StatusWriter(connection), ProfileWriter(connection))
        source = _live_source(values, _store_reader(values, progress), connection)
        cycle = _run(source, values, sinks=sinks)
    _print_warnings((*cycle.report.source.warnings, *warn_of_profiles(cycle.profiles)))
    if settings.dry_run:
        click.echo(format_statuses(cycle.changes, cycle.profiles), nl=False)
    click.echo(format_changes(cycle.changes, cycle.report.skipped), nl=False, err=settings.dry_run)
    failed = any(change.outcome == "failed" for change in cycle.changes)
    _end(failed or _is_gated(cycle, values))


def _serve(values: dict[str, Any]) -> None:
    from recommender.serving import ServiceSettings, serve

    if values["dry_run"]:
        raise UsageError("--dry-run needs --once: a service that writes nothing serves nobody")
    serve(
        ServiceSettings(
            run=collect(RunSettings, values),
            cluster=collect(ClusterSettings, values),
            store=collect(StoreSettings, values),
            window=collect(WindowSettings, values),
            sizing=collect(SizingSettings, values),
            pages=collect(PageSettings, values),
        )
    )


@main.command()
@settings_options(DoctorSettings, GateSettings, *_READING)
def doctor(**values: Any) -> None:
    """Say what works in the cluster and the store, what is missing and what to do.

    Changes nothing. Exit code 1 if any check fails; with --strict if any warns.
    """
    from recommender.doctor import examine
    from recommender.model.check import worst_level
    from recommender.report.checkup import format_checkup
    from recommender.units import format_time

    with _progress() as progress:
        checks = examine(
            collect(ClusterSettings, values),
            collect(StoreSettings, values),
            collect(WindowSettings, values),
            progress=progress,
        )
    text = format_checkup(
        checks,
        output=collect(DoctorSettings, values).doctor_output,
        now=format_time(time.time()),
        width=_width(),
        is_terminal=_is_terminal(),
    )
    click.echo(text, nl=False)
    bad = {"warn", "fail"} if collect(GateSettings, values).strict else {"fail"}
    _end(worst_level(checks) in bad)


@main.command()
@settings_options(DemoSettings)
def demo(**values: Any) -> None:
    """Show the main job on a simulated 12-node cluster: no cluster, no store."""
    from recommender.demo import format_demo

    settings = collect(DemoSettings, values)
    click.echo(format_demo(settings, width=_width(), is_terminal=_is_terminal()), nl=False)


def _source(values: dict[str, Any], progress: Progress, *, explained: str = "") -> EvidenceSource:
    """The recording where one is named, else the live edges."""
    if values["recording"]:
        return _recorded_source(values)
    if values["no_cluster"]:
        if values["selector"]:
            raise UsageError("--selector needs the labels of an API server; leave out --no-cluster")
        return _live_source(values, _store_reader(values, progress), None, explained=explained)
    store = _store_reader(values, progress)
    store.look_ahead(_grid(values))  # the store works while the API server is asked
    from recommender.cluster.connection import connect

    # The command's context closes the connection when the command ends.
    connection = click.get_current_context().with_resource(
        connect(collect(ClusterSettings, values))
    )
    return _live_source(values, store, connection, explained=explained)


def _grid(values: dict[str, Any]) -> TimeGrid:
    from recommender.evidence import choose_grid

    return choose_grid(collect(WindowSettings, values), now=time.time())


def _store_reader(values: dict[str, Any], progress: Progress) -> StoreReader:
    from recommender.history.store_reader import StoreReader

    return StoreReader(
        collect(StoreSettings, values),
        power=values.get("power", "auto"),
        reads_bursts=not values["no_bursts"],
        progress=progress,
    )


def _recorded_source(values: dict[str, Any]) -> EvidenceSource:
    from recommender.evidence import RecordedSource

    context = click.get_current_context()
    live = {each.name for group in _READING for each in dataclasses.fields(group)} | {"no_cluster"}
    for option in context.command.params:
        is_typed = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if is_typed and option.name in live - {"namespace"}:
            raise UsageError(
                f"{option.opts[0]} chooses what is read from a cluster or a store, and --recording "
                "reads neither; leave out one of the two"
            )
    return RecordedSource(Path(values["recording"]), namespaces=values["namespace"])


def _live_source(
    values: dict[str, Any],
    store: StoreReader,
    connection: ApiConnection | None,
    *,
    explained: str = "",
) -> EvidenceSource:
    from recommender.cluster.reader import ClusterReader
    from recommender.evidence import LiveSource
    from recommender.history.endpoint import parse_endpoint
    from recommender.history.latency import LatencyReader

    cluster = collect(ClusterSettings, values)
    return LiveSource(
        store=store,
        latency=LatencyReader(collect(StoreSettings, values)) if connection else None,
        cluster=ClusterReader(connection, cluster) if connection else None,
        settings=cluster,
        window=collect(WindowSettings, values),
        store_name=parse_endpoint(values["store"]).url,  # without its password
        explained=explained,
    )


def _run(
    source: EvidenceSource,
    values: dict[str, Any],
    *,
    sinks: tuple[StatusSink, StatusSink] | None = None,
    with_curves: bool = False,
) -> Cycle:
    """One run; `sinks` are those of VPAs and of EnergyProfiles, None for a dry run."""
    from recommender.cycle import run_once

    sink, profile_sink = sinks or (None, None)
    return run_once(
        source,
        sink,
        settings=collect(SizingSettings, values),
        with_curves=with_curves,
        profile_sink=profile_sink,
    )


def _work_reader(values: dict[str, Any], progress: Progress) -> WorkReader | None:
    """The store to ask for work metrics; None where a recording stands in for it."""
    from recommender.history.work import WorkReader

    if values["recording"]:
        return None
    return WorkReader(collect(StoreSettings, values), progress=progress)


def _is_gated(cycle: Cycle, values: dict[str, Any]) -> bool:
    """Whether --strict was given and something was skipped that nobody had switched off."""
    is_strict = collect(GateSettings, values).strict
    return is_strict and any(not row.is_deliberate for row in cycle.report.skipped)


def _print_warnings(warnings: Iterable[str]) -> None:
    from recommender.text import escape_controls

    for warning in warnings:
        click.echo(f"warning: {escape_controls(warning)}", err=True)


def _progress() -> Progress:
    from recommender.report.progress import Progress

    verbose = click.get_current_context().meta["joulefit.verbose"]
    return Progress(is_verbose=bool(verbose))


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _width() -> int | None:
    """Columns of the terminal; None in a pipe, where nothing is cut."""
    return shutil.get_terminal_size().columns if _is_terminal() else None


def _end(has_failed: bool) -> None:  # noqa: FBT001 - a claim, read at each call
    if has_failed:
        click.get_current_context().exit(1)
