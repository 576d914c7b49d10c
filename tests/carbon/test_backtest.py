"""Objective carbon in the back-test: T3 is tested with the requests that it gives."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from recommender.backtest.policy import choose_rules
from recommender.cli import main
from recommender.model.intensity import Intensity, Rates
from recommender.model.profile import Profile
from recommender.recording import write_recording
from recommender.settings import BacktestSettings, SimulateSettings, SizingSettings
from recommender.simulator import simulate_fleet
from recommender.sizing.observed import observe
from recommender.sizing.pool import estimate_pools
from recommender.trial import backtest
from recommender.units import DAY
from tests.carbon.given import Given

BLOCKS = (400.0, 400.0, 300.0, 200.0, 300.0, 400.0)  # weights 1.2, 1.2, 0.9, 0.6, 0.9, 1.2


def hourly(blocks):
    return tuple(grams for grams in blocks for _ in range(4))


SOLAR = Intensity("carbon", "gCO2e", "file grid.csv", mean=1000 / 3, hourly=hourly(BLOCKS))
EVEN = Intensity("carbon", "gCO2e", "file grid.csv", mean=300.0, hourly=hourly((300.0,) * 6))


@pytest.fixture(scope="module")
def recording():
    """150 containers of bursty load on some ten nodes for five days; half of them ask for carbon."""
    found = simulate_fleet(
        SimulateSettings(
            kind="bursty", containers=150, simulated_days=5, simulated_server="Huawei RH2288 V2"
        )
    )
    asking = [replace(vpa, profile=Profile(1, objective="carbon")) for vpa in found.cluster.vpas]
    vpas = (*asking[:75], *found.cluster.vpas[75:])
    return replace(found, cluster=replace(found.cluster, vpas=vpas))


def run(recording, carbon=None, policy=("T2", "T3")):
    return backtest(
        Given(recording),
        settings=BacktestSettings(train=2 * DAY, test=DAY, policy=policy),
        sizing=SizingSettings(),
        progress=lambda *_: None,
        carbon=Given(Rates(carbon=carbon)) if carbon else None,
    )


def figures(document, name):
    return [row for row in document.policies if row.name == name]


@pytest.fixture(scope="module")
def plain(recording):
    return run(recording)


def test_the_hours_weigh_what_t3_asks_for_and_no_other_policy(recording, plain):
    weighed = run(recording, SOLAR)
    assert figures(weighed, "T2") == figures(plain, "T2")
    assert figures(weighed, "T3") != figures(plain, "T3")
    assert weighed.pools[0].sentences[-1] == (
        "for 75 workloads objective carbon: by block of the day a reserved core counts 0.60 to 1.20"
        " times (file grid.csv); it acts on requests at tier T3"
    )


def test_an_even_intensity_tests_what_saves_energy(recording, plain):
    assert run(recording, EVEN).policies == plain.policies


def test_without_an_intensity_it_is_said_that_energy_is_what_is_tested(plain):
    assert plain.pools[0].sentences[-1] == (
        "for 75 workloads objective carbon needs --carbon-intensity: energy is what is saved"
    )


def test_where_t3_is_not_tested_nothing_is_said(recording):
    sentences = run(recording, SOLAR, policy=("T2",)).pools[0].sentences
    assert not any("carbon" in sentence for sentence in sentences)


def test_only_those_are_weighed_that_ask_for_it(recording):
    (pool,) = pools = estimate_pools(recording.cluster, recording.history.nodes)
    settings = SizingSettings()
    trace = observe(recording, pool, pools, settings)
    rules = choose_rules(trace, pool, cluster=recording.cluster, settings=settings, carbon=SOLAR)
    asking = {vpa.target for vpa in recording.cluster.vpas[:75]}
    is_weighed = np.array([ref.workload in asking for ref in trace.containers])
    assert is_weighed.sum() == 75
    assert rules.weights[:, is_weighed].T.tolist() == [[1.2, 1.2, 0.9, 0.6, 0.9, 1.2]] * 75
    assert (rules.weights[:, ~is_weighed] == 1.0).all()


def test_the_command_reads_the_intensity_and_knows_no_price(recording, tmp_path):
    path, grid = tmp_path / "fleet.joulefit", tmp_path / "grid.csv"
    write_recording(path, recording)
    begin = recording.history.usage.grid.end - 86400
    rows = [f"{begin + 3600 * hour},{grams:g}" for hour, grams in enumerate(hourly(BLOCKS))]
    grid.write_text("\n".join(["time,value", *rows, ""]))
    arguments = ["backtest", "--recording", str(path), "--train", "2d", "--test", "1d"]
    arguments += ["--policy", "T3", "-o", "json", "--carbon-intensity"]
    done = CliRunner().invoke(main, [*arguments, f"file:{grid}"])
    assert done.exit_code == 0, done.output
    (pool,) = json.loads(done.stdout)["pools"]
    assert "a reserved core counts 0.60 to 1.20 times" in pool["sentences"][-1]
    refused = CliRunner().invoke(main, [*arguments, "300", "--energy-price", "0.3EUR"])
    assert refused.exit_code == 2
    assert "--energy-price" in refused.stderr
