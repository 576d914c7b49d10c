"""What the tests of bad input share: what an error must look like, small files and a small fleet."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.testbed.fleet import FleetShape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.main_job.command import Outcome

SECRET = "s3cret-t0ken"
ERROR, USAGE = 1, 2  # exit codes

SMALL = FleetShape(
    nodes=2,
    workloads=4,
    daemonsets=1,
    statefulsets=1,
    namespaces=1,
    replicas=1,
    days=2,
    has_rollout=False,
    oom_killed=0,
    foreign_vpas=0,
)
TEAM = "team-1"  # the namespace of all its workloads but the DaemonSet
WINDOW = ("--end", str(SMALL.end), "--history", "2d")


def assert_refused(outcome: Outcome, *words: str, code: int = ERROR) -> None:
    """One line on stderr that holds these words, nothing on stdout, this exit code."""
    line = outcome.error
    assert [word for word in words if word not in line] == [], line
    assert outcome.code == code
    assert line.isprintable()


def write_kubeconfig(path: Path, server: object, **user: str) -> Path:
    """A kubeconfig with one context, x."""
    content = {
        "clusters": [{"name": "x", "cluster": {"server": server}}],
        "users": [{"name": "x", "user": user or {"token": SECRET}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(content))
    return path


@contextmanager
def silent_server() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
