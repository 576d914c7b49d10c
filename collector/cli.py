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
        from collector.probes.program import ProgramOptions, print_program

        click.echo(print_program(ProgramOptions()), nl=False)
        return
    from collector.assembly import build_agent
    from collector.pages import Pages

    service = collect(ServiceSettings, values)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    agent = build_agent(*(collect(each, values) for each in _READING), service)
    pages = Pages(service, agent.status)
    pages.start()
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

    text, is_good = examine(*(collect(each, values) for each in _READING))
    click.echo(text, nl=False)
    click.get_current_context().exit(0 if is_good else 1)
