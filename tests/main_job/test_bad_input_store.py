"""What a store does wrong is one line with its address and what to do; no secret is shown."""

from __future__ import annotations

import gzip
from base64 import b64encode

import pytest

from tests.history.scripted_store import EMPTY, Scripted, json_reply, scripted_store
from tests.main_job.bad_input import ERROR, SECRET, USAGE, WINDOW, assert_refused, silent_server
from tests.main_job.command import joulefit
from tests.testbed.process import free_port

WEB_PAGE = Scripted(200, b"<!doctype html><html>log in</html>", {"Content-Type": "text/html"})
FAILURE = b'{"status":"error","errorType":"execution","error":"too many samples"}'


def ask(url, *flags, command=("report",)):
    """A call that needs a store only, and does not ask it twice."""
    return joulefit(*command, "--no-cluster", "--store-retries", 0, "--store", url, *flags)


def one_series(metric, values):
    return json_reply(EMPTY.replace(b"[]", b'[{"metric":%s,"values":%s}]' % (metric, values)))


@pytest.mark.parametrize(
    "command",
    [("report",), ("report", "-o", "json"), ("explain", "shop/deploy/web"), ("record", "week")],
    ids=" ".join,
)
def test_a_store_that_is_not_there(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"http://127.0.0.1:{free_port()}"
    outcome = ask(url, command=command)
    assert_refused(outcome, f"store {url} is unreachable (connection refused)", "--store")
    assert list(tmp_path.iterdir()) == []


def test_a_store_whose_name_does_not_resolve():
    outcome = ask("http://no-such-store.invalid:9090")
    assert_refused(outcome, "store http://no-such-store.invalid:9090 is unreachable", "--store")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_store_that_never_answers(scheme):
    with silent_server() as address:
        limits = ("--store-timeout", "300ms", "--store-connect-timeout", "300ms")
        outcome = ask(f"{scheme}://{address}", *limits)
    assert_refused(
        outcome, f"store {scheme}://{address} took longer than 300 ms", "--store-timeout"
    )


ANSWERS = [
    pytest.param(
        Scripted(401, b"no"),
        ["401 Unauthorized", "--store-token-file, --store-basic-auth or --store-header"],
        id="401",
    ),
    pytest.param(
        Scripted(403, b"no"),
        ["403 Forbidden", "--store-token-file, --store-basic-auth or --store-header"],
        id="403",
    ),
    pytest.param(WEB_PAGE, ["a web page", "the address of Prometheus' API"], id="HTML in 200"),
    pytest.param(
        Scripted(302, b"", {"Location": f"https://login.example/?next={SECRET}"}),
        ["302 Found to https://login.example/;", "--store"],
        id="a login page elsewhere",
    ),
    pytest.param(Scripted(404, b"404"), ["404 Not Found", "Mimir wants /prometheus"], id="404"),
    pytest.param(Scripted(422, FAILURE), ["too many samples", "--history"], id="422"),
    pytest.param(Scripted(503, b"no upstream"), ["503 Service Unavailable", "later"], id="503"),
    pytest.param(
        Scripted(429, b"", {"Retry-After": "3600"}), ["429", "--store-parallel 1"], id="429"
    ),
    pytest.param(json_reply(FAILURE), ["execution: too many samples", "--history"], id="in 200"),
    pytest.param(
        json_reply(FAILURE.replace(b"many", rb"many\u001b[31m\n")),
        [r"too many\x1b[31m samples"],
        id="escape sequences in the error",
    ),
    pytest.param(Scripted(200, EMPTY, sent=30), ["was cut off", "try again"], id="truncated"),
    pytest.param(json_reply(EMPTY[:-5]), ["was cut off", "try again"], id="truncated before"),
    pytest.param(
        Scripted(200, gzip.compress(EMPTY * 50), {"Content-Encoding": "gzip"}, sent=30),
        ["was cut off", "try again"],
        id="truncated gzip",
    ),
    pytest.param(json_reply(b""), ["no result", "--store"], id="an empty body"),
    pytest.param(json_reply(b"\xff\xfe\0"), ["no result", "--store"], id="noise"),
    pytest.param(json_reply(b'{"hello":1}'), ["no result", "--store"], id="other JSON"),
    pytest.param(json_reply(EMPTY.replace(b"matrix", b"vector")), ["a vector"], id="no matrix"),
]


@pytest.mark.parametrize(("answer", "words"), ANSWERS)
def test_a_store_that_answers_something_else(answer, words):
    with scripted_store(answer) as store:
        outcome = ask(store.url)
    assert_refused(outcome, f"store {store.url}", *words)
    assert SECRET not in outcome.stderr


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(one_series(b"{}", b'[[1700000000,"abc"]]'), "samples", id="no number"),
        pytest.param(one_series(b"{}", b'[["now","1"]]'), "samples", id="no time"),
        pytest.param(one_series(b'{"namespace":5}', b'[[1700000000,"1"]]'), "labels", id="labels"),
    ],
)
def test_a_matrix_of_something_else(answer, words):
    with scripted_store(answer) as store:
        outcome = ask(store.url)
    assert_refused(outcome, f"the store's answer has {words} that are no", "--store")


def test_https_to_a_store_that_speaks_http():
    with scripted_store() as store:
        outcome = ask(store.url.replace("http://", "https://"))
    assert_refused(outcome, "no TLS connection to store https://127.0.0.1", "plain http://")


def test_a_proxy_that_is_not_there():
    proxy = f"http://anna:{SECRET}@127.0.0.1:{free_port()}"
    outcome = ask("http://prometheus.example:9090", "--store-proxy", proxy)
    assert_refused(
        outcome, "the proxy before store http://prometheus.example:9090", "--store-proxy"
    )
    assert SECRET not in outcome.stderr


def test_no_matching_series_names_what_was_looked_for_and_when(module_prometheus_with):
    empty = module_prometheus_with().url
    outcome = ask(empty, *WINDOW)
    assert_refused(
        outcome,
        f"store {empty} has no CPU series of containers",
        "container_cpu_usage_seconds_total or joulefit_container_cpu_seconds_total",
        "between 2025-10-08T00:00:00Z and 2025-10-10T00:00:00Z",
        "look at --store, --end and --history",
    )


@pytest.mark.parametrize("answer", [Scripted(401, b"no"), WEB_PAGE], ids=["401", "HTML"])
def test_a_recording_that_fails_leaves_the_older_one_as_it_was(answer, tmp_path):
    week = tmp_path / "week.joulefit"
    week.write_text("the older one")
    with scripted_store(answer) as store:
        outcome = ask(store.url, command=("record", week))
    assert_refused(outcome, f"store {store.url}")
    assert week.read_text() == "the older one"
    assert list(tmp_path.iterdir()) == [week]


@pytest.fixture(params=["token", "token file", "basic", "header", "proxy"])
def credentials(request, tmp_path):
    """The flags of one way to authenticate, with a secret in them."""
    (tmp_path / "token").write_text(SECRET)
    return {
        "token": ("--store-token", SECRET),
        "token file": ("--store-token-file", tmp_path / "token"),
        "basic": ("--store-basic-auth", f"anna:{SECRET}"),
        "header": ("--store-header", f"X-Api-Key: {SECRET}"),
        "proxy": ("--store-proxy", f"http://anna:{SECRET}@127.0.0.1:{free_port()}"),
    }[request.param]


def assert_hidden(outcome):
    """The secret is nowhere, neither plain nor as basic authentication writes it."""
    shown = outcome.stdout + outcome.stderr
    assert "Traceback" in outcome.stderr  # -vv it was
    assert "query=" in outcome.stderr  # the request that failed
    assert SECRET not in shown
    assert b64encode(f"anna:{SECRET}".encode()).decode() not in shown


@pytest.mark.parametrize(
    "answer", [Scripted(401, b"no"), Scripted(200, EMPTY, sent=30)], ids=["401", "truncated"]
)
def test_no_credentials_are_shown_even_with_the_traceback(answer, credentials):
    with scripted_store(answer) as store:
        outcome = ask(store.url, *credentials, "-vv")
    assert outcome.code == ERROR
    assert_hidden(outcome)


def test_the_password_of_the_url_is_not_shown_even_with_the_traceback():
    with scripted_store(Scripted(403, b"no")) as store:
        outcome = ask(store.url.replace("//", f"//anna:{SECRET}@"), "-vv")
    assert outcome.code == ERROR
    assert f"store {store.url} answered 403" in outcome.stderr
    assert_hidden(outcome)


@pytest.mark.parametrize(
    "flags",
    [
        ("--store", f"http://anna:{SECRET}/x@store:9090"),
        ("--store", f"http://anna:{SECRET}#x@store:9090"),
        ("--store", f"ftp://anna:{SECRET}@store:9090"),
        ("--store", f"anna:{SECRET}@store:9090"),
        ("--store-proxy", f"anna:{SECRET}@proxy:3128"),
        ("--store-header", SECRET),
        ("--store-header", f"X Key: {SECRET}"),
        ("--store-header", f"X-Key: {SECRET}\x1b"),
        ("--store-basic-auth", SECRET),
        ("--store-token", f"{SECRET}\nX-Key: 1"),
        ("--store-token", SECRET, "--store-basic-auth", f"anna:{SECRET}"),
    ],
    ids=lambda flags: " ".join(flags).replace(SECRET, "...").encode("unicode_escape").decode(),
)
def test_credentials_that_cannot_be_meant_are_not_shown_either(flags):
    outcome = joulefit("report", "--no-cluster", "-vv", *flags)
    assert outcome.code == USAGE
    assert "error: " in outcome.stderr
    assert "--store" in outcome.stderr
    assert "Traceback" in outcome.stderr
    assert SECRET not in outcome.stdout + outcome.stderr
