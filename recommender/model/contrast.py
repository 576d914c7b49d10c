"""The comparison of recommenders: what `compare --output json` prints, and its table renders.

Field names are camelCase in JSON. Its schema is docs/comparison.schema.json.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from recommender.model.report import (  # noqa: TC001 - msgspec reads them
    Name,
    Quantity,
    Share,
    Skipped,
    Source,
    Watts,
)

API_VERSION: Literal["joulefit.io/comparison/v1alpha1"] = "joulefit.io/comparison/v1alpha1"
KIND: Literal["Comparison"] = "Comparison"


class _Json(msgspec.Struct, frozen=True, rename="camel"):
    """Base of all parts of the comparison."""


class CoursePoint(_Json, frozen=True):
    """A request from one time on, up to the next point."""

    time: Annotated[str, Meta(description="RFC 3339, UTC")]
    value: Annotated[float | None, Meta(description="cores or bytes; null: not known from here on")]


class Course(_Json, frozen=True):
    """One request over time, as the store has it."""

    metric: Annotated[str, Meta(description="the series it was read from")]
    changes: Annotated[int, Meta(description="how often it changed in the window")]
    points: Annotated[
        tuple[CoursePoint, ...], Meta(description="in order of time, one for each change")
    ]


class ContenderReport(_Json, frozen=True, kw_only=True):
    """Requests of one recommender for one container, and what they would have meant."""

    policy: Annotated[
        Literal["now", "rival", "stock", "ours"],
        Meta(description="now: what the pods have; stock: the stock rule, computed here"),
    ]
    recommender: Annotated[
        str | None, Meta(description="a rival's recommender; default: VPA's own; null: no rival")
    ]
    vpa: Annotated[str | None, Meta(description="VerticalPodAutoscaler it stands in")]
    cpu: Quantity
    memory: Quantity
    cpu_course: Annotated[Course | None, Meta(description="null: no history of it in the store")]
    memory_course: Annotated[Course | None, Meta(description="null: no history of it in the store")]
    reserved_core_seconds: Annotated[
        float | None, Meta(description="that all pods would have reserved; null: unknown")
    ]
    joules: Annotated[
        float | None,
        Meta(description="of reservation and usage in the time compared; null: unknown"),
    ]
    joules_above_ours: Annotated[
        float | None, Meta(description="joules less those of ours; null: unknown")
    ]
    watts_above_ours: Annotated[
        Watts | None, Meta(description="joulesAboveOurs over comparedSeconds; null: unknown")
    ]
    exposure: Annotated[
        Share | None, Meta(description="share of time with usage above the request; null: unknown")
    ]


class ContainerContrast(_Json, frozen=True):
    """One container: the contenders, now first and ours last."""

    name: Annotated[str, Meta(description="name of the container")]
    tier: Annotated[str, Meta(description="evidence tier of ours: T0 has no energy evidence")]
    why: Annotated[str, Meta(description="the deciding step of ours in a few words")]
    basis: Annotated[
        Literal["history", "now"],
        Meta(description="history: by the requests in force at each time; now: by those of now"),
    ]
    compared_seconds: Annotated[
        float, Meta(description="time with usage in which all that have a history are known")
    ]
    contenders: tuple[ContenderReport, ...]


class WorkloadContrast(_Json, frozen=True):
    """One workload with its containers."""

    namespace: Name
    kind: Annotated[str, Meta(description="kind of the topmost controller, e.g. Deployment")]
    name: Name
    replicas: Annotated[int, Meta(description="pods that run or wait to run")]
    vpa: Annotated[str, Meta(description="VerticalPodAutoscaler of ours")]
    update_mode: Annotated[str | None, Meta(description="updateMode of that VPA")]
    rivals: Annotated[
        tuple[str, ...], Meta(description="VPAs of other recommenders on it; the oldest first")
    ]
    containers: tuple[ContainerContrast, ...]


class Comparison(_Json, frozen=True, kw_only=True):
    """Our recommendations beside those of other recommenders on the same workloads."""

    api_version: Literal["joulefit.io/comparison/v1alpha1"] = API_VERSION
    kind: Literal["Comparison"] = KIND
    generated_at: Annotated[str, Meta(description="RFC 3339, UTC")]
    source: Source
    history: Annotated[
        str, Meta(description="where the requests over time come from, or that there are none")
    ]
    history_step_seconds: Annotated[
        int, Meta(description="spacing of the times at which requests were looked up")
    ]
    node_releaser: Annotated[
        str, Meta(description="component seen that removes empty nodes; empty: none")
    ]
    workloads: tuple[WorkloadContrast, ...]
    skipped: Annotated[
        tuple[Skipped, ...], Meta(description="workloads and containers without a number of ours")
    ]
