"""How much of a window each source covers: one small query, only where sources compete.

What exists now may exist since an hour; another source may reach back for weeks.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from recommender.history.client import RangeQuery
from recommender.history.schema import NODE_CPU, NODE_POWER, USAGE
from recommender.history.selector import CONTAINERS, join_matchers, match_any, match_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from recommender.history.matrix import Matrix
    from recommender.model.history import TimeGrid

Purpose: TypeAlias = Literal["usage", "cpu", "power"]

MOST_LOOKS = 15  # a look costs the server what a look of `plan_discovery` does


class Coverage(msgspec.Struct, frozen=True):
    """Series of competing sources at some times of the window.

    `counts` are by purpose and metric name, [looks] each, newest first. A purpose is missing
    where nothing competes.
    """

    counts: Mapping[tuple[Purpose, str], NDArray[np.int64]] = msgspec.field(default_factory=dict)

    def asked(self, purpose: Purpose) -> bool:
        """Whether the sources of this purpose were looked at."""
        return any(of == purpose for of, _ in self.counts)

    def of(self, purpose: Purpose, names: Collection[str]) -> NDArray[np.int64]:
        """Series of these names at each look, [looks]."""
        found = [counts for (of, name), counts in self.counts.items() if of == purpose]
        mine = [self.counts[purpose, name] for name in names if (purpose, name) in self.counts]
        return np.sum(mine, axis=0) if mine else np.zeros(len(found[0]), np.int64)


def plan_coverage(
    grid: TimeGrid, namespaces: frozenset[str] | None, purposes: Iterable[Purpose]
) -> RangeQuery:
    """The query: counts by metric name at up to MOST_LOOKS times from the end of the grid to its
    start, by offsets, as `plan_discovery` does.
    """
    selectors = [
        (purpose, selector) for purpose in purposes for selector in _select(purpose, namespaces)
    ]
    counts = [
        f"label_replace(count by (__name__) ({selector}{_offset(behind)}),"
        f'"look","{purpose} {number} {part}","","")'
        for number, behind in enumerate(_times_behind(grid))
        for part, (purpose, selector) in enumerate(selectors)
    ]
    return RangeQuery(" or ".join(counts), grid.end, grid.end, grid.step)


def take_coverage(matrix: Matrix, grid: TimeGrid) -> Coverage:
    """What the reply to `plan_coverage` says."""
    looks = len(_times_behind(grid))
    counts: defaultdict[tuple[Purpose, str], NDArray[np.int64]] = defaultdict(
        lambda: np.zeros(looks, np.int64)
    )
    for labels, _, values in matrix.series():
        purpose, number, _ = labels["look"].split()
        counts[_PURPOSES[purpose], labels.get("__name__", "")][int(number)] += int(values[-1])
    return Coverage(dict(counts))


_PURPOSES: dict[str, Purpose] = {"usage": "usage", "cpu": "cpu", "power": "power"}


def _select(purpose: Purpose, namespaces: frozenset[str] | None) -> Iterator[str]:
    if purpose == "usage":
        restriction = "" if namespaces is None else match_any("namespace", namespaces)
        names = match_any("__name__", [schema.cpu for schema in USAGE])
        yield join_matchers(names, CONTAINERS, restriction)
    elif purpose == "cpu":
        yield from (source.probe for source in NODE_CPU)
    else:
        yield match_names([name for source in NODE_POWER for name in source.metrics])


def _offset(seconds: int) -> str:
    return f" offset {seconds}s" if seconds else ""


def _times_behind(grid: TimeGrid) -> list[int]:
    """Seconds from each look to the end of the grid, whose start is the last look."""
    looks = min(MOST_LOOKS - 1, grid.bins)
    return [grid.bins * number // looks * grid.step for number in range(looks + 1)]
