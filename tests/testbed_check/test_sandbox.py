"""Nothing of a node outlives its test run, and this machine is as it was, however the run ends."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.testbed.cgroup import create_cgroup, read_hierarchies, remove_cgroup
from tests.testbed.node import KubernetesNode, has_default_route
from tests.testbed.part import MissingPartError
from tests.testbed.process import wait_until
from tests.testbed.sandbox import Sandbox, require_namespaces

ROOT = Path(__file__).parents[2]
# What a kubelet, containerd or CNI plugins write to on a machine that is theirs.
PATHS = [
    *("/etc/cni", "/opt/containerd", "/run/containerd", "/run/netns", "/run/runc", "/run/sandbox"),
    *("/var/lib/cni", "/var/lib/containerd", "/var/lib/kubelet", "/var/log/containers"),
    *("/var/log/pods", "/usr/libexec/kubernetes"),
]
SETTINGS = [
    *("kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys"),
    *("net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom"),
]


@pytest.fixture(autouse=True)
def _namespaces():
    require_namespaces()


@contextmanager
def run(what: str, end: str):
    """A run in a process of its own, and what it said when all was there."""
    command = [sys.executable, "-m", "tests.testbed_check.sandbox_run", what, end]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        try:
            said = process.stdout.readline()
            assert said, process.stderr.read()
            yield process, json.loads(said)
        finally:
            process.kill()


def state_of_machine() -> dict[str, object]:
    """All that other tests of this machine, which run at the same time, do not change."""
    return {
        "files": [(path, sorted(Path(path).iterdir())) for path in PATHS if Path(path).is_dir()],
        "settings": [Path("/proc/sys", name).read_text() for name in SETTINGS],
        "root": sorted(Path("/").iterdir()),
    }


def remains(said: dict) -> list[str]:
    """What is left of a run: processes, mounts, links, cgroups and files, in words."""
    found = [f"link {link}" for link in said["links"] if Path("/sys/class/net", link).exists()]
    found += [
        f"cgroup {hierarchy.path / said['cgroup']}"
        for hierarchy in read_hierarchies()
        if (hierarchy.path / said["cgroup"]).exists()
    ]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if said["folder"] in line]
    found += [f"folder {said['folder']}"] if Path(said["folder"]).exists() else []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_text()
            namespaces = {k: str((process / "ns" / k).readlink()) for k in said["namespaces"]}
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # gone, or surely not ours
        if said["folder"] in text or set(namespaces.items()) & set(said["namespaces"].items()):
            found.append(f"process {process.name} {text}")
    return found


def test_what_a_sandbox_holds_is_found_while_it_runs():
    with run("sandbox", "wait") as (_, said):
        kinds = {text.split()[0] for text in remains(said)}
    assert kinds == {"cgroup", "folder", "link", "process"}
    wait_until(lambda: not remains(said), "nothing is left", seconds=30)


@pytest.mark.parametrize(("end", "code"), [("return", 0), ("raise", 1)])
def test_nothing_is_left_when_a_run_is_over(end, code):
    before = state_of_machine()
    with run("sandbox", end) as (process, said):
        assert process.wait(60) == code
        assert remains(said) == []
    assert state_of_machine() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_run_that_is_interrupted(number):
    before = state_of_machine()
    with run("sandbox", "wait") as (process, said):
        process.send_signal(number)
        process.wait(60)
    wait_until(lambda: not remains(said), "nothing is left", seconds=30)
    assert state_of_machine() == before


def test_nothing_is_left_of_a_node_that_ran_beside_another_one(node, node_namespace):
    before = state_of_machine()
    item = node.run_pod("same", namespace=node_namespace)
    with run("node", "return") as (process, said):
        assert process.wait(60) == 0
        assert remains(said) == []
    assert state_of_machine() == before
    assert node.pod_cgroup(item).is_dir()
    after = node.wait_ready("same", namespace=node_namespace)
    assert after["status"]["containerStatuses"] == item["status"]["containerStatuses"]


def test_nothing_is_left_of_a_node_whose_run_was_killed():
    before = state_of_machine()
    with run("node", "wait") as (process, said):
        assert len(said["links"]) == 1
        process.kill()
    wait_until(lambda: not remains(said), "nothing is left", seconds=30)
    assert state_of_machine() == before


def test_two_sandboxes_have_nothing_in_common(tmp_path):
    for name in ("joulefit-testbed-check-a", "joulefit-testbed-check-b"):
        (tmp_path / name).mkdir()
    first = Sandbox(tmp_path / "joulefit-testbed-check-a")
    second = Sandbox(tmp_path / "joulefit-testbed-check-b")
    try:
        assert not first.subnet.overlaps(second.subnet)
        assert first.start().pid != second.start().pid
    finally:
        first.stop()
        second.stop()


def test_settings_of_the_kernel_are_copies_in_a_sandbox(tmp_path):
    folder = tmp_path / "joulefit-testbed-check-settings"
    folder.mkdir()
    before = state_of_machine()
    sandbox = Sandbox(folder)
    try:
        sandbox.start()
        command = "echo 77 >/proc/sys/kernel/panic; cat /proc/sys/kernel/panic; ls -A /run /var/lib"
        done = subprocess.run(
            sandbox.enter("sh", "-c", command), capture_output=True, text=True, check=True
        )
    finally:
        sandbox.stop()
    assert done.stdout.split() == ["77", "/run:", "/var/lib:"]
    assert state_of_machine() == before


def test_a_cgroup_is_made_in_each_hierarchy_and_removed_with_all_below_it():
    name = f"joulefit-testbed-check-{os.getpid()}"
    create_cgroup(name)
    folders = [hierarchy.path / name for hierarchy in read_hierarchies()]
    try:
        assert folders
        assert all(folder.is_dir() for folder in folders)
        for folder in folders:
            (folder / "below" / "further").mkdir(parents=True)
    finally:
        remove_cgroup(name)
    assert not any(folder.exists() for folder in folders)


def test_a_cgroup_in_which_something_runs_is_not_removed():
    name = f"joulefit-testbed-check-busy-{os.getpid()}"
    create_cgroup(name)
    busy = next(h.path for h in read_hierarchies() if h.is_v2) / name
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            (busy / "cgroup.procs").write_text(str(process.pid))
            with pytest.raises(OSError, match="busy"):
                remove_cgroup(name, seconds=0.1)
        finally:
            process.kill()
            process.wait()
            remove_cgroup(name)
    assert not busy.exists()


MOUNTS = """
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0
tmpfs /run tmpfs rw 0 0
"""
HYBRID_MOUNTS = """
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        (MOUNTS, [("/sys/fs/cgroup", True)]),
        (
            HYBRID_MOUNTS,
            [("/sys/fs/cgroup/cpu,cpuacct", False), ("/sys/fs/cgroup/unified", True)],
        ),
    ],
    ids=["v2", "hybrid"],
)
def test_hierarchies_are_read_from_the_mounts(tmp_path, mounts, expected):
    (tmp_path / "mounts").write_text(mounts.strip() + "\n")
    found = read_hierarchies(tmp_path / "mounts")
    assert [(str(hierarchy.path), hierarchy.is_v2) for hierarchy in found] == expected


def test_a_user_without_rights_is_told_what_a_node_needs(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingPartError, match="run the tests as root"):
        KubernetesNode().__enter__()


def test_a_machine_without_a_program_of_the_node_is_told_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("JOULEFIT_TESTBED_CACHE", str(tmp_path))
    with pytest.raises(MissingPartError, match=r"install with: tests/testbed/install\.sh"):
        KubernetesNode().__enter__()


ROUTES = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ETHERNET = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
DEFAULT = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
NOWHERE = "0" * 32
V6_REJECTS = f"{NOWHERE} 00 {NOWHERE} 00 {NOWHERE} ffffffff 00000001 00000000 00200200 lo\n"
V6_DEFAULT = f"{NOWHERE} 00 {NOWHERE} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00000003 eth0\n"


@pytest.mark.parametrize(
    ("v4", "v6", "expected"),
    [
        (ROUTES, "", False),
        (ROUTES + ETHERNET, V6_REJECTS, False),
        (ROUTES + ETHERNET + DEFAULT, V6_REJECTS, True),
        (ROUTES, V6_DEFAULT, True),
    ],
    ids=["no network", "own network only", "v4", "v6"],
)
def test_a_default_route_is_found_in_either_family(tmp_path, v4, v6, expected):
    (tmp_path / "route").write_text(v4)
    (tmp_path / "ipv6_route").write_text(v6)
    assert has_default_route(tmp_path) is expected
