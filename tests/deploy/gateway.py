"""Lets pods reach servers that listen on this machine's loopback: the address that the pods' links
have at this end, and nothing else, passes connections on.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Self

IP_FREEBIND = 15  # <linux/in.h>: the address comes with the first pod
_PIECE = 1 << 16


class Gateway(ThreadingTCPServer):
    """As a context manager: `address` answers on `port` what 127.0.0.1 answers on `target`."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # they end when their connections are cut

    def __init__(self, address: str, target: int) -> None:
        self.address, self.target = address, target
        self.open: set[socket.socket] = set()
        super().__init__((address, 0), _Passage)
        self.port = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="gateway")

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        super().server_bind()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        for each in list(self.open):
            _cut(each)


class _Passage(BaseRequestHandler):
    """One connection: this thread passes on what comes in, another one what comes back."""

    server: Gateway

    def handle(self) -> None:
        try:
            there = socket.create_connection(("127.0.0.1", self.server.target), timeout=10)
        except OSError:
            return
        there.settimeout(None)
        ends = {self.request, there}
        self.server.open |= ends
        back = threading.Thread(target=_pass_on, args=(there, self.request), daemon=True)
        back.start()
        _pass_on(self.request, there)
        back.join()
        self.server.open -= ends
        there.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    _cut(sink)


def _cut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
