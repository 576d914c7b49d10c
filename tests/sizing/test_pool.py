"""Nodes of one kind form a pool; meters of different reach never share a curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.model.cluster import ClusterState, Node, NodeLoad, Workload
from recommender.model.history import NodeHistory, TimeGrid
from recommender.model.identity import WorkloadRef
from recommender.sizing.pool import choose_pools, estimate_pools, slug_of

GIB = 2**30
EPYC = "AMD EPYC 7763 64-Core Processor"


def _nodes(*names, cores=64.0, memory=256 * GIB, **more):
    return tuple(Node(name, cores, memory, **more) for name in names)


def _history(names, *, days=2, quality="measured", reach=None, cpu_model=EPYC):
    """P(U) = 100 + 200 U exactly, U swinging between 20 % and 60 % of 64 cores each day."""
    grid = TimeGrid(end=86400 * 100, bins=288 * days)
    phase = np.linspace(0, 2 * np.pi * days, grid.bins)
    use = np.tile(0.4 + 0.2 * np.sin(phase), (len(names), 1))
    return NodeHistory(
        grid=grid,
        nodes=tuple(names),
        watts=(100 + 200 * use).astype(np.float32),
        cpu_used=(64 * use).astype(np.float32),
        quality=(quality,) * len(names),
        reach=reach or ("package+dram",) * len(names),
        cpu_model=(cpu_model,) * len(names),
    )


def _cluster(nodes, *, reserved_cores=48.0):
    return ClusterState(
        source="a test",
        nodes=nodes,
        reserved={node.name: NodeLoad(reserved_cores, 64 * GIB) for node in nodes},
    )


def test_an_affine_meter_gives_the_price_of_its_intercept():
    cluster = _cluster(_nodes("a", "b"))
    (pool,) = estimate_pools(cluster, _history(["a", "b"]))
    # 100 W of intercept over 48 reserved cores a node: 2.083 W for each.
    assert pool.energy.price.watts_per_core == pytest.approx(100 / 48, rel=0.01)
    assert pool.energy.price.packing == pytest.approx(0.75)
    assert pool.used_cores == pytest.approx(2 * 0.4 * 64, rel=0.01)
    assert pool.reserved.cores == 96
    assert pool.energy.quality == "measured"


def test_nodes_of_unlike_models_or_sizes_are_pools_of_their_own_largest_first():
    nodes = _nodes("a", "b", cpu_model=EPYC) + _nodes("c", cores=32.0, cpu_model=EPYC)
    pools = estimate_pools(_cluster(nodes), _history([]))
    assert [(pool.name, len(pool.nodes)) for pool in pools] == [
        ("epyc-7763-64c", 2),
        ("epyc-7763-32c", 1),
    ]


def test_a_few_mib_of_allocatable_memory_do_not_split_a_pool():
    nodes = (Node("a", 64, 256 * GIB - 5000), Node("b", 64, 256 * GIB - 9 * 2**20))
    assert len(estimate_pools(_cluster(nodes), _history([]))) == 1


def test_an_instance_type_names_the_pool():
    nodes = _nodes("a", instance_type="m6a.16xlarge")
    (pool,) = estimate_pools(_cluster(nodes), _history([]))
    assert pool.name == "m6a.16xlarge"


def test_without_a_meter_the_pool_is_modelled_and_says_so():
    history = _history(["a"], quality="")
    history = replace(history, watts=np.full_like(history.watts, np.nan))
    (pool,) = estimate_pools(_cluster(_nodes("a")), history)
    assert pool.energy.quality == "modelled"
    assert pool.energy.mean_watts is None
    assert pool.energy.price.watts_per_core > 0


def test_power_modelled_ignores_the_meters_and_says_so():
    (pool,) = estimate_pools(_cluster(_nodes("a")), _history(["a"]), power="modelled")
    assert pool.energy.quality == "modelled"
    assert "meters are ignored" in pool.reasons[0]


def test_meters_of_different_reach_are_never_mixed():
    names = ["a", "b", "c"]
    history = _history(names, reach=("platform", "package+dram", "package+dram"))
    history.watts[0] += 400  # a platform meter sees more; mixed in, it would bend the curve
    (pool,) = estimate_pools(_cluster(_nodes(*names)), history)
    assert pool.reach == "package+dram"
    assert pool.energy.mean_watts == pytest.approx(100 + 200 * 0.4, rel=0.01)
    assert "not mixed with platform on 1" in pool.reasons[0]


@pytest.mark.parametrize("extra", [150, 400])
@pytest.mark.parametrize("few", ["platform", "package"])
def test_what_the_other_meters_read_moves_no_number(few, extra):
    names = ["a", "b", "c"]
    history = _history(names, reach=(few, "package+dram", "package+dram"))
    alone = _history(names, reach=("", "package+dram", "package+dram"))
    alone = replace(alone, quality=("", "measured", "measured"))
    history.watts[0] += extra
    (mixed,), (pure,) = (
        estimate_pools(_cluster(_nodes(*names)), each) for each in (history, alone)
    )
    assert mixed.energy.intercept == pytest.approx(pure.energy.intercept, rel=1e-9)
    assert mixed.energy.mean_watts == pytest.approx(pure.energy.mean_watts, rel=1e-9)
    assert mixed.energy.evidence.nodes == 2


def test_of_reaches_that_as_many_nodes_have_the_widest_is_taken():
    history = _history(["a", "b"], reach=("platform", "package+dram"))
    history.watts[0] += 400
    (pool,) = estimate_pools(_cluster(_nodes("a", "b")), history)
    assert (pool.reach, pool.energy.evidence.nodes) == ("platform", 1)
    assert pool.energy.price.intercept_watts == pytest.approx(500.0, rel=0.01)


def test_what_is_modelled_is_never_mixed_with_readings_however_many_nodes_have_it():
    names = ["a", "b", "c"]
    history = replace(_history(names), quality=("modelled", "measured", "modelled"))
    history.watts[[0, 2]] += 300
    (pool,) = estimate_pools(_cluster(_nodes(*names)), history)
    assert (pool.energy.quality, pool.energy.evidence.nodes) == ("measured", 1)
    assert pool.energy.price.intercept_watts == pytest.approx(100.0, rel=0.01)
    assert pool.reasons[0] == (
        "power is read as package+dram on 1 node; not mixed with what is modelled on 2"
    )


def test_where_all_is_modelled_that_makes_the_curve_and_says_so():
    history = _history(["a", "b"], quality="modelled")
    (pool,) = estimate_pools(_cluster(_nodes("a", "b")), history)
    assert (pool.energy.quality, pool.energy.evidence.nodes) == ("modelled", 2)
    assert pool.energy.price.intercept_watts == pytest.approx(100.0, rel=0.01)


def _noisy(names, *, seed=0, days=2):
    """Machines 2 % apart with noise of their own."""
    history = _history(names, days=days)
    rng = np.random.default_rng(seed)
    factor = 1.0 + 0.02 * rng.standard_normal((len(names), 1))
    factor = factor + 0.03 * rng.standard_normal(history.watts.shape)
    return replace(history, watts=(history.watts * factor).astype(np.float32))


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(6)), st.permutations(range(6)))
def test_the_price_and_its_interval_are_the_same_number_in_any_order_of_nodes(rows, machines):
    names = [f"node-{number}" for number in range(6)]
    history = _noisy(names)
    nodes = _nodes(*names)
    cluster = replace(
        _cluster(nodes),
        reserved={node.name: NodeLoad(40.1 + 0.7 * i, 64 * GIB) for i, node in enumerate(nodes)},
    )
    order = list(rows)
    mixed_history = replace(
        history,
        nodes=tuple(names[row] for row in order),
        watts=history.watts[order],
        cpu_used=history.cpu_used[order],
    )
    mixed_cluster = replace(cluster, nodes=tuple(nodes[row] for row in machines))
    (plain,), (mixed,) = (
        estimate_pools(cluster, history),
        estimate_pools(mixed_cluster, mixed_history),
    )
    assert mixed.energy.price == plain.energy.price
    assert mixed.energy.intercept == plain.energy.intercept
    assert mixed.energy.curve == plain.energy.curve
    assert mixed.energy.ceiling == plain.energy.ceiling
    assert plain.energy.price.low <= plain.energy.price.watts_per_core <= plain.energy.price.high


@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 20.0), st.integers(0, 1000))
def test_prices_scale_with_the_watts_of_the_meters(scale, seed):
    history = _noisy(["a", "b", "c", "d"], seed=seed)
    scaled = replace(history, watts=(history.watts.astype(np.float64) * scale).astype(np.float32))
    (plain,), (more,) = (
        estimate_pools(_cluster(_nodes("a", "b", "c", "d")), each) for each in (history, scaled)
    )
    for name in ("watts_per_core", "low", "high"):
        assert getattr(more.energy.price, name) == pytest.approx(
            scale * getattr(plain.energy.price, name), rel=1e-3
        )
    assert more.energy.ceiling.utilisation == pytest.approx(plain.energy.ceiling.utilisation)


def test_the_clock_of_the_nodes_reaches_the_curve():
    """A policy of 2 and 3 GHz, changed every other day, and power that rises with it."""
    names = ["a", "b"]
    history = _history(names, days=8)
    turn = (np.arange(history.grid.bins) // 576) % 2
    clock = np.tile(np.where(turn, 3e9, 2e9), (2, 1)).astype(np.float32)
    use = history.cpu_used / 64
    history = replace(history, watts=(100 + 200 * use * clock / 2.5e9).astype(np.float32))
    (blind,) = estimate_pools(_cluster(_nodes(*names)), history)
    (pool,) = estimate_pools(_cluster(_nodes(*names)), replace(history, frequency=clock))
    assert blind.energy.evidence.clock is None
    assert pool.energy.evidence.clock.full_watts == pytest.approx(200, rel=0.01)
    assert pool.energy.price.intercept_watts == pytest.approx(100, rel=0.001)


def test_a_class_is_only_as_good_as_its_worst_meter():
    history = _history(["a", "b"])
    history = replace(history, quality=("measured", "derived"))
    (pool,) = estimate_pools(_cluster(_nodes("a", "b")), history)
    assert pool.energy.quality == "derived"


def test_a_workload_has_the_pools_that_its_pods_run_in_those_with_most_of_them_first():
    nodes = _nodes("a", "b", "c") + _nodes("x", cores=16.0) + _nodes("y", cores=8.0)
    pools = estimate_pools(_cluster(nodes), _history([]))
    ref = WorkloadRef("shop", "Deployment", "web")

    def chosen(pods_on):
        shares = choose_pools(pools, Workload(ref, pods_on=pods_on))
        return [(share.pool.nodes[0].name, share.pods) for share in shares]

    assert chosen({"x": 4, "a": 1, "b": 2, "nowhere": 9}) == [("x", 4), ("a", 3)]
    assert chosen({"x": 2}) == [("x", 2)]
    assert chosen({}) == chosen({"nowhere": 2}) == [("a", 0)]
    assert choose_pools((), Workload(ref)) == ()


@pytest.mark.parametrize(
    ("model", "slug"),
    [
        (EPYC, "epyc-7763"),
        ("Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz", "xeon-platinum-8380"),
        ("", ""),
    ],
    ids=["amd", "intel", "unknown"],
)
def test_a_pool_is_named_after_the_processor_without_its_decorations(model, slug):
    assert slug_of(model) == slug


def test_processors_behind_one_instance_type_are_pools_with_names_of_their_own():
    nodes = (
        Node("a", 16, 64 * GIB, EPYC, "m5.4xlarge"),
        Node("b", 16, 64 * GIB, "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "m5.4xlarge"),
    )
    pools = estimate_pools(_cluster(nodes), _history([]))
    assert {pool.name for pool in pools} == {
        "m5.4xlarge-epyc-7763",
        "m5.4xlarge-xeon-platinum-8259cl",
    }


def test_processors_that_differ_by_their_decorations_alone_are_numbered():
    nodes = (
        Node("a", 16, 64 * GIB, "Intel(R) Xeon(R) CPU @ 2.20GHz"),
        Node("b", 16, 64 * GIB, "Intel(R) Xeon(R) CPU @ 2.80GHz"),
    )
    pools = estimate_pools(_cluster(nodes), _history([]))
    assert [pool.name for pool in pools] == ["xeon-1", "xeon-2"]


def test_sizes_of_memory_are_told_apart_in_the_name():
    nodes = _nodes("a", memory=256 * GIB) + _nodes("b", memory=512 * GIB)
    pools = estimate_pools(_cluster(nodes), _history([]))
    assert [pool.name for pool in pools] == ["nodes-256g", "nodes-512g"]
    assert [pool.nodes[0].name for pool in pools] == ["a", "b"]


@pytest.mark.parametrize("memory", [2 * GIB, 62 * GIB, 254 * GIB, 256 * GIB])
def test_no_size_lies_on_an_edge_where_some_mib_split_a_pool(memory):
    nodes = (Node("a", 64, memory - 2**23), Node("b", 64, memory + 2**23))
    assert len(estimate_pools(_cluster(nodes), _history([]))) == 1
