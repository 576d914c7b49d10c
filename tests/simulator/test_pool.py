"""A fleet of the generator on published servers, as a recording."""

import numpy as np
import pytest

from recommender.energy.published import SERVERS, find_server, server_curve
from recommender.errors import UsageError
from recommender.recording import read_recording
from recommender.recording.writer import encode_recording
from recommender.settings import SimulateSettings
from recommender.simulator import simulate_fleet
from recommender.simulator.generator import FLEET_KINDS, draw_fleet
from recommender.simulator.pool import simulate_pool
from recommender.sizing.pool import estimate_pools
from tests.main_job.command import joulefit

SERVER = server_curve("HPE DL360 G10+")


@pytest.fixture(scope="module")
def fleet():
    return draw_fleet("mixed", containers=200, days=3, seed=11)


@pytest.fixture(scope="module")
def recording(fleet):
    return simulate_pool(fleet, server=SERVER)


def _row(recording, number):
    """The fleet's container of this number (from 1) among the sorted ones."""
    names = [each.workload.name for each in recording.history.usage.containers]
    return next(row for row, name in enumerate(names) if name.endswith(f"-{number:04}"))


def test_it_says_on_its_face_that_nothing_of_it_exists(recording):
    assert recording.is_simulated
    assert recording.cluster.source.startswith("SIMULATED pool: ")
    assert "HPE DL360 G10+" in recording.cluster.source
    assert recording.store.startswith("SIMULATED")
    assert all(choice.reason.startswith("SIMULATED") for choice in recording.history.sources)


def test_usage_is_the_fleets_one_pod_each(recording, fleet):
    usage = recording.history.usage
    for number in (1, 77, 200):
        row = _row(recording, number)
        assert usage.cpu_mean[row].tolist() == fleet.usage[number - 1].tolist()
        assert (usage.pods[row] == 1).all()
        assert float(np.nanmax(usage.memory_days[row])) == pytest.approx(fleet.memory[number - 1])


def test_requests_are_the_users(recording, fleet):
    workloads = {each.ref.name: each for each in recording.cluster.workloads}
    for number in (1, 50, 199):
        demand = fleet.demands[number - 1]
        requests = workloads[f"{demand}-{number:04}"].containers[0].requests
        assert requests.cpu_millicores == round(1000 * fleet.cpu_requests[number - 1])
        assert requests.memory_bytes == fleet.memory_requests[number - 1]


def test_every_workload_has_a_vpa_with_its_class(recording):
    assert {vpa.target for vpa in recording.cluster.vpas} == {
        each.ref for each in recording.cluster.workloads
    }
    for vpa in recording.cluster.vpas:
        assert vpa.work_class == ("batch" if vpa.namespace == "batch" else "standard")


def test_as_many_nodes_as_the_requests_fill_and_never_more_than_fit(recording, fleet):
    cluster = recording.cluster
    assert len(cluster.nodes) == -(-fleet.cpu_requests.sum() // (0.97 * (160 - 0.35)))
    for load in cluster.reserved.values():
        assert load.cores <= 160
        assert load.memory_bytes <= 160 * 4 * 2**30
    total = sum(load.cores for load in cluster.reserved.values())
    assert total == pytest.approx(fleet.cpu_requests.sum() + 0.35 * len(cluster.nodes))


def test_nodes_use_what_their_pods_use_and_draw_what_the_server_draws(recording, fleet):
    nodes = recording.history.nodes
    expected = 0.6 * len(nodes.nodes) + 1.02 * fleet.usage.sum(axis=0, dtype=float)
    assert nodes.cpu_used.sum(axis=0) == pytest.approx(expected, rel=1e-5)
    error = nodes.watts / SERVER.power(nodes.cpu_used / 160) - 1
    # One percent of the machine, of the air and of the meter.
    assert np.std(error) < 0.025
    assert abs(np.mean(error)) < 0.02
    assert set(nodes.quality) == {"measured"}


def test_the_price_that_is_learnt_is_the_published_servers():
    """From six days of the fleet, at the mean of the tangent intercepts of the curve."""
    week = simulate_pool(draw_fleet("daily", containers=200, days=6, seed=2), server=SERVER)
    (pool,) = estimate_pools(week.cluster, week.history.nodes)
    use = week.history.nodes.cpu_used.astype(float) / 160
    truth = SERVER.intercept(use).mean() / (pool.energy.price.packing * 160)
    assert pool.energy.price.watts_per_core == pytest.approx(truth, rel=0.05)


def test_the_same_arguments_give_the_same_bytes(recording):
    again = simulate_pool(draw_fleet("mixed", containers=200, days=3, seed=11), server=SERVER)
    assert encode_recording(again) == encode_recording(recording)


@pytest.mark.parametrize("server", SERVERS, ids=lambda each: each.name)
def test_every_published_server_takes_every_kind_of_fleet(server):
    for kind in FLEET_KINDS:
        recording = simulate_fleet(
            SimulateSettings(
                kind=kind, containers=40, simulated_days=1, simulated_server=server.name
            )
        )
        assert all(each.replicas == 1 for each in recording.cluster.workloads)
        assert recording.history.nodes.cpu_used.max() <= server.cores


def test_too_few_nodes_are_an_error_that_says_how_to_have_enough(fleet):
    with pytest.raises(UsageError, match=r"--nodes 1 is too few: \d+ of 200 containers") as caught:
        simulate_pool(fleet, server=SERVER, nodes=1)
    assert "leave --nodes out" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("HPE DL360 G10+", "HPE DL360 G10+"),
        ("hpe dl360 g10+", "HPE DL360 G10+"),
        ("8380", "HPE DL360 G10+"),
        ("EPYC 7763", "Lenovo SR645"),
        ("r7425", "Dell R7425"),
    ],
)
def test_a_server_is_found_by_its_name_or_its_cpu(text, name):
    assert find_server(text).name == name


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("VAX", r"no server 'VAX'; name one of: HP DL360 G5 \(Intel Xeon E5450\), "),
        ("EPYC", r"'EPYC' means 3 published servers; name one of: Dell R7425"),
    ],
)
def test_a_server_that_cannot_be_meant_lists_those_that_can(text, complaint):
    with pytest.raises(UsageError, match=complaint):
        find_server(text)


def test_the_command_writes_a_recording_that_a_report_reads(tmp_path):
    path = tmp_path / "pool.joulefit"
    options = ("--kind", "batch", "--containers", 12, "--days", 4, "--nodes", 3, "--seed", 5)
    written = joulefit("simulate", *options, "--server", "7601", path)
    assert written.code == 0, written.stderr
    assert "SIMULATED pool: 3 x Dell R7425, 12 containers of batch load, seed 5" in written.stderr
    report = joulefit("report", "--recording", path, "-o", "json").json
    assert len(report["workloads"]) == 12
    assert report["pools"][0]["nodes"] == 3
    again = tmp_path / "again.joulefit"
    joulefit("simulate", *options, "--server", "7601", again)
    assert again.read_bytes() == path.read_bytes()
    assert read_recording(path).settings["server"] == "Dell R7425"


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (["--server", "VAX"], 2, "no server 'VAX'"),
        (["--nodes", "1", "--containers", "2000", "--days", "1"], 2, "--nodes 1 is too few"),
        (["--containers", "5000", "--days", "60"], 2, "more than 150,000 containers x days"),
        (["--days", "0"], 2, "0 is not in the range"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_simulated_is_one_line_and_leaves_no_file(
    tmp_path, options, code, complaint
):
    outcome = joulefit("simulate", *options, tmp_path / "pool.joulefit")
    assert complaint in outcome.error
    assert outcome.code == code
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named_before_anything_is_drawn(tmp_path):
    outcome = joulefit("simulate", tmp_path / "no" / "pool.joulefit")
    assert "make it first" in outcome.error
