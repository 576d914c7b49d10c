"""`joulefit record --from-csv`: tables in, a recording out, through the installed program."""

import gzip

import pytest

from recommender.model.identity import WorkloadRef
from recommender.recording import read_recording
from recommender.simulator.generator import draw_fleet
from recommender.table import TableSource
from recommender.units import format_time
from tests.main_job.command import joulefit
from tests.table.sheet import (
    GIB,
    HEADER,
    MIDNIGHT,
    NODE_HEADER,
    REQUESTS,
    node_row,
    quiet,
    row,
    write,
)

DAYS = 4


@pytest.fixture(scope="module")
def fleet():
    return draw_fleet("mixed", containers=12, days=DAYS, seed=8, end=MIDNIGHT)


@pytest.fixture(scope="module")
def usage_table(fleet, tmp_path_factory):
    """The fleet as somebody else's gzipped table."""
    path = tmp_path_factory.mktemp("tables") / "usage.csv.gz"
    lines = [HEADER + REQUESTS]
    for at in range(fleet.grid.bins):
        time = format_time(fleet.grid.start + 300 * (at + 1))
        lines += [
            f"{time},fleet,w{number:02},Deployment,app,w{number:02}-x,{fleet.usage[number, at]:.6g},"
            f"{fleet.memory[number]:.0f},{fleet.cpu_requests[number]},"
            f"{fleet.memory_requests[number]:.0f}"
            for number in range(12)
        ]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), 1))
    return path


@pytest.fixture(scope="module")
def node_table(fleet, usage_table):
    """Two nodes whose power is 100 W and 2 W a core, over a range of use."""
    lines = [NODE_HEADER]
    for at in range(fleet.grid.bins):
        used = float(fleet.usage[:, at].sum()) / 2
        lines += [
            node_row(300 * (at + 1) - DAYS * 86400, f"n{node}", 100 + 2 * used, used, cores=32)
            for node in (1, 2)
        ]
    path = usage_table.with_name("nodes.csv")
    path.write_text("\n".join(lines))
    return path


def _record(tmp_path, *options):
    path = tmp_path / "week.joulefit"
    return joulefit("record", *options, path), path


def _report(path):
    return joulefit("report", "--recording", path, "-o", "json").json


def test_usage_alone_is_reported_without_a_price(tmp_path, usage_table, fleet):
    done, path = _record(tmp_path, "--from-csv", usage_table)
    assert done.code == 0, done.stderr
    assert "12 containers" in done.stderr
    assert "warning" not in done.stderr
    report = _report(path)
    assert report["pools"] == []
    assert len(report["workloads"]) == 12
    containers = [each["containers"][0] for each in report["workloads"]]
    assert {each["tier"] for each in containers} == {"T0"}
    assert all(each.get("wattsSaved") is None for each in containers)
    recording = read_recording(path)
    assert not recording.is_simulated
    assert recording.cluster.source == "table usage.csv.gz"
    first = recording.cluster.workloads[0].containers[0].requests
    assert first.cpu_millicores == round(1000 * fleet.cpu_requests[0])


def test_nodes_of_a_table_give_a_measured_price(tmp_path, usage_table, node_table):
    done, path = _record(tmp_path, "--from-csv", usage_table, "--nodes", node_table)
    assert done.code == 0, done.stderr
    (pool,) = _report(path)["pools"]
    assert pool["nodes"] == 2
    assert pool["quality"] == "recorded"
    # Affine: the intercept is 100 W at any use, and unmeasured packing counts as full.
    assert pool["priceWattsPerCore"]["value"] == pytest.approx(100 / 32, rel=0.05)


def test_a_server_stands_in_for_nodes_and_says_so(tmp_path, usage_table):
    done, path = _record(tmp_path, "--from-csv", usage_table, "--server", "EPYC 7763")
    assert done.code == 0, done.stderr
    assert (
        "warning: nodes and their power are modelled: 1 x Lenovo SR645 hold the pods" in done.stderr
    )
    (pool,) = _report(path)["pools"]
    assert pool["quality"] == "modelled"
    power = {each.purpose: each for each in read_recording(path).history.sources}["node power"]
    assert power.reason.startswith("MODELLED: published curve of Lenovo SR645")


def test_names_of_a_table_can_be_taken_out(tmp_path, usage_table):
    done, path = _record(tmp_path, "--from-csv", usage_table, "--anonymize")
    assert done.code == 0, done.stderr
    recording = read_recording(path)
    assert recording.is_anonymous
    assert "usage.csv" not in recording.cluster.source
    assert all(each.ref.namespace != "fleet" for each in recording.cluster.workloads)


def test_bad_rows_are_a_warning_and_the_rest_is_recorded(tmp_path):
    table = write(tmp_path, row(300, 1), row(600, "much"), row(900, 1))
    done, path = _record(tmp_path, "--from-csv", table)
    assert done.code == 0
    assert "warning: 1 of 3 rows of usage.csv cannot be read" in done.stderr
    assert "line 3: cpu_cores 'much' is no number" in done.stderr
    assert read_recording(path).history.usage.samples.tolist() == [2]


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (["--from-csv", "no.csv"], 1, "no table no.csv; is its name right?"),
        (["--from-csv", "TABLE", "--server", "VAX"], 2, "no server 'VAX'"),
        (["--from-csv", "TABLE", "--nodes", "TABLE"], 1, "lacks the columns node, watts"),
        (["--from-csv", "TABLE", "--nodes", "n.csv", "--server", "R7425"], 2, "leave out one"),
        (["--nodes", "n.csv"], 2, "--nodes needs --from-csv"),
        (["--from-csv", "TABLE", "--store", "http://x:1"], 2, "--store chooses what is read"),
        (["--from-csv", "TABLE", "-n", "shop"], 2, "chooses what is read from a cluster"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_recorded_is_one_line_and_leaves_no_file(tmp_path, options, code, complaint):
    table = write(tmp_path, row(300, 1))
    arguments = [table if each == "TABLE" else each for each in options]
    outcome, path = _record(tmp_path, *arguments)
    assert complaint in outcome.error
    assert outcome.code == code
    assert not path.exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failed_import_leaves_the_older_recording_as_it_was(tmp_path):
    table = write(tmp_path, row(86400 * 3, 1), row(300, 1))
    path = tmp_path / "week.joulefit"
    path.write_bytes(b"older")
    outcome, _ = _record(tmp_path, "--from-csv", table)
    assert "goes back in time by more than a day" in outcome.error
    assert path.read_bytes() == b"older"


def test_control_characters_of_a_table_do_not_reach_the_terminal(tmp_path):
    table = write(tmp_path, row(300, 1), row(300, "\x1b[2J"))
    outcome, _ = _record(tmp_path, "--from-csv", table)
    assert "\x1b" not in outcome.stderr


def test_pods_with_known_nodes_reserve_there(tmp_path):
    """Only where it is known of every pod."""
    header = HEADER + REQUESTS + ",node"
    lines = [row(300, 1, pod=f"web-{pod}", rest=f",2,{GIB},n{pod}") for pod in (1, 2)]
    nodes = write(
        tmp_path,
        *(node_row(300, f"n{node}", 100, 1) for node in (1, 2)),
        header=NODE_HEADER,
        name="nodes.csv",
    )
    table = write(tmp_path, *lines, header=header)
    cluster = TableSource(table, nodes, "", quiet).read().cluster
    assert cluster.workloads[0].ref == WorkloadRef("shop", "Deployment", "web")
    assert cluster.workloads[0].pods_on == {"n1": 1, "n2": 1}
    assert {name: load.cores for name, load in cluster.reserved.items()} == {"n1": 2.0, "n2": 2.0}
    table = write(tmp_path, *lines, row(300, 1, pod="web-3", rest=",2,,"), header=header)
    cluster = TableSource(table, nodes, "", quiet).read().cluster
    assert cluster.workloads[0].replicas == 3
    assert cluster.reserved == {}


def test_a_request_of_nothing_is_none(tmp_path):
    table = write(tmp_path, row(300, 1, rest=",0,0"), header=HEADER + REQUESTS)
    (workload,) = TableSource(table, None, "", quiet).read().cluster.workloads
    requests = workload.containers[0].requests
    assert (requests.cpu_millicores, requests.memory_bytes) == (None, None)
