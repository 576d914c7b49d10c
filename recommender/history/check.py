"""What `joulefit doctor` says of a store: reachable, which series, since when, how whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from recommender.errors import JoulefitError, UsageError
from recommender.history.assembly import warn_of_nodes
from recommender.history.choice import choose_usage, describe_usage
from recommender.history.endpoint import parse_endpoint
from recommender.history.probe import (
    Build,
    UsageProbe,
    probe_usage,
    read_build,
    read_clock,
    read_inventory,
)
from recommender.history.schema import USAGE
from recommender.history.scope import Scope
from recommender.history.store_reader import StoreReader
from recommender.model.check import Check
from recommender.model.clock import judge_clock
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners
from recommender.units import DAY, HOUR, MINUTE, format_duration, format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recommender.history.client import StoreClient
    from recommender.history.schema import UsageSchema
    from recommender.model.history import History, NodeHistory, SourceChoice
    from recommender.settings import StoreSettings, WindowSettings

FEWEST_SAMPLES = 2
"""In a bin: with fewer, bins are lost."""
STALE_SECONDS = 10 * MINUTE
DEAD_SECONDS = HOUR
LEAST_SECONDS = DAY
"""History that a priced recommendation needs (sizing.tier)."""

_NODE_SECONDS = 2 * HOUR  # tell which meters a node has
_SHOWN = 12  # names in a line


def examine_store(
    client: StoreClient,
    settings: StoreSettings,
    window: WindowSettings,
    *,
    namespaces: frozenset[str] | None = None,
    node_names: frozenset[str] | None = None,
    clock: Callable[[], float] = time.time,
) -> tuple[Check, ...]:
    """All checks of the store; what fails becomes a check, and the others are made all the same.

    Only a store that answers nothing ends it at once. Raises UsageError for a window that ends in
    the future. `namespaces` None: all; `node_names`: the cluster's nodes, None where nobody knows
    them; `clock` is this machine's.
    """
    url = parse_endpoint(settings.store).url  # without its password
    if window.end is not None and window.end > clock() + MINUTE:
        raise UsageError(
            f"--end {format_time(window.end)} lies in the future; leave it out for now"
        )
    try:
        reading = read_clock(client, clock)
        build = read_build(client)
    except JoulefitError as error:  # UsageError too: a token's file that cannot be read
        return (Check("fail", "store", str(error)),)
    now = reading.theirs if window.end is None else window.end
    grid = TimeGrid.ending(now, window.history, step=window.step)
    usage = _UsageExamination(client, url, grid, namespaces, now)
    return (
        judge_store(build, url),
        judge_clock("store clock", reading),
        *_attempt("usage", usage.examine),
        *_attempt(
            "node power", lambda: _examine_nodes(client, settings, usage.node_grid(), node_names)
        ),
    )


def _attempt(subject: str, look: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    try:
        return look()
    except JoulefitError as error:
        return [Check("fail", subject, str(error))]


class _UsageExamination:
    """Looks at usage, and keeps when its newest sample was."""

    def __init__(
        self,
        client: StoreClient,
        url: str,
        grid: TimeGrid,
        namespaces: frozenset[str] | None,
        now: float,
    ) -> None:
        self._client = client
        self._url = url
        self._grid = grid
        self._namespaces = namespaces
        self._now = now
        self._newest: float | None = None

    def node_grid(self) -> TimeGrid:
        """The newest time of which there is usage: nodes are not blamed for a silent store."""
        end = min(self._grid.end, (self._newest or self._grid.end) + self._grid.step)
        length = min(_NODE_SECONDS, self._grid.end - self._grid.start)
        return TimeGrid.ending(end, length, step=self._grid.step)

    def examine(self) -> list[Check]:
        inventory = read_inventory(self._client, self._grid, self._namespaces)
        schema = choose_usage(inventory) if inventory.containers else None
        if schema is None:
            return [judge_no_usage(self._url, self._grid)]
        probe = probe_usage(
            self._client, schema, self._grid, namespaces=self._namespaces, now=self._now
        )
        self._newest = probe.newest
        sources = {source.purpose: source for source in describe_usage(inventory, schema)}
        return [
            judge_extent(probe, sources["usage"], schema, grid=self._grid),
            judge_memory(probe, sources["memory"], schema),
            *judge_samples(probe, now=self._now, step=self._grid.step),
        ]


def judge_store(build: Build, url: str) -> Check:
    """That it answers, and what it says that it is."""
    return Check("ok", "store", f"{_name_store(build)} at {url}")


def _name_store(build: Build) -> str:
    if not build.version:
        return "a store that does not tell its version"
    if build.application:
        return f"{build.application} {build.version}"
    if build.revision and not build.version.startswith("0."):
        return f"Prometheus {build.version}"
    # VictoriaMetrics tells a version of the API only, Thanos its own.
    return f"a store with Prometheus' API, version {build.version},"


def judge_no_usage(url: str, grid: TimeGrid) -> Check:
    names = " or ".join(schema.cpu for schema in reversed(USAGE))
    return Check(
        "fail",
        "usage",
        f"store {url} has no CPU series of containers ({names}) between"
        f" {format_time(grid.start)} and {format_time(grid.end)}",
        "let it scrape every kubelet's /metrics/cadvisor, or run joulefit-collector on the nodes;"
        " if it does, look at --store, --end, --history and -n",
    )


def judge_extent(
    probe: UsageProbe, source: SourceChoice, schema: UsageSchema, *, grid: TimeGrid
) -> Check:
    """Which schema serves usage and why, since when, and how often it is sampled."""
    if probe.first is None or probe.newest is None:
        return Check(
            "fail",
            "usage",
            f"{schema.title} was seen in the window, but at no time that was looked at",
            "does its scrape fail at times?",
        )
    length = probe.newest - probe.first
    extent = format_duration(length) if length >= HOUR else format_duration(max(length, MINUTE))
    at = f" at {format_duration(round(probe.interval))}" if probe.interval else ""
    since = (
        f"all of the window of {format_duration(grid.end - grid.start)}"
        if probe.fills_window
        else f"since {format_time(probe.first)}"
    )
    found = f"{extent} of {schema.title}{at}, {since} ({source.reason})"
    if length < LEAST_SECONDS <= grid.end - grid.start:
        return Check(
            "warn",
            "usage",
            found,
            "nothing to do but wait: below 24 h of history the stock rule decides, without a price",
        )
    if probe.missing:
        return Check(
            "warn",
            "usage",
            f"{found}; of the looks between, {probe.missing} saw none",
            "days without usage count as if they had not been; is the store's retention or its"
            " scrape interrupted?",
        )
    return Check("ok", "usage", found)


def judge_memory(probe: UsageProbe, source: SourceChoice, schema: UsageSchema) -> Check:
    if not probe.memory:
        return Check(
            "fail",
            "memory",
            f"{schema.title} has CPU but no memory ({schema.memory})",
            "does the scrape drop it (metric_relabel_configs)?",
        )
    return Check("ok", "memory", f"{probe.memory:,} series of {schema.title} ({source.reason})")


def judge_samples(probe: UsageProbe, *, now: float, step: int) -> Iterator[Check]:
    """Age of the newest sample, the scrape interval, and gaps of the newest day; `step`: seconds
    of a bin.
    """
    if probe.newest is None:
        return
    age = max(0.0, now - probe.newest)
    yield _judge_age(age, probe.newest)
    if probe.interval and probe.interval > step / FEWEST_SAMPLES:
        yield Check(
            "warn",
            "scrape interval",
            f"{format_duration(probe.interval)} between two samples: bins of "
            f"{format_duration(step)} need {FEWEST_SAMPLES}",
            "scrape every minute or more often, or give a longer --step",
        )
    if probe.day is not None:
        yield _judge_gaps(probe)


def _judge_age(age: float, newest: float) -> Check:
    if age <= STALE_SECONDS:
        return Check("ok", "freshness", f"newest usage is {format_duration(round(age))} old")
    return Check(
        "fail" if age > DEAD_SECONDS else "warn",
        "freshness",
        f"newest usage is {format_duration(age)} old (of {format_time(newest)})",
        "is the scrape, or what ships its samples to this store, still running?",
    )


def _judge_gaps(probe: UsageProbe) -> Check:
    gaps, day = probe.gaps, probe.day
    if day is None or not gaps:
        return Check("ok", "gaps", "none in the newest day")
    longest = max(gaps, key=lambda gap: gap.seconds)
    share = sum(gap.seconds for gap in gaps) / max(day.seconds, 1.0)
    return Check(
        "warn",
        "gaps",
        f"no usage in {share:.1%} of the newest day, longest for"
        f" {format_duration(longest.seconds)} from {format_time(longest.begin)}",
        "was the store down, or did all of its scrapes fail?",
    )


def _examine_nodes(
    client: StoreClient,
    settings: StoreSettings,
    grid: TimeGrid,
    node_names: frozenset[str] | None,
) -> list[Check]:
    """By the reader that reports use, over the newest hours and nodes only."""
    scope = Scope(frozenset(), PodOwners(), node_names=node_names)
    history = StoreReader(settings, client=client).read(grid, scope)
    return list(judge_nodes(history))


def judge_nodes(history: History) -> Iterator[Check]:
    """Which series serve busy time and power of nodes, and which nodes have none."""
    nodes = history.nodes
    sources = {source.purpose: source for source in history.sources}
    yield _judge_cpu(sources["node cpu"])
    yield judge_power(sources["node power"], nodes)
    # Nodes without power are named above, all of them.
    said = set(warn_of_nodes(nodes, (), asks_meters=True))
    said -= set(warn_of_nodes(nodes, (), asks_meters=False))
    for warning in history.warnings:
        if warning not in said:
            yield Check("warn", "nodes in store", warning)


def _judge_cpu(source: SourceChoice) -> Check:
    if source.schema:
        return Check("ok", "node cpu", f"{source.schema}: {source.reason}")
    return Check(
        "warn",
        "node cpu",
        source.reason,
        "run joulefit-collector or node-exporter on the nodes: without it no power curve is learnt",
    )


def judge_power(source: SourceChoice, nodes: NodeHistory) -> Check:
    """Where node power comes from; which nodes have none, or only a model's."""
    pairs = list(zip(nodes.nodes, nodes.quality, strict=True))
    without = [name for name, quality in pairs if not quality]
    modelled = [name for name, quality in pairs if quality == "modelled"]
    meters = "run joulefit-collector or Kepler there, or node-exporter with its RAPL collector"
    if not source.schema:
        return Check(
            "warn",
            "node power",
            f"{source.reason}: all power is modelled, by a published average curve",
            meters,
        )
    found = f"{source.schema}: {source.reason}"
    if not without and not modelled:
        return Check("ok", "node power", found)
    if without:
        verb = "has" if len(without) == 1 else "have"
        one = "is" if len(without) == 1 else "are"
        found += f"; {_some(without)} {verb} none and {one} modelled"
    if modelled:
        found += f"; that of {_some(modelled)} is what its exporter estimates, not what it measures"
    return Check("warn", "node power", found, meters)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
