"""Which queries read a window: how many series at once, how much time at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.history.client import RangeQuery
from recommender.history.selector import match_any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recommender.model.history import TimeGrid

# Bytes of a reply. Of 170 MB in replies of 4, 8, 14, 27 and 52 MB none was faster than another by
# more than the noise; memory grows with six times of this, for two replies are under way.
REPLY_BYTES = 5_000_000
SAMPLE_BYTES = 32  # of JSON: [1700000000,"12345.678901"],
LABEL_BYTES = 500  # of a cAdvisor series
GROUP_SERIES = 4_000  # more are read in several groups of namespaces, so that labels stay few
MOST_POINTS = 11_000  # of a series, beyond which Prometheus refuses a query
FEWEST_POINTS = 12  # in a reply, however many series: an hour at five minutes


class Part(msgspec.Struct, frozen=True):
    """Grid points first ... last, both included, that one query asks for."""

    first: int
    last: int


def at_points(query: str, part: Part, *, start: int, step: int) -> RangeQuery:
    """The query at the points of a part, where point i is at `start` + i steps."""
    first, last = (start + point * step for point in (part.first, part.last))
    return RangeQuery(query, first, last, step, first_at=part.first)


class PointRange(msgspec.Struct, frozen=True):
    """Grid points first ... last of counters: point i is at `origin` + i steps."""

    origin: int
    step: int
    first: int
    last: int

    @classmethod
    def over(cls, grid: TimeGrid, *, after: PointRange | None) -> PointRange:
        """All points of a grid or, up to its end, those that follow others."""
        origin = after.origin if after else grid.start
        first = after.last + 1 if after else 0
        return cls(origin, grid.step, first, (grid.end - origin) // grid.step)

    def bin_at(self, start: int) -> int:
        """The number of the bin that begins at a time."""
        return (start - self.origin) // self.step

    def split(self, *, series: int, label_bytes: int = LABEL_BYTES) -> list[Part]:
        count = self.last - self.first + 1
        return split_points(count, series=series, label_bytes=label_bytes, offset=self.first)


class NamespaceGroup(msgspec.Struct, frozen=True):
    """Namespaces that are read together: their matcher ("" for all) and how many series.

    `names` are the namespaces, None where the matcher leaves some out instead.
    """

    matcher: str
    series: int
    names: frozenset[str] | None = None

    def within(self, namespaces: frozenset[str]) -> NamespaceGroup:
        """Only those of these namespaces."""
        names = namespaces & (self.names or frozenset())
        return NamespaceGroup(match_any("namespace", names), self.series, names)


def split_points(
    points: int,
    *,
    series: int,
    label_bytes: int = LABEL_BYTES,
    offset: int = 0,
    longest: int | None = None,
) -> list[Part]:
    """So many points from `offset` on in equal parts whose replies are about REPLY_BYTES large,
    and none longer than MOST_POINTS or `longest` points.
    """
    if not points:
        return []
    room = REPLY_BYTES / max(series, 1) - label_bytes
    most = min(max(FEWEST_POINTS, int(room / SAMPLE_BYTES)), longest or points, MOST_POINTS)
    count = -(-points // most)
    edges = [offset + points * number // count for number in range(count + 1)]
    return [Part(edges[i], edges[i + 1] - 1) for i in range(count)]


def group_namespaces(
    series: Mapping[str, int], *, wanted: frozenset[str] | None
) -> list[NamespaceGroup]:
    """Groups of whole namespaces with about GROUP_SERIES series each.

    `series` counts those that were seen, by namespace; of `wanted` (None: all) those that were
    not seen are asked for too: they may have had series between the times that were looked at.
    """
    seen = {name: count for name, count in series.items() if wanted is None or name in wanted}
    if wanted is not None:
        seen |= {name: 0 for name in wanted if name not in seen}
        if not seen:
            return []
    groups = list(_pack(seen))
    if wanted is not None:
        return [_group(group, seen) for group in groups]
    if len(groups) <= 1:
        return [NamespaceGroup("", sum(seen.values()))]
    # The last group takes whatever the others do not name.
    named = [name for group in groups[:-1] for name in group]
    last = NamespaceGroup(
        match_any("namespace", named, is_negated=True), sum(seen[name] for name in groups[-1])
    )
    return [*(_group(group, seen) for group in groups[:-1]), last]


def split_namespaces(
    series: Mapping[str, int], *, wanted: frozenset[str], parts: int
) -> Iterator[frozenset[str]]:
    """The wanted namespaces in about so many parts with equally many series."""
    most = sum(series.get(name, 0) for name in wanted) / parts
    part: set[str] = set()
    for name in sorted(wanted):
        part.add(name)
        if sum(series.get(each, 0) for each in part) >= most:
            yield frozenset(part)
            part = set()
    if part:
        yield frozenset(part)


def _group(names: list[str], series: Mapping[str, int]) -> NamespaceGroup:
    count = sum(series[name] for name in names)
    return NamespaceGroup(match_any("namespace", names), count, frozenset(names))


def _pack(series: Mapping[str, int]) -> Iterator[list[str]]:
    """Names in order, cut where a group is full."""
    group: list[str] = []
    size = 0
    for name in sorted(series):
        if group and size + series[name] > GROUP_SERIES:
            yield group
            group, size = [], 0
        group.append(name)
        size += series[name]
    if group:
        yield group
