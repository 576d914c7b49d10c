"""What goes over the wire to a store, and what comes of its answers."""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64encode
from itertools import pairwise
from types import SimpleNamespace

import pytest

from recommender.errors import (
    StoreRefusedError,
    StoreReplyError,
    StoreUnreachableError,
    UsageError,
)
from recommender.history.client import PrometheusClient, RangeQuery, query_in_order
from recommender.history.fake import FakeQueryClient
from recommender.history.reply import PAD, Reply, decode_labels
from recommender.history.sample import parse_points
from recommender.settings import StoreSettings
from tests.history.scripted_store import (
    EMPTY,
    Scripted,
    ScriptedStore,
    json_reply,
    scripted_store,
    zipped,
)
from tests.testbed.process import free_port

QUERY = RangeQuery('up{a="b"}', 1_700_000_100, 1_700_000_700, 300)
ONE_SERIES = (
    b'{"status":"success","data":{"resultType":"matrix","result":'
    b'[{"metric":{"a":"b"},"values":[[1700000100,"1.5"],[1700000400,"2"]]}]}}'
)
SECRET = "hunter2-very-secret"


def settings_of(store: ScriptedStore, **options: object) -> StoreSettings:
    return StoreSettings(store=store.url, **options)


def ask(store: ScriptedStore, **options: object):
    return PrometheusClient(settings_of(store, **options)).query_range(QUERY)


def test_a_query_is_a_form_in_the_body_of_a_post():
    with scripted_store(json_reply(ONE_SERIES)) as store:
        reply = ask(store)
    [asked] = store.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/query_range")
    assert asked.form == {
        "query": ['up{a="b"}'],
        "start": ["1700000100"],
        "end": ["1700000700"],
        "step": ["300"],
    }
    assert reply.metrics == [b'{"a":"b"}']
    assert reply.size == len(ONE_SERIES)
    points = parse_points(reply, start=QUERY.start, step=QUERY.step)
    assert points.at.tolist() == [0, 1]
    assert points.values.tolist() == [1.5, 2.0]


def test_a_path_before_the_api_is_kept():
    with scripted_store() as store:
        PrometheusClient(StoreSettings(store=f"{store.url}/prometheus/")).query_range(QUERY)
    assert store.asked[0].path == "/prometheus/api/v1/query_range"


@pytest.mark.parametrize(
    ("compression", "asked"),
    [("auto", "identity"), ("off", "identity"), ("on", "gzip")],
)
def test_a_near_store_is_asked_for_gzip_only_on_request(compression, asked):
    with scripted_store() as store:
        ask(store, store_compression=compression)
    assert store.asked[0].headers["Accept-Encoding"] == asked


def test_a_zipped_answer_is_unpacked():
    with scripted_store(zipped(ONE_SERIES)) as store:
        assert ask(store, store_compression="on").metrics == [b'{"a":"b"}']


def test_one_connection_serves_one_query_after_another():
    with scripted_store() as store:
        client = PrometheusClient(settings_of(store))
        for _ in range(3):
            client.query_range(QUERY)
    assert len({asked.connection for asked in store.asked}) == 1


def test_warnings_of_the_store_are_handed_on():
    body = EMPTY[:-1] + b',"warnings":["partial answer: store-2 is down"]}'
    with scripted_store(json_reply(body)) as store:
        assert ask(store).warnings == ("partial answer: store-2 is down",)


class TestAuthentication:
    def test_bearer_token(self):
        with scripted_store() as store:
            ask(store, store_token=SECRET)
        assert store.asked[0].headers["Authorization"] == f"Bearer {SECRET}"

    def test_token_file_is_read_again_for_each_request(self, tmp_path):
        file = tmp_path / "token"
        file.write_text("first\n")
        with scripted_store() as store:
            client = PrometheusClient(settings_of(store, store_token_file=str(file)))
            client.query_range(QUERY)
            file.write_text("second\n")
            client.query_range(QUERY)
        sent = [asked.headers["Authorization"] for asked in store.asked]
        assert sent == ["Bearer first", "Bearer second"]

    @pytest.mark.parametrize("place", ["flag", "url"])
    def test_basic(self, place):
        with scripted_store() as store:
            if place == "url":
                url = store.url.replace("http://", "http://anna:p%40ss@")
                PrometheusClient(StoreSettings(store=url)).query_range(QUERY)
            else:
                ask(store, store_basic_auth="anna:p@ss")
        expected = b64encode(b"anna:p@ss").decode()
        assert store.asked[0].headers["Authorization"] == f"Basic {expected}"

    def test_extra_headers(self):
        with scripted_store() as store:
            ask(store, store_header=("X-Scope-OrgID: team-a", "X-More:b"))
        assert store.asked[0].headers["X-Scope-OrgID"] == "team-a"
        assert store.asked[0].headers["X-More"] == "b"

    def test_netrc_and_environment_are_not_used(self, tmp_path, monkeypatch):
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login anna password hunter2\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
        with scripted_store() as store:
            ask(store)
        assert "Authorization" not in store.asked[0].headers

    def test_a_proxy_that_was_named_is_used(self):
        with scripted_store() as proxy:
            settings = StoreSettings(store="http://store.example:9090", store_proxy=proxy.url)
            PrometheusClient(settings).query_range(QUERY)
        assert proxy.asked[0].path == "http://store.example:9090/api/v1/query_range"

    def test_a_far_store_is_asked_through_the_proxy_of_the_environment(self, monkeypatch):
        with scripted_store() as proxy:
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.delenv("no_proxy", raising=False)
            settings = StoreSettings(store="http://store.example:9090")
            PrometheusClient(settings).query_range(QUERY)
        assert proxy.asked[0].headers["Accept-Encoding"] == "gzip"

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"store_token": "a", "store_basic_auth": "b:c"}, "exclude each other"),
            ({"store_basic_auth": SECRET}, "write USER:PASSWORD"),
            ({"store_header": (SECRET,)}, "'NAME: VALUE'"),
            ({"store_header": (f"X-A: {SECRET}\r\nX-B: c",)}, "'NAME: VALUE'"),
            ({"store_token": f"{SECRET}\n{SECRET}"}, "--store-token holds no token"),
            ({"store_token_file": "/nowhere/token"}, "cannot read --store-token-file"),
            ({"store_ca_file": "/nowhere/ca.pem"}, "no file /nowhere/ca.pem for --store-ca-file"),
            ({"store_client_cert": "/nowhere/c.pem"}, "for --store-client-cert"),
            ({"store_client_key": "/nowhere/k.pem"}, "needs --store-client-cert"),
            ({"store_proxy": "nonsense"}, "--store-proxy"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_settings_that_make_no_sense_are_refused_without_their_secrets(self, options, words):
        with scripted_store() as store, pytest.raises(UsageError) as raised:
            ask(store, **options)
        assert words in str(raised.value)
        assert SECRET not in str(raised.value)


class TestRetries:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_overload_is_tried_again(self, status):
        with scripted_store(Scripted(status), json_reply(ONE_SERIES)) as store:
            assert len(ask(store).metrics) == 1
        assert len(store.asked) == 2

    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_a_refused_query_is_not_tried_again(self, status):
        with scripted_store(Scripted(status)) as store, pytest.raises(StoreReplyError):
            ask(store)
        assert len(store.asked) == 1

    def test_retry_after_is_honoured(self):
        again = Scripted(429, headers={"Retry-After": "1"})
        with scripted_store(again, json_reply()) as store:
            begun = time.monotonic()
            ask(store)
        assert 0.95 <= time.monotonic() - begun < 5

    def test_a_wait_beyond_all_reason_is_reported_at_once(self):
        again = Scripted(429, headers={"Retry-After": "3600"})
        begun = time.monotonic()
        with scripted_store(again) as store, pytest.raises(StoreReplyError) as raised:
            ask(store)
        assert time.monotonic() - begun < 5
        assert len(store.asked) == 1
        assert "429 Too Many Requests" in str(raised.value)

    def test_a_retry_after_that_makes_no_sense_is_ignored(self):
        again = Scripted(503, headers={"Retry-After": "soon"})
        with scripted_store(again, json_reply()) as store:
            ask(store)
        assert len(store.asked) == 2

    def test_it_ends_after_the_retries_that_were_asked_for(self):
        body = b'{"status":"error","errorType":"timeout","error":"query timed out"}'
        failing = Scripted(503, body)
        with scripted_store(failing) as store, pytest.raises(StoreReplyError) as raised:
            ask(store, store_retries=2)
        assert len(store.asked) == 3
        assert "503 Service Unavailable: timeout: query timed out" in str(raised.value)


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "shown"), [(401, "401 Unauthorized"), (403, "403 Forbidden")]
    )
    def test_refused(self, status, shown):
        with (
            scripted_store(Scripted(status, b"no")) as store,
            pytest.raises(StoreRefusedError) as raised,
        ):
            ask(store, store_token=SECRET)
        assert str(raised.value) == (
            f"store {store.url} answered {shown}; give --store-token-file, --store-basic-auth or "
            "--store-header"
        )
        assert SECRET not in raised.value.detail

    def test_nobody_listens(self):
        url = f"http://anna:{SECRET}@127.0.0.1:{free_port()}"
        with pytest.raises(StoreUnreachableError) as raised:
            PrometheusClient(StoreSettings(store=url, store_retries=1)).query_range(QUERY)
        message = str(raised.value)
        assert "is unreachable (connection refused)" in message
        assert "--store" in message
        assert SECRET not in message
        assert "anna" not in message
        assert 'query=up{a="b"}' in raised.value.detail

    def test_a_name_that_does_not_resolve(self):
        settings = StoreSettings(store="http://no-such-store.invalid:9090", store_retries=0)
        with pytest.raises(StoreUnreachableError, match="is unreachable"):
            PrometheusClient(settings).query_range(QUERY)

    def test_headers_that_do_not_come_in_time(self):
        release = threading.Event()
        blocking = json_reply()
        with scripted_store(blocking) as store:
            store.next_answer = _blocked(store.next_answer, release)
            with pytest.raises(StoreUnreachableError) as raised:
                ask(store, store_timeout=0.2)
            release.set()
        assert "took longer than 200 ms to answer; give a longer" in str(raised.value)
        assert len(store.asked) == 1  # an answer that is too slow is not asked for again

    def test_a_body_that_does_not_come_in_time(self):
        release = threading.Event()
        slow = json_reply(ONE_SERIES)
        slow.before_body = lambda: release.wait(10)
        with scripted_store(slow) as store:
            with pytest.raises(StoreUnreachableError) as raised:
                ask(store, store_timeout=0.2)
            release.set()
        assert "took longer than" in str(raised.value)

    def test_a_page_instead_of_the_api(self):
        page = Scripted(200, b"<!doctype html><html>log in</html>", {"Content-Type": "text/html"})
        with scripted_store(page) as store, pytest.raises(StoreReplyError) as raised:
            ask(store)
        assert "is this the address of Prometheus' API" in str(raised.value)

    def test_a_redirect_is_named_not_followed(self):
        away = Scripted(302, b"", {"Location": f"https://u:{SECRET}@login.example/?token={SECRET}"})
        with scripted_store(away) as store, pytest.raises(StoreReplyError) as raised:
            ask(store, store_header=("X-Scope-OrgID: a",))
        assert "answered 302 Found to https://login.example/;" in str(raised.value)
        assert SECRET not in str(raised.value)
        assert len(store.asked) == 1

    def test_another_path(self):
        with (
            scripted_store(Scripted(404, b"404 page not found")) as store,
            pytest.raises(StoreReplyError, match="is this the address of Prometheus' API"),
        ):
            ask(store)

    def test_the_connection_ends_within_the_body(self):
        cut = json_reply(ONE_SERIES)
        cut.sent = 60
        with scripted_store(cut) as store, pytest.raises(StoreReplyError, match="was cut off"):
            ask(store)

    def test_a_body_that_was_cut_by_somebody_between(self):
        with (
            scripted_store(json_reply(ONE_SERIES[:60])) as store,
            pytest.raises(StoreReplyError, match="was cut off"),
        ):
            ask(store)

    def test_an_error_inside_of_200(self):
        body = b'{"status":"error","errorType":"execution","error":"too many\\n samples"}'
        with scripted_store(json_reply(body)) as store, pytest.raises(StoreReplyError) as raised:
            ask(store)
        assert str(raised.value) == (
            f"store {store.url} could not answer: execution: too many samples; try later, or with "
            "a shorter --history"
        )

    def test_a_query_that_the_store_does_not_understand(self):
        body = b'{"status":"error","errorType":"bad_data","error":"parse error"}'
        with (
            scripted_store(Scripted(400, body)) as store,
            pytest.raises(StoreReplyError, match="400 Bad Request: bad_data: parse error"),
        ):
            ask(store)

    def test_what_speaks_no_http(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            answering = threading.Thread(target=_answer_once, args=(listening, b"220 mail\r\n"))
            answering.start()
            with pytest.raises(StoreUnreachableError, match="without an answer in HTTP"):
                PrometheusClient(StoreSettings(store=url, store_retries=0)).query_range(QUERY)
            answering.join()

    def test_tls_where_the_store_speaks_none(self):
        with scripted_store() as store:
            url = store.url.replace("http://", "https://")
            with pytest.raises(StoreUnreachableError, match="does it speak plain http://"):
                PrometheusClient(StoreSettings(store=url, store_retries=0)).query_range(QUERY)

    @pytest.mark.parametrize("kind", [b"vector", b"scalar", b"string"])
    def test_another_kind_of_result(self, kind):
        body = EMPTY.replace(b"matrix", kind)
        with (
            scripted_store(json_reply(body)) as store,
            pytest.raises(StoreReplyError, match=f"answered a {kind.decode()} to a range query"),
        ):
            ask(store)

    @pytest.mark.parametrize(
        "values",
        [
            b'[[1700000000,"abc"]]',
            b"[[1700000000,12345]]",
            b'[["soon","1"]]',
            b'[{"t":1700000000}]',
            b'{"1700000000":"1"}',
            b'[[1e300,"1"]]',
            b'["1700000000","1","2"]',
        ],
        ids=lambda value: value.decode(),
    )
    def test_samples_that_are_none(self, values):
        reply = Reply([b"{}"], PAD + values + PAD, [len(values)])
        client = SimpleNamespace(query_range=lambda _: reply)
        with pytest.raises(StoreReplyError, match="samples that are no"):
            list(query_in_order(client, [QUERY], parallel=1))

    @pytest.mark.parametrize("labels", [b"[]", b'{"namespace":5}', b"null", b'"app"'])
    def test_labels_that_are_none(self, labels):
        with pytest.raises(StoreReplyError, match="labels that are none"):
            decode_labels(labels)

    @pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"status":"success"}', b"\xff\xfe"])
    def test_anything_else(self, body):
        with scripted_store(json_reply(body)) as store, pytest.raises(StoreReplyError):
            ask(store)

    def test_a_broken_stream_of_gzip(self):
        broken = json_reply(b"no gzip at all", **{"Content-Encoding": "gzip"})
        with scripted_store(broken) as store, pytest.raises(StoreReplyError):
            ask(store, store_compression="on")


def _answer_once(listening: socket.socket, words: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(words)


def _blocked(answer, release: threading.Event):
    def wait(asked):
        found = answer(asked)
        release.wait(10)
        return found

    return wait


def test_nothing_that_can_be_printed_shows_a_secret():
    settings = StoreSettings(
        store=f"http://anna:{SECRET}@127.0.0.1:1",
        store_token=SECRET,
        store_proxy=f"http://{SECRET}",
    )
    client = PrometheusClient(settings)
    for thing in (client, vars(client), *vars(client).values()):
        assert SECRET not in repr(thing)


class TestOrder:
    """query_in_order."""

    def test_replies_come_in_the_order_of_the_queries(self):
        queries = [RangeQuery(f"q{i}", i * 300, i * 300, 300) for i in range(20)]
        later = threading.Barrier(3)

        def answer(query: RangeQuery):
            later.wait(10)  # three at a time: whichever ends first
            return [({"q": query.query}, [(query.start, 1.0)])]

        client = FakeQueryClient(answer)
        replies = list(query_in_order(client, queries[:18], parallel=3))
        names = [reply.metrics[0] for reply in replies]
        assert names == [b'{"q":"q%d"}' % i for i in range(18)]

    def test_no_more_than_the_limit_are_under_way(self):
        running, most = 0, 0
        lock = threading.Lock()
        both = threading.Barrier(2)  # which also shows that two are

        def answer(_: RangeQuery):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            both.wait(10)
            with lock:
                running -= 1
            return []

        queries = [QUERY] * 50
        assert len(list(query_in_order(FakeQueryClient(answer), queries, parallel=2))) == 50
        assert most == 2

    def test_little_is_asked_ahead_of_who_reads(self):
        client = FakeQueryClient(lambda _: [])
        replies = query_in_order(client, [QUERY] * 50, parallel=2)
        seen = [len(client.asked) for _ in replies]
        assert all(asked <= number + 4 for number, asked in enumerate(seen, start=1))

    @pytest.mark.parametrize("parallel", [1, 2, 5])
    def test_a_query_is_taken_once_all_replies_but_the_last_few_were_worked_on(self, parallel):
        worked_on, seen = 0, []

        def queries():
            for _ in range(20):
                seen.append(worked_on)
                yield QUERY

        for _ in query_in_order(FakeQueryClient(lambda _: []), queries(), parallel=parallel):
            worked_on += 1
        assert seen == [max(0, number - parallel) for number in range(20)]

    def test_the_first_error_ends_it(self):
        def answer(query: RangeQuery):
            if query.start >= 300:
                raise StoreReplyError("no")
            return []

        client = FakeQueryClient(answer)
        queries = [RangeQuery("q", i * 300, i * 300, 300) for i in range(50)]
        replies = query_in_order(client, queries, parallel=2)
        next(replies)
        with pytest.raises(StoreReplyError, match="no"):
            next(replies)
        assert len(client.asked) < 10


def test_two_points_of_a_fake_are_what_was_given():
    client = FakeQueryClient(lambda _: [({"a": "b"}, [(300, 1.0), (600, 2.5), (9_000, 3.0)])])
    [matrix] = query_in_order(client, [RangeQuery("q", 300, 900, 300, first_at=7)], parallel=1)
    assert matrix.points.at.tolist() == [7, 8]
    assert all(b - a == 1 for a, b in pairwise(matrix.points.at))
    assert matrix.points.values.tolist() == [1.0, 2.5]
