"""The collector's command line: parsing and wiring only."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click

from collector.settings import IdentitySettings, MeterSettings, ProbeSettings, ServiceSettings
from recommender import __version__
from recommender.console import Group
from recommender.flags import collect, settings_options

_READING = (MeterSettings, ProbeSettings, IdentitySettings)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="joulefit-collector")
def main() -> None:
    """Energy of this node, charged to the containers that caused it, for Prometheus."""


@main.command()
@click.option("--print-bpf", is_flag=True, help="print the program for the kernel and end")
@settings_options(*_READING, ServiceSettings)
def run(*, print_bpf: bool, **values: Any) -> None:
    """Measure, attribute and export until told to end (SIGTERM, SIGINT)."""
    if print_bpf:
        from collector.probes.bpf import MAX_GROUPS
        from collector.probes.counter import read_cpus
        from collector.probes.program import ProgramOptions, print_program

        options = ProgramOptions(MAX_GROUPS, len(read_cpus("possible")))
        click.echo(print_program(options), nl=False)
        return
    from collector.heap import forget_start, keep_heap_small

    keep_heap_small()  # before there is much to keep
    from collector.assembly import build_agent
    from collector.pages import Pages

    service = collect(ServiceSettings, values)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    agent = build_agent(*_reading(values), service)
    pages = Pages(service, agent.status)
    pages.start()
    forget_start()
    try:
        agent.run(end)
    finally:
        pages.stop()
        agent.close()


@main.command()
@settings_options(*_READING)
def doctor(**values: Any) -> None:
    """Say which sources this node has, which are missing and what to do. Exit code 1: not ready."""
    from collector.doctor import examine

    text, is_good = examine(*_reading(values))
    click.echo(text, nl=False)
    click.get_current_context().exit(0 if is_good else 1)


@main.command()
@click.option("--periods", type=click.IntRange(1, 100), default=3, help="times off and on  [3]")
@click.option(
    "--period", type=click.FloatRange(1.0, 600.0), default=10.0, help="seconds of each  [10]"
)
@click.option("--processes", type=click.IntRange(1, 1024), default=1, help="busy processes  [1]")
@settings_options(*_READING)
def validate(*, periods: int, period: float, processes: int, **values: Any) -> None:
    """Switch a load of known size off and on and show who is charged for it."""
    from collector.assembly import build_agent, find_cgroups
    from collector.identity.hierarchy import find_hierarchy
    from collector.load import CgroupLoad
    from collector.validate import Plan, format_result, run_experiment

    plan = Plan(periods, period)
    probe = collect(ProbeSettings, values)
    agent = build_agent(*_reading(values), ServiceSettings(interval=plan.interval))
    try:
        root = find_hierarchy(find_cgroups(collect(MeterSettings, values), probe)).groups
        with CgroupLoad(root, processes=processes) as load:
            result = run_experiment(agent, load, plan)
        zones = agent.newest.zones if agent.newest else ()
    finally:
        agent.close()
    quality = ", ".join(sorted({zone.quality for zone in zones})) or "not known"
    click.echo(format_result(result, plan, processes=processes, quality=quality), nl=False)
    click.get_current_context().exit(0 if result.is_passed else 1)


def _reading(values: dict[str, Any]) -> tuple[MeterSettings, ProbeSettings, IdentitySettings]:
    return (
        collect(MeterSettings, values),
        collect(ProbeSettings, values),
        collect(IdentitySettings, values),
    )
