"""The pages as kubelet, Prometheus and people ask for them."""

from __future__ import annotations

import pytest
import requests
from msgspec.structs import replace

from recommender.errors import UsageError
from recommender.settings import PageSettings
from recommender.telemetry.health import Contact, Vitals
from recommender.telemetry.metric import ServiceMetrics
from recommender.telemetry.page import Pages
from tests.report.sample import sample_report
from tests.telemetry.sample import change

NEW = Vitals(started=0.0, interval=60.0)
RUNNING = replace(
    NEW,
    last_turn=100.0,
    store=Contact("store", is_reached=True),
    cluster=Contact("API server", is_reached=True),
    report=sample_report(),
)


@pytest.fixture
def serve():
    running = []

    def start(vitals=RUNNING, *, now=110.0, metrics=None, **settings):
        options = {"listen": "127.0.0.1:0"} | settings
        pages = Pages(
            PageSettings(**options),
            vitals=lambda: vitals,
            metrics=metrics or ServiceMetrics(),
            clock=lambda: now,
        )
        pages.start()
        running.append(pages)
        return f"http://127.0.0.1:{pages.port}"

    yield start
    for pages in running:
        pages.stop()


def ask(url, **options):
    answer = requests.get(url, timeout=5, **options)
    return answer.status_code, answer.text


def test_a_new_process_is_alive_and_not_ready(serve):
    url = serve(NEW, now=10.0)
    assert ask(f"{url}/healthz") == (200, "cycles end as they should\n")
    code, text = ask(f"{url}/readyz")
    assert code == 503
    assert text == "API server has not been reached; store has not been reached\n"


def test_a_loop_that_stands_still_is_not_alive(serve):
    code, text = ask(f"{serve(now=401.0)}/healthz")
    assert (code, text) == (503, "no cycle ended for 5 min, one is due each 1 min\n")


def test_a_running_service_is_ready_and_shows_its_metrics(serve):
    metrics = ServiceMetrics()
    metrics.record_cycle(sample_report(), [change()], seconds={"read": 0.1})
    url = serve(metrics=metrics)
    assert ask(f"{url}/readyz")[0] == 200
    packed = requests.get(f"{url}/metrics", timeout=5)
    plain = requests.get(f"{url}/metrics", headers={"Accept-Encoding": "identity"}, timeout=5)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.text == plain.text
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "joulefit_recommender_request_cores{" in plain.text


def test_the_first_page_says_in_words_how_it_stands(serve):
    code, text = ask(f"{serve()}/")
    assert code == 200
    assert "  last cycle   ended 10 s ago\n" in text


def test_an_unknown_page_is_404(serve):
    assert ask(f"{serve()}/nowhere")[0] == 404


def test_a_password_guards_metrics_and_words_but_not_health(serve, tmp_path):
    (tmp_path / "password").write_text("prom:s3cret\n")
    url = serve(basic_auth_file=str(tmp_path / "password"))
    for page in ("/", "/metrics"):
        assert ask(url + page)[0] == 401
        assert ask(url + page, auth=("prom", "wrong"))[0] == 401
        assert ask(url + page, auth=("prom", "s3cret"))[0] == 200
    for page in ("/healthz", "/readyz"):
        assert ask(url + page)[0] == 200


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"listen": "nowhere"}, "--listen 'nowhere' is no address"),
        ({"tls_cert": "/nowhere.pem"}, "--tls-cert /nowhere.pem"),
        ({"basic_auth_file": "/nowhere"}, "--basic-auth-file /nowhere"),
    ],
)
def test_what_cannot_be_served_is_said(settings, complaint):
    options = {"listen": "127.0.0.1:0"} | settings
    with pytest.raises(UsageError) as caught:
        Pages(PageSettings(**options), vitals=lambda: NEW, metrics=ServiceMetrics())
    assert str(caught.value).startswith(complaint)
