"""The pages as kubelet, Prometheus and people ask for them."""

from __future__ import annotations

import subprocess
import time

import pytest
import requests

from collector.health import Status
from collector.pages import Pages
from collector.settings import ServiceSettings
from recommender.errors import UsageError
from tests.collector.agent.picture import SOURCES, snapshot


def status(newest=None):
    return Status(began=time.time(), interval=5.0, sources=SOURCES, snapshot=newest)


@pytest.fixture
def serve():
    running = []

    def start(newest=None, **settings):
        options = {"listen": "127.0.0.1:0"} | settings
        pages = Pages(ServiceSettings(**options), lambda: status(newest))
        pages.start()
        running.append(pages)
        scheme = "https" if settings.get("tls_cert") else "http"
        return f"{scheme}://127.0.0.1:{pages.port}"

    yield start
    for pages in running:
        pages.stop()


def fresh():
    return snapshot(at=time.time())


def test_health_pages_answer_503_with_the_reason_until_a_meter_delivers(serve):
    url = serve()
    assert requests.get(f"{url}/healthz", timeout=5).status_code == 200
    answer = requests.get(f"{url}/readyz", timeout=5)
    assert (answer.status_code, answer.text) == (503, "the first interval has not ended\n")


def test_a_delivering_collector_is_ready_and_shows_its_metrics(serve):
    url = serve(fresh())
    assert requests.get(f"{url}/readyz", timeout=5).status_code == 200
    answer = requests.get(f"{url}/metrics", timeout=5)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'joulefit_node_energy_joules_total{quality="measured"' in answer.text


def test_the_first_page_says_in_words_what_was_found(serve):
    text = requests.get(f"{serve(fresh())}/", timeout=5).text
    assert "power       not used: rapl: no intel-rapl zone" in text


def test_an_unknown_page_is_404(serve):
    assert requests.get(f"{serve()}/nowhere", timeout=5).status_code == 404


def test_a_password_guards_metrics_but_not_health(serve, tmp_path):
    (tmp_path / "password").write_text("prom:s3cret\n")
    url = serve(fresh(), basic_auth_file=str(tmp_path / "password"))
    assert requests.get(f"{url}/metrics", timeout=5).status_code == 401
    assert requests.get(f"{url}/", timeout=5).status_code == 401
    assert requests.get(f"{url}/metrics", auth=("prom", "wrong"), timeout=5).status_code == 401
    assert requests.get(f"{url}/metrics", auth=("prom", "s3cret"), timeout=5).status_code == 200
    assert requests.get(f"{url}/healthz", timeout=5).status_code == 200


def test_metrics_over_tls(serve, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=n1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    url = serve(fresh(), tls_cert=str(certificate), tls_key=str(key))
    assert requests.get(f"{url}/metrics", verify=str(certificate), timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"listen": "nowhere"}, "--listen 'nowhere' is no address"),
        ({"listen": "127.0.0.1:99999"}, "is no address"),
        ({"listen": "127.0.0.1:0", "tls_cert": "/nowhere.pem"}, "--tls-cert /nowhere.pem"),
        ({"listen": "127.0.0.1:0", "basic_auth_file": "/nowhere"}, "--basic-auth-file /nowhere"),
    ],
)
def test_what_cannot_be_served_is_said(settings, complaint):
    with pytest.raises(UsageError) as caught:
        Pages(ServiceSettings(**settings), status)
    assert complaint in str(caught.value)


def test_a_password_file_without_a_password_is_refused(tmp_path):
    (tmp_path / "password").write_text("only-a-name\n")
    settings = ServiceSettings(basic_auth_file=str(tmp_path / "password"), listen="127.0.0.1:0")
    with pytest.raises(UsageError, match="must hold one line USER:PASSWORD"):
        Pages(settings, status)
