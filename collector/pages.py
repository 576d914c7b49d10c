"""The HTTP pages: /metrics, /healthz, /readyz and / in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import bottle

from collector.exposition import CONTENT_TYPE, Exposition
from collector.health import Status, Verdict, describe, judge_life, judge_readiness
from recommender.web import (
    PageServer,
    Password,
    answer_metrics,
    answer_text,
    answer_verdict,
    asks_for_gzip,
    guard,
    read_password,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.settings import ServiceSettings


class Pages(PageServer):
    """Serves the pages from threads of its own between `start` and `stop`."""

    def __init__(self, settings: ServiceSettings, status: Callable[[], Status]) -> None:
        """Raises UsageError for an address, certificate or password file that cannot be used."""
        password = read_password(settings.basic_auth_file)
        super().__init__(build_app(status, password=password), settings)


def build_app(status: Callable[[], Status], *, password: Password | None) -> bottle.Bottle:
    """The pages as a WSGI application. Health pages ask for no password: the kubelet has none."""
    metrics = Exposition(lambda: status().snapshot, lambda: status().sources)
    app = bottle.Bottle()
    app.route("/healthz", callback=lambda: _answer(judge_life(status(), now=time.time())))
    app.route("/readyz", callback=lambda: _answer(judge_readiness(status())))
    words = guard(lambda: answer_text(describe(status(), now=time.time())), password)
    app.route("/", callback=words)
    app.route("/metrics", callback=guard(lambda: _show(metrics), password))
    return app


def _answer(verdict: Verdict) -> str:
    return answer_verdict(verdict.reason, is_good=verdict.is_good)


def _show(metrics: Exposition) -> bytes:
    is_packed = asks_for_gzip()
    return answer_metrics(metrics.read(is_packed=is_packed), CONTENT_TYPE, is_packed=is_packed)
