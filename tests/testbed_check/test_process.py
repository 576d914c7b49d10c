"""Nothing that the testbed starts outlives the test run, however that ends."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed.part import MissingPartError, find_program, require_program
from tests.testbed.process import (
    RunningService,
    Server,
    ServerStartError,
    free_port,
    wait_until,
)
from tests.testbed.store import PrometheusServer

SLEEP = shutil.which("sleep") or "/bin/sleep"


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # a zombie waits only for its parent to ask


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


class Sleeper(RunningService):
    def _start(self) -> None:
        self.launch(SLEEP, "600")


class Failing(RunningService):
    """Starts one program that runs and another that ends at once; counts its attempts."""

    attempts = 0

    def _start(self) -> None:
        self.attempts += 1
        self.first = self.launch(SLEEP, "600")
        self.launch(SLEEP, "no-number").wait_ready(lambda: False)


class Stubborn(RunningService):
    """A shell that ignores the polite signal."""

    def _start(self) -> None:
        shell = self.launch(
            "/bin/sh", "-c", 'trap "" TERM; echo ready; while :; do sleep 600; done'
        )
        shell.wait_ready(lambda: "ready" in shell.log_tail())


def test_a_service_ends_with_its_context():
    with Sleeper() as service:
        pid, folder = service.servers[0].pid, service.folder
        assert is_alive(pid)
    assert not is_alive(pid)
    assert not folder.exists()


def test_a_service_ends_when_its_context_raises():
    with pytest.raises(RuntimeError, match="the test failed"), Sleeper() as service:  # noqa: PT012
        pid = service.servers[0].pid
        raise RuntimeError("the test failed")
    assert not is_alive(pid)


def test_what_was_started_before_a_failure_ends_and_the_log_is_in_the_error():
    service = Failing()
    with pytest.raises(ServerStartError, match=r"(?s)sleep ended with 1.*no-number"):
        service.__enter__()
    assert not is_alive(service.first.pid)
    assert not service.folder.exists()


def test_a_failed_start_is_tried_three_times():
    service = Failing()
    with pytest.raises(ServerStartError):
        service.__enter__()
    assert service.attempts == 3


def test_a_program_that_ignores_the_polite_signal_is_killed(monkeypatch):
    monkeypatch.setattr("tests.testbed.process.END_SECONDS", 0.2)
    with Stubborn() as service:
        pid = service.servers[0].pid
    assert not is_alive(pid)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv; install util-linux")
def test_a_killed_test_run_takes_its_servers_with_it(tmp_path):
    script = (
        "import sys; from pathlib import Path; from tests.testbed.process import Server;"
        f"print(Server([{SLEEP!r}, '600'], Path({str(tmp_path / 'log')!r})).pid, flush=True);"
        "sys.stdin.read()"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    ) as run:
        pid = int(run.stdout.readline())
        # Only the program itself, begun by setpriv, is bound to the life of its test run.
        wait_until(lambda: name_of(pid) == Path(SLEEP).name, "the server began", seconds=10)
        run.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), "the server ended", seconds=10)


def test_a_store_ends_with_its_context():
    with PrometheusServer() as store:
        pid = store.servers[0].pid
        assert is_alive(pid)
    assert not is_alive(pid)


def test_free_ports_are_free_and_never_given_twice():
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_another_run_is_not_given_a_port_of_this_one():
    port = free_port()
    script = (
        f"import tests.testbed.process as p;p.PORT_RANGE = range({port}, {port + 1});p.free_port()"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert "ServerStartError: no free port" in run.stderr


def test_waiting_in_vain_names_what_was_waited_for():
    with pytest.raises(TimeoutError, match="pigs fly"):
        wait_until(lambda: False, "pigs fly", seconds=0.05)


def test_a_server_that_is_stopped_twice_stays_stopped(tmp_path):
    server = Server([SLEEP, "600"], tmp_path / "log")
    server.stop()
    server.stop()
    assert not server.is_running


@pytest.fixture
def no_programs(monkeypatch, tmp_path):
    """A machine with an empty PATH, an empty cache, and a folder for assets."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("JOULEFIT_TESTBED_CACHE", str(tmp_path / "cache"))
    return tmp_path


def put_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_program_is_found_in_assets_then_on_path_then_in_the_cache(no_programs):
    cached = put_program(no_programs / "cache" / "etcd-3.6.4" / "etcd")
    assert find_program("etcd") == cached
    on_path = put_program(no_programs / "path" / "etcd")
    assert find_program("etcd") == on_path
    asset = put_program(no_programs / "assets" / "etcd")
    assert find_program("etcd") == asset


@pytest.mark.usefixtures("no_programs")
def test_a_missing_program_says_how_to_get_it():
    with pytest.raises(MissingPartError, match=r"etcd is not .*: tests/testbed/install\.sh"):
        require_program("etcd")


# Both ways in which a test comes by a part, each twice: a fixture's failure is remembered.
SUITE = """
import pytest
from tests.testbed.store import PrometheusServer

@pytest.mark.parametrize("time", [1, 2])
def test_fixture(control_plane, time):
    assert control_plane

@pytest.mark.parametrize("time", [1, 2])
def test_direct(time):
    with PrometheusServer("# EOF") as store:
        assert store
"""


@pytest.mark.parametrize(
    ("ci", "outcome"),
    [("", "4 skipped"), ("true", "2 failed, 2 errors")],
    ids=["at home", "with CI=true"],
)
def test_a_missing_part_skips_at_home_and_fails_in_ci(no_programs, ci, outcome):
    (no_programs / "conftest.py").write_text("from tests.conftest import *")
    (no_programs / "test_suite.py").write_text(SUITE)
    root = Path(__file__).parents[2]
    environment = os.environ | {"CI": ci, "PYTHONPATH": str(root)}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "test_suite.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=no_programs,
        env=environment,
    )
    assert outcome in run.stdout
    assert "install with: tests/testbed/install.sh" in run.stdout
