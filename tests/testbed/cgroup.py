"""The machine's cgroup hierarchies: one folder of ours in each, made and removed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.part import MissingPartError

REMOVE_SECONDS = 10.0
POLL_SECONDS = 0.02
# What a kubelet demands of the unified hierarchy where it is the only one.
CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
INHERITED = ("cpuset.cpus", "cpuset.mems")


@dataclass(frozen=True)
class Hierarchy:
    """Where one is mounted: one v2, or one for each v1 controller, or both beside each other."""

    path: Path
    is_v2: bool


def read_hierarchies(mounts: Path = Path("/proc/self/mounts")) -> list[Hierarchy]:
    lines = [line.split() for line in mounts.read_text().splitlines()]
    return [
        Hierarchy(Path(place), is_v2=kind == "cgroup2")
        for _, place, kind, *_ in lines
        if kind in {"cgroup", "cgroup2"}
    ]


def unified_root() -> Path:
    """Where the v2 hierarchy is.

    Raises:
        MissingPartError: this machine has none.
    """
    for hierarchy in read_hierarchies():
        if hierarchy.is_v2:
            return hierarchy.path
    raise MissingPartError("no cgroup v2 hierarchy is mounted; mount one with: mount -t cgroup2")


def create_cgroup(name: str) -> None:
    """Make the folder in each hierarchy.

    Raises:
        MissingPartError: this process may not, or may not pass controllers on.
    """
    hierarchies = read_hierarchies()
    if not hierarchies:
        raise MissingPartError("no cgroup hierarchy is mounted in /sys/fs/cgroup")
    try:
        if all(hierarchy.is_v2 for hierarchy in hierarchies):
            _pass_controllers_on(hierarchies[0].path)
        for hierarchy in hierarchies:
            (hierarchy.path / name).mkdir()
            _inherit(hierarchy.path, hierarchy.path / name)
    except OSError as error:
        remove_cgroup(name)
        message = f"no right to make cgroups ({error}); run as root, outside of a container"
        raise MissingPartError(message) from error


def _pass_controllers_on(root: Path) -> None:
    control = root / "cgroup.subtree_control"
    if not set(CONTROLLERS).issubset(control.read_text().split()):
        control.write_text(" ".join(f"+{name}" for name in CONTROLLERS))


def _inherit(parent: Path, child: Path) -> None:
    """A new v1 cpuset has no CPU and no memory, and takes no process before it has."""
    for name in INHERITED:
        if (child / name).exists() and (parent / name).exists():
            (child / name).write_text((parent / name).read_text())


def remove_cgroup(name: str, *, seconds: float = REMOVE_SECONDS) -> None:
    """Remove the folder and all below it from each hierarchy: nothing may run in them any more.

    Raises:
        OSError: something still runs in one of them after so many seconds.
    """
    deadline = time.monotonic() + seconds
    for hierarchy in read_hierarchies():
        for folder, _, _ in os.walk(hierarchy.path / name, topdown=False):
            _remove_folder(Path(folder), deadline)


def _remove_folder(folder: Path, deadline: float) -> None:
    """A process that has ended can keep its cgroup busy for a moment."""
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return
