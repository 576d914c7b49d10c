"""The power curves of the cluster's node classes, alone."""

from __future__ import annotations

import difflib
import time
from typing import TYPE_CHECKING

from recommender.errors import NoDataError, UnknownClassError
from recommender.model.curve import NodeCurves
from recommender.report.assembly import describe_source
from recommender.report.nodeclass import describe_class
from recommender.sizing.pool import estimate_pools
from recommender.units import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.cycle import EvidenceSource
    from recommender.sizing.pool import Pool


def read_curves(source: EvidenceSource, *, node_class: str, power: str) -> NodeCurves:
    """The curves of all node classes, or of the one named.

    `power` is auto or modelled, as for a report. Raises JoulefitError from the edges, NoDataError
    where no node is known, and UnknownClassError for a class that is not there.
    """
    evidence = source.read()
    history = evidence.history.nodes
    pools = estimate_pools(evidence.cluster, history, power=power)
    if not pools:
        raise NoDataError(
            f"no node is known from {evidence.cluster.source}; without an API server the store "
            "tells of nodes with kube-state-metrics or the collector"
        )
    return NodeCurves(
        generated_at=format_time(time.time()),
        source=describe_source(evidence),
        classes=tuple(
            describe_class(pool, knows_clock=history.frequency is not None)
            for pool in _choose(pools, node_class)
        ),
    )


def _choose(pools: Sequence[Pool], name: str) -> Sequence[Pool]:
    if not name:
        return pools
    chosen = [pool for pool in pools if pool.name == name]
    if chosen:
        return chosen
    names = [pool.name for pool in pools]
    near = difflib.get_close_matches(name, names, n=1)
    offer = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    raise UnknownClassError(f"no node class {name}; {offer}")
