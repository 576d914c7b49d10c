"""Power curves of node classes: what `curve --output json` prints, and its table renders.

Field names are camelCase in JSON. Its schema is docs/curve.schema.json.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from recommender.model.report import Source, Watts  # noqa: TC001 - msgspec reads them

API_VERSION: Literal["joulefit.io/curve/v1alpha1"] = "joulefit.io/curve/v1alpha1"
KIND: Literal["NodeCurves"] = "NodeCurves"

Utilisation = Annotated[float, Meta(description="used over allocatable cores")]


class _Json(msgspec.Struct, frozen=True, rename="camel"):
    """Base of all parts of the document."""


class PowerPoint(_Json, frozen=True):
    """The windows of one utilisation bin: what the curve was fitted to."""

    utilisation: Annotated[float, Meta(description="their mean, used over allocatable cores")]
    watts: Annotated[float, Meta(description="their mean, the nodes' own offsets taken out")]
    windows: Annotated[int, Meta(description="how many")]


class CurvePoint(_Json, frozen=True):
    """The curve at one utilisation."""

    utilisation: Utilisation
    watts: Annotated[float, Meta(description="power of the mean node")]
    low: Annotated[float | None, Meta(description="lower end of its 90 % band; null: no band")]
    high: Annotated[float | None, Meta(description="upper end of its 90 % band; null: no band")]
    intercept_watts: Annotated[float, Meta(description="P - U P', the tangent's intercept here")]


class Formula(_Json, frozen=True):
    """P(U) = base + linear U + cubic U^3 + sum of hinge max(U - knot, 0), watts of one node."""

    base_watts: Annotated[float, Meta(description="watts")]
    linear_watts: Annotated[float, Meta(description="watts per unit of utilisation")]
    cubic_watts: Annotated[float, Meta(description="watts; 0 for a measured curve")]
    knots: Annotated[tuple[float, ...], Meta(description="utilisations, ascending")]
    hinge_watts: Annotated[
        tuple[float, ...], Meta(description="watts per unit of utilisation, one for each knot")
    ]


class ClockReport(_Json, frozen=True):
    """What the nodes' clock did to their power."""

    usual_hertz: Annotated[float, Meta(description="mean clock, at which the curve is")]
    variation: Annotated[
        float, Meta(description="5th to 95th percentile of clock over what is usual at that use")
    ]
    full_watts: Annotated[
        float, Meta(description="watts that a clock 100 % faster adds to a fully used node")
    ]


class ClassCurve(_Json, frozen=True, kw_only=True):
    """One node class: its power, what a reserved core costs, and what is not known of it."""

    name: Annotated[str, Meta(description="name of the class, as the pool of the report")]
    nodes: Annotated[int, Meta(description="number of nodes")]
    metered_nodes: Annotated[int, Meta(description="nodes whose power the curve was learnt from")]
    cpu_model: Annotated[str, Meta(description="CPU model; empty: unknown")]
    cores_per_node: Annotated[float, Meta(description="allocatable cores of a node")]
    quality: Annotated[
        str, Meta(description="node power is measured, derived, modelled or recorded")
    ]
    reach: Annotated[
        str, Meta(description="what the watts cover: platform, package+dram, package or empty")
    ]
    hours: Annotated[int, Meta(description="clock hours with power readings")]
    windows: Annotated[int, Meta(description="windows of single nodes in points")]
    mean_watts: Annotated[float | None, Meta(description="of one node; null: without a meter")]
    utilisation: Annotated[float, Meta(description="mean busy share of the cores")]
    lowest_utilisation: Annotated[
        float | None, Meta(description="lower end of what the curve was learnt on; null: modelled")
    ]
    highest_utilisation: Annotated[
        float | None, Meta(description="upper end of what the curve was learnt on; null: modelled")
    ]
    formula: Formula
    curve: Annotated[
        tuple[CurvePoint, ...], Meta(description="every 2 % where learnt; 0 to 1 where modelled")
    ]
    points: tuple[PowerPoint, ...]
    clock: Annotated[ClockReport | None, Meta(description="null: it is not known or did not vary")]
    intercept_watts: Annotated[Watts | None, Meta(description="mean tangent intercept, per node")]
    price_watts_per_core: Annotated[Watts, Meta(description="of a reserved core")]
    packing: Annotated[
        float | None, Meta(description="share of the nodes' cores that is requested; null: unknown")
    ]
    best_utilisation: Annotated[
        float | None, Meta(description="utilisation with most work per joule; null: not identified")
    ]
    planning_ceiling: Annotated[
        float, Meta(description="utilisation above which requests are raised, not lowered")
    ]
    usual_ceiling: Annotated[
        float, Meta(description="where published servers of the vendor do most work per joule")
    ]
    reasons: Annotated[tuple[str, ...], Meta(description="one sentence per finding")]
    missing: Annotated[
        tuple[str, ...], Meta(description="one sentence for each thing that is not known")
    ]


class NodeCurves(_Json, frozen=True, kw_only=True):
    """The power curves of all node classes."""

    api_version: Literal["joulefit.io/curve/v1alpha1"] = API_VERSION
    kind: Literal["NodeCurves"] = KIND
    generated_at: Annotated[str, Meta(description="RFC 3339, UTC")]
    source: Source
    classes: Annotated[tuple[ClassCurve, ...], Meta(description="those with most nodes first")]
