"""What a store has: two queries that look at a few times of the window."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from recommender.history.client import RangeQuery
from recommender.history.coverage import Coverage
from recommender.history.schema import (
    INFO,
    KILLS,
    KUBE_STATE,
    NODE_CPU,
    NODE_FREQUENCY,
    NODE_POWER,
    USAGE,
)
from recommender.history.selector import CONTAINERS, join_matchers, match_any, match_names
from recommender.history.strain import STRAIN_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recommender.history.matrix import Matrix
    from recommender.model.history import TimeGrid

LOOKS = 3  # times that the query looks at, beside the end: each costs as much as the end


class Inventory(msgspec.Struct, frozen=True):
    """Most series seen at once, by metric name; of containers, by metric and namespace.

    Of busy time of nodes one series a node is counted. `usual` counts as `containers` does, but
    what is there on average, at least half of the most: during a rollout all pods are there twice,
    and replies planned for that would be half as large as they may be for all the rest of the time.
    `looks` are those at which a metric was seen. `coverage` tells how far sources that compete
    reach back; empty where none do or nobody asked.
    """

    series: Mapping[str, int]
    containers: Mapping[str, Mapping[str, int]]
    usual: Mapping[str, Mapping[str, int]]
    looks: Mapping[str, int] = msgspec.field(default_factory=dict)
    coverage: Coverage = msgspec.field(default_factory=Coverage)

    def has(self, *patterns: str) -> bool:
        """Whether there are series whose whole name matches one of the patterns."""
        return any(self.matches(name, patterns) for name in self.series)

    def count(self, *patterns: str) -> int:
        return sum(n for name, n in self.series.items() if self.matches(name, patterns))

    def fills_window(self, *patterns: str) -> bool:
        """Whether metrics whose names match were seen at every look."""
        return any(n > LOOKS for name, n in self.looks.items() if self.matches(name, patterns))

    @staticmethod
    def matches(name: str, patterns: Iterable[str]) -> bool:
        return any(re.fullmatch(pattern, name) for pattern in patterns)


def plan_discovery(
    grid: TimeGrid, namespaces: frozenset[str] | None, *, looks_back: bool = False
) -> list[RangeQuery]:
    """The queries: counts of all series but containers' by name, then of containers' by name and
    namespace, unless no namespace is asked for. The first does not depend on the namespaces.

    They look at LOOKS + 1 times; with `looks_back` at all the time between them as well, which
    costs the server far more. Each look is an offset of a query at one time: a range with a long
    step would make Prometheus decode every sample between the looks (800 series of 8 days: 93 ms
    at a sample a minute and four times as much at one in 15 s; 16 ms by offsets).
    """
    probes = (source.probe for source in (*NODE_CPU, *NODE_FREQUENCY))
    others = [match_names(_OTHER_NAMES), *probes]
    queries = [_count_at_looks(grid, "__name__", others, looks_back=looks_back)]
    if namespaces is None or namespaces:
        restriction = "" if namespaces is None else match_any("namespace", namespaces)
        usage = join_matchers(match_any("__name__", _USAGE_NAMES), CONTAINERS, restriction)
        queries.append(_count_at_looks(grid, "__name__,namespace", [usage], looks_back=looks_back))
    return queries


def _count_at_looks(
    grid: TimeGrid, labels: str, selectors: list[str], *, looks_back: bool
) -> RangeQuery:
    step = -(-grid.bins // LOOKS) * grid.step
    counts = [
        f"count by ({labels}) ({_look(selector, number, step, looks_back=looks_back)})"
        for number in range(-(-grid.bins * grid.step // step) + 1)
        for selector in selectors
    ]
    # `or` looks at labels without the name, so counts of the same labels need one that differs.
    query = " or ".join(
        f'label_replace({count},"part","{part}","","")' for part, count in enumerate(counts)
    )
    return RangeQuery(query, grid.end, grid.end, grid.step)


def _look(selector: str, number: int, step: int, *, looks_back: bool) -> str:
    """The selector at the look of this number, 0 for the end of the window."""
    offset = f" offset {number * step}s" if number else ""
    if looks_back:
        return f"last_over_time({selector}[{step}s]{offset})"
    return f"{selector}{offset}"


def take_inventory(*matrices: Matrix) -> Inventory:
    """What the replies to `plan_discovery` say."""
    looks: defaultdict[tuple[str, str | None], list[float]] = defaultdict(list)
    for labels, _, values in chain.from_iterable(matrix.series() for matrix in matrices):
        looks[labels.get("__name__", ""), labels.get("namespace")] += values.tolist()
    series: dict[str, int] = {}
    containers: defaultdict[str, dict[str, int]] = defaultdict(dict)
    usual: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (name, namespace), counts in looks.items():
        most = int(max(counts))
        if namespace is None:
            series[name] = most
        else:
            containers[name][namespace] = most
            usual[name][namespace] = math.ceil(max(sum(counts) / (LOOKS + 1), most / 2))
    seen: dict[str, int] = {}
    for (name, _), counts in looks.items():
        seen[name] = max(len(counts), seen.get(name, 0))
    return Inventory(series, dict(containers), dict(usual), seen)


_USAGE_NAMES = frozenset(schema.cpu for schema in USAGE)
_OTHER_NAMES = sorted(
    {
        *(name for source in NODE_POWER for name in source.metrics),
        *INFO,
        *KILLS,
        *KUBE_STATE,
        *STRAIN_METRICS,
    }
    - _USAGE_NAMES
)
