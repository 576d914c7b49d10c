"""Each way in which an API server can fail is told apart, and retried only where that helps."""

import gzip
import json
from contextlib import contextmanager

import certifi
import pytest

from recommender.cluster.api import MERGE_PATCH
from recommender.cluster.connection import ApiConnection, connect
from recommender.cluster.kubeconfig import load_configuration
from recommender.errors import (
    ClusterConfigError,
    ClusterForbiddenError,
    ClusterReplyError,
    ClusterUnreachableError,
)
from recommender.settings import ClusterSettings
from tests.cluster.loopback import Loopback, Reply
from tests.testbed.process import free_port

SECRET = "s3cret-t0ken"
PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """`opened(url, **options)`: a connection with a token, whose pauses are noted in `pauses`."""
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    made = []

    def open_connection(url, *, token=SECRET, **options):
        content = {
            "clusters": [{"name": "x", "cluster": {"server": url}}],
            "users": [{"name": "x", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "current-context": "x",
        }
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(content))
        loaded = load_configuration(ClusterSettings(kubeconfig=str(path)))
        pauses = []
        options = {"timeout": 5.0, "source": loaded.source, "sleep": pauses.append} | options
        connection = ApiConnection(loaded.configuration, **options)
        connection.pauses = pauses
        made.append(connection)
        return connection

    yield open_connection
    for connection in made:
        connection.close()


@contextmanager
def refused(kind, *words):
    """The block raises this kind of error, in one line with these words and without the token."""
    with pytest.raises(kind) as caught:
        yield caught
    text = str(caught.value)
    assert [word for word in words if word not in text] == []
    assert "\n" not in text
    assert SECRET not in text + caught.value.detail


def test_a_request_carries_method_path_query_body_and_credentials(opened):
    with Loopback(Reply(body=b'{"ok":1}')) as server:
        body = opened(server.url).request(
            "PATCH", PODS, query={"a": "b c"}, body=b"{}", content_type=MERGE_PATCH, accept="x/y"
        )
    assert body == b'{"ok":1}'
    ((method, path, headers, sent),) = server.requests
    assert (method, path, sent) == ("PATCH", f"{PODS}?a=b+c", b"{}")
    wanted = {
        "Accept": "x/y",
        "Content-Type": MERGE_PATCH,
        "User-Agent": "joulefit",
        "authorization": f"Bearer {SECRET}",
    }
    assert {name: headers[name] for name in wanted} == wanted


def test_connections_are_kept_alive(opened):
    with Loopback() as server:
        connection = opened(server.url)
        for _ in range(3):
            connection.request("GET", PODS)
        assert (len(server.requests), server.connections) == (3, 1)
        connection.close()


@pytest.mark.parametrize(("is_near", "asked"), [(True, "identity"), (False, "gzip")])
def test_only_far_servers_are_asked_to_compress(opened, is_near, asked):
    packed = Reply(body=gzip.compress(b"[1]"), headers={"Content-Encoding": "gzip"})
    with Loopback(packed) as server:
        assert opened(server.url, is_near=is_near).request("GET", PODS) == b"[1]"
    assert server.requests[0][2]["Accept-Encoding"] == asked


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_after_growing_pauses(opened, status):
    with Loopback(Reply(status), Reply(status), Reply(body=b"[]")) as server:
        connection = opened(server.url)
        assert connection.request("GET", PODS) == b"[]"
    assert connection.pauses == [0.2, 0.4]


def test_a_server_that_asks_for_patience_gets_it(opened):
    busy = Reply(429, headers={"Retry-After": "3"})
    with Loopback(busy, Reply(body=b"[]")) as server:
        connection = opened(server.url)
        assert connection.request("GET", PODS) == b"[]"
    assert connection.pauses == [3.0]


def test_a_server_that_asks_for_too_much_patience_is_given_up(opened):
    with Loopback(Reply(429, headers={"Retry-After": "3600"})) as server:
        connection = opened(server.url)
        with refused(ClusterReplyError, "answered 429"):
            connection.request("GET", PODS)
    assert (len(server.requests), connection.pauses) == (1, [])


def test_a_server_that_stays_broken_is_asked_three_times(opened):
    with (
        Loopback(Reply(503, body=b'{"message":"etcd is away"}')) as server,
        refused(ClusterReplyError, "answered 503", f"GET {PODS}", "etcd is away") as caught,
    ):
        opened(server.url).request("GET", PODS)
    assert len(server.requests) == 3
    assert caught.value.status == 503


@pytest.mark.parametrize("status", [400, 404, 405, 410, 422])
def test_what_will_not_pass_is_not_tried_again(opened, status):
    with (
        Loopback(Reply(status, body=b"plain words")) as server,
        refused(ClusterReplyError, f"answered {status}", "plain words") as caught,
    ):
        opened(server.url).request("GET", PODS)
    assert len(server.requests) == 1
    assert caught.value.status == status


def test_credentials_that_are_not_accepted_are_named(opened):
    with (
        Loopback(Reply(401, body=b'{"message":"Unauthorized"}')) as server,
        refused(ClusterForbiddenError, "401 Unauthorized", "--context"),
    ):
        opened(server.url).request("GET", PODS)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (PODS, ["pods: list is forbidden for ann in namespace shop", "resources ['pods']"]),
        (
            "/apis/apps/v1/deployments",
            ["deployments: list is forbidden for ann cluster-wide", "apiGroups ['apps']"],
        ),
        ("/api/v1/namespaces/shop/pods/web", ["pods: get is forbidden for ann in namespace shop"]),
        ("/apis/example.com/v1", ["GET /apis/example.com/v1 is forbidden for ann"]),
    ],
)
def test_a_forbidden_verb_is_named_with_the_rule_to_grant(opened, path, words):
    said = b'{"message":"x is forbidden: User \\"ann\\" cannot y"}'
    with Loopback(Reply(403, body=said)) as server, refused(ClusterForbiddenError, *words):
        opened(server.url).request("GET", path)


def test_a_proxy_that_forbids_without_saying_who_is_asking_is_still_named(opened):
    with (
        Loopback(Reply(403, body=b"<html>no</html>")) as server,
        refused(ClusterForbiddenError, "pods: list is forbidden for this user"),
    ):
        opened(server.url).request("GET", PODS)


def test_a_server_that_is_not_there_is_named_after_three_attempts(opened):
    url = f"http://127.0.0.1:{free_port()}"
    connection = opened(url)
    with refused(ClusterUnreachableError, url, "Connection refused", "kubeconfig"):
        connection.request("GET", PODS)
    assert connection.pauses == [0.2, 0.4]


def test_a_server_that_is_too_slow_is_not_asked_again(opened):
    with Loopback(Reply(is_held=True)) as server:
        connection = opened(server.url, timeout=0.2)
        with refused(ClusterUnreachableError, "within 0.2 s", "--cluster-timeout"):
            connection.request("GET", PODS)
    assert len(server.requests) == 1


def test_an_answer_that_breaks_off_is_asked_for_again(opened):
    with Loopback(Reply(body=b"[1", length=9), Reply(body=b"[1]")) as server:
        assert opened(server.url).request("GET", PODS) == b"[1]"
    with (
        Loopback(Reply(body=b"[1", length=9)) as server,
        refused(ClusterUnreachableError, "broke off its answer"),
    ):
        opened(server.url).request("GET", PODS)


def test_an_address_that_is_none_is_named(opened):
    with refused(ClusterUnreachableError, "http://127.0.0.1:notaport"):
        opened("http://127.0.0.1:notaport").request("GET", PODS)


def test_a_server_that_speaks_no_tls_is_named(opened):
    with (
        Loopback() as server,
        refused(ClusterConfigError, "no trusted TLS connection", "certificate-authority"),
    ):
        opened(server.url.replace("http:", "https:")).request("GET", PODS)


def test_a_certificate_of_an_unknown_authority_is_named(control_plane, tmp_path):
    content = json.loads(control_plane.kubeconfig.read_text())
    content["clusters"][0]["cluster"]["certificate-authority"] = certifi.where()
    (tmp_path / "kubeconfig").write_text(json.dumps(content))
    with (
        connect(ClusterSettings(kubeconfig=str(tmp_path / "kubeconfig"))) as opened,
        refused(ClusterConfigError, "no trusted TLS connection", "certificate verify failed"),
    ):
        opened.request("GET", "/version")


def test_a_wrong_token_is_refused_by_the_real_api_server(control_plane, tmp_path):
    content = json.loads(control_plane.kubeconfig.read_text())
    content["users"][0]["user"]["token"] = SECRET
    (tmp_path / "kubeconfig").write_text(json.dumps(content))
    with (
        connect(ClusterSettings(kubeconfig=str(tmp_path / "kubeconfig"))) as opened,
        refused(ClusterForbiddenError, "401 Unauthorized"),
    ):
        opened.request("GET", PODS)


def test_the_line_end_of_a_token_is_no_part_of_it(opened):
    with Loopback() as server:
        opened(server.url, token=f"{SECRET}\n").request("GET", PODS)
        (_, _, headers, _), *_ = server.requests
        assert headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("token", [f"{SECRET}\nX-Other: 1", f"{SECRET}\u20ac"], ids=ascii)
def test_what_no_header_can_hold_is_refused_without_being_shown(opened, token):
    with Loopback() as server:
        with refused(ClusterConfigError, "the token of the kubeconfig has characters"):
            opened(server.url, token=token).request("GET", PODS)
        assert server.requests == []


def test_the_token_is_in_no_representation(opened):
    with Loopback() as server:
        connection = opened(server.url)
        assert SECRET not in repr(connection) + connection.source
