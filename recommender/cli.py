"""The command line: parsing and wiring only.

Everything heavy (numpy, kubernetes, the store's client, rich) is imported inside the commands,
so that `joulefit --help` answers at once.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recommender import __version__
from recommender.console import Group
from recommender.errors import UsageError
from recommender.flags import collect, settings_options
from recommender.settings import (
    BacktestSettings,
    CarbonSettings,
    ClusterSettings,
    ComparisonSettings,
    CurveSettings,
    DemoSettings,
    DoctorSettings,
    ExplainSettings,
    GateSettings,
    IntensitySettings,
    LeaseSettings,
    OutputSettings,
    PageSettings,
    RecordSettings,
    ReportGateSettings,
    RunSettings,
    SimulateSettings,
    SizingSettings,
    SourceSettings,
    StoreSettings,
    WindowSettings,
)
from recommender.source import READING, carbon_reader, choose_source, live_source, table_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recommender.cycle import Cycle, EvidenceSource, StatusSink
    from recommender.report.progress import Progress

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
@settings_options(
    *(OutputSettings, GateSettings, ReportGateSettings, SourceSettings),
    *(*READING, SizingSettings, CarbonSettings),
)
def report(**values: Any) -> None:
    """Show what each workload should request, and why. Changes nothing."""
    output = collect(OutputSettings, values)
    with _progress() as progress:
        source = choose_source(values, progress, sees_all=True)
        # Imported while the servers answer.
        from recommender.report.document import format_report
        from recommender.report.gate import check_gates

        cycle = _run(source, values, with_curves=output.output in _WITH_CURVES)
    text = format_report(
        cycle.report, output=output.output, width=_width(), is_terminal=_is_terminal()
    )
    click.echo(text, nl=False)
    if output.output == "patch":
        from recommender.report.patch import warn_of_injected

        _print_warnings(warn_of_injected(cycle.report))
    _print_warnings(check_gates(cycle.report, collect(ReportGateSettings, values)))
    _end(_is_gated(cycle, values))


_WITH_CURVES = ("json", "yaml", "html")


@main.command()
@click.argument("workload", metavar="NAMESPACE/KIND/NAME")
@settings_options(ExplainSettings, SourceSettings, *READING, SizingSettings, CarbonSettings)
def explain(workload: str, **values: Any) -> None:
    """Show each step of one workload's recommendation with its numbers."""
    from recommender.report.document import format_explained
    from recommender.report.lookup import find_workload

    values["all_workloads"] = True
    with _progress() as progress:
        source = choose_source(values, progress, explained=workload, sees_all=True)
        cycle = _run(source, values, with_curves=True)
        found = find_workload(cycle.report, workload)
    text = format_explained(
        cycle.report,
        found,
        output=collect(ExplainSettings, values).explain_output,
        width=_width(),
        is_terminal=_is_terminal(),
    )
    click.echo(text, nl=False)


@main.command()
@click.argument("workload", metavar="[NAMESPACE/KIND/NAME]", default="")
@settings_options(ComparisonSettings, SourceSettings, *READING, SizingSettings, CarbonSettings)
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
            choose_source(values, progress, explained=workload, sees_all=True),
            targets,
            workload=workload,
            settings=collect(SizingSettings, values),
            carbon=carbon_reader(values),
        )
    text = format_comparison(
        comparison,
        output=collect(ComparisonSettings, values).comparison_output,
        width=_width(),
        is_terminal=_is_terminal(),
    )
    click.echo(text, nl=False)


@main.command()
@settings_options(CurveSettings, SourceSettings, *READING, SizingSettings)
def curve(**values: Any) -> None:
    """Show what the nodes of each class draw by their use, and what a reserved core costs.

    Points, fit and band, the price with its interval, the use of most work per joule, and what
    is missing. Changes nothing.
    """
    from recommender.curve import read_curves
    from recommender.report.document import format_node_curves

    settings = collect(CurveSettings, values)
    with _progress() as progress:
        curves = read_curves(
            choose_source(values, progress, nodes_only=True),
            node_class=settings.node_class,
            power=collect(SizingSettings, values).power,
        )
    text = format_node_curves(
        curves, output=settings.curve_output, width=_width(), is_terminal=_is_terminal()
    )
    click.echo(text, nl=False)


@main.command()
@settings_options(BacktestSettings, SourceSettings, *READING, SizingSettings, IntensitySettings)
def backtest(**values: Any) -> None:
    """Test policies of CPU requests on the past: energy, hot nodes, exposure. Changes nothing.

    Each policy learns from some days (--train) and is replayed on the days that follow (--test),
    pool by pool: the requests as they are, the stock rule, p95, p99, frequency compensation alone,
    our tiers, and the limit that nothing can go below.
    """
    from recommender.report.document import format_backtest
    from recommender.trial import backtest as test_policies

    settings = collect(BacktestSettings, values)
    with _progress() as progress:
        document = test_policies(
            choose_source(values, progress),
            settings=settings,
            sizing=collect(SizingSettings, values),
            progress=progress,
            carbon=carbon_reader(values),
        )
    text = format_backtest(
        document,
        output=settings.backtest_output,
        width=_width(),
        is_terminal=_is_terminal(),
    )
    click.echo(text, nl=False)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@settings_options(RecordSettings, SourceSettings, *READING)
def record(file: Path, **values: Any) -> None:
    """Write all that a report needs into FILE, to be read with --recording FILE."""
    from recommender.recording import anonymize, check_writable, write_recording

    settings = collect(RecordSettings, values)
    check_writable(file)
    with _progress() as progress:
        if settings.from_csv:
            evidence = table_source(settings, progress).read()
        elif settings.nodes_csv or settings.server:
            option = "--nodes" if settings.nodes_csv else "--server"
            raise UsageError(f"{option} needs --from-csv: a store tells of its own nodes")
        else:
            evidence = choose_source(values, progress).read()
    size = write_recording(file, anonymize(evidence) if settings.anonymize else evidence)
    _print_warnings((*evidence.cluster.warnings, *evidence.history.warnings))
    count = len(evidence.history.usage.containers)
    click.echo(f"{file}: {count} containers, {size:,} bytes", err=True)


@main.command()
@settings_options(
    *(RunSettings, LeaseSettings, PageSettings, GateSettings, *READING),
    *(SizingSettings, CarbonSettings),
)
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
        source = live_source(values, connection, progress=progress)
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
            lease=collect(LeaseSettings, values),
            cluster=collect(ClusterSettings, values),
            store=collect(StoreSettings, values),
            window=collect(WindowSettings, values),
            sizing=collect(SizingSettings, values),
            carbon=collect(CarbonSettings, values),
            pages=collect(PageSettings, values),
        )
    )


@main.command()
@settings_options(DoctorSettings, GateSettings, LeaseSettings, *READING)
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
            lease=collect(LeaseSettings, values),
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


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@settings_options(SimulateSettings)
def simulate(file: Path, **values: Any) -> None:
    """Write a recording of a made-up fleet on servers with published power curves into FILE.

    The same options give the same file, byte by byte.
    """
    from recommender.recording import check_writable, write_recording
    from recommender.simulator import simulate_fleet

    check_writable(file)
    recording = simulate_fleet(collect(SimulateSettings, values))
    size = write_recording(file, recording)
    click.echo(f"{file}: {recording.cluster.source}; {size:,} bytes", err=True)


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
        carbon=carbon_reader(values),
    )


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
