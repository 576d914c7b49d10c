"""What a store has: one coarse query over the whole window."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommender.history.client import RangeQuery
from recommender.history.schema import (
    INFO,
    KILLS,
    KUBE_STATE,
    NODE_CPU,
    NODE_POWER,
    USAGE,
)
from recommender.history.selector import CONTAINERS, join_matchers, match_any, match_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recommender.history.matrix import Matrix
    from recommender.model.history import TimeGrid

LOOKS = 8  # times that the coarse query looks at, beside the end; each reads a chunk of each series


@dataclass(frozen=True)
class Inventory:
    """Most series seen at once, by metric name; of containers, by metric and namespace.

    Of busy time of nodes one series a node is counted. `usual` counts as `containers` does, but
    what is there on average, at least half of the most: during a rollout all pods are there twice,
    and replies planned for that would be half as large as they may be for all the rest of the time.
    """

    series: Mapping[str, int]
    containers: Mapping[str, Mapping[str, int]]
    usual: Mapping[str, Mapping[str, int]]

    def has(self, *patterns: str) -> bool:
        """Whether there are series whose whole name matches one of the patterns."""
        return any(self.matches(name, patterns) for name in self.series)

    def count(self, *patterns: str) -> int:
        return sum(n for name, n in self.series.items() if self.matches(name, patterns))

    @staticmethod
    def matches(name: str, patterns: Iterable[str]) -> bool:
        return any(re.fullmatch(pattern, name) for pattern in patterns)


def plan_discovery(
    grid: TimeGrid, namespaces: frozenset[str] | None, *, looks_back: bool = False
) -> RangeQuery:
    """The query: counts of containers' series by name and namespace, of others by name.

    It looks at LOOKS + 1 times; with `looks_back` at all the time between them as well, which
    costs the server far more.
    """
    step = -(-grid.bins // LOOKS) * grid.step
    restriction = "" if namespaces is None else match_any("namespace", namespaces)
    usage = join_matchers(match_any("__name__", _USAGE_NAMES), CONTAINERS, restriction)
    others = match_names(_OTHER_NAMES)
    parts = [others, *(source.probe for source in NODE_CPU)]
    if looks_back:
        usage, *parts = (f"last_over_time({each}[{step}s])" for each in (usage, *parts))
    # `or` looks at labels without the name, so counts of the same labels need one that differs.
    counts = [
        f'label_replace(count by (__name__) ({part}),"part","{number}","","")'
        for number, part in enumerate(parts)
    ]
    if namespaces is None or namespaces:
        counts.insert(0, f"count by (__name__,namespace) ({usage})")
    query = " or ".join(counts)
    points = -(-grid.bins * grid.step // step)
    return RangeQuery(query, grid.end - points * step, grid.end, step)


def take_inventory(matrix: Matrix) -> Inventory:
    """What the reply to `plan_discovery` says."""
    series: dict[str, int] = {}
    containers: defaultdict[str, dict[str, int]] = defaultdict(dict)
    usual: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for labels, _, values in matrix.series():
        name, most = labels.get("__name__", ""), int(values.max())
        if "namespace" in labels:
            containers[name][labels["namespace"]] = most
            mean = float(values.sum()) / (LOOKS + 1)
            usual[name][labels["namespace"]] = math.ceil(max(mean, most / 2))
        else:
            series[name] = most
    return Inventory(series, dict(containers), dict(usual))


_USAGE_NAMES = frozenset(schema.cpu for schema in USAGE)
_OTHER_NAMES = sorted(
    {
        *(name for source in NODE_POWER for name in source.metrics),
        *INFO,
        *KILLS,
        *KUBE_STATE,
    }
    - _USAGE_NAMES
)
