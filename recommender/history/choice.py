"""Which series serve which purpose, and why: the words that reports and `doctor` show."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from recommender.history.schema import NODE_CPU, NODE_FREQUENCY, NODE_POWER, USAGE
from recommender.model.history import SourceChoice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from recommender.history.coverage import Purpose
    from recommender.history.discovery import Inventory
    from recommender.history.schema import CpuSource, PowerSource, UsageSchema

    Looks: TypeAlias = NDArray[Any]

# A collector that sees fewer containers than the other by more than this is not everywhere, and
# one that covers less of the window is too young.
_COMPLETE = 0.9
_NEWEST = 2  # looks: what was at neither of them has ended


def choose_usage(inventory: Inventory) -> UsageSchema | None:
    """The best schema that sees (nearly) all containers that any sees, for as much of the window.

    It sees them at a look if it has nearly as many series there as the other.
    """
    counts = {schema: _containers(inventory, schema) for schema in USAGE}
    present = [schema for schema, count in counts.items() if count]
    if not present:
        return None
    if inventory.coverage.asked("usage"):
        rows = [inventory.coverage.of("usage", [schema.cpu]) for schema in present]
        return present[_rank(rows, _sees_all(rows))[0]]
    most = max(counts.values())
    return next(schema for schema in present if counts[schema] >= _COMPLETE * most)


def choose_cpu(inventory: Inventory) -> CpuSource | None:
    """The best source of nodes' busy time, judged as that of usage."""
    present = [source for source in NODE_CPU if inventory.has(source.metric)]
    if present and inventory.coverage.asked("cpu"):
        rows = [inventory.coverage.of("cpu", [source.metric]) for source in present]
        return present[_rank(rows, _sees_all(rows))[0]]
    return present[0] if present else None


def choose_frequency(inventory: Inventory) -> CpuSource | None:
    """The best series of the nodes' frequency that exists."""
    return next((each for each in NODE_FREQUENCY if inventory.has(each.metric)), None)


def order_power(inventory: Inventory) -> list[PowerSource]:
    """The sources of node power that exist, in the order in which they are to be asked.

    Sources differ in how many series a node has: each is held against its own most.
    """
    present = [source for source in NODE_POWER if inventory.has(*source.metrics)]
    if len(present) > 1 and inventory.coverage.asked("power"):
        rows = [_power_looks(inventory, source) for source in present]
        shares = [row / max(1, row.max()) for row in rows]
        return [present[number] for number in _rank(rows, shares)]
    return present


def find_contests(inventory: Inventory, *, asks_meters: bool) -> tuple[Purpose, ...]:
    """The purposes for which several sources exist, of which one may not cover the window."""
    sources: dict[Purpose, list[tuple[str, ...]]] = {
        "usage": [(schema.cpu,) for schema in USAGE if _containers(inventory, schema)],
        "cpu": [(each.metric,) for each in NODE_CPU if inventory.has(each.metric)],
        "power": [
            each.metrics for each in NODE_POWER if asks_meters and inventory.has(*each.metrics)
        ],
    }
    return tuple(
        purpose
        for purpose, found in sources.items()
        if len(found) > 1 and not all(inventory.fills_window(*names) for names in found)
    )


def _sees_all(rows: Sequence[Looks]) -> list[Looks]:
    """1 where a source has nearly as many series as any, [looks] for each."""
    most = np.max(rows, axis=0)
    return [((row >= _COMPLETE * most) & (row > 0)).astype(np.float64) for row in rows]


def _rank(rows: Sequence[Looks], shares: Sequence[Looks]) -> list[int]:
    """Numbers of sources, best first: what covers (nearly) as much of the window as any, in the
    order in which they are given, then the others by what they cover.

    What has ended comes last, unless all have: it says nothing of how things are now.
    """
    alive = [bool(row[:_NEWEST].any()) for row in rows]
    covered = [float(share.sum()) for share in shares]
    standing = [each for each, lives in zip(covered, alive, strict=True) if lives] or covered
    enough = _COMPLETE * max(standing)

    def place(number: int) -> tuple[bool, float]:
        is_enough = covered[number] >= enough
        return not alive[number], 0.0 if is_enough else -covered[number] + enough

    return sorted(range(len(rows)), key=place)


def _power_looks(inventory: Inventory, source: PowerSource) -> Looks:
    names = {
        name for _, name in inventory.coverage.counts if inventory.matches(name, source.metrics)
    }
    return inventory.coverage.of("power", names)


def rank_sources(inventory: Inventory) -> tuple[int, int, int]:
    """Which series of usage, busy cores and power exist, however young: 0 is the best there is."""
    return (
        _first(_containers(inventory, schema) > 0 for schema in USAGE),
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
        _passed_over(schema, chosen, inventory)
        for schema in USAGE
        if USAGE.index(schema) < USAGE.index(chosen)
    ]
    others += [
        f"those of {schema.title} have ended"
        for schema in USAGE[USAGE.index(chosen) + 1 :]
        if _usage_ended(schema, inventory)
    ]
    why = f"{_containers(inventory, chosen):,} series of {chosen.title}"
    reason = "; ".join([why, *others])
    return [
        SourceChoice("usage", chosen.name, f"{chosen.cpu}: {reason}"),
        SourceChoice("memory", chosen.name, f"{chosen.memory}: as for usage"),
    ]


def describe_cpu(
    source: CpuSource | None, inventory: Inventory, *, nodes: int, known: int
) -> SourceChoice:
    """`nodes` have busy time by the source, of so many that are known."""
    if source is None or not nodes:
        names = ", ".join(dict.fromkeys(each.metric for each in NODE_CPU))
        return SourceChoice("node cpu", "", f"no series of busy time of nodes ({names})")
    of_all = _of_all(nodes, known)
    reasons = [f"{source.metric} of {of_all}"]
    if inventory.coverage.asked("cpu"):
        chosen = inventory.coverage.of("cpu", [source.metric])
        for each in NODE_CPU[: NODE_CPU.index(source)]:
            if inventory.has(each.metric):
                young = inventory.coverage.of("cpu", [each.metric])
                reasons.append(f"{each.metric} {_compare_looks(young, chosen)}")
    return SourceChoice("node cpu", source.schema, "; ".join(reasons))


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
    absent = [f"no series of {_join_or(missing)}"] if missing else []
    most = max(served, key=lambda source: len(served[source]))
    young = _younger_power(most, inventory)
    return SourceChoice("node power", most.schema, "; ".join([*parts, *young, *absent]))


def _younger_power(chosen: PowerSource, inventory: Inventory) -> list[str]:
    """The better sources that were asked after the chosen one, and why."""
    asked = order_power(inventory)
    if chosen not in asked or not inventory.coverage.asked("power"):
        return []
    looks = _power_looks(inventory, chosen)
    return [
        f"{source.title} {_compare_looks(_power_looks(inventory, source), looks)}"
        for source in NODE_POWER[: NODE_POWER.index(chosen)]
        if source in asked and asked.index(source) > asked.index(chosen)
    ]


def ignore_power() -> SourceChoice:
    return SourceChoice("node power", "", "meters are not asked, as --power modelled says")


def _containers(inventory: Inventory, schema: UsageSchema) -> int:
    return sum(inventory.containers.get(schema.cpu, {}).values())


def _passed_over(schema: UsageSchema, chosen: UsageSchema, inventory: Inventory) -> str:
    count = _containers(inventory, schema)
    if not count:
        return f"no series of {schema.title}"
    if inventory.coverage.asked("usage") and count >= _COMPLETE * _containers(inventory, chosen):
        mine, others = (inventory.coverage.of("usage", [each.cpu]) for each in (schema, chosen))
        return f"{schema.title} {_compare_looks(mine, others)}"
    return f"{schema.title} has only {count:,}"


def _usage_ended(schema: UsageSchema, inventory: Inventory) -> bool:
    if not inventory.coverage.asked("usage"):
        return False
    looks = inventory.coverage.of("usage", [schema.cpu])
    return bool(looks.any() and not looks[:_NEWEST].any())


def _compare_looks(looks: Looks, chosen: Looks) -> str:
    """Of a source that was passed over: how much less of the window it covers."""
    if not looks[:_NEWEST].any():
        return "has ended"
    seen = f"was seen at {np.count_nonzero(looks)} of {len(looks)} times over the window"
    return f"{seen}, this at {np.count_nonzero(chosen)}"


def _reach_words(reaches: Mapping[str, str]) -> str:
    counts = Counter(reaches.values())
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{reach} on {count}" for reach, count in counts.most_common())


def _join_or(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _of_all(nodes: int, known: int) -> str:
    return f"{nodes} of {max(nodes, known)} nodes"
