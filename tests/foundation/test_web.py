"""The page server holds, whoever connects and whatever they say."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import dataclass

import pytest
import requests

from recommender.errors import UsageError
from recommender.web import PageServer, Password, guard, read_password


@dataclass(frozen=True)
class Where:
    listen: str = "127.0.0.1:0"
    tls_cert: str = ""
    tls_key: str = ""


def hello(_environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello\n"]


@pytest.fixture
def serve():
    running = []

    def start(**where):
        server = PageServer(hello, Where(**where))
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Paths of a certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=n1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return str(certificate), str(key)


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_who_connects_and_says_nothing_holds_up_nobody(serve):
    server = serve()
    with connect(server), connect(server):
        assert requests.get(f"http://127.0.0.1:{server.port}/", timeout=5).text == "hello\n"


def test_who_starts_no_handshake_holds_up_no_other_over_tls(serve, certificate):
    cert, key = certificate
    server = serve(tls_cert=cert, tls_key=key)
    with connect(server):
        answer = requests.get(f"https://127.0.0.1:{server.port}/", verify=cert, timeout=5)
    assert answer.text == "hello\n"


def test_who_speaks_no_tls_is_let_go_without_a_word_in_the_log(serve, certificate, capfd):
    cert, key = certificate
    server = serve(tls_cert=cert, tls_key=key)
    with connect(server) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while plain.recv(1024):  # an alert, then the end
            pass
    assert requests.get(f"https://127.0.0.1:{server.port}/", verify=cert, timeout=5).ok
    assert capfd.readouterr().err == ""


def test_requests_are_not_logged(serve, capfd):
    server = serve()
    requests.get(f"http://127.0.0.1:{server.port}/", timeout=5)
    assert capfd.readouterr().err == ""


def test_an_address_of_ipv6_is_served(serve):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    server = serve(listen="[::1]:0")
    assert requests.get(f"http://[::1]:{server.port}/", timeout=5).text == "hello\n"


def test_an_address_that_is_taken_is_said_in_one_line(serve):
    taken = serve().port
    with pytest.raises(UsageError, match=rf"--listen 127\.0\.0\.1:{taken}: .* another address"):
        PageServer(hello, Where(listen=f"127.0.0.1:{taken}"))


@pytest.mark.parametrize("address", ["", "host", "host:", "host:http", "host:65536", "host:²"])
def test_what_is_no_address_is_refused_with_an_example(address):
    with pytest.raises(UsageError, match=r"is no address; write for example 0\.0\.0\.0:8080"):
        PageServer(hello, Where(listen=address))


def test_a_key_that_is_not_the_certificates_is_refused(certificate, tmp_path):
    cert, _ = certificate
    other = tmp_path / "other.pem"
    command = ["openssl", "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", other]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(UsageError, match="must be PEM files that belong together"):
        PageServer(hello, Where(tls_cert=cert, tls_key=str(other)))


def test_a_password_is_the_first_line_of_its_file_and_may_hold_colons(tmp_path):
    (tmp_path / "password").write_text("prom:s3:cret\n")
    assert read_password(str(tmp_path / "password")) == Password("prom", "s3:cret")


def test_no_file_is_no_password():
    assert read_password("") is None
    assert guard(hello, None) is hello


@pytest.mark.parametrize("content", [b"", b"name\n", b"name:\n", b":word\n", b"\xff\xfe:x"])
def test_a_password_file_that_holds_none_is_refused_by_name(tmp_path, content):
    path = tmp_path / "password"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_password(str(path))
    assert str(caught.value).startswith(f"--basic-auth-file {path} ")


@pytest.mark.parametrize(
    ("user", "password", "is_admitted"),
    [
        ("prom", "s3cret", True),
        ("prom", "S3cret", False),
        ("Prom", "s3cret", False),
        ("prom", "", False),
        ("", "", False),
        ("prüm", "s3crét", False),
    ],
)
def test_only_the_exact_pair_is_admitted(user, password, is_admitted):
    assert Password("prom", "s3cret").admits(user, password) is is_admitted
