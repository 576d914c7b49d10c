"""Lists of pods over real TLS on loopback, from servers that are not always what they should be."""

import ssl
import subprocess
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from collector.identity.failure import PodListError
from collector.identity.source import Access, ApiServerPods, KubeletPods
from tests.cluster.loopback import Loopback, Reply
from tests.collector.identity.build import a_pod, body_of
from tests.testbed.part import require_program
from tests.testbed.process import free_port

TOKEN = "s3cret-t0ken"


class TlsLoopback(Loopback):
    def encrypt(self, context):
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server.handle_error = lambda *_: None  # clients that break off are part of the tests
        self.url = self.url.replace("http:", "https:")

    def give(self, handler):
        if isinstance(self.replies[0], Reply):
            super().give(handler)
        else:
            self.replies[0].give(handler, self._closing)


@dataclass
class Chunked:
    body: bytes

    def give(self, handler, _):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for begin in range(0, len(self.body), 1000):
            piece = self.body[begin : begin + 1000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")


@dataclass
class Trickle:
    """A byte every 50 ms, until the client is gone or the server closes."""

    is_chunked: bool

    def give(self, handler, closing):
        handler.close_connection = True
        handler.send_response(200)
        if self.is_chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not closing.wait(0.05):
            try:
                handler.wfile.write(b"1\r\n \r\n" if self.is_chunked else b" ")
            except OSError:
                return


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signed itself, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = [str(require_program("openssl")), "req", "-x509", "-newkey", "ec", "-nodes"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2", "-subj", "/CN=node-1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.crt")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def serve(certificate):
    """`serve(*replies)`: a server with that certificate; `url` has https."""
    servers = []

    def start(*replies):
        server = TlsLoopback(*replies)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "ca.crt", certificate / "key.pem")
        server.encrypt(context)
        servers.append(server)
        return server.__enter__()

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture
def access(certificate, tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")

    def make(**options):
        chosen = {"token_file": str(tmp_path / "token"), "ca_file": str(certificate / "ca.crt")}
        return Access(**(chosen | options))

    return make


def pods_reply(**options):
    return Reply(body=body_of(a_pod("a"), a_pod("b")), **options)


def test_kubelets_pods_are_read_over_verified_tls_with_the_token(serve, access):
    server = serve(pods_reply())
    listing = KubeletPods(server.url, access()).read_pods()

    assert [pod.name for pod in listing.pods] == ["a", "b"]
    ((method, path, headers, _),) = server.requests
    assert (method, path) == ("GET", "/pods")
    assert headers["Authorization"] == f"Bearer {TOKEN}"


def test_api_server_is_asked_for_this_node_only_and_from_its_cache(serve, access):
    server = serve(pods_reply())
    listing = ApiServerPods("node-1", server.url, access()).read_pods()

    assert [pod.name for pod in listing.pods] == ["a", "b"]
    url = urlsplit(server.requests[0][1])
    assert url.path == "/api/v1/pods"
    assert parse_qs(url.query) == {
        "fieldSelector": ["spec.nodeName=node-1"],
        "resourceVersion": ["0"],
    }


def test_api_server_in_the_cluster_is_where_the_environment_says(serve, access, monkeypatch):
    server = serve(pods_reply())
    port = urlsplit(server.url).port
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))

    assert len(ApiServerPods("node-1", access=access()).read_pods().pods) == 2


def test_token_is_read_again_since_it_rotates(serve, access, tmp_path):
    server = serve(pods_reply())
    source = KubeletPods(server.url, access())
    source.read_pods()
    (tmp_path / "token").write_text("rotated")
    source.read_pods()

    assert [r[2]["Authorization"] for r in server.requests] == [
        f"Bearer {TOKEN}",
        "Bearer rotated",
    ]


def test_no_token_file_means_no_token(serve, access):
    server = serve(pods_reply())
    KubeletPods(server.url, access(token_file="")).read_pods()

    assert "Authorization" not in server.requests[0][2]


def test_token_is_not_sent_in_the_clear(access):
    with Loopback(pods_reply()) as server:
        KubeletPods(server.url, access()).read_pods()

    assert "Authorization" not in server.requests[0][2]


def test_certificate_that_is_not_trusted_is_refused_and_gets_no_token(serve, access):
    server = serve(pods_reply())

    with pytest.raises(PodListError, match="is not trusted: name its CA file"):
        KubeletPods(server.url, access(ca_file="")).read_pods()
    assert server.requests == []


def test_insecure_is_only_when_asked(serve, access):
    server = serve(pods_reply())

    assert KubeletPods(server.url, access(ca_file="", insecure=True)).read_pods().pods


def test_neither_proxy_nor_netrc_of_the_environment_is_used(serve, access, monkeypatch, tmp_path):
    server = serve(pods_reply())
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")

    assert KubeletPods(server.url, access()).read_pods().pods
    assert server.requests[0][2]["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(Reply(401), "does not accept the token", id="401"),
        pytest.param(Reply(403), "the role needs get on nodes/proxy", id="403"),
        pytest.param(Reply(500, b"boom"), "answers 500", id="500"),
        pytest.param(
            Reply(302, headers={"Location": "http://127.0.0.1:1/"}), "answers 302", id="redirect"
        ),
        pytest.param(Reply(body=b"<html>"), "is no list of pods", id="HTML"),
        pytest.param(Reply(body=b"{}", length=50), "does not answer", id="cut off"),
        pytest.param(Reply(is_held=True), "does not answer", id="silent"),
    ],
)
def test_answer_that_is_none_is_one_kind_of_error(serve, access, reply, words):
    server = serve(reply)

    with pytest.raises(PodListError, match=words) as caught:
        KubeletPods(server.url, access(timeout=0.5)).read_pods()
    assert TOKEN not in str(caught.value) + caught.value.detail


def test_nobody_there(access):
    with pytest.raises(
        PodListError, match=r"the kubelet at https://127\.0\.0\.1:.* does not answer"
    ):
        KubeletPods(f"https://127.0.0.1:{free_port()}", access()).read_pods()


def test_missing_token_and_ca_file_are_named(serve, access):
    server = serve(pods_reply())

    with pytest.raises(PodListError, match="/nowhere/token: No such file"):
        KubeletPods(server.url, access(token_file="/nowhere/token")).read_pods()
    with pytest.raises(PodListError, match=r"/nowhere/ca\.crt"):
        KubeletPods(server.url, access(ca_file="/nowhere/ca.crt")).read_pods()


@pytest.mark.parametrize("content", [b"", b"two words", b"a\nb", b"\xff\xfe"])
def test_token_file_without_a_token_is_named_and_not_quoted(serve, access, tmp_path, content):
    server = serve(pods_reply())
    (tmp_path / "bad").write_bytes(content)

    with pytest.raises(PodListError) as caught:
        KubeletPods(server.url, access(token_file=str(tmp_path / "bad"))).read_pods()
    assert str(caught.value) == f"{tmp_path / 'bad'} holds no token"
    assert server.requests == []


def test_address_that_is_none_is_the_same_kind_of_error(access):
    with pytest.raises(PodListError, match="does not answer"):
        KubeletPods("https://127.0.0.1:x", access()).read_pods()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_answer_that_trickles_does_not_hold_the_loop(serve, access, is_chunked):
    """Each piece comes in time; the whole does not."""
    server = serve(Trickle(is_chunked=is_chunked))

    with pytest.raises(PodListError, match="does not come to an end"):
        KubeletPods(server.url, access(timeout=0.3)).read_pods()


def test_chunked_answer_is_read_whole(serve, access):
    pods = [a_pod(f"pod-{number}") for number in range(300)]
    server = serve(Chunked(body_of(*pods)))

    assert len(KubeletPods(server.url, access()).read_pods().pods) == 300
