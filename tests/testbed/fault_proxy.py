"""A proxy before a real server whose faults a test switches on and off: refusals, waits, cut bodies.

Everything else passes through unchanged, streams (watches) piece by piece. It speaks plain HTTP to
its clients and HTTP or HTTPS to the server.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_HOP = {
    "connection",
    "transfer-encoding",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
}
_PIECE = 1 << 16


@dataclass(frozen=True)
class Fault:
    """What happens to the requests that `hits` (method, path) picks, instead of the truth.

    status, body, headers  this is answered
    is_cut                 the true answer is broken off in the middle
    hangs                  nothing is answered until the fault ends
    before                 called before the request is passed on (to wait, to change something)
    """

    hits: Callable[[str, str], bool] = lambda method, path: True  # noqa: ARG005
    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False
    hangs: bool = False
    before: Callable[[], None] | None = None


class FaultProxy:
    """As a context manager: listens on `url`; `fault` is what goes wrong now, None for nothing.

    `requests` lists what came, as (method, path).
    """

    def __init__(self, target: str, *, authority: Path | None = None) -> None:
        self.requests: list[tuple[str, str]] = []
        self._target = urlsplit(target)
        self._context = ssl.create_default_context(cafile=str(authority)) if authority else None
        self._fault: Fault | None = None
        self._changed = threading.Condition()
        self.clients: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.fault = None
        self._server.shutdown()
        self.cut_links()
        self._server.server_close()
        self._thread.join()

    @property
    def fault(self) -> Fault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def turn_to(self, target: str) -> None:
        """From now on it stands before another server."""
        self._target = urlsplit(target)

    def cut_links(self) -> None:
        """Break off every answer under way, watches too, as a server does that is killed."""
        for connection in list(self.clients):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def count(self, method: str, part: str = "") -> int:
        """Requests of this method so far whose path holds this."""
        return sum(each == method and part in path for each, path in list(self.requests))

    def wait_out(self, fault: Fault) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._fault is not fault, timeout=120)

    def connect(self) -> http.client.HTTPConnection:
        host, port = self._target.hostname, self._target.port
        if self._context is not None:
            link: Any = http.client.HTTPSConnection(host, port, timeout=400, context=self._context)
        else:
            link = http.client.HTTPConnection(host, port, timeout=400)
        return link


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.proxy.requests.append((self.command, self.path))
        fault = self.proxy.fault
        if fault is None or not fault.hits(self.command, self.path):
            self._pass_on(body)
            return
        if fault.before is not None:
            fault.before()
        if fault.hangs:
            self.proxy.wait_out(fault)
            self.close_connection = True
        elif fault.status is not None:
            self._answer(fault)
        else:
            self._pass_on(body, is_cut=fault.is_cut)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the base's names

    def _answer(self, fault: Fault) -> None:
        self.send_response(fault.status or 500)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(fault.body)))
        self.end_headers()
        self.wfile.write(fault.body)

    def _pass_on(self, body: bytes, *, is_cut: bool = False) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
        link = self.proxy.connect()
        self.proxy.clients.add(self.connection)
        try:
            link.request(self.command, self.path, body or None, headers)
            self._relay(link.getresponse(), is_cut=is_cut)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            self.proxy.clients.discard(self.connection)
            link.close()

    def _relay(self, reply: http.client.HTTPResponse, *, is_cut: bool) -> None:
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := reply.read1(_PIECE):
            if is_cut:
                self.wfile.write(b"%x\r\n%s" % (len(piece), piece[: len(piece) // 2]))
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
