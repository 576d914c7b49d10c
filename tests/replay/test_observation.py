"""From what was read of a cluster to the trace of its pools."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.energy.curve import NodeCurve
from recommender.model.cluster import (
    Amounts,
    ClusterState,
    ContainerSpec,
    Node,
    NodeLoad,
    Workload,
)
from recommender.model.history import NodeHistory, TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.replay.observation import estimate_visible_share, observe_pools
from recommender.replay.packer import pack
from recommender.replay.trace import NodeKind
from recommender.simulator.reduction import reduce_samples, stack_histories
from recommender.simulator.simulation import simulate
from tests.replay.build import GIB, MIDNIGHT, node_kind

NAN = math.nan
BINS = 288
GRID = TimeGrid(end=MIDNIGHT, bins=BINS)
WEB = WorkloadRef("shop", "Deployment", "web")
AGENT = WorkloadRef("kube", "DaemonSet", "agent")
POOL = node_kind(members=("a", "b"))


def usage_of(rows):
    """History of (workload, container) -> cores of each pod, [pods, bins]; NaN: it was not there."""
    histories = {}
    for (ref, name), cpu in rows.items():
        cores = np.array(cpu, dtype=np.float32)
        memory = np.full(cores.shape, NAN, dtype=np.float32)
        histories[ContainerRef(ref, name)] = reduce_samples(GRID, cores, memory, oom_bytes=NAN)
    return stack_histories(GRID, dict(sorted(histories.items())))


def pods_of(cores, pods, *, until=BINS):
    """So many pods with so many cores each, the later half of them only in the first `until` bins."""
    usage = np.full((pods, BINS), float(cores))
    usage[pods // 2 :, until:] = NAN
    return usage


def workload_of(ref=WEB, *, pods_on=None, replicas=None, specs=None, hpa=""):
    pods_on = {"a": 1, "b": 1} if pods_on is None else pods_on
    return Workload(
        ref,
        specs or (ContainerSpec("app", Amounts(1500, 2 * GIB)),),
        replicas=sum(pods_on.values()) if replicas is None else replicas,
        pods_on=pods_on,
        hpa_on_cpu=hpa,
    )


def cluster_of(*workloads, reserved=None):
    nodes = tuple(Node(name, 10.0, 100 * GIB) for name in "ab")
    return ClusterState("a test", nodes=nodes, workloads=workloads, reserved=reserved or {})


def observe(usage, cluster, *, kinds=(POOL,), **options):
    return observe_pools(usage, cluster, kinds=kinds, **options)


def known(trace):
    """Rows of containers that have a name."""
    return [row for row, ref in enumerate(trace.containers) if ref.workload.namespace]


def test_a_workload_has_the_requests_of_its_containers_and_the_usage_of_one_pod():
    trace = observe(usage_of({(WEB, "app"): pods_of(0.5, 2)}), cluster_of(workload_of()))
    assert trace.workloads[0] == WEB
    assert trace.containers[0] == ContainerRef(WEB, "app")
    assert trace.replicas[0] == 2
    assert trace.usage[0].tolist() == [0.5] * BINS
    assert trace.cpu_requests[0] == 1.5
    assert trace.memory_requests[0] == 2 * GIB
    assert trace.is_managed[0]
    assert trace.work_classes[0] == "standard"


def test_replicas_that_come_and_go_share_the_work_that_was_done():
    """Four pods for half of the day, then two, half a core each: two and one core of four pods."""
    trace = observe(
        usage_of({(WEB, "app"): pods_of(0.5, 4, until=144)}),
        cluster_of(workload_of(pods_on={"a": 2})),
    )
    assert trace.replicas[0] == 4
    assert trace.usage[0, [0, 143, 144, 287]].tolist() == [0.5, 0.5, 0.25, 0.25]
    assert trace.work == pytest.approx((144 * 2 + 144 * 1) * 300)


def test_the_pods_of_a_rollout_are_no_replicas():
    """Four pods in 12 of 288 bins, which is 4 %: they were two, and their work is not lost."""
    trace = observe(usage_of({(WEB, "app"): pods_of(0.5, 4, until=12)}), cluster_of(workload_of()))
    assert trace.replicas[0] == 2
    assert trace.usage[0, [0, 12]].tolist() == [1.0, 0.5]


def test_a_workload_that_was_never_seen_has_its_replicas_and_requests():
    trace = observe(
        usage_of({(WEB, "app"): pods_of(0.5, 2)}),
        cluster_of(workload_of(), workload_of(replace(WEB, name="new"), pods_on={"a": 3})),
    )
    new = trace.workloads.index(replace(WEB, name="new"))
    assert trace.replicas[new] == 3
    row = trace.owner.tolist().index(new)
    assert np.isnan(trace.usage[row]).all()
    assert trace.cpu_requests[row] == 1.5


@pytest.mark.parametrize("nonsense", [-1.0, np.inf, 1e30, 2 * POOL.cores + 0.1])
def test_more_than_nodes_have_and_less_than_nothing_was_not_used(nonsense):
    trace = observe(usage_of({(WEB, "app"): pods_of(nonsense, 1)}), cluster_of(workload_of()))
    assert np.isnan(trace.usage[trace.containers.index(ContainerRef(WEB, "app"))]).all()
    assert trace.work == 0.0


def test_a_workload_that_runs_nowhere_and_was_hardly_seen_stops_nothing():
    """No pod now, and a row without a sample of CPU: nothing is divided by its pods."""
    gone = workload_of(pods_on={}, replicas=0)
    trace = observe(usage_of({(WEB, "app"): pods_of(NAN, 1)}), cluster_of(gone))
    assert trace.work == 0.0


def test_a_container_without_a_request_has_its_limit_else_nothing():
    specs = (
        ContainerSpec("app", limits=Amounts(800, GIB)),
        ContainerSpec("bare"),
    )
    trace = observe(usage_of({}), cluster_of(workload_of(specs=specs)))
    assert trace.cpu_requests[:2].tolist() == [0.8, 0.0]
    assert trace.memory_requests[:2].tolist() == [GIB, 0.0]


def test_a_container_that_only_the_history_has_is_there_and_not_managed():
    """A sidecar that is an init container: its usage counts, its request is among the others."""
    trace = observe(
        usage_of({(WEB, "app"): pods_of(0.5, 2), (WEB, "proxy"): pods_of(0.25, 2)}),
        cluster_of(workload_of()),
    )
    row = trace.containers.index(ContainerRef(WEB, "proxy"))
    assert trace.usage[row, 0] == 0.25
    assert trace.cpu_requests[row] == 0.0
    assert not trace.is_managed[row]


def test_a_workload_of_two_pools_has_its_share_in_each():
    """Six pods, two of them on the first node: a third of 6 x 0.5 cores."""
    kinds = (
        node_kind("first", members=("a",), count=1),
        node_kind("second", members=("b",), count=1),
    )
    usage = usage_of({(WEB, "app"): pods_of(0.5, 6)})
    cluster = cluster_of(workload_of(pods_on={"a": 2, "b": 4}))
    first = observe(usage, cluster, kinds=kinds[:1])
    assert first.replicas[0] == 2
    assert first.work == pytest.approx(2 * 0.5 * BINS * 300)
    both = observe(usage, cluster, kinds=kinds)
    assert both.replicas[0] == 6
    assert both.allowed[0].tolist() == [True, True]
    assert both.work == pytest.approx(6 * 0.5 * BINS * 300)


def test_pods_may_run_where_some_of_them_run():
    kinds = (node_kind("first", members=("a",)), node_kind("second", members=("b",)))
    trace = observe(usage_of({}), cluster_of(workload_of(pods_on={"b": 2})), kinds=kinds)
    assert trace.allowed[0].tolist() == [False, True]


def test_a_workload_of_other_nodes_is_not_there():
    usage = usage_of({(WEB, "app"): pods_of(0.5, 2)})
    trace = observe(usage, cluster_of(workload_of(pods_on={"elsewhere": 2})))
    assert known(trace) == []


def test_a_workload_that_runs_nowhere_now_belongs_to_the_trace_that_takes_it():
    """A CronJob between two runs: it is allowed everywhere, and seen while it ran."""
    job = WorkloadRef("shop", "CronJob", "report")
    usage = usage_of({(job, "app"): pods_of(2.0, 2, until=144)})
    cluster = cluster_of(workload_of(job, pods_on={}))
    trace = observe(usage, cluster)
    assert trace.replicas[0] == 2
    assert trace.allowed[0].all()
    assert known(observe(usage, cluster, with_idle=False)) == []


def test_a_daemon_is_on_its_nodes_with_its_mean():
    trace = observe(usage_of({(AGENT, "app"): pods_of(0.1, 2)}), cluster_of(workload_of(AGENT)))
    assert trace.is_daemon[0]
    assert trace.replicas[0] == 2
    assert trace.usage[0, 0] == pytest.approx(0.1)


def test_what_scales_with_its_requests_or_gets_none_of_ours_is_not_managed():
    specs = (ContainerSpec("app"), ContainerSpec("mesh", is_injected=True))
    scaled = workload_of(replace(WEB, name="scaled"), hpa="scaled")
    trace = observe(usage_of({}), cluster_of(workload_of(specs=specs), scaled))
    assert dict(zip(trace.containers, trace.is_managed.tolist(), strict=True)) == {
        ContainerRef(WEB, "app"): True,
        ContainerRef(WEB, "mesh"): False,
        ContainerRef(scaled.ref, "app"): False,
        ContainerRef(WorkloadRef("", "Node", "node"), "others"): False,
    }


def test_what_is_managed_and_its_class_may_be_given():
    other = replace(WEB, name="other")
    trace = observe(
        usage_of({}),
        cluster_of(workload_of(), workload_of(other)),
        managed={ContainerRef(other, "app")},
        work_classes={other: "batch"},
    )
    assert trace.is_managed[:2].tolist() == [False, True]
    assert trace.work_classes[:2] == ("standard", "batch")


def nodes_of(cores):
    """History of the busy cores of node a and b, each one number or [bins]."""
    used = np.array([np.broadcast_to(each, BINS) for each in cores], dtype=np.float32)
    blank = ("",) * 2
    return NodeHistory(GRID, ("a", "b"), np.full_like(used, NAN), used, blank, blank, blank)


def others(trace):
    """Kind and name, cores, GiB, daemon?, pods and usage in the first bin of what has no name."""
    return [
        (
            f"{trace.workloads[owner].kind}/{trace.workloads[owner].name}",
            pytest.approx(trace.cpu_requests[row]),
            trace.memory_requests[row] / GIB,
            bool(trace.is_daemon[owner]),
            int(trace.replicas[owner]),
            pytest.approx(float(trace.usage[row, 0])),
        )
        for row, owner in enumerate(trace.owner)
        if not trace.workloads[owner].namespace
    ]


def test_what_others_reserve_is_a_daemon_and_a_pod_of_what_one_node_has_more():
    """3.5 and 2.5 cores are reserved, 1.5 of each by the known pod: 2 and 1 are left.

    Both nodes have 1, one has 1 more. The nodes use 4 + 3 cores, the known pods 2 x 0.5: 6 are
    left, two thirds of them the daemon's, 2 cores on each node.
    """
    reserved = {"a": NodeLoad(3.5, 6 * GIB), "b": NodeLoad(2.5, 3 * GIB)}
    trace = observe(
        usage_of({(WEB, "app"): pods_of(0.5, 2)}),
        cluster_of(workload_of(), reserved=reserved),
        nodes=nodes_of([4.0, 3.0]),
    )
    assert others(trace) == [
        ("Node/node", 1.0, 1.0, True, 2, 2.0),
        ("Pods/a", 1.0, 3.0, False, 1, 2.0),
    ]
    assert trace.work == pytest.approx(7.0 * BINS * 300)


def test_what_is_visible_is_the_share_of_the_known_workloads():
    """2 x 0.5 of 4 + 3 cores; all of it where the nodes' use is not known."""
    usage = usage_of({(WEB, "app"): pods_of(0.5, 2)})
    trace = observe(usage, cluster_of(workload_of()), nodes=nodes_of([4.0, 3.0]))
    assert estimate_visible_share(trace) == pytest.approx(1 / 7)
    assert estimate_visible_share(observe(usage, cluster_of(workload_of()))) == 1.0
    assert estimate_visible_share(observe(usage_of({}), cluster_of(workload_of()))) == 0.0


def test_without_the_nodes_usage_others_reserve_and_use_nothing():
    reserved = {"a": NodeLoad(2.0, 0.0), "b": NodeLoad(2.0, 0.0)}
    trace = observe(usage_of({}), cluster_of(workload_of(), reserved=reserved))
    assert others(trace) == [("Node/node", 0.5, 0.0, True, 2, 0.0)]


def test_use_without_any_request_is_every_nodes():
    """The kernel and the kubelet: 3 cores on each node beyond the known ones."""
    trace = observe(
        usage_of({(WEB, "app"): pods_of(0.5, 2)}), cluster_of(workload_of()), nodes=nodes_of([4, 3])
    )
    assert others(trace) == [("Node/node", 0.0, 0.0, True, 2, 3.0)]


def test_a_node_that_was_not_seen_uses_what_the_others_use():
    trace = observe(usage_of({}), cluster_of(workload_of()), nodes=nodes_of([4.0, NAN]))
    assert others(trace) == [("Node/node", 0.0, 0.0, True, 2, 4.0)]


def test_nodes_that_use_less_than_their_pods_leave_nothing_for_others():
    """The meters of containers and nodes never agree to the last digit."""
    trace = observe(
        usage_of({(WEB, "app"): pods_of(0.5, 2)}),
        cluster_of(workload_of(), reserved={"a": NodeLoad(1.4, 0.0)}),
        nodes=nodes_of([0.4, 0.5]),
    )
    assert others(trace) == [("Node/node", 0.0, 0.0, True, 2, 0.0)]


def test_bins_in_which_no_container_was_seen_are_left_out():
    usage = pods_of(0.5, 2)
    usage[:, 100:110] = NAN
    trace = observe(
        usage_of({(WEB, "app"): usage}), cluster_of(workload_of()), nodes=nodes_of([4, 3])
    )
    assert trace.bins.tolist() == [*range(100), *range(110, 288)]
    assert trace.usage.shape[1] == 278


def test_invented_nodes_have_no_others():
    trace = observe(usage_of({}), cluster_of(workload_of()), kinds=(node_kind(),))
    assert trace.workloads == ()


@pytest.fixture(scope="module")
def recording():
    return simulate(end=MIDNIGHT, days=3, seed=7, nodes=6)


@pytest.fixture(scope="module")
def simulated(recording):
    cluster = recording.cluster
    cores = cluster.nodes[0].cores
    kind = NodeKind(
        "epyc",
        cores,
        cluster.nodes[0].memory_bytes,
        len(cluster.nodes),
        NodeCurve(cores=cores, base=150.0, linear=250.0),
        tuple(node.name for node in cluster.nodes),
    )
    return observe_pools(
        recording.history.usage, cluster, kinds=(kind,), nodes=recording.history.nodes
    )


def test_the_simulated_cluster_reserves_in_the_trace_what_its_pods_reserve(recording, simulated):
    """All that the scheduler counts, jobs that do not run at this moment apart."""
    trace = simulated
    running = {each.ref for each in recording.cluster.workloads if each.pods_on}
    is_running = np.array([not ref.namespace or ref in running for ref in trace.workloads])
    pods = np.where(is_running, trace.replicas, 0)[trace.owner]
    reserved = recording.cluster.reserved.values()
    assert pods @ trace.cpu_requests == pytest.approx(
        sum(load.cores for load in reserved), rel=0.05
    )
    assert pods @ trace.memory_requests == pytest.approx(
        sum(load.memory_bytes for load in reserved), rel=0.05
    )


def test_the_simulated_cluster_works_in_the_trace_what_its_nodes_worked(recording, simulated):
    used = np.nansum(recording.history.nodes.cpu_used, dtype=np.float64) * simulated.grid.step
    assert simulated.work == pytest.approx(used, rel=0.01)


def test_the_simulated_cluster_fits_on_about_the_nodes_that_it_has(simulated):
    packing = pack(simulated, simulated.cpu_requests, seed=1)
    assert packing.unplaced.sum() == 0
    assert 5 <= packing.nodes <= 7
