"""`joulefit curve` through the installed program: on a real store and API server, without an API
server, and on recordings."""

import json
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from recommender.energy.published import server_curve
from recommender.evidence import LiveSource
from recommender.history.assembly import empty_history
from recommender.model.cluster import ClusterState, Node, Workload
from recommender.model.identity import WorkloadRef
from recommender.recording import write_recording
from recommender.settings import ClusterSettings, WindowSettings
from recommender.simulator import simulate
from recommender.simulator.simulation import SERVER
from tests.main_job.bad_input import ERROR, SMALL, USAGE, assert_refused
from tests.main_job.command import joulefit

SCHEMA = Path(__file__).parents[2] / "docs" / "curve.schema.json"


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """A recording of the demo's cluster."""
    path = tmp_path_factory.mktemp("curve") / "week.joulefit"
    write_recording(path, simulate(end=SMALL.end, days=7, seed=7))
    return path


@pytest.fixture(scope="module")
def recorded(week):
    outcome = joulefit("curve", "--recording", week, "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    return outcome.json


def only(document):
    (shown,) = document["classes"]
    return shown


def test_the_demos_curve_is_that_of_its_published_server(recorded):
    shown = only(recorded)
    assert (shown["name"], shown["quality"], shown["reach"]) == (
        "epyc-7763",
        "measured",
        "platform",
    )
    assert shown["nodes"] == shown["meteredNodes"] == 12
    server = server_curve(SERVER)
    for point in shown["curve"]:
        assert point["watts"] == pytest.approx(float(server.power(point["utilisation"])), rel=0.02)
        assert point["low"] <= point["watts"] <= point["high"]
    assert shown["windows"] == sum(point["windows"] for point in shown["points"])
    assert shown["bestUtilisation"] is None


def test_the_price_is_the_one_of_the_report(recorded, week):
    (pool,) = joulefit("report", "--recording", week, "-o", "json").json["pools"]
    shown = only(recorded)
    assert shown["priceWattsPerCore"] == pool["priceWattsPerCore"]
    assert shown["interceptWatts"]["value"] == pool["interceptWatts"]
    assert shown["planningCeiling"] == pool["planningCeiling"]
    assert shown["reasons"] == pool["reasons"][: len(shown["reasons"])]


def test_the_price_follows_from_the_intercept_as_the_document_says(recorded):
    shown = only(recorded)
    for end in ("value", "low", "high"):
        assert shown["priceWattsPerCore"][end] == pytest.approx(
            shown["interceptWatts"][end] / (shown["packing"] * shown["coresPerNode"])
        )


def test_the_document_conforms_to_its_published_schema(recorded):
    schema = json.loads(SCHEMA.read_text())
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(recorded)) == []


def test_the_table_draws_the_curve_and_says_that_it_is_simulated(week):
    outcome = joulefit("curve", "--recording", week)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("SIMULATED")
    for text in ("epyc-7763: watts of a node by its use", "* fit", "~ tangent", "missing: "):
        assert text in outcome.stdout
    assert "\x1b" not in outcome.stdout


def test_one_class_is_chosen_by_name(week):
    assert joulefit("curve", "--recording", week, "--class", "epyc-7763").code == 0
    assert_refused(
        joulefit("curve", "--recording", week, "--class", "epyc-776"),
        "no node class epyc-776; did you mean epyc-7763?",
        code=ERROR,
    )
    assert_refused(
        joulefit("curve", "--recording", week, "--class", "gpu"),
        "no node class gpu; there are epyc-7763",
        code=ERROR,
    )


def test_meters_can_be_ignored(week):
    shown = only(joulefit("curve", "--recording", week, "--power", "modelled", "-o", "json").json)
    assert (shown["quality"], shown["points"], shown["meteredNodes"]) == ("modelled", [], 0)


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["--recording", "nowhere.joulefit"], ["no recording nowhere.joulefit"], ERROR),
        (["--recording", "x", "--store", "http://x"], ["--recording reads neither"], USAGE),
        (["-o", "csv"], ["'csv' is not one of"], USAGE),
    ],
    ids=["no file", "two sources", "no such format"],
)
def test_what_cannot_be_is_one_line(arguments, words, code):
    assert_refused(joulefit("curve", *arguments), *words, code=code)


def test_a_cluster_without_nodes_is_said(tmp_path):
    recording = simulate(end=SMALL.end, days=1, seed=7)
    empty = replace(recording, cluster=replace(recording.cluster, nodes=()))
    write_recording(tmp_path / "empty.joulefit", empty)
    assert_refused(
        joulefit("curve", "--recording", tmp_path / "empty.joulefit"),
        "no node is known from SIMULATED cluster",
        "kube-state-metrics or the collector",
        code=ERROR,
    )


@pytest.fixture(scope="module")
def shown(live):
    outcome = live("curve", "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    return only(outcome.json)


def test_on_a_real_cluster_and_store_it_is_the_fleets_published_server(shown, fleet):
    cores = fleet.shape.cores_per_node
    assert shown["nodes"] == shown["meteredNodes"] == fleet.shape.nodes
    assert (shown["quality"], shown["reach"]) == ("derived", "platform")
    for point in shown["points"]:
        expected = float(fleet.server.watts_at(point["utilisation"], cores=cores))
        assert point["watts"] == pytest.approx(expected, rel=0.02)


def test_it_is_the_price_of_the_report_there_too_though_no_container_was_read(shown, live):
    (pool,) = live("report", "-o", "json").json["pools"]
    assert shown["priceWattsPerCore"] == pytest.approx(pool["priceWattsPerCore"])


class AskedStore:
    """A store that keeps what it was asked for."""

    kept = None

    def read(self, grid, scope):
        self.scope = scope
        return empty_history(grid)


class KnownCluster:
    def read(self):
        ref = WorkloadRef("shop", "Deployment", "web")
        return ClusterState("a test", nodes=(Node("a", 4.0, 2**34),), workloads=(Workload(ref),))


@pytest.mark.parametrize(("nodes_only", "namespaces"), [(True, set()), (False, {"shop"})])
def test_no_containers_are_asked_for_where_an_api_server_tells_the_requests(nodes_only, namespaces):
    store = AskedStore()
    LiveSource(
        store=store,
        cluster=KnownCluster(),
        settings=ClusterSettings(),
        window=WindowSettings(),
        store_name="a test",
        nodes_only=nodes_only,
    ).read()
    assert store.scope.namespaces == namespaces
    assert store.scope.node_names == {"a"}


def test_without_an_api_server_the_store_tells_of_the_nodes(shown, store_of, window):
    store = store_of("cadvisor+ksm")
    outcome = joulefit("curve", "--no-cluster", "-o", "json", "--store", store, *window)
    assert outcome.code == 0, outcome.stderr
    found = only(outcome.json)
    assert found["nodes"] == shown["nodes"]
    assert found["interceptWatts"]["value"] == pytest.approx(
        shown["interceptWatts"]["value"], rel=0.05
    )
