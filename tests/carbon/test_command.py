"""Carbon and cost at the command line, as a user meets them."""

import json

import pytest
from click.testing import CliRunner

from recommender.cli import main


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    path = tmp_path_factory.mktemp("carbon") / "fleet.joulefit"
    done = CliRunner().invoke(main, ["simulate", str(path), "--containers", "6", "--days", "4"])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def joulefit(recorded):
    def joulefit(command, *arguments, environment=None):
        arguments = [command, *arguments, "--recording", str(recorded)]
        return CliRunner().invoke(main, arguments, env=environment)

    return joulefit


def test_a_report_without_them_is_as_it_was(joulefit):
    assert json.loads(joulefit("report", "-o", "json").stdout)["footprint"] is None


def test_a_report_ends_with_carbon_and_cost_and_the_requests_stay(joulefit, tmp_path):
    grid = tmp_path / "grid.csv"
    grid.write_text("time,value\n2026-05-31T23:00:00Z,300\n")
    asked = ["--carbon-intensity", f"file:{grid}", "--energy-price", "0.30EUR/kWh"]
    done = joulefit("report", "-o", "json", *asked)
    assert done.exit_code == 0, done.output
    document, plain = json.loads(done.stdout), json.loads(joulefit("report", "-o", "json").stdout)
    assert document["workloads"] == plain["workloads"]
    carbon = document["footprint"]["carbon"]
    (pool,) = document["pools"]
    assert carbon["now"] == pytest.approx(pool["watts"] / 1000 * 300)
    assert carbon["perKwh"]["covered"] == pytest.approx(1 / 96)
    assert carbon["perKwh"]["newest"] == "2026-06-01T00:00:00Z"
    saved = document["savings"]["nodesReleased"]["value"]
    assert document["footprint"]["cost"]["saved"]["value"] == pytest.approx(saved * 0.0003)


def test_several_classes_stand_one_a_line_in_the_environment(joulefit):
    environment = {"JOULEFIT_EMBODIED_CARBON": "epyc-7763=1300,4y\nother=1400"}
    done = joulefit("report", environment=environment)
    assert "embodied carbon, apart: epyc-7763 37.1 gCO2e/h a node" in done.stdout
    assert "'other', which is no node class here: epyc-7763" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["--carbon-intensity", "dirty"], "--carbon-intensity 'dirty' is nothing that is known", 2),
        (["--energy-price", "0.3"], "write a number with its currency", 2),
        (["--embodied-carbon", "x"], "is not CLASS=KG[,LIFETIME]", 2),
        (["--carbon-intensity", "file:no.csv"], "no table no.csv; is its name right?", 1),
        (
            ["--energy-price", "metric:spot EUR/kWh"],
            "--energy-price names a metric, and --recording reads no store; give a number or a file",
            2,
        ),
    ],
)
def test_bad_input_is_one_line(joulefit, arguments, words, code):
    done = joulefit("report", *arguments)
    assert done.return_value == code  # the group hands it to the interpreter
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line


def test_an_explanation_says_what_the_saved_watts_carry(joulefit):
    rows = json.loads(joulefit("report", "-o", "json").stdout)["workloads"]
    row = next(row for row in rows if row["containers"][0]["wattsSaved"])
    name = f"{row['namespace']}/{row['kind']}/{row['name']}"
    done = joulefit("explain", name, "--carbon-intensity", "450")
    assert "gCO2e/h with that, at 450 gCO2e/kWh (constant)" in done.stdout
