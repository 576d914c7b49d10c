"""What every command keeps: quick start, streams, exit codes, one line for an error."""

import subprocess
import sys

import pytest

from recommender import __version__
from tests.main_job.command import JOULEFIT, joulefit

COMMANDS = ["report", "explain", "compare", "backtest", "curve", "record", "run", "doctor", "demo"]


def test_help_names_every_command_and_ends_clean():
    outcome = joulefit("--help")
    assert outcome.code == 0
    assert all(f"  {command} " in outcome.stdout for command in COMMANDS)
    assert outcome.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command):
    outcome = joulefit(command, "--help")
    assert outcome.code == 0
    assert outcome.stdout.startswith(f"Usage: joulefit {command}")


def test_help_loads_neither_kubernetes_nor_kopf_nor_numpy():
    script = (
        "import sys, runpy\n"
        "sys.argv = ['joulefit', 'report', '--help']\n"
        "try: runpy.run_module('recommender', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'kubernetes', 'kopf', 'numpy', 'requests', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"


def test_the_module_is_the_same_program():
    module = subprocess.run(
        [sys.executable, "-m", "recommender", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert module.stdout == joulefit("--version").stdout == f"joulefit, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["report", "--frob"], "No such option"),
        (["report", "--history", "fortnight"], "'fortnight' is not a duration"),
        (["report", "--end", "yesterday"], "'yesterday' is not a time"),
        (["report", "--output", "xml"], "'xml' is not one of"),
        (["report", "--max-cpu", "lots"], "'lots' is not a Kubernetes quantity"),
        (["explain"], "Missing argument 'NAMESPACE/KIND/NAME'"),
        (["record"], "Missing argument 'FILE'"),
        (["run", "--dry-run"], "--dry-run needs --once"),
        (["compare", "--no-cluster"], "leave out --no-cluster"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_one_line_and_exit_code_2(arguments, complaint):
    outcome = joulefit(*arguments)
    assert complaint in outcome.error
    assert outcome.code == 2


def test_a_closed_pipe_ends_quietly():
    pipe = f"{JOULEFIT} demo | head -n 1"
    done = subprocess.run(["sh", "-c", pipe], capture_output=True, text=True, check=True)
    assert "SIMULATED" in done.stdout
    assert done.stderr == ""


def test_the_demo_shows_report_explanation_and_status_and_says_that_it_is_simulated():
    outcome = joulefit("demo")
    assert outcome.code == 0
    assert outcome.stdout.startswith("SIMULATED")
    assert "price of a reserved core" in outcome.stdout
    assert "work per joule" in outcome.stdout
    assert "containerRecommendations:" in outcome.stdout
    assert "\x1b" not in outcome.stdout  # no colour in a pipe


def test_the_module_ends_with_the_same_exit_code():
    module = subprocess.run(
        [sys.executable, "-m", "recommender", "report", "--recording", "nowhere.joulefit"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert module.returncode == 1
    assert module.stderr.startswith("error: ")


def test_an_end_in_the_future_is_refused():
    outcome = joulefit("report", "--no-cluster", "--end", "2999-01-01T00:00:00Z")
    assert outcome.code == 2
    assert "--end 2999-01-01T00:00:00Z lies in the future" in outcome.error
