"""The service's pages: /metrics, /healthz, /readyz and / in words."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import bottle

from recommender.telemetry.health import describe, judge_vitals
from recommender.telemetry.metric import CONTENT_TYPE
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

    from recommender.settings import PageSettings
    from recommender.telemetry.health import Verdict, Vitals
    from recommender.telemetry.metric import ServiceMetrics


class Pages(PageServer):
    """Serves the pages from threads of its own between `start` and `stop`."""

    def __init__(
        self,
        settings: PageSettings,
        *,
        vitals: Callable[[], Vitals],
        metrics: ServiceMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is the one of the vitals' times.

        Raises UsageError for an address, certificate or password file that cannot be used.
        """
        password = read_password(settings.basic_auth_file)
        super().__init__(build_app(vitals, metrics, clock=clock, password=password), settings)


def build_app(
    vitals: Callable[[], Vitals],
    metrics: ServiceMetrics,
    *,
    clock: Callable[[], float],
    password: Password | None,
) -> bottle.Bottle:
    """The pages as a WSGI application. Health pages ask for no password: the kubelet has none."""

    def judge() -> tuple[Verdict, Verdict]:
        return judge_vitals(vitals(), now=clock())

    app = bottle.Bottle()
    app.route("/healthz", callback=lambda: _answer(judge()[0]))
    app.route("/readyz", callback=lambda: _answer(judge()[1]))
    words = guard(lambda: answer_text(describe(vitals(), now=clock())), password)
    app.route("/", callback=words)
    app.route("/metrics", callback=guard(lambda: _show(metrics), password))
    return app


def _answer(verdict: Verdict) -> str:
    return answer_verdict(verdict.reason, is_good=verdict.is_good)


def _show(metrics: ServiceMetrics) -> bytes:
    packed, is_packed = metrics.write(), asks_for_gzip()
    body = packed if is_packed else gzip.decompress(packed)
    return answer_metrics(body, CONTENT_TYPE, is_packed=is_packed)
