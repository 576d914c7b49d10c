"""History that is kept from read to read: after the first, only new bins are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from recommender.history.assembly import warn_of_nodes, warn_of_usage
from recommender.history.burst import place_bursts, read_bursts
from recommender.history.choice import choose_usage, describe_usage, rank_sources
from recommender.history.counter import LONGEST_STEPS
from recommender.history.nodes import NodeReading
from recommender.history.plan import group_namespaces, split_namespaces
from recommender.history.strain import (
    StrainReading,
    choose_strain,
    describe_strain,
    place_strain,
    plan_following,
    plan_same,
    plan_spans,
)
from recommender.history.usage import UsageReading
from recommender.history.window import SPARE_DAYS, UsageWindow
from recommender.model.history import History
from recommender.units import DAY, HOUR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from recommender.history.cpu import CounterEnd
    from recommender.history.discovery import Inventory
    from recommender.history.pipeline import Pipeline
    from recommender.history.plan import NamespaceGroup
    from recommender.history.schema import UsageSchema
    from recommender.history.scope import Scope
    from recommender.history.store_reader import StoreReader
    from recommender.history.strain import HourTable
    from recommender.model.history import TimeGrid
    from recommender.model.identity import ContainerRef, WorkloadRef


_PARTS = 4  # of what is read anew, one after the other


class _Watched(msgspec.Struct, frozen=True):
    """Namespaces that are read together, and how far their counters were read."""

    group: NamespaceGroup
    end: CounterEnd


@dataclass
class _Kept:
    """All that is known at the end of `usage.grid`.

    asked_bins   of the window that was asked for; up to a day more may be kept
    read_end     end of the window when it was read whole
    inventory    what the store had then; `schema` was chosen by it
    strain       by hour, up to the newest whole one
    bursts       of the day that ended at `bursts_end`
    seen_rank    of the series that were there when it was last read whole for their sake
    history      None where something has changed since it was assembled
    """

    usage: UsageWindow
    nodes: NodeReading
    watched: tuple[_Watched, ...]
    asked_bins: int
    read_end: int
    inventory: Inventory
    schema: UsageSchema | None
    seen_rank: tuple[int, ...]
    wanted: frozenset[WorkloadRef]
    unowned: frozenset[str]
    strain: tuple[HourTable, ...]
    bursts: dict[ContainerRef, NDArray[np.float32]]
    bursts_end: int
    history: History | None = None

    @property
    def namespaces(self) -> frozenset[str]:
        """Those whose counters are read on."""
        return frozenset().union(*(each.group.names or () for each in self.watched))


class KeptHistory:
    """A store's history that is read whole once, and then only added to.

    `read` is as `StoreReader.read`, with these differences:

    - Days have fixed edges, counted from the end of the first read: the newest day grows, and
      the oldest is dropped whole once the rest covers the window. So there is up to a day more
      than was asked for. The arrays hold what a read of that whole window would give, but that
      `cpu_decayed` and `memory_decayed` keep what has left the window: of D days at most 2^-D
      of the weight that each bin, or day, would have at the end.
    - New bins are what the store held when they were asked for. Counters lose nothing by it,
      since a value that comes late is in the next difference; memory is asked for again for
      two hours. All else is repaired when `refresh` seconds after the last whole read, by the
      windows' ends, everything is read anew. Until then a pod keeps the owner it had.
    - Where a better source of usage, busy cores or power turns up, everything is read anew; it
      is taken once it covers as much of the window as what there was. That is looked at whenever
      everything is read anew, and on a change nothing of the old series remains.
    - Workloads that are wanted anew are read over the whole window, others are not read again.
    - No error of a store changes what is kept; the next read catches up. Once something is
      kept, bins without any series are bins without usage.
    - The large arrays are views, valid until the next read that finds something new; then
      `usage` and `nodes` are other objects. Nothing new: the same objects, and no query.

    A scope without `wanted`, or one that has the cluster read from the store, is read whole each
    time. Not to be used by two threads at once.
    """

    def __init__(self, reader: StoreReader, *, refresh: float = DAY) -> None:
        self._reader = reader
        self._refresh = refresh
        self._kept: _Kept | None = None

    @property
    def kept(self) -> History | None:
        """What the reads so far gave; None before the first that succeeded."""
        if self._kept is None:
            return None
        if self._kept.history is None:  # a read has failed after it had found some of the bins
            self._kept.history = _assemble(self._kept)
        return self._kept.history

    def read(self, grid: TimeGrid, scope: Scope) -> History:
        """Raises StoreError and its kinds, and NoDataError where no container was ever seen."""
        if scope.wanted is None or scope.namespaces is None or scope.reads_cluster:
            return self._reader.read(grid, scope)
        pipeline = self._reader.open()
        kept = self._kept
        if kept is None or not self._goes_on(kept, grid, scope):
            kept = self._kept = self._read_whole(pipeline, grid, scope)
        else:
            kept = self._read_on(kept, pipeline, grid, scope)
        if kept.history is None:
            kept.history = _assemble(kept, pipeline)
        elif kept.history.queries:
            kept.history = replace(kept.history, queries=0, received_bytes=0)
        return kept.history

    def _goes_on(self, kept: _Kept, grid: TimeGrid, scope: Scope) -> bool:
        """Whether what is kept can be added to; else everything is to be read."""
        held = kept.usage.grid
        if grid.end == held.end and scope.wanted == kept.wanted:
            return (grid.step, grid.bins) == (held.step, kept.asked_bins)
        return (
            (grid.step, grid.bins) == (held.step, kept.asked_bins)
            and grid.start < held.end <= grid.end
            and (bool(kept.wanted) or not scope.wanted)
        )

    def _read_whole(
        self, pipeline: Pipeline, grid: TimeGrid, scope: Scope, seen: tuple[int, ...] | None = None
    ) -> _Kept:
        reading = self._reader.read_whole(pipeline, grid, scope, spare=SPARE_DAYS)
        inventory = reading.nodes.inventory
        return _Kept(
            usage=UsageWindow(reading.usage),
            nodes=reading.nodes,
            watched=_watch(reading.usage),
            asked_bins=grid.bins,
            read_end=grid.end,
            inventory=inventory,
            schema=reading.usage.schema,
            seen_rank=seen or rank_sources(inventory),
            wanted=scope.wanted or frozenset(),
            unowned=frozenset(reading.usage.rows.unowned),
            strain=reading.strain.tables(),
            bursts=reading.bursts,
            bursts_end=grid.end,
        )

    def _read_on(self, kept: _Kept, pipeline: Pipeline, grid: TimeGrid, scope: Scope) -> _Kept:
        """What is kept, up to the end of `grid` and for all that is wanted."""
        while kept.usage.grid.end < grid.end:
            held = kept.usage.grid
            bins = min((grid.end - held.end) // held.step, held.lacking_bins or held.bins_per_day)
            part = held.grown(bins).last(bins + min(LONGEST_STEPS, held.bins))
            inventory = self._reader.discover(pipeline, part, scope, looks_back=False)
            rank = rank_sources(inventory)
            if rank != kept.seen_rank and _is_better(rank, rank_sources(kept.inventory)):
                self._kept = self._read_whole(pipeline, grid, scope, rank)
                return self._kept
            self._append(kept, pipeline, part, inventory=inventory, bins=bins, scope=scope)
        _let_go(kept, scope)
        new = (scope.wanted or frozenset()) - kept.wanted
        if new:
            self._add(kept, pipeline, new, scope)
        if kept.usage.grid.end - kept.read_end >= self._refresh:
            return self._renew(kept, pipeline, grid, scope)
        return kept

    def _append(
        self,
        kept: _Kept,
        pipeline: Pipeline,
        part: TimeGrid,
        *,
        inventory: Inventory,
        bins: int,
        scope: Scope,
    ) -> None:
        """Read the last `bins` bins of `part`, all of one day; the others are held already."""
        namespaces = kept.namespaces & (scope.namespaces or frozenset())
        wanted = kept.wanted & (scope.wanted or frozenset())
        watched = _within(kept.watched, namespaces)
        usage = UsageReading(
            part,
            replace(scope, namespaces=namespaces, wanted=wanted),
            inventory,
            [each.group for each in watched],
            schema=kept.schema,
            after=[each.end for each in watched],
            memory_grid=_find_hours(part, bins),
        )
        nodes = NodeReading(
            part,
            scope.node_names,
            inventory,
            asks_meters=self._reader.asks_meters,
            after=kept.nodes,
        )
        strain = StrainReading(
            replace(scope, namespaces=namespaces, wanted=wanted),
            plan_following(kept.strain, part),
            usage.groups,
        )
        pipeline.run(
            "history",
            [
                *nodes.naming_jobs(),
                *usage.kill_jobs(),
                *usage.jobs(),
                *strain.jobs(),
                *nodes.jobs(),
            ],
        )
        usage.finish()
        self._read_bursts(kept, pipeline, usage)
        # Nothing below asks the store: from here on nothing fails half-way.
        kept.history = None
        kept.usage.append(usage, bins=bins, least=kept.asked_bins)
        nodes.include(kept.nodes, kept.usage.grid)
        kept.nodes = nodes
        kept.watched = _watch(usage)
        kept.unowned |= frozenset(usage.rows.unowned)
        begin, refs = kept.usage.grid.first_hour, kept.usage.containers
        kept.strain = tuple(
            table.extended(newer).since(begin, refs)
            for table, newer in zip(kept.strain, strain.tables(), strict=True)
        )

    def _read_bursts(self, kept: _Kept, pipeline: Pipeline, usage: UsageReading) -> None:
        """The last day by the minute, once a day."""
        end = usage.grid.end
        if self._reader.reads_bursts and kept.schema and end - kept.bursts_end >= DAY:
            kept.bursts = read_bursts(pipeline, end, kept.schema, usage)
            kept.bursts_end = end

    def _add(
        self, kept: _Kept, pipeline: Pipeline, new: frozenset[WorkloadRef], scope: Scope
    ) -> None:
        """Read these workloads over the whole window."""
        grid = kept.usage.grid
        namespaces = frozenset(ref.namespace for ref in new)
        scope = replace(scope, namespaces=namespaces, wanted=new)
        inventory = self._reader.discover(pipeline, grid, scope)
        schema = kept.schema or choose_usage(inventory)
        usual = inventory.usual.get(schema.cpu, {}) if schema else {}
        unwatched = group_namespaces(usual, wanted=namespaces - kept.namespaces)
        watched = group_namespaces(usual, wanted=namespaces & kept.namespaces)
        usage = UsageReading(grid, scope, inventory, [*unwatched, *watched], schema=schema)
        strain = StrainReading(scope, plan_same(kept.strain), usage.groups)
        pipeline.run("history", [*usage.kill_jobs(), *usage.jobs(), *strain.jobs()])
        usage.finish()
        kept.history = None
        kept.schema = schema
        kept.strain = tuple(
            table.joined(other) for table, other in zip(kept.strain, strain.tables(), strict=True)
        )
        kept.usage.add_rows(usage)
        # The counters of the other namespaces are as far already.
        kept.watched += _watch(usage)[: len(unwatched)]
        kept.wanted |= new
        kept.unowned |= frozenset(usage.rows.unowned)

    def _renew(self, kept: _Kept, pipeline: Pipeline, grid: TimeGrid, scope: Scope) -> _Kept:
        """Read anew what is kept, a part of the namespaces at a time: two windows of all would be
        twice the memory. What fails is read again by the next read.
        """
        held = kept.usage.grid
        inventory = self._reader.discover(pipeline, held, scope)
        schema = choose_usage(inventory)
        if schema is not kept.schema:
            self._kept = self._read_whole(pipeline, grid, scope)
            return self._kept
        asks_meters = self._reader.asks_meters
        nodes = NodeReading(held, scope.node_names, inventory, asks_meters=asks_meters)
        nodes.run(pipeline)
        usual = inventory.usual.get(schema.cpu, {}) if schema else {}
        groups = group_namespaces(usual, wanted=scope.namespaces)
        strain = StrainReading(scope, plan_spans(held, choose_strain(inventory)), groups)
        pipeline.run("strain", [*strain.jobs()])
        kept.history = None
        kept.nodes = nodes
        kept.strain = strain.tables()
        unowned: frozenset[str] = frozenset()
        for names in split_namespaces(usual, wanted=scope.namespaces or frozenset(), parts=_PARTS):
            unowned |= self._renew_part(kept, pipeline, inventory, names=names, scope=scope)
        kept.inventory, kept.unowned = inventory, unowned
        kept.read_end, kept.seen_rank = held.end, rank_sources(inventory)
        return kept

    def _renew_part(
        self,
        kept: _Kept,
        pipeline: Pipeline,
        inventory: Inventory,
        *,
        names: frozenset[str],
        scope: Scope,
    ) -> frozenset[str]:
        """Read some namespaces anew; the pods there that nobody owns."""
        part = frozenset(ref for ref in kept.wanted if ref.namespace in names)
        usual = inventory.usual.get(kept.schema.cpu, {}) if kept.schema else {}
        usage = UsageReading(
            kept.usage.grid,
            replace(scope, namespaces=names, wanted=part),
            inventory,
            group_namespaces(usual, wanted=names),
            schema=kept.schema,
        )
        pipeline.run("history", [*usage.kill_jobs(), *usage.jobs()])
        usage.finish()
        kept.history = None
        kept.usage.keep(kept.wanted - part)
        kept.usage.add_rows(usage)
        kept.watched = (*_within(kept.watched, kept.namespaces - names), *_watch(usage))
        return frozenset(usage.rows.unowned)


def _within(watched: tuple[_Watched, ...], namespaces: frozenset[str]) -> tuple[_Watched, ...]:
    """Only what is watched in these namespaces."""
    found = (replace(each, group=each.group.within(namespaces)) for each in watched)
    return tuple(each for each in found if each.group.names)


def _watch(usage: UsageReading) -> tuple[_Watched, ...]:
    ends = (counter.end() for counter in usage.counters)
    return tuple(map(_Watched, usage.groups, ends))


def _is_better(found: tuple[int, ...], kept: tuple[int, ...]) -> bool:
    return any(one < other for one, other in zip(found, kept, strict=True))


def _find_hours(part: TimeGrid, bins: int) -> TimeGrid:
    """The hours of the newest day that hold the last `bins` bins, and the one before them: a
    kill resets the gauge, so the hour before it counts too.
    """
    hour = max(1, HOUR // part.step)
    today = part.open_bins or part.bins_per_day
    before = (today - bins) // hour - 1
    return part.last(today - before * hour)


def _let_go(kept: _Kept, scope: Scope) -> None:
    """Forget what is wanted no longer; nodes are those of the cluster."""
    wanted, namespaces = scope.wanted or frozenset(), scope.namespaces or frozenset()
    if not kept.wanted <= wanted:
        kept.history = None
        kept.wanted &= wanted
        kept.usage.keep(kept.wanted)
    if not kept.namespaces <= namespaces:
        kept.watched = _within(kept.watched, namespaces)
    if kept.nodes.known != scope.node_names:
        kept.history = None
        kept.nodes.known = scope.node_names


def _assemble(kept: _Kept, pipeline: Pipeline | None = None) -> History:
    """The history, with what the pipeline says of it and it cost."""
    usage = place_strain(kept.strain, kept.usage.history())
    usage = replace(usage, burst=place_bursts(kept.bursts, usage.containers))
    nodes, sources = kept.nodes.assemble()
    return History(
        usage=usage,
        nodes=nodes,
        sources=(
            *describe_usage(kept.inventory, kept.schema),
            *describe_strain(kept.inventory),
            *sources,
        ),
        queries=pipeline.queries if pipeline else 0,
        received_bytes=pipeline.received_bytes if pipeline else 0,
        warnings=(
            *(pipeline.warnings if pipeline else ()),
            *warn_of_usage(usage, sorted(kept.unowned)),
            *warn_of_nodes(
                nodes, sorted(kept.nodes.names.strangers), asks_meters=kept.nodes.asks_meters
            ),
        ),
    )
