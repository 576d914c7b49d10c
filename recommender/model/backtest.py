"""The back-test: what `backtest --output json` prints, and its table renders.

Field names are camelCase in JSON. Its schema is docs/backtest.schema.json.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from recommender.model.report import Share, Source  # noqa: TC001 - msgspec reads them

API_VERSION: Literal["joulefit.io/backtest/v1alpha1"] = "joulefit.io/backtest/v1alpha1"
KIND: Literal["Backtest"] = "Backtest"

PolicyName: TypeAlias = Literal[
    "as-requested", "stock", "p95", "p99", "frequency-only", "T1", "T2", "T3", "limit"
]
Scenario: TypeAlias = Literal["nodes-released", "nodes-kept"]
Verdict: TypeAlias = Literal["tested", "too-short", "too-small", "no-usage"]


class _Json(msgspec.Struct, frozen=True, rename="camel"):
    """Base of all parts of the back-test."""


class PolicyReport(_Json, frozen=True, kw_only=True):
    """One policy in one pool under one scenario, over all tested days.

    The limit is a bound for any policy, not a packing: it has no hot time, exposure or changes.
    """

    pool: Annotated[str, Meta(description="name of the pool")]
    name: Annotated[
        PolicyName,
        Meta(
            description="frequency-only: the request times f_max / f; limit: no packing of this"
            " demand can take less"
        ),
    ]
    scenario: Annotated[
        Scenario, Meta(description="what becomes of emptied nodes: switched off, or left idle")
    ]
    joules_per_work: Annotated[
        float | None, Meta(description="of all nodes, per core-second of usage that was served")
    ]
    node_hours: Annotated[float | None, Meta(description="hours that nodes were on, in all")]
    hot_share_mean: Annotated[
        Share | None, Meta(description="of container-time on nodes that are nearly full")
    ]
    hot_share_worst_day: Annotated[Share | None, Meta(description="the same on the worst day")]
    unserved_share: Annotated[
        Share | None, Meta(description="of usage that full nodes had no cores for")
    ]
    exposure_share: Annotated[
        Share | None, Meta(description="of container-time with usage above the request")
    ]
    changes_per_day: Annotated[
        float | None, Meta(description="changes of a container's CPU target, mean of all")
    ]


class Refusal(_Json, frozen=True):
    """A policy that was not tested in a pool."""

    name: PolicyName
    reason: Annotated[str, Meta(description="why, in words")]


class PoolBacktest(_Json, frozen=True, kw_only=True):
    """One pool: what was tested, and what it tells."""

    name: Annotated[str, Meta(description="name of the pool")]
    nodes: Annotated[int, Meta(description="nodes that there are")]
    containers: Annotated[int, Meta(description="containers whose request a policy may set")]
    history_days: Annotated[float, Meta(description="days of history")]
    tests: Annotated[int, Meta(description="how often a policy was trained and then tested")]
    verdict: Annotated[
        Verdict, Meta(description="tested, or why the back-test can not tell, or not of every tier")
    ]
    sentences: Annotated[tuple[str, ...], Meta(description="the verdict in words")]
    refused: Annotated[tuple[Refusal, ...], Meta(description="policies that were not tested")]


class Backtest(_Json, frozen=True, kw_only=True):
    """Policies of CPU requests held against the past, walk-forward: each is trained on some days
    and then tested on the days that follow.
    """

    api_version: Literal["joulefit.io/backtest/v1alpha1"] = API_VERSION
    kind: Literal["Backtest"] = KIND
    generated_at: Annotated[str, Meta(description="RFC 3339, UTC")]
    source: Source
    train_seconds: Annotated[int, Meta(description="length of what a policy learns from")]
    test_seconds: Annotated[int, Meta(description="length of what it is then tested on")]
    node_releaser: Annotated[
        str, Meta(description="component seen that removes empty nodes; empty: none")
    ]
    pools: tuple[PoolBacktest, ...]
    policies: tuple[PolicyReport, ...]
