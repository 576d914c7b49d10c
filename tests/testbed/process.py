"""Starting a server, waiting until it answers, and ending it by its own process id."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

READY_SECONDS = 60.0
END_SECONDS = 10.0
POLL_SECONDS = 0.02
START_ATTEMPTS = 3

# Below the range from which Linux gives ports to outgoing connections (32768 and up), so that no
# connection of another test takes the port between its choice and its use.
PORT_RANGE = range(20_000, 32_000)


class ServerStartError(Exception):
    """A server ended or stayed silent while it was being started; the message ends with its log."""


def reserve(name: str) -> int | None:
    """Lock a file of this name, so that two runs never choose the same port, subnet and so on.

    The lock lasts while a process has the returned file open; None if another one has it.
    """
    folder = Path(tempfile.gettempdir()) / f"joulefit-testbed-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = os.open(folder / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def free_port() -> int:
    """A loopback port on which nothing listens now, and which no other test run will choose."""
    for _ in range(200):
        port = random.choice(PORT_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if reserve(str(port)) is not None:
            return port
    message = f"no free port in {PORT_RANGE}"
    raise ServerStartError(message)


def wait_until(
    claim: Callable[[], bool],
    what: str,
    *,
    seconds: float = READY_SECONDS,
    pause: float = POLL_SECONDS,
) -> None:
    """Ask until the claim holds.

    Raises:
        TimeoutError: it does not hold after so many seconds; `what` is named in the message.
    """
    deadline = time.monotonic() + seconds
    waiting = threading.Event()
    while not claim():
        if time.monotonic() > deadline:
            message = f"still not so after {seconds:.0f} s: {what}"
            raise TimeoutError(message)
        waiting.wait(pause)


def answers(url: str, *, verify: bool | str = True) -> bool:
    """Whether a GET of the address is answered with 200."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment must not get loopback traffic
            return session.get(url, verify=verify, timeout=5).status_code == requests.codes.ok
    except (requests.RequestException, OSError):
        return False


def _dying_with_parent(command: Sequence[str]) -> list[str]:
    """Have the kernel end the program when a killed test run cannot do it any more.

    The signal comes with the end of the *thread* that started the program: start from the main one.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None or threading.current_thread() is not threading.main_thread():
        return list(command)
    return [setpriv, "--pdeathsig", "KILL", "--", *command]


class Server:
    """One running program with its log in a file; `stop` is safe to call twice."""

    def __init__(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = log.stem
        self.log = log
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                _dying_with_parent(command),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches the test run, which then ends this
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def wait_ready(self, claim: Callable[[], bool], *, pause: float = POLL_SECONDS) -> None:
        """Wait until the claim holds.

        Raises:
            ServerStartError: the program ended, or the claim does not hold in time.
        """
        try:
            wait_until(lambda: not self.is_running or claim(), f"{self.name} answers", pause=pause)
        except TimeoutError as error:
            raise ServerStartError(f"{error}\n{self.log_tail()}") from None
        if not self.is_running:
            code = self._process.returncode
            raise ServerStartError(f"{self.name} ended with {code}\n{self.log_tail()}")

    def log_tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        """SIGKILL, as an out-of-memory killer does; it is gone when this returns."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if not self.is_running:
            return
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class RunningService:
    """Base of the context managers: a temporary folder and the servers that live in it.

    A subclass writes files in `_prepare` and starts servers with `launch` in `_start`, which is
    tried again when a server fails: another program may have taken a port since it was chosen.
    """

    def __init__(self) -> None:
        self.folder = Path()
        self.servers: list[Server] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def _prepare(self) -> None:
        """Nothing, unless a subclass has files to write."""

    def _start(self) -> None:
        raise NotImplementedError

    def launch(self, *command: str, environment: Mapping[str, str] | None = None) -> Server:
        log = self.folder / f"{Path(command[0]).name}.log"
        server = Server(command, log, environment=environment)
        self.servers.append(server)
        return server

    def _stop_servers(self) -> None:
        while self.servers:
            self.servers.pop().stop()

    def stop(self) -> None:
        """End the servers, the last started first, and remove the folder."""
        self._stop_servers()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def __enter__(self) -> Self:
        self._temporary = tempfile.TemporaryDirectory(
            prefix="joulefit-testbed-", ignore_cleanup_errors=True
        )
        self.folder = Path(self._temporary.name)
        try:
            self._prepare()
            self._start_with_retries()
        except BaseException:
            self.stop()
            raise
        return self

    def _start_with_retries(self) -> None:
        for _ in range(START_ATTEMPTS - 1):
            try:
                return self._start()
            except ServerStartError:
                self._stop_servers()
        return self._start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
