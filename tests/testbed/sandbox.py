"""Mount and process namespaces in which a kubelet and a container engine can do what they like.

With the first process of the namespaces, the kernel ends all others and takes every mount and every
network namespace of theirs away, so nothing has to be found and undone one by one.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.testbed.cgroup import create_cgroup
from tests.testbed.part import MissingPartError, cache_folder, find_program, require_program
from tests.testbed.process import Server, ServerStartError, reserve

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = Path(__file__).with_name("sandbox.sh")
REPOSITORY = Path(__file__).parents[2]
# RFC 2544 sets these addresses apart for tests of network devices: no route leads there.
SUBNETS = list(ipaddress.IPv4Network("198.18.0.0/15").subnets(new_prefix=24))
SYSTEM_PROGRAMS = ("bash", "mount", "nsenter", "pivot_root", "setpriv", "unshare")
END_SECONDS = 60.0


def require_namespaces() -> None:
    """See whether this process may make the namespaces.

    Raises:
        MissingPartError: it may not; the message says what it lacks.
    """
    if os.geteuid() != 0:
        raise MissingPartError("a node needs root; run the tests as root")
    lacking = [name for name in SYSTEM_PROGRAMS if find_program(name) is None]
    if lacking:
        raise MissingPartError(f"a node needs {', '.join(lacking)}; install mount and util-linux")
    command = [str(find_program("unshare")), "--mount", "--pid", "--fork", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode:
        message = f"a node needs the right to make namespaces: {tried.stderr.strip()}"
        raise MissingPartError(f"{message}; run outside of a container, or in a privileged one")


def reserve_subnet() -> tuple[ipaddress.IPv4Network, int]:
    """Addresses that no other test run uses, and the open file that reserves them."""
    for subnet in SUBNETS:
        lock = reserve(f"subnet-{subnet.network_address}")
        if lock is not None:
            return subnet, lock
    raise ServerStartError("all subnets of 198.18.0.0/15 are in use by other test runs")


class Sandbox:
    """The namespaces, a cgroup in each hierarchy, and a subnet; `name` is that of the cgroup."""

    def __init__(self, folder: Path) -> None:
        require_namespaces()
        self.folder = folder
        self.name = folder.name
        self.subnet, lock = reserve_subnet()
        create_cgroup(self.name)
        self._guardian = self._start_guardian(lock)
        os.close(lock)  # the guardian holds it until all is cleaned up
        self._first: Server | None = None

    def _start_guardian(self, lock: int) -> subprocess.Popen[str]:
        module = "tests.testbed.guardian"
        with (self.folder / "guardian.log").open("wb") as sink:
            return subprocess.Popen(
                [sys.executable, "-m", module, str(self.folder), self.name, str(self.subnet)],
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=sink,
                cwd=REPOSITORY,
                text=True,
                pass_fds=[lock],
                start_new_session=True,  # Ctrl-C ends the run, and then this cleans up
            )

    def _tell_guardian(self, line: str) -> None:
        assert self._guardian.stdin is not None
        self._guardian.stdin.write(f"{line}\n")
        self._guardian.stdin.flush()

    def start(self) -> Self:
        """Start the first process, which builds the root."""
        namespace = str(Path("/proc/self/ns/mnt").readlink())
        seen = [cache_folder(), Path(tempfile.gettempdir()), REPOSITORY]
        flags = ["--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation=private"]
        self._first = Server(
            [
                *(str(require_program("unshare")), *flags, "--"),
                *(str(require_program("bash")), str(SCRIPT), str(self.folder), namespace),
                *(str(folder) for folder in seen if folder.is_dir()),
            ],
            self.folder / "sandbox.log",
        )
        self._first.wait_ready((self.folder / "sandbox.pid").exists)
        self._tell_guardian(str(self.pid))
        return self

    @property
    def pid(self) -> int:
        return int((self.folder / "sandbox.pid").read_text())

    def enter(self, *command: str) -> Sequence[str]:
        """The command to run one inside, which dies with the process that was started for it."""
        nsenter, setpriv = str(require_program("nsenter")), str(require_program("setpriv"))
        namespaces = [f"--target={self.pid}", "--mount", "--pid"]
        return [nsenter, *namespaces, "--", setpriv, "--pdeathsig", "KILL", "--", *command]

    def stop(self) -> None:
        """End all that runs in it, and wait until nothing of it is left but the folder.

        Raises:
            ServerStartError: something is left; the message says what.
        """
        assert self._guardian.stdin is not None
        if self._guardian.stdin.closed:
            return
        with suppress(BrokenPipeError):  # someone has ended it; what it says is in its log
            self._tell_guardian("keep")
        with suppress(BrokenPipeError):
            self._guardian.stdin.close()
        code = self._guardian.wait(END_SECONDS)
        if self._first is not None:
            self._first.stop()
        for folder in ("kernel", "root", "run", "var"):
            shutil.rmtree(self.folder / folder, ignore_errors=True)
        (self.folder / "sandbox.pid").unlink(missing_ok=True)
        if code:
            raise ServerStartError((self.folder / "guardian.log").read_text())
