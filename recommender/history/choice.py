"""Which series serve which purpose, and why: the words that reports and `doctor` show."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from recommender.history.schema import NODE_CPU, NODE_POWER, USAGE
from recommender.model.history import SourceChoice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recommender.history.discovery import Inventory
    from recommender.history.schema import CpuSource, PowerSource, UsageSchema

# A collector that sees fewer containers than the other by more than this is not everywhere.
_COMPLETE = 0.9


def choose_usage(inventory: Inventory) -> UsageSchema | None:
    """The best schema that sees (nearly) all containers that any sees."""
    counts = {schema: _containers(inventory, schema) for schema in USAGE}
    most = max(counts.values())
    return next((s for s, count in counts.items() if count and count >= _COMPLETE * most), None)


def rank_sources(inventory: Inventory) -> tuple[int, int, int]:
    """How good the best series of usage, busy cores and power are: 0 is the best that exists."""
    usage = choose_usage(inventory)
    return (
        USAGE.index(usage) if usage else len(USAGE),
        _first(inventory.has(source.metric) for source in NODE_CPU),
        _first(inventory.has(*source.metrics) for source in NODE_POWER),
    )


def _first(are_there: Iterable[bool]) -> int:
    """The number of the first that is there; how many there are where none is."""
    number = -1
    for number, is_there in enumerate(are_there):
        if is_there:
            return number
    return number + 1


def describe_usage(inventory: Inventory, chosen: UsageSchema | None) -> list[SourceChoice]:
    if chosen is None:
        return [SourceChoice("usage", "", "no namespace was asked for")]
    others = [
        _passed_over(schema, inventory)
        for schema in USAGE
        if schema is not chosen and USAGE.index(schema) < USAGE.index(chosen)
    ]
    why = f"{_containers(inventory, chosen):,} series of {chosen.title}"
    reason = "; ".join([why, *others])
    return [
        SourceChoice("usage", chosen.name, f"{chosen.cpu}: {reason}"),
        SourceChoice("memory", chosen.name, f"{chosen.memory}: as for usage"),
    ]


def describe_cpu(source: CpuSource | None, nodes: int, known: int) -> SourceChoice:
    if source is None or not nodes:
        names = ", ".join(dict.fromkeys(each.metric for each in NODE_CPU))
        return SourceChoice("node cpu", "", f"no series of busy time of nodes ({names})")
    of_all = _of_all(nodes, known)
    return SourceChoice("node cpu", source.schema, f"{source.metric} of {of_all}")


def describe_power(
    used: Mapping[PowerSource, Mapping[str, str]], inventory: Inventory, known: int
) -> SourceChoice:
    """`used` gives the reach of each node by the source that served it."""
    served = {source: reaches for source, reaches in used.items() if reaches}
    if not served:
        tried = ", ".join(source.title for source in NODE_POWER)
        return SourceChoice("node power", "", f"no node has power series ({tried})")
    parts = [
        f"{source.shown} ({source.title}) of {_of_all(len(reaches), known)}"
        f", {_reach_words(reaches)}"
        for source, reaches in served.items()
    ]
    best = min(map(NODE_POWER.index, served))
    missing = [s.title for s in NODE_POWER[:best] if not inventory.has(*s.metrics)]
    absent = f"; no series of {_join_or(missing)}" if missing else ""
    most = max(served, key=lambda source: len(served[source]))
    return SourceChoice("node power", most.schema, "; ".join(parts) + absent)


def ignore_power() -> SourceChoice:
    return SourceChoice("node power", "", "meters are not asked, as --power modelled says")


def _containers(inventory: Inventory, schema: UsageSchema) -> int:
    return sum(inventory.containers.get(schema.cpu, {}).values())


def _passed_over(schema: UsageSchema, inventory: Inventory) -> str:
    count = _containers(inventory, schema)
    return f"{schema.title} has only {count:,}" if count else f"no series of {schema.title}"


def _reach_words(reaches: Mapping[str, str]) -> str:
    counts = Counter(reaches.values())
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{reach} on {count}" for reach, count in counts.most_common())


def _join_or(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _of_all(nodes: int, known: int) -> str:
    return f"{nodes} of {max(nodes, known)} nodes"
