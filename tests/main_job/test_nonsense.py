"""One workload's nonsense hurts that workload only: the others get the same status, byte for byte.

What is generated goes beyond what an API server lets through, for CRDs and admission differ.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.cluster.fake import FakeApi
from recommender.cluster.reader import ClusterReader
from recommender.cluster.resource import VPAS
from recommender.cluster.writer import StatusWriter
from recommender.cycle import run_once
from recommender.model.history import History, NodeHistory, TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.model.recording import Recording
from recommender.settings import ClusterSettings, SizingSettings
from recommender.simulator.reduction import reduce_samples, stack_histories
from recommender.units import parse_bytes, parse_millicores
from tests.cluster import builder
from tests.cluster.builder import deployment_with_pods, owned_by, vpa

GIB = 2**30
GRID = TimeGrid(end=86400 * 20_000, bins=4 * 288)
PARSE = {"cpu": parse_millicores, "memory": parse_bytes}
MAPS = ("target", "lowerBound", "upperBound", "uncappedTarget")


def _usage():
    """Ordinary use of the good workloads, and every kind of bad number for the odd one."""
    rng = np.random.default_rng(5)
    plain = rng.lognormal(-1.5, 0.4, (2, GRID.bins))
    kinds = {
        "app": (plain, 2 * GIB),
        "nan": (np.nan, np.nan),
        "zero": (0.0, 0.0),
        "huge": (1e30, 1e30),
        "endless": (np.inf, np.inf),
        "negative": (-1.0, -1.0),
        "tiny": (1e-30, 1e-30),
    }
    rows = {}
    for (ns, name), used in [
        (("shop", "web"), {"app": kinds["app"]}),
        (("wild", "good"), {"app": kinds["app"]}),
        (("wild", "odd"), kinds),
    ]:
        for container, (cpu, memory) in used.items():
            shape = (2, GRID.bins)
            with np.errstate(all="ignore"):
                rows[ContainerRef(WorkloadRef(ns, "Deployment", name), container)] = reduce_samples(
                    GRID,
                    np.broadcast_to(cpu, shape).astype(np.float32),
                    np.broadcast_to(memory, shape).astype(np.float32),
                )
    return stack_histories(GRID, rows)


def _nodes():
    """One node of 64 cores that draws 100 W + 200 W x use."""
    use = 0.4 + 0.2 * np.sin(np.linspace(0, 8 * np.pi, GRID.bins))[None, :]
    return NodeHistory(
        grid=GRID,
        nodes=("n1",),
        watts=(100 + 200 * use).astype(np.float32),
        cpu_used=(64 * use).astype(np.float32),
        quality=("measured",),
        reach=("platform",),
        cpu_model=("AMD EPYC 7763 64-Core Processor",),
    )


HISTORY = History(usage=_usage(), nodes=_nodes(), sources=())


def good_objects():
    return [
        builder.node("n1", cpu="64", memory="256Gi"),
        *deployment_with_pods("shop", "web", node="n1"),
        vpa("shop", "web"),
        *deployment_with_pods("wild", "good", node="n1"),
        vpa("wild", "good", resourcePolicy=builder.policy(minAllowed={"cpu": "50m"})),
    ]


@dataclass(frozen=True)
class Source:
    api: FakeApi
    settings: ClusterSettings = field(default_factory=ClusterSettings)
    change: Callable | None = None

    def read(self):
        cluster = ClusterReader(self.api, self.settings).read()
        cluster = self.change(cluster) if self.change else cluster
        return Recording(
            created="2026-01-01T00:00:00Z", cluster=cluster, history=HISTORY, store="x"
        )


def run(objects):
    """The statuses of all VPAs after a cycle, without times, and the cycle."""
    api = FakeApi([*good_objects(), *objects])
    cycle = run_once(Source(api), StatusWriter(api), settings=SizingSettings(), with_curves=False)
    statuses = {
        (change.vpa.namespace, change.vpa.name): api.get(
            VPAS, change.vpa.namespace, change.vpa.name
        ).get("status")
        for change in cycle.changes
    }
    return statuses, cycle


def as_bytes(status, keys):
    timeless = [
        {key: value for key, value in each.items() if key != "lastTransitionTime"}
        for each in status["conditions"]
    ]
    whole = {**status, "conditions": timeless}
    return json.dumps({key: whole[key] for key in keys}, sort_keys=True)


# --- the nonsense ----------------------------------------------------------------------------

QUANTITIES = st.sampled_from(
    [
        *(None, "", "0", "-1", "NaN", "nan", "inf", "1e-9", "1n", "9E", "-9E", "1e999", "1e-999"),
        *("0x10", "\uff11", "1.5Gi", "100m", "9" * 400, "🦊", " 1 ", 0, -5, 7, 1e300, 0.1),
    ]
)
AMOUNTS = st.none() | st.fixed_dictionaries(
    {}, optional={"cpu": QUANTITIES, "memory": QUANTITIES, "nvidia.com/gpu": QUANTITIES}
)
TEXTS = st.text(max_size=40) | st.sampled_from(["x" * 5000, "../../x", "Ünïcødé", "\x1b[31m\n"])
CONTAINERS = st.sampled_from(["app", "nan", "zero", "huge", "endless", "negative", "tiny"]) | TEXTS
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def mostly(usual, odd):
    """The usual seven times of eight: nonsense in every place at once would hide itself."""
    return st.integers(0, 7).flatmap(lambda number: usual if number else odd)


def some(**fields):
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def _containers(draw):
    odd = ["nan", "zero", "huge", "endless", "negative", "tiny"]
    known = st.just("app") | st.sampled_from(odd)
    made = st.fixed_dictionaries(
        {"name": mostly(known, TEXTS)},
        optional={
            "resources": some(requests=AMOUNTS, limits=AMOUNTS),
            "restartPolicy": st.sampled_from(["Always", "Never", "x"]),
        },
    ) | some(
        resources=some(requests=AMOUNTS, limits=AMOUNTS),
    )
    listed = draw(mostly(st.lists(made, min_size=1, max_size=4), st.none()))
    if draw(st.integers(0, 9)) == 0:
        listed = [*(listed or []), *({"name": f"c{number}"} for number in range(200))]
    return listed


POD_SPECS = some(containers=_containers(), initContainers=_containers(), overhead=AMOUNTS)
ENTRIES = some(
    containerName=CONTAINERS | JSON,
    **dict.fromkeys(MAPS, AMOUNTS | JSON),
)
STATUSES = JSON | some(
    recommendation=JSON | some(containerRecommendations=st.lists(ENTRIES | JSON, max_size=4)),
    conditions=JSON
    | st.lists(JSON | some(type=TEXTS, status=JSON, lastTransitionTime=JSON, message=JSON)),
    observedGeneration=JSON,
    more=JSON,
)
POLICIES = some(
    containerName=CONTAINERS | st.just("*"),
    mode=mostly(st.sampled_from(["Auto", "Off", None]), st.just("x")),
    minAllowed=mostly(st.none() | st.just({"cpu": "1n", "memory": "9E"}), AMOUNTS),
    maxAllowed=mostly(st.none() | st.just({"cpu": "9E", "memory": "1e-9"}), AMOUNTS),
    controlledResources=st.none() | st.lists(st.sampled_from(["cpu", "memory", "disk", ""])),
    controlledValues=mostly(
        st.sampled_from(["RequestsOnly", "RequestsAndLimits", None]), st.just("x")
    ),
)


@st.composite
def _vpa_objects(draw, name):
    target = {"kind": "Deployment", "name": "odd", "apiVersion": "apps/v1"}
    made = vpa("wild", name, target="odd")
    made["spec"] = {
        "recommenders": [
            {"name": "joulefit"},
            *draw(mostly(st.just([]), st.lists(some(name=TEXTS), max_size=1))),
        ],
        "targetRef": draw(
            mostly(
                st.just(target),
                some(kind=TEXTS, name=TEXTS, apiVersion=TEXTS | st.just("v1")) | JSON,
            )
        ),
        "updatePolicy": draw(mostly(some(updateMode=TEXTS | st.just("Off")), JSON)),
        "resourcePolicy": draw(
            mostly(st.none() | some(containerPolicies=st.lists(POLICIES, max_size=3)), JSON)
        ),
    }
    made["metadata"] |= draw(
        some(
            annotations=st.dictionaries(
                st.just("joulefit.io/work-class"), mostly(st.just("batch"), TEXTS)
            ),
            generation=st.integers(-5, 2**62),
        )
    )
    made["status"] = draw(STATUSES)
    return made


@st.composite
def _odd_objects(draw):
    """A workload with its pods, VPAs, HPA, LimitRange and ResourceQuota, all of them odd."""
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"odd-5d4f8c7b9-{suffix}",
                "namespace": "wild",
                "labels": {"app": "odd"},
                "ownerReferences": owned_by("Deployment", "odd"),
                "annotations": draw(
                    mostly(st.none(), st.dictionaries(st.just("vpaObservedContainers"), TEXTS))
                ),
            },
            "spec": draw(POD_SPECS),
            "status": draw(
                some(
                    phase=st.sampled_from(["Running", "Failed", "Succeeded", "x", None]),
                    containerStatuses=st.lists(
                        some(
                            name=CONTAINERS,
                            state=some(terminated=some(reason=st.just("OOMKilled") | TEXTS)),
                        ),
                        max_size=2,
                    ),
                )
            ),
        }
        for suffix in ["bcdfg", "hjklm"][: draw(st.integers(0, 2))]
    ]
    head = {"name": "odd", "namespace": "wild"}
    metrics = st.lists(some(resource=some(name=TEXTS | st.just("cpu"))), max_size=2)
    target = st.just({"kind": "Deployment", "name": "odd"}) | some(kind=TEXTS, name=TEXTS)
    rules = mostly(st.sampled_from([{"cpu": "1n"}, {"cpu": "9E"}, {"memory": "1Gi"}]), AMOUNTS)
    limit = some(
        type=mostly(st.sampled_from(["Container", "Pod"]), TEXTS),
        **dict.fromkeys(["min", "max", "default", "maxLimitRequestRatio"], rules),
    )
    counts = st.dictionaries(
        st.sampled_from(["requests.cpu", "limits.cpu", "cpu", "requests.memory", "pods"]),
        QUANTITIES,
    )
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": head,
            "spec": draw(some(selector=some(matchLabels=st.none()), template=some(spec=POD_SPECS))),
        },
        *pods,
        *(draw(_vpa_objects(name)) for name in ["odd", "o" * 253][: draw(st.integers(1, 2))]),
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": head,
            "spec": draw(some(scaleTargetRef=target, metrics=metrics)),
        },
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "odd", "namespace": draw(st.sampled_from(["wild", "odd"]))},
            "spec": draw(some(limits=st.none() | st.lists(limit, max_size=3))),
        },
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "odd", "namespace": draw(st.sampled_from(["wild", "odd"]))},
            "spec": draw(some(scopes=st.lists(TEXTS, max_size=1))),
            "status": draw(some(hard=counts, used=counts)),
        },
    ]


def check_published(status):
    """Whatever is recommended is above zero, whole, in order and of known resources."""
    recommendation = status.get("recommendation", {})
    for entry in recommendation.get("containerRecommendations", []):
        assert entry["target"]
        for resource in entry["target"]:
            target, lower, upper, uncapped = (
                PARSE[resource](str(entry[key][resource])) for key in MAPS
            )
            assert 0 < lower <= target <= upper < 2**62
            assert uncapped > 0


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(_odd_objects())
def test_nonsense_of_one_workload_leaves_the_statuses_of_the_others_as_they_are(objects):
    clean, _ = run([])
    statuses, cycle = run(objects)
    for key in [("shop", "web"), ("wild", "good")]:
        is_ruled = any(item["metadata"]["namespace"] == key[0] for item in objects[-2:])
        part = ("recommendation",) if is_ruled else tuple(clean[key])  # rules may be spoken of
        assert as_bytes(statuses[key], part) == as_bytes(clean[key], part)
        check_published(statuses[key])
    for key in statuses.keys() - clean.keys():
        check_published(statuses[key])
    reasons = [row.reason for row in cycle.report.skipped]
    reasons += [change.error for change in cycle.changes]
    assert [reason for reason in reasons if "internal error" in reason] == []


def test_the_good_workloads_of_this_test_are_really_sized():
    statuses, _ = run([])
    assert all("recommendation" in status for status in statuses.values())
    (entry,) = statuses["shop", "web"]["recommendation"]["containerRecommendations"]
    assert set(entry["target"]) == {"cpu", "memory"}


def test_a_vpa_whose_status_cannot_be_built_fails_alone_and_stays_as_it_is():
    class Broken(dict):
        def items(self):
            raise RuntimeError("out of joint")

    def break_one(cluster):
        vpas = [
            replace(each, status=Broken()) if each.name == "web" else each for each in cluster.vpas
        ]
        return replace(cluster, vpas=tuple(vpas))

    api = FakeApi(good_objects())
    cycle = run_once(
        Source(api, change=break_one),
        StatusWriter(api),
        settings=SizingSettings(),
        with_curves=False,
    )
    outcomes = {change.vpa.name: (change.outcome, change.error) for change in cycle.changes}
    assert outcomes["good"] == ("written", "")
    outcome, error = outcomes["web"]
    assert outcome == "failed"
    assert "RuntimeError('out of joint'); please report it" in error
    assert "status" not in api.get(VPAS, "shop", "web")
