"""The simulated cluster: what flows in comes out, and nothing claims to be real."""

import numpy as np
import pytest

from recommender.energy.published import server_curve
from recommender.model.identity import WorkloadRef
from recommender.recording import anonymize, read_recording, write_recording
from recommender.simulator import simulate
from recommender.sizing.pool import estimate_pools
from tests.recording.sample import array_bits

END = 1_767_225_600  # 2026-01-01T00:00:00Z
GIB = 2**30


@pytest.fixture(scope="module")
def recording():
    return simulate(end=END)


@pytest.fixture(scope="module")
def total_use(recording):
    """Cores that all pods of the recording used, [T], NaN where nothing was observed."""
    usage = recording.history.usage
    present = usage.pods.sum(axis=0) > 0
    sums = np.nansum(usage.cpu_mean.astype(float) * usage.pods, axis=0)
    return np.where(present, sums, np.nan)


def test_it_says_on_its_face_that_nothing_of_it_exists(recording):
    assert recording.is_simulated
    assert recording.cluster.source.startswith("SIMULATED cluster: 12 nodes, 40 workloads")
    assert recording.store.startswith("SIMULATED")
    purposes = {choice.purpose: choice for choice in recording.history.sources}
    assert set(purposes) == {"usage", "memory", "node cpu", "node power"}
    assert all(choice.reason.startswith("SIMULATED") for choice in purposes.values())
    assert "SPECpower_ssj2008" in purposes["node power"].reason
    assert "EPYC 7763" in purposes["node power"].reason


def test_nodes_use_what_their_pods_use_and_the_system(recording, total_use):
    """0.6 cores a node for the system and 2 % of what the pods use."""
    nodes = recording.history.nodes.cpu_used.astype(float).sum(axis=0)
    observed = ~np.isnan(nodes)
    assert np.array_equal(observed, ~np.isnan(total_use))
    assert nodes[observed] == pytest.approx(12 * 0.6 + 1.02 * total_use[observed], rel=1e-5)


def test_one_node_alone_carries_everything():
    small = simulate(end=END, days=2, nodes=1)
    usage, nodes = small.history.usage, small.history.nodes
    use = np.nansum(usage.cpu_mean.astype(float) * usage.pods, axis=0)
    assert nodes.cpu_used[0] == pytest.approx(0.6 + 1.02 * use, rel=1e-5)
    assert sum(each.replicas for each in small.cluster.workloads) > 40


def test_watts_are_those_of_the_published_curve_within_noise(recording):
    nodes = recording.history.nodes
    expected = server_curve("Lenovo SR645").power(nodes.cpu_used / 256.0)
    error = nodes.watts / expected - 1.0
    assert 0.01 < np.nanstd(error) < 0.02
    # One percent for each server, known from 12 of them to 1 / sqrt(12) = 0.3 percent.
    machines = np.nanmean(error, axis=1)
    assert abs(machines.mean()) < 0.01
    assert 0.004 < machines.std() < 0.02
    # One percent of the meter; one of the air, drawn every 6 h and interpolated between, which
    # leaves the root of 2/3 of it: together 1.29 percent.
    within = np.nanstd(error, axis=1)
    assert within.mean() == pytest.approx(0.0129, rel=0.08)


def test_a_server_stays_warm_for_hours(recording):
    """Residuals an hour apart agree in the slow part, 0.67 of 1.67 of the variance."""
    nodes = recording.history.nodes
    error = nodes.watts / server_curve("Lenovo SR645").power(nodes.cpu_used / 256.0)
    error -= np.nanmean(error, axis=1, keepdims=True)
    observed = ~np.isnan(error[:, 12:]) & ~np.isnan(error[:, :-12])
    near = np.corrcoef(error[:, 12:][observed], error[:, :-12][observed])[0, 1]
    observed = ~np.isnan(error[:, 288:]) & ~np.isnan(error[:, :-288])
    far = np.corrcoef(error[:, 288:][observed], error[:, :-288][observed])[0, 1]
    assert 0.2 < near < 0.45
    assert abs(far) < 0.15


def test_watts_between_two_published_loads_lie_between_theirs():
    """In the middle between two published loads the mean is the middle of their watts."""
    nodes = simulate(end=END, days=3).history.nodes
    use = nodes.cpu_used / 256.0
    for low, at_low, at_high in ((0.2, 194.0, 215.0), (0.3, 215.0, 238.0), (0.4, 238.0, 257.0)):
        inside = (use > low + 0.04) & (use < low + 0.06)
        assert np.mean(nodes.watts[inside]) == pytest.approx((at_low + at_high) / 2, rel=0.01)


def test_reserved_is_the_sum_of_the_placed_pods_and_the_system(recording):
    cluster = recording.cluster
    for node in cluster.nodes:
        cores, memory = 0.35, GIB / 2
        for workload in cluster.workloads:
            pods = workload.pods_on.get(node.name, 0)
            for container in workload.containers:
                cores += pods * (container.requests.cpu_millicores or 0) / 1000
                memory += pods * (container.requests.memory_bytes or 0)
        load = cluster.reserved[node.name]
        assert (load.cores, load.memory_bytes) == pytest.approx((cores, memory))
        assert load.cores <= node.cores
        assert load.memory_bytes <= node.memory_bytes


def test_every_pod_is_placed_and_counted(recording):
    for workload in recording.cluster.workloads:
        assert workload.replicas == sum(workload.pods_on.values()), workload.ref


def test_the_same_arguments_give_the_same_recording_bit_by_bit():
    first, second = (simulate(end=END, days=2, seed=3) for _ in range(2))
    assert array_bits(first.history.usage) == array_bits(second.history.usage)
    assert array_bits(first.history.nodes) == array_bits(second.history.nodes)
    assert first.cluster == second.cluster
    assert first.created == second.created == "2026-01-01T00:00:00Z"


def test_another_seed_gives_other_samples_of_the_same_fleet():
    first, second = (simulate(end=END, days=1, seed=seed) for seed in (3, 4))
    assert first.history.usage.containers == second.history.usage.containers
    assert not np.array_equal(first.history.usage.cpu_max, second.history.usage.cpu_max)


@pytest.mark.parametrize("wrong", [{"days": 0}, {"nodes": 0}], ids=str)
def test_nothing_cannot_be_simulated(wrong):
    with pytest.raises(ValueError, match="at least one day and one node"):
        simulate(end=END, **wrong)


def test_an_end_between_two_bins_is_rounded_down():
    grid = simulate(end=END + 299, days=1, nodes=1).history.usage.grid
    assert (grid.end, grid.bins) == (END, 288)


def test_the_store_was_away_twice_for_everyone(recording):
    usage, nodes = recording.history.usage, recording.history.nodes
    missing = np.isnan(nodes.watts).all(axis=0)
    assert missing.sum() == 8 + 5  # 40 and 25 minutes
    assert (usage.pods[:, missing] == 0).all()
    assert np.isnan(nodes.cpu_used[:, missing]).all()
    assert not np.isnan(nodes.watts[:, ~missing]).any()


def test_requests_fill_the_nodes_and_use_does_not(recording):
    cluster, nodes = recording.cluster, recording.history.nodes
    cores = sum(load.cores for load in cluster.reserved.values()) / (12 * 256)
    memory = sum(load.memory_bytes for load in cluster.reserved.values()) / (12 * 1012 * GIB)
    assert 0.84 < cores < 0.92
    assert 0.65 < memory < 0.75
    assert np.nanmean(nodes.cpu_used) / 256 == pytest.approx(0.30, abs=0.03)


def test_the_report_finds_the_price_that_the_published_table_gives(recording):
    """Tangents of the table between 10 and 60 % load have intercepts of 146 (30 to 40 %) to 162 W
    (40 to 50 %), but 132 W above 50 %; over 256 cores, 88 % reserved, that is 0.59 to 0.72 W."""
    (pool,) = estimate_pools(recording.cluster, recording.history.nodes)
    assert pool.name == "epyc-7763"
    assert pool.reach == "platform"
    assert pool.energy.quality == "measured"
    price = pool.energy.price
    assert 0.59 < price.watts_per_core < 0.72
    assert 0.0 < price.low < price.watts_per_core < price.high
    assert pool.energy.binding.resource == "cpu"
    # 12 nodes between the 194 W of 20 % and the 238 W of 40 %.
    assert 194 < pool.energy.mean_watts < 238


def test_it_survives_a_recording_file_and_can_be_anonymous(recording, tmp_path):
    path = tmp_path / "demo.joulefit"
    assert write_recording(path, recording) < 4_000_000
    found = read_recording(path)
    assert array_bits(found.history.usage) == array_bits(recording.history.usage)
    assert array_bits(found.history.nodes) == array_bits(recording.history.nodes)
    assert found.cluster == recording.cluster
    assert found.settings == {"days": "14", "seed": "7", "nodes": "12"}
    hidden = anonymize(found)
    shown = {each.ref for each in hidden.cluster.workloads}
    assert not {ref.name for ref in shown} & {each.ref.name for each in found.cluster.workloads}
    assert WorkloadRef("shop", "Deployment", "checkout") not in shown
