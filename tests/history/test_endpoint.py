"""Addresses of stores: what is shown, what is near."""

from __future__ import annotations

import pytest

from recommender.errors import UsageError
from recommender.history.endpoint import parse_endpoint, redact_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://prometheus:9090", "http://prometheus:9090"),
        ("http://prometheus:9090/", "http://prometheus:9090"),
        (" https://mimir.example/prometheus/ ", "https://mimir.example/prometheus"),
        ("http://u:p@h:9090/select/0/prometheus", "http://h:9090/select/0/prometheus"),
        ("http://[::1]:9090", "http://[::1]:9090"),
        ("http://h:9090/?token=secret#more", "http://h:9090"),
    ],
)
def test_the_url_without_what_does_not_belong_to_it(text, url):
    assert parse_endpoint(text).url == url


def test_credentials_are_taken_out_of_the_url():
    endpoint = parse_endpoint("https://anna:p%40ss%3Aword@store.example")
    assert (endpoint.user, endpoint.password) == ("anna", "p@ss:word")
    assert "p@ss" not in repr(endpoint)
    assert "anna" not in repr(endpoint)


@pytest.mark.parametrize(
    "text", ["", "prometheus:9090", "ftp://h", "http://", "http://h:port", "/path", "http://[::1"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="write for example http://prometheus"):
        parse_endpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://anna:hunter2@h",
        "anna:hunter2@h",
        "http:/anna:hunter2@h",
        "http://anna:hunter2/@h:9090",
        "http://anna:hunter2#@h:9090",
        "http://anna:hunter2?@h:9090",
        "http://anna:1234?hunter2@h:9090",
        "http://anna:hunter2@h:port",
        "http://anna:hunter2 @h",
        "http://anna:hunter2\u2048@h",  # a netloc that normalises to one with other parts
    ],
)
def test_a_refused_url_is_shown_without_its_password(text):
    with pytest.raises(UsageError) as raised:
        parse_endpoint(text)
    assert "hunter2" not in str(raised.value)
    assert "1234" not in str(raised.value)


def test_a_password_that_ends_the_host_too_early_is_to_be_escaped():
    with pytest.raises(UsageError, match="write %2F for /, %3F for \\?, %23 for #"):
        parse_endpoint("http://anna:1234?5@store:9090")
    assert parse_endpoint("http://anna:1234%3F5@store:9090").password == "1234?5"


@pytest.mark.parametrize("text", ["http://a b:9090", "http://h/\x1b[31m", "http://h\u202e"])
def test_what_no_url_can_hold_is_refused(text):
    with pytest.raises(UsageError, match="has a space or an unprintable character"):
        parse_endpoint(text)


@pytest.mark.parametrize(
    ("host", "is_near"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("[::1]", True),
        ("10.1.2.3", True),
        ("192.168.1.1", True),
        ("172.16.0.1", True),
        ("[fe80::1]", True),
        ("prometheus", True),
        ("prometheus.monitoring.svc", True),
        ("prometheus.monitoring.svc.cluster.local", True),
        ("8.8.8.8", False),
        ("prometheus.example.com", False),
        ("[2001:4860:4860::8888]", False),
    ],
)
def test_near_is_this_machine_a_private_network_or_a_cluster(host, is_near):
    assert parse_endpoint(f"http://{host}:9090").is_near is is_near


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://u:p@h/path?token=x", "https://h/path"),
        ("https://h/path", "https://h/path"),
        ("u:p@h", "h"),
        ("http://u:1?2@h/path", "http://h/path"),
        ("nonsense", "nonsense"),
    ],
)
def test_redacted(text, shown):
    assert redact_url(text) == shown
