"""The report: what `--output json` prints, what the other formats render, what is written.

Field names are camelCase in JSON. Its schema, docs/report.schema.json, is made of these classes;
their docstrings and the descriptions here are its descriptions.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

API_VERSION: Literal["joulefit.io/report/v1alpha1"] = "joulefit.io/report/v1alpha1"
KIND: Literal["Report"] = "Report"

Quantity = Annotated[str | None, Meta(description="Kubernetes quantity; null: no value")]
Cores = Annotated[float, Meta(description="CPU cores")]
Share = Annotated[float, Meta(description="share, 0 to 1")]
Name = Annotated[str, Meta(description="name of the Kubernetes object")]


class _Json(msgspec.Struct, frozen=True, rename="camel"):
    """Base of all parts of the report."""


class Quantities(_Json, frozen=True):
    """Quantities in the notation of Kubernetes; null where there is no value."""

    cpu: Quantity = None
    memory: Quantity = None


class Current(_Json, frozen=True):
    """What the workload's newest pods have."""

    requests: Quantities
    limits: Quantities


class Recommended(_Json, frozen=True):
    """A recommendation as a VPA status holds it: lowerBound <= target <= upperBound."""

    target: Quantities
    lower_bound: Quantities
    upper_bound: Quantities
    uncapped_target: Quantities


class Watts(_Json, frozen=True):
    """Watts with their 90 % interval."""

    value: Annotated[float, Meta(description="watts")]
    low: Annotated[float, Meta(description="lower end of the 90 % interval")]
    high: Annotated[float, Meta(description="upper end of the 90 % interval")]


class CurvePoint(_Json, frozen=True):
    """One candidate CPU request and what it would mean."""

    request_cores: Cores
    work_per_joule: Annotated[
        float, Meta(description="work served per joule, relative to the best feasible request")
    ]
    low: Annotated[float, Meta(description="lower end of the 90 % band of workPerJoule")]
    high: Annotated[float, Meta(description="upper end of the 90 % band of workPerJoule")]
    exposure: Annotated[float, Meta(description="share of time with usage above the request")]
    shortfall_cores: Annotated[float, Meta(description="mean cores of usage above the request")]
    is_feasible: Annotated[bool, Meta(description="not below the performance floor")]


class Usage(_Json, frozen=True):
    """What the container used in the window."""

    mean_cores: Cores
    p50_cores: Cores
    p90_cores: Cores
    p95_cores: Cores
    max_cores: Cores
    memory_peak_bytes: Annotated[
        int | None, Meta(description="highest working set of a pod, bytes")
    ]
    days: Annotated[float, Meta(description="days between the first and the last sample")]
    samples: Annotated[int, Meta(description="samples of single pods, one for each time bin")]
    present_share: Annotated[float, Meta(description="share of the window's bins with a sample")]
    pattern: Annotated[
        str, Meta(description="flat, daily, weekly, bursty or on/off; empty: not looked at")
    ] = ""
    days_needed: Annotated[
        float | None,
        Meta(
            description="days of history that such a pattern needs for 5 % of error; null: as above"
        ),
    ] = None


class Reason(_Json, frozen=True):
    """One step of the decision: its name, its value and why."""

    step: Annotated[str, Meta(description="name of the step")]
    value: Annotated[str, Meta(description="its value, with unit")]
    why: Annotated[str, Meta(description="what the value comes from")]


class ContainerReport(_Json, frozen=True):
    """One container: the decision with all its reasons."""

    name: Annotated[str, Meta(description="name of the container")]
    tier: Annotated[str, Meta(description="evidence tier: T0 stock rule, T1 priced quantile")]
    basis: Annotated[str, Meta(description="the rule that made the number")]
    reasons: Annotated[tuple[Reason, ...], Meta(description="steps in order of decision")]
    current: Current
    stock: Annotated[
        Recommended | None, Meta(description="what the stock VPA recommender would say")
    ]
    recommended: Recommended
    usage: Annotated[Usage | None, Meta(description="null: nothing was measured")]
    price_watts_per_core: Annotated[
        float | None, Meta(description="watts per reserved core, as far as cutting it frees a node")
    ]
    quantile: Annotated[
        float | None, Meta(description="share of time that the CPU request must cover")
    ]
    watts_saved: Annotated[
        Watts | None,
        Meta(description="of all replicas, once the freed share of nodes is off; null: unknown"),
    ]
    efficiency_gain: Annotated[
        float | None,
        Meta(description="work per joule of the recommended over that of the current request"),
    ]
    exposure: Annotated[
        dict[str, float],
        Meta(description="share of time above the request: current, stock, recommended"),
    ]
    curve: Annotated[
        tuple[CurvePoint, ...], Meta(description="by requestCores; empty where not asked for")
    ] = ()
    why: Annotated[str, Meta(description="the deciding step in a few words, for tables")] = ""
    in_template: Annotated[
        bool,
        Meta(
            description="false: something put it into the pods (a mesh's sidecar), and the "
            "workload's own pod template does not have it"
        ),
    ] = True


class Conflict(_Json, frozen=True):
    """What the namespace's rules will do to a recommendation; they do not change it here."""

    source: Annotated[str, Meta(description="LimitRange or ResourceQuota")]
    container: Annotated[str | None, Meta(description="null: the whole pod, or all of them")]
    reason: Annotated[str, Meta(description="one sentence: what is asked, allowed, and done")]


class WorkloadReport(_Json, frozen=True):
    """One workload with its containers."""

    namespace: Name
    kind: Annotated[str, Meta(description="kind of the topmost controller, e.g. Deployment")]
    name: Name
    replicas: Annotated[int, Meta(description="pods that run or wait to run")]
    pool: Annotated[str | None, Meta(description="name of the pool that most pods run in")]
    work_class: Annotated[str, Meta(description="critical, standard or batch")]
    vpa: Annotated[str | None, Meta(description="VerticalPodAutoscaler of ours; null: none")]
    update_mode: Annotated[str | None, Meta(description="updateMode of that VPA")]
    hpa: Annotated[str | None, Meta(description="HorizontalPodAutoscaler that scales it on CPU")]
    containers: tuple[ContainerReport, ...]
    conflicts: Annotated[
        tuple[Conflict, ...], Meta(description="with LimitRanges and ResourceQuotas")
    ] = ()
    work_class_source: Annotated[
        str,
        Meta(description="who chose workClass: EnergyProfile, annotation (of the VPA), default"),
    ] = "default"
    work: Annotated[
        Reason | None,
        Meta(description="work that is done, by the best evidence of it there is; null: none"),
    ] = None
    work_kind: Annotated[
        str,
        Meta(
            description="what stands for work: throughput (metric of an EnergyProfile), "
            "instructions (retired, of one CPU model), cpu time; empty: not known"
        ),
    ] = ""
    objective: Annotated[
        str,
        Meta(description="what became of objective: carbon of its EnergyProfile; empty: energy"),
    ] = ""


class PoolReport(_Json, frozen=True):
    """The nodes of one class: what they use, what a reserved core costs there."""

    name: Annotated[str, Meta(description="name of the pool")]
    nodes: Annotated[int, Meta(description="number of nodes")]
    cores_per_node: Annotated[float, Meta(description="allocatable cores of a node")]
    cpu_model: Annotated[str, Meta(description="CPU model; empty: unknown")]
    quality: Annotated[
        str, Meta(description="node power is measured, derived, modelled or recorded")
    ]
    reach: Annotated[
        str, Meta(description="what the watts cover: platform, package+dram, package or empty")
    ]
    watts: Annotated[float | None, Meta(description="mean power of all its nodes")]
    utilisation: Annotated[float, Meta(description="mean busy share of the cores")]
    best_utilisation: Annotated[
        float | None,
        Meta(description="utilisation with most work per joule; null: beyond what was observed"),
    ]
    planning_ceiling: Annotated[
        float, Meta(description="utilisation above which requests are raised, not lowered")
    ]
    intercept_watts: Annotated[
        float, Meta(description="intercept of the power curve's tangent, per node")
    ]
    price_watts_per_core: Watts
    packing: Annotated[
        float | None, Meta(description="share of the nodes' cores that is requested; null: unknown")
    ]
    binding: Annotated[str, Meta(description="resource that fills the nodes: cpu, memory, both")]
    cpu_binding_factor: Annotated[
        float, Meta(description="share of a CPU cut that frees nodes: 0 where memory binds")
    ]
    reserved_unused_watts: Annotated[
        float | None,
        Meta(description="watts that cutting what is reserved and not used frees; null: unknown"),
    ]
    reasons: Annotated[tuple[str, ...], Meta(description="one sentence per finding")]
    memory_price_watts_per_gib: Annotated[
        Watts | None,
        Meta(description="watts of a reserved GiB, as far as cutting it frees a node; null: none"),
    ] = None
    stranded_cores: Annotated[
        float, Meta(description="cores left when memory is full, at the present mix of requests")
    ] = 0.0
    stranded_gib: Annotated[
        float, Meta(description="GiB left when CPU is full, at the present mix of requests")
    ] = 0.0
    freeable_gib: Annotated[
        float | None,
        Meta(
            description="GiB by which the recommended memory requests of the workloads that mostly "
            "run here are below the present ones; below 0: above; null: none is known"
        ),
    ] = None
    freeable_memory_watts: Annotated[
        Watts | None,
        Meta(description="watts of freeableGib, once the freed share of nodes is off; null: none"),
    ] = None


class Skipped(_Json, frozen=True):
    """A workload or container that got no recommendation, and why."""

    namespace: Name
    kind: Annotated[str, Meta(description="kind of the topmost controller")]
    name: Name
    container: Annotated[str | None, Meta(description="null: the whole workload")]
    reason: Annotated[str, Meta(description="one sentence")]
    vpa: Annotated[str | None, Meta(description="VerticalPodAutoscaler of ours; null: none")] = None
    condition: Annotated[
        str, Meta(description="VPA condition type that says the same; empty where none does")
    ] = ""
    is_deliberate: Annotated[
        bool, Meta(description="true: somebody switched it off, as with mode: Off")
    ] = False


class SourceLine(_Json, frozen=True):
    """Which series served one purpose, and why these."""

    purpose: Annotated[str, Meta(description="usage, memory, node power or node cpu")]
    schema: Annotated[str, Meta(description="joulefit, cadvisor, kepler-0.9, kepler-0.10, ...")]
    reason: Annotated[str, Meta(description="why this one was chosen")]


class Source(_Json, frozen=True):
    """Where the numbers come from."""

    cluster: Annotated[str, Meta(description="what told of nodes, workloads and VPAs")]
    store: Annotated[str, Meta(description="what told of usage and power")]
    window_start: Annotated[str, Meta(description="RFC 3339, UTC")]
    window_end: Annotated[str, Meta(description="RFC 3339, UTC")]
    step_seconds: Annotated[int, Meta(description="length of a time bin")]
    is_simulated: Annotated[bool, Meta(description="true: no real cluster stands behind this")]
    series: tuple[SourceLine, ...]
    warnings: Annotated[tuple[str, ...], Meta(description="what the reader should know")] = ()


class Savings(_Json, frozen=True):
    """Watts saved in all, by what happens to emptied nodes."""

    nodes_released: Annotated[Watts, Meta(description="where emptied nodes are switched off")]
    nodes_kept: Annotated[
        Watts | None, Meta(description="where emptied nodes stay on; null: not known")
    ]
    node_releaser: Annotated[
        str, Meta(description="component seen that removes empty nodes; empty: none")
    ]
    sentence: Annotated[str, Meta(description="the two with their condition, in words")]


class PerKwh(_Json, frozen=True):
    """What a kilowatt-hour carried over the window: grams of CO2e, or money."""

    unit: Annotated[str, Meta(description="gCO2e/kWh, or a currency per kWh: EUR/kWh")]
    mean: Annotated[
        float | None,
        Meta(description="over the hours of the window that are known; null: there is no number"),
    ]
    source: Annotated[str, Meta(description="constant, the metric with its labels, or the file")]
    newest: Annotated[
        str | None, Meta(description="RFC 3339 time of the newest value; null: a constant, or none")
    ]
    covered: Annotated[Share, Meta(description="share of the window's hours that are known")]
    hourly: Annotated[
        tuple[float | None, ...],
        Meta(description="mean by hour of the day (UTC), null where not known; empty: a constant"),
    ]
    reason: Annotated[str, Meta(description="why there is no number; empty where there is one")]


class Hourly(_Json, frozen=True):
    """Per hour, in the unit of its source without the /kWh, with the 90 % interval."""

    value: Annotated[float, Meta(description="per hour")]
    low: Annotated[float, Meta(description="lower end of the 90 % interval")]
    high: Annotated[float, Meta(description="upper end of the 90 % interval")]


class Flow(_Json, frozen=True):
    """What the energy of nodes carries, now and as far as it is saved."""

    per_kwh: PerKwh
    now: Annotated[
        float | None,
        Meta(description="of all nodes per hour, at their mean power; null: not known"),
    ]
    saved: Annotated[
        Hourly | None,
        Meta(description="of savings.nodesReleased, under its condition; null: not known"),
    ]


class EmbodiedCarbon(_Json, frozen=True):
    """What making the nodes of one class emitted; never added to what their energy emits."""

    node_class: Annotated[str, Meta(description="name of the pool")]
    nodes: Annotated[int, Meta(description="number of nodes")]
    kilograms: Annotated[float, Meta(description="kgCO2e of making one node")]
    lifetime_years: Annotated[float, Meta(description="years that it serves")]
    node_grams_per_hour: Annotated[float, Meta(description="gCO2e of one node, spread over them")]
    grams_per_hour: Annotated[float, Meta(description="gCO2e of all nodes, spread over them")]


class Footprint(_Json, frozen=True):
    """Carbon and cost: shown beside watts, and no part of the sizing but by objective: carbon."""

    carbon: Annotated[Flow | None, Meta(description="null: not asked for")] = None
    cost: Annotated[Flow | None, Meta(description="null: not asked for")] = None
    embodied: Annotated[
        tuple[EmbodiedCarbon, ...], Meta(description="of the classes that were named and are there")
    ] = ()
    sentences: Annotated[tuple[str, ...], Meta(description="the same in words")] = ()


class Report(_Json, frozen=True, kw_only=True):
    """What joulefit recommends for each workload, and why."""

    api_version: Literal["joulefit.io/report/v1alpha1"] = API_VERSION
    kind: Literal["Report"] = KIND
    generated_at: Annotated[str, Meta(description="RFC 3339, UTC")]
    source: Source
    pools: tuple[PoolReport, ...]
    workloads: tuple[WorkloadReport, ...]
    skipped: Annotated[
        tuple[Skipped, ...], Meta(description="workloads and containers without a number")
    ]
    savings: Savings
    footprint: Annotated[
        Footprint | None, Meta(description="carbon and cost; null: not asked for")
    ] = None
