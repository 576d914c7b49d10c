"""It needs none of the host's namespaces but the view of cgroups, and no root that it can write."""

import re

import pytest
import requests

from tests.collector.deployment.privilege import (
    NEEDED,
    NOBODY,
    ROOT,
    collector,
    command_with,
    environment,
    run,
)
from tests.testbed.part import require_program
from tests.testbed.process import Server, free_port

# Namespaces of its own as a pod has them; all is read-only but one folder in memory.
_ISOLATED = """
mount -o remount,bind,ro / && mount -t tmpfs none "$1" && shift && exec "$@"
"""


@pytest.fixture
def scratch(place):
    folder = place / "scratch"
    folder.mkdir()
    return folder


def test_own_process_ids_and_a_root_that_is_read_only_are_enough(look, scratch):
    unshare = [str(require_program("unshare")), "--mount", "--propagation", "private"]
    unshare += ["--pid", "--fork", "--mount-proc", "--ipc", "--uts", "--net", "--kill-child"]
    inside = command_with(NEEDED, *collector("doctor", *look))
    command = [*unshare, "sh", "-c", _ISOLATED, "sh", str(scratch), *inside]

    text, code = run(command, TMPDIR=str(scratch), HOME=str(scratch), XDG_CACHE_HOME="")

    assert re.search(r"activity    used: (counters|time):", text), text
    assert "power       used: rapl: package 0\n" in text
    assert code == 0


def test_with_those_alone_it_runs_serves_and_keeps_its_state(look, scratch, tmp_path):
    scratch.chmod(0o777)
    port, state = free_port(), scratch / "state"
    arguments = ("run", *look, "--listen", f"127.0.0.1:{port}", "--state", state)
    command = command_with(
        NEEDED, "env", "-C", ROOT, *collector(*arguments, "--interval", "1s"), user=NOBODY
    )
    server = Server(command, tmp_path / "collector.log", environment=environment())
    try:
        url = f"http://127.0.0.1:{port}"
        server.wait_ready(lambda: _answers(f"{url}/readyz"))
        text = requests.get(f"{url}/metrics", timeout=5).text
    finally:
        server.stop()

    assert re.search(
        r'^joulefit_collector_probe_level{level="(counters|time)"} 1', text, re.MULTILINE
    )
    assert 'joulefit_node_energy_joules_total{quality="measured"' in text
    assert state.stat().st_uid == NOBODY
    assert state.stat().st_mode & 0o777 == 0o600


def _answers(url):
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
