"""The back-test of a whole cluster: the simulated one, and what its VPAs allow."""

import dataclasses
import json
from dataclasses import dataclass

import jsonschema
import pytest
from msgspec.structs import replace

from recommender.errors import UsageError
from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.model.recording import Recording
from recommender.recording import write_recording
from recommender.report.schema import backtest_schema
from recommender.settings import BacktestSettings, SizingSettings
from recommender.simulator import simulate
from recommender.trial import backtest
from recommender.units import DAY
from tests.main_job.command import joulefit

END = 1_760_054_400
SETTINGS = BacktestSettings(train=2 * DAY, test=DAY, policy=("as-requested", "stock", "T1", "T2"))


@dataclass
class Held:
    """Evidence that is there already."""

    recording: Recording

    def read(self):
        return self.recording


def silent(step, done, total):
    """Nobody watches."""


def run(recording, settings=SETTINGS, progress=silent):
    return backtest(Held(recording), settings=settings, sizing=SizingSettings(), progress=progress)


@pytest.fixture(scope="module")
def recording():
    return simulate(end=END, days=5, seed=7)


@pytest.fixture(scope="module")
def document(recording):
    return run(recording)


@pytest.fixture(scope="module")
def file(recording, tmp_path_factory):
    path = tmp_path_factory.mktemp("backtest") / "demo.joulefit"
    write_recording(path, recording)
    return path


def test_the_pool_of_the_recording_is_tested(document):
    (pool,) = document.pools
    assert (pool.name, pool.nodes, pool.tests, pool.verdict) == ("epyc-7763", 12, 3, "tested")
    assert [(row.name, row.scenario) for row in document.policies][:2] == [
        ("as-requested", "nodes-released"),
        ("as-requested", "nodes-kept"),
    ]
    assert document.node_releaser == "cluster-autoscaler"
    assert document.source.is_simulated


def test_kept_nodes_never_draw_less_than_released_ones(document):
    rows = {(row.name, row.scenario): row for row in document.policies}
    for name in SETTINGS.policy:
        kept, released = rows[name, "nodes-kept"], rows[name, "nodes-released"]
        assert kept.joules_per_work >= released.joules_per_work
        # Twelve nodes over three tested days, but for the 40 minutes that the store was away.
        assert kept.node_hours == pytest.approx(12 * (72 - 40 / 60))


def test_a_container_that_is_switched_off_keeps_its_request(recording, document):
    vpas = tuple(
        replace(vpa, policies=(ContainerPolicy("*", is_off=True),))
        for vpa in recording.cluster.vpas
    )
    off = run(replace(recording, cluster=replace(recording.cluster, vpas=vpas)))
    assert off.pools[0].containers < document.pools[0].containers


def test_least_requests_of_the_vpas_hold_for_every_rule(recording):
    floor = Amounts(cpu_millicores=4000)
    vpas = tuple(
        replace(vpa, policies=(ContainerPolicy("*", min_allowed=floor),))
        for vpa in recording.cluster.vpas
    )
    held = replace(recording, cluster=replace(recording.cluster, vpas=vpas))
    stock = BacktestSettings(train=2 * DAY, test=DAY, policy=("stock",))
    plain, floored = (run(each, stock).policies[0] for each in (recording, held))
    assert floored.exposure_share < plain.exposure_share
    assert floored.node_hours > plain.node_hours


def test_progress_names_the_pool(recording):
    steps = []
    settings = BacktestSettings(train=2 * DAY, test=DAY, policy=("as-requested",))
    run(recording, settings, lambda *step: steps.append(step))
    assert steps == [("back-test of epyc-7763", done, 3) for done in range(3)]


@pytest.mark.parametrize("changes", [{"train": 60.0}, {"test": 60.0}])
def test_less_than_a_bin_can_not_be_trained_or_tested_on(recording, changes):
    with pytest.raises(UsageError, match="is shorter than a bin"):
        run(recording, dataclasses.replace(SETTINGS, **changes))


def test_the_installed_program_prints_the_document_of_a_recording(file):
    flags = ("--train", "2d", "--test", "1d", "--policy", "stock", "--policy", "limit")
    outcome = joulefit("backtest", "--recording", file, *flags, "--output", "json")
    assert outcome.code == 0
    jsonschema.validate(outcome.json, backtest_schema())
    assert {row["name"] for row in outcome.json["policies"]} == {"stock", "limit"}
    assert outcome.stderr == ""


def test_the_program_shows_a_table_and_markdown(file):
    flags = ("--recording", file, "--train", "3d", "--test", "1d", "--policy", "stock")
    table = joulefit("backtest", *flags, "--policy", "T1").stdout
    assert table.startswith("SIMULATED")
    assert "epyc-7763: 12 nodes" in table
    assert "T1 " in table
    markdown = joulefit("backtest", *flags, "-o", "markdown").stdout
    assert "| policy | J/core-s |" in markdown


def test_the_program_says_when_the_trace_is_too_short(file):
    outcome = joulefit("backtest", "--recording", file, "-o", "json")
    (pool,) = json.loads(outcome.stdout)["pools"]
    assert pool["verdict"] == "too-short"
    assert pool["sentences"] == [
        "too short to tell: 5.0 d of history, 7 d needed to train on 5 d and test on 2 d"
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--policy", "p50"], "'p50' is not one of"),
        (["--train", "soon"], "'soon' is not a duration"),
        (["--recording", "nowhere.joulefit"], "nowhere.joulefit"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line(arguments, complaint):
    assert complaint in joulefit("backtest", *arguments).error
