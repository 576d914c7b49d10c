"""Pages over HTTP for Prometheus, kubelets and people: what recommender and collector both need.

Plain text answers, a listening server with threads of its own, TLS, and a password from a file.
"""

from __future__ import annotations

import hmac
import socket
import ssl
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from wsgiref.simple_server import WSGIRequestHandler, make_server

import bottle
import msgspec
from prometheus_client.exposition import ThreadingWSGIServer

from recommender.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 10.0  # seconds for a request to arrive whole, handshake included


class ListenSettings(Protocol):
    """Where pages are served; the files are "" where there are none."""

    @property
    def listen(self) -> str: ...
    @property
    def tls_cert(self) -> str: ...
    @property
    def tls_key(self) -> str: ...


class Password(msgspec.Struct, frozen=True):
    """Who may read what is guarded."""

    user: str
    password: str

    def admits(self, user: str, password: str) -> bool:
        """Compared in constant time, so that nothing can be learnt from how long it takes."""
        is_user = hmac.compare_digest(user.encode(), self.user.encode())
        is_password = hmac.compare_digest(password.encode(), self.password.encode())
        return is_user and is_password


def guard(page: Callable[[], Any], password: Password | None) -> Callable[[], Any]:
    """The page, for those alone who give the password, where there is one."""
    if password is None:
        return page
    guarded: Callable[[], Any] = bottle.auth_basic(password.admits, realm="joulefit")(page)
    return guarded


def read_password(path: str) -> Password | None:
    """The USER:PASSWORD of a file; None for no file. Raises UsageError."""
    if not path:
        return None
    try:
        user, colon, password = Path(path).read_text().strip().partition(":")
    except UnicodeDecodeError as error:
        raise UsageError(f"--basic-auth-file {path} is no text") from error
    except OSError as error:
        raise UsageError(f"--basic-auth-file {path}: {error.strerror}") from error
    if not (user and colon and password):
        raise UsageError(f"--basic-auth-file {path} must hold one line USER:PASSWORD")
    return Password(user, password)


def answer_text(text: str) -> str:
    """A page of plain text."""
    bottle.response.content_type = "text/plain; charset=utf-8"
    return text


def answer_verdict(reason: str, *, is_good: bool) -> str:
    """A probe's page: 200 or 503, with the reason."""
    bottle.response.status = 200 if is_good else 503
    return answer_text(f"{reason}\n")


def asks_for_gzip() -> bool:
    """Whether the request at hand takes a packed answer."""
    return "gzip" in bottle.request.get_header("Accept-Encoding", "")


def answer_metrics(body: bytes, content_type: str, *, is_packed: bool) -> bytes:
    """A page of metrics, packed by gzip or not."""
    bottle.response.content_type = content_type
    if is_packed:
        bottle.response.set_header("Content-Encoding", "gzip")
    return body


class PageServer:
    """Serves a WSGI application from threads of its own between `start` and `stop`."""

    def __init__(self, app: Any, settings: ListenSettings) -> None:
        """Raises UsageError for an address or a certificate that cannot be used."""
        context = _read_certificate(settings) if settings.tls_cert else None
        self._server = _listen(settings.listen, app)
        if context is not None:
            # The handshake is for the thread of the request: whoever connects and then says
            # nothing would hold up all others here.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingWSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who is too slow, breaks off or speaks no TLS is no error of ours."""
        if not isinstance(sys.exc_info()[1], OSError):  # TimeoutError and SSLError are some
            super().handle_error(request, client_address)


class _Ipv6Server(_Server):
    address_family = socket.AF_INET6


class _QuietHandler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it overrides
        """A line for each scrape tells nobody anything."""


def _listen(address: str, app: Any) -> _Server:
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"--listen {address!r} is no address; write for example 0.0.0.0:8080")
    try:
        return make_server(
            host.strip("[]") or "0.0.0.0",  # noqa: S104 - a metrics port is for others
            int(port),
            app,
            server_class=_Ipv6Server if ":" in host else _Server,
            handler_class=_QuietHandler,
        )
    except OSError as error:
        raise UsageError(f"--listen {address}: {error.strerror}; choose another address") from error


def _read_certificate(settings: ListenSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"--tls-cert {settings.tls_cert} cannot be used: {error}; both certificate and key "
            "must be PEM files that belong together"
        ) from error
    return context
