"""Containers for the collector: real cgroups as a kubelet names them, with real processes.

Each pod has its own folder, a sandbox whose process only sleeps, and one container. They are
below a folder of the benchmark's own, in the unified hierarchy and in those of version 1 that the
collector reads memory and throttling from.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.testbed.cgroup import read_hierarchies, remove_cgroup, unified_root
from tests.testbed.part import MissingPartError
from tests.testbed.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLEEPER = str(Path(__file__).with_name("sleeper.py"))
_READ_IN_V1 = {"memory", "cpu"}
_NOTE = "x" * 6000  # what annotations and managed fields take of a real pod's JSON


class Containers:
    """As a context manager: so many pods of one container run, each with so many processes."""

    def __init__(self, *, pods: int, processes: int) -> None:
        self.name = f"joulefit-bench-{uuid.uuid4().hex[:12]}"
        self.uids = [str(uuid.UUID(int=(0x5EED << 96) + number)) for number in range(pods)]
        self._processes = processes
        self._sleepers: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make_folders()
            self._start()
        except OSError as error:
            self._end()
            raise MissingPartError(f"no right to make cgroups ({error}); run as root") from error
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def pod_list(self) -> bytes:
        """What the kubelet tells of them."""
        items = [self._pod(number, uid) for number, uid in enumerate(self.uids)]
        return json.dumps({"kind": "PodList", "apiVersion": "v1", "items": items}).encode()

    def _roots(self) -> list[Path]:
        v1 = [
            each.path for each in read_hierarchies() if _READ_IN_V1 & {*each.path.name.split(",")}
        ]
        return [unified_root(), *v1]

    def _folders(self, uid: str) -> tuple[str, str]:
        """Of the container and of the sandbox."""
        pod = f"{self.name}/kubepods/burstable/pod{uid}"
        return f"{pod}/{_run_id(uid, 'app')}", f"{pod}/{_run_id(uid, 'sandbox')}"

    def _make_folders(self) -> None:
        for root in self._roots():
            for uid in self.uids:
                for folder in self._folders(uid):
                    (root / folder).mkdir(parents=True)

    def _start(self) -> None:
        plan = [
            [[f"{root}/{folder}/cgroup.procs" for root in self._roots()], count, pause]
            for uid in self.uids
            for folder, count, pause in zip(
                self._folders(uid), (self._processes, 1), (2.0, 3600.0), strict=True
            )
        ]
        self._sleepers = subprocess.Popen(
            [sys.executable, "-I", "-S", _SLEEPER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._sleepers.stdin is not None
        assert self._sleepers.stdout is not None
        self._sleepers.stdin.write(json.dumps(plan).encode() + b"\n")
        self._sleepers.stdin.flush()
        if not self._sleepers.stdout.readline():
            raise RuntimeError("the sleeping processes did not start")

    def _end(self) -> None:
        if self._sleepers is not None:
            with suppress(ProcessLookupError):  # it leads a group that all its processes are in
                os.killpg(self._sleepers.pid, signal.SIGKILL)
            self._sleepers.communicate()
        folders = [unified_root() / folder for uid in self.uids for folder in self._folders(uid)]
        wait_until(lambda: not any(_pids(folders)), "the containers' processes have ended")
        remove_cgroup(self.name)

    def _pod(self, number: int, uid: str) -> dict[str, Any]:
        container = {
            "name": "app",
            "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}},
        }
        return {
            "metadata": {
                "name": f"service-{number}-5d8f7c9b4-x{number:04}",
                "namespace": f"team-{number % 10}",
                "uid": uid,
                "labels": {"app": f"service-{number}", "pod-template-hash": "5d8f7c9b4"},
                "annotations": {"note": _NOTE},
                "creationTimestamp": "2026-03-01T10:00:00Z",
                "ownerReferences": [
                    {
                        "kind": "ReplicaSet",
                        "name": f"service-{number}-5d8f7c9b4",
                        "controller": True,
                    }
                ],
            },
            "spec": {"nodeName": "bench", "containers": [container]},
            "status": {
                "containerStatuses": [
                    {"name": "app", "containerID": f"containerd://{_run_id(uid, 'app')}"}
                ]
            },
        }


def _run_id(uid: str, what: str) -> str:
    """64 hexadecimal digits, as a runtime gives them."""
    return uuid.uuid5(uuid.UUID(uid), what).hex + uuid.uuid5(uuid.UUID(uid), f"{what} again").hex


def _pids(folders: list[Path]) -> Iterator[str]:
    for folder in folders:
        with suppress(FileNotFoundError):
            yield (folder / "cgroup.procs").read_text()
