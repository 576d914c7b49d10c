"""The HTTP pages: /metrics, /healthz, /readyz and / in words."""

from __future__ import annotations

import hmac
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import bottle
from prometheus_client.exposition import ThreadingWSGIServer

from collector.exposition import CONTENT_TYPE, Exposition
from collector.health import Status, Verdict, describe, judge_life, judge_readiness
from recommender.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.simple_server import WSGIServer

    from collector.settings import ServiceSettings


class Pages:
    """Serves the pages from threads of its own between `start` and `stop`."""

    def __init__(self, settings: ServiceSettings, status: Callable[[], Status]) -> None:
        """Raises UsageError for an address, certificate or password file that cannot be used."""
        app = build_app(status, password=_read_password(settings.basic_auth_file))
        context = _read_certificate(settings) if settings.tls_cert else None
        self._server = _listen(settings.listen, app)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
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


@dataclass(frozen=True)
class Password:
    """Who may read /metrics."""

    user: str
    password: str

    def admits(self, user: str, password: str) -> bool:
        """Compared in constant time, so that nothing can be learnt from how long it takes."""
        is_user = hmac.compare_digest(user.encode(), self.user.encode())
        is_password = hmac.compare_digest(password.encode(), self.password.encode())
        return is_user and is_password


def build_app(status: Callable[[], Status], *, password: Password | None) -> bottle.Bottle:
    """The pages as a WSGI application. Health pages ask for no password: the kubelet has none."""
    metrics = Exposition(lambda: status().snapshot, lambda: status().sources)
    app = bottle.Bottle()
    app.route("/healthz", callback=lambda: _answer(judge_life(status(), now=time.time())))
    app.route("/readyz", callback=lambda: _answer(judge_readiness(status())))
    guard = bottle.auth_basic(password.admits, realm="joulefit") if password else _open
    app.route("/", callback=guard(lambda: _text(describe(status(), now=time.time()))))
    app.route("/metrics", callback=guard(lambda: _show(metrics)))
    return app


def _open(page: Callable[[], Any]) -> Callable[[], Any]:
    return page


def _answer(verdict: Verdict) -> str:
    bottle.response.status = 200 if verdict.is_good else 503
    return _text(f"{verdict.reason}\n")


def _text(text: str) -> str:
    bottle.response.content_type = "text/plain; charset=utf-8"
    return text


def _show(metrics: Exposition) -> bytes:
    is_packed = "gzip" in bottle.request.get_header("Accept-Encoding", "")
    bottle.response.content_type = CONTENT_TYPE
    if is_packed:
        bottle.response.set_header("Content-Encoding", "gzip")
    return metrics.read(is_packed=is_packed)


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it overrides
        """A line for each scrape tells nobody anything."""


def _listen(address: str, app: Any) -> WSGIServer:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UsageError(f"--listen {address!r} is no address; write for example 0.0.0.0:9402")
    try:
        return make_server(
            host.strip("[]") or "0.0.0.0",  # noqa: S104 - a metrics port is for others
            int(port),
            app,
            server_class=ThreadingWSGIServer,
            handler_class=_QuietHandler,
        )
    except OSError as error:
        raise UsageError(f"--listen {address}: {error.strerror}; choose another address") from error


def _read_certificate(settings: ServiceSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"--tls-cert {settings.tls_cert} cannot be used: {error}; both certificate and key "
            "must be PEM files that belong together"
        ) from error
    return context


def _read_password(path: str) -> Password | None:
    if not path:
        return None
    try:
        user, colon, password = Path(path).read_text().strip().partition(":")
    except OSError as error:
        raise UsageError(f"--basic-auth-file {path}: {error.strerror}") from error
    if not (user and colon and password):
        raise UsageError(f"--basic-auth-file {path} must hold one line USER:PASSWORD")
    return Password(user, password)
