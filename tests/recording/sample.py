"""A small recording in which every field holds something, and a forger of recording files."""

import json
import re
import zlib

import numpy as np

from recommender.model.cluster import (
    Amounts,
    ClusterState,
    ContainerPolicy,
    ContainerSpec,
    CpuScaler,
    LimitRange,
    NamespaceLimits,
    Node,
    NodeLoad,
    Quota,
    Rival,
    Vpa,
    Workload,
)
from recommender.model.history import (
    BURST_SHARES,
    History,
    NodeHistory,
    SourceChoice,
    TimeGrid,
    UsageHistory,
)
from recommender.model.identity import ContainerRef, PodOwners, WorkloadRef
from recommender.model.profile import LatencyGuard, MetricSelector, Profile, WorkMetric
from recommender.model.recording import Recording
from recommender.sizing.histogram import DEMAND

END = 1_767_225_600  # 2026-01-01T00:00:00Z
CART = WorkloadRef("zebra-shop", "Deployment", "quokka-cart")
LEDGER = WorkloadRef("zebra-shop", "StatefulSet", "walrus-ledger")
ROLLOUT = WorkloadRef("yak-data", "OcelotRollout", "lemur-etl")
CONTAINERS = (
    ContainerRef(ROLLOUT, "marmot-main"),
    ContainerRef(CART, "badger-app"),
    ContainerRef(LEDGER, "ferret-db"),
)
NODES = ("heron-node-1", "heron-node-2")

# Everything that could tell whose cluster it is.
NAMES = (
    "zebra", "yak", "quokka", "walrus", "lemur", "ocelot", "marmot", "badger", "ferret", "heron",
    "puffin", "vulture", "gecko", "iguana", "okapi", "tapir", "narwhal", "axolotl", "pangolin",
    "ibex", "bison", "llama",
    "toucan", "heron_orders", "ibis",
)  # fmt: skip

STATUS = {
    "observedGeneration": 3,
    "recommendation": {
        "containerRecommendations": [
            {
                "containerName": "badger-app",
                "lowerBound": {"cpu": "372m", "memory": "262144k"},
                "target": {"cpu": "411m", "memory": "1181116006"},
                "uncappedTarget": {"cpu": "411m", "memory": "1181116006"},
                "upperBound": {"cpu": "470m", "memory": "1.5Gi"},
            }
        ]
    },
    "conditions": [
        {
            "type": "RecommendationProvided",
            "status": "True",
            "lastTransitionTime": "2025-12-31T23:55:00Z",
            "reason": "IguanaReason",
            "message": "iguana says hello",
        },
        {"type": "IguanaCondition", "status": "True"},
    ],
    "iguanaField": "iguana",
}


PROFILE = Profile(
    generation=2,
    work_class="critical",
    work_metric=WorkMetric(MetricSelector("heron_orders_total", {"toucan": "ibis"}), "ibis"),
    latency=LatencyGuard(MetricSelector("toucan_seconds"), 0.5),
    objective="energy",
    status={
        "target": {"kind": "Deployment", "name": "quokka-cart"},
        "reason": "ibis",
        "containers": [
            {
                "name": "badger-app",
                "recommended": {
                    "target": {"cpu": "411m", "memory": "1181116006"},
                    "lowerBound": {"cpu": "372m", "memory": "262144k"},
                    "upperBound": {"cpu": "470m", "memory": "1.5Gi"},
                    "uncappedTarget": {"cpu": "411m", "memory": "1181116006"},
                    "toucan": {"cpu": "ibis"},
                },
                "curve": [{"request": "ibis"}],
            }
        ],
    },
    resource_version="77",
)


def make_grid():
    return TimeGrid(end=END, bins=300)  # a day and an hour: two days, the older one short


def make_usage():
    """Three rows of invented numbers with NaN, the largest and the smallest of each type."""
    rng = np.random.default_rng(5)
    grid = make_grid()
    rows = len(CONTAINERS)
    cpu_mean = rng.gamma(2.0, 0.1, (rows, grid.bins)).astype(np.float32)
    cpu_mean[0, 17] = np.nan
    cpu_mean[1, :3] = (np.finfo(np.float32).tiny, np.finfo(np.float32).max, -0.0)
    cpu_mean.view(np.uint32)[2, 5] = 0x7FC0ABCD  # a NaN that is not numpy's own
    pods = rng.integers(0, 2**16, (rows, grid.bins)).astype(np.uint16)
    cpu_days = rng.poisson(0.1, (rows, 2, DEMAND.count)).astype(np.uint32)
    cpu_days[0, 0, 0] = 2**32 - 1
    return UsageHistory(
        grid=grid,
        containers=CONTAINERS,
        cpu_mean=cpu_mean,
        pods=pods,
        cpu_days=cpu_days,
        cpu_max=np.array([1.5, np.nan, 3.25], dtype=np.float32),
        cpu_decayed=rng.random((rows, 176), dtype=np.float32),
        memory_days=np.array([[1e9, np.nan], [2e9, 3e9], [4e9, 5e9]], dtype=np.float32),
        memory_decayed=rng.random((rows, 176), dtype=np.float32),
        samples=np.array([2**62, 0, 300], dtype=np.int64),
        first=np.array([END - 90_000, 0, END - 300], dtype=np.int64),
        last=np.array([END, 0, END], dtype=np.int64),
        oom_bytes=np.array([np.nan, 1.5e9, np.nan], dtype=np.float32),
        throttled=rng.random((rows, grid.hours), dtype=np.float32),
        pressure=rng.random((rows, grid.hours), dtype=np.float32),
        latency=np.full((rows, grid.hours), np.nan, dtype=np.float32),
        burst=1 + rng.random((rows, len(BURST_SHARES)), dtype=np.float32),
    )


def make_nodes():
    grid = make_grid()
    ramp = np.linspace(0, 1, 2 * grid.bins, dtype=np.float32).reshape(2, -1)
    watts = 200 + 100 * ramp
    watts[1, 40:50] = np.nan
    return NodeHistory(
        grid=grid,
        nodes=NODES,
        watts=watts.astype(np.float32),
        cpu_used=64 * ramp,
        quality=("measured", ""),
        reach=("platform", ""),
        cpu_model=("AMD EPYC 7763", "Intel Xeon 8380"),
        frequency=2.4e9 + 1e9 * ramp,
    )


def make_cluster(**changes):
    cart = Workload(
        CART,
        containers=(
            ContainerSpec(
                "badger-app", Amounts(1500, 2**31), Amounts(None, 2**32), oom_killed=True
            ),
        ),
        replicas=6,
        pods_on={"heron-node-1": 4, "heron-node-2": 2},
        hpa_on_cpu="puffin-hpa",
        sidecars=("llama-proxy",),
        scaler=CpuScaler(0.6, "badger-app", least=2, most=12),
    )
    policy = ContainerPolicy(
        "badger-app",
        is_off=True,
        min_allowed=Amounts(50, 2**28),
        max_allowed=Amounts(cpu_millicores=2000),
        controlled=frozenset({"cpu"}),
        scales_limits=False,
    )
    vpas = (
        Vpa(
            "zebra-shop", "vulture-vpa", 3, CART,
            update_mode="Off", policies=(policy, ContainerPolicy("*")), work_class="critical",
            status=STATUS, profile=PROFILE,
        ),
        Vpa("yak-data", "gecko-vpa", 1, None, problem="deployment gecko-api does not exist"),
    )  # fmt: skip
    values = {
        "source": "API server https://okapi.example, context okapi-admin",
        "nodes": (
            Node("heron-node-1", 64.0, 2**38, "AMD EPYC 7763", "m6a.16xlarge"),
            Node("heron-node-2", 63.5, 2**38),
        ),
        "workloads": (cart, Workload(LEDGER, (ContainerSpec("ferret-db"),))),
        "vpas": vpas,
        "reserved": {
            "heron-node-1": NodeLoad(12.3, 1e11 / 3),
            "heron-node-2": NodeLoad(0.1, 7.0),
        },
        "owners": PodOwners(pods={("zebra-shop", "quokka-cart-abc-defgh"): CART}),
        "node_releaser": "karpenter",
        "warnings": ("pods of namespace tapir-lab may not be listed",),
        "limits": {
            "zebra-shop": NamespaceLimits(
                (LimitRange("ibex-range", True, Amounts(10), Amounts(20), Amounts(15), 2.0, 3.5),),
                (Quota("bison-quota", Amounts(40), Amounts(None, 2**33), Amounts(30)),),
            )
        },
        "rivals": (
            Rival("gecko-stock", "default", CART, {"badger-app": Amounts(512, 2**30)}),
            Rival("vulture-rival", "iguana-recommender", CART),
        ),
    }
    return ClusterState(**{**values, **changes})


def make_recording(**changes):
    history = History(
        usage=make_usage(),
        nodes=make_nodes(),
        sources=(SourceChoice("usage", "cadvisor", "job narwhal-kubelet has it"),),
        cluster=make_cluster(source="the store of axolotl", vpas=()),
        queries=12,
        received_bytes=345_678,
        warnings=("node heron-node-2 has no meter", "series of tapir-lab end early"),
    )
    values = {
        "created": "2026-01-01T00:01:02Z",
        "cluster": make_cluster(),
        "history": history,
        "store": "http://pangolin.example:9090",
        "is_simulated": False,
        "is_anonymous": False,
        "joulefit_version": "0.0.9",
        "settings": {"recommender_name": "axolotl", "history": "1209600.0", "end": "okapi"},
    }
    return Recording(**{**values, **changes})


def plain_fields(value, *, without=()):
    """The fields of a struct that compare with ==."""
    return {
        name: getattr(value, name)
        for name in value.__struct_fields__
        if name not in without and not isinstance(getattr(value, name), np.ndarray)
    }


def array_bits(value):
    """Type, shape and bytes of each array of a struct."""
    return {
        name: (array.dtype.str, array.shape, array.tobytes())
        for name in value.__struct_fields__
        if isinstance(array := getattr(value, name), np.ndarray)
    }


def split_file(data):
    """First line, header as plain JSON, and the packed bytes of each section."""
    match = re.match(rb"(joulefit-recording \d+\n)header (\d+) crc32 [0-9a-f]{8}\n", data)
    begin = match.end() + int(match[2])
    header = json.loads(data[match.end() : begin])
    packed = {}
    for section in header["sections"]:
        packed[section["name"]] = data[begin : begin + section["packed"]]
        begin += section["packed"]
    return match[1], header, packed


def join_file(first, header, packed):
    """A file of these parts whose checksum of the header is right."""
    text = json.dumps(header).encode()
    second = f"header {len(text)} crc32 {zlib.crc32(text):08x}\n".encode()
    return b"".join([first, second, text, *packed.values()])


def forge_section(data, name, plain=None, *, stream=None, **claims):
    """The same file with one section replaced and declared anew, as `claims` wants it."""
    first, header, parts = split_file(data)
    section = next(each for each in header["sections"] if each["name"] == name)
    if plain is not None:
        section["size"] = len(plain)
        stream = zlib.compress(plain)
    if stream is not None:
        parts[name] = stream
        section.update(packed=len(stream), crc32=f"{zlib.crc32(stream):08x}")
    section.update(claims)
    return join_file(first, header, parts)


def forge_document(data, change):
    """The same file after `change(document)` of its document."""
    document = json.loads(zlib.decompress(split_file(data)[2]["document"]))
    change(document)
    return forge_section(data, "document", json.dumps(document).encode())
