"""What cannot be meant is one line with the flag, the value and an example; exit code 2."""

import pytest

from tests.main_job.bad_input import USAGE, assert_refused, write_kubeconfig
from tests.main_job.command import joulefit

DURATION = "write for example 90s, 5m, 12h or 14d"
TIME = "write for example 2026-05-01T12:00:00Z or unix seconds"
QUANTITY = "write for example 250m, 1.5, 512Mi or 2G"
PERCENTILE = "write for example p90, 90% or 0.9"
URL = "write for example http://prometheus.monitoring:9090"

VALUES = [
    ("--history", "fortnight", "'fortnight' is not a duration", DURATION),
    ("--history", "14", "'14' is not a duration", DURATION),
    ("--history", "-1d", "'-1d' is not a duration", DURATION),
    ("--history", "0d", "'0d' is no time at all"),
    ("--history", "99999999999999d", "is longer than 100 years"),
    ("--step", "5s", "'5s' is no length of a time bin", "write for example 1m, 5m or 15m"),
    ("--least-history", "soon", "'soon' is not a duration", DURATION),
    ("--least-samples", "1.5", "'1.5' is not a valid integer"),
    ("--store-timeout", "soon", "'soon' is not a duration", DURATION),
    ("--store-timeout", "0s", "'0s' is no time at all"),
    ("--store-connect-timeout", "0s", "'0s' is no time at all"),
    ("--cluster-timeout", "0s", "'0s' is no time at all"),
    ("--end", "yesterday", "'yesterday' is not a time", TIME),
    ("--end", "2025-13-01", "'2025-13-01' is not a time", TIME),
    ("--end", "1969-07-20", "'1969-07-20' is before 1970"),
    ("--max-cpu", "lots", "'lots' is not a Kubernetes quantity", QUANTITY),
    ("--max-cpu", "-1", "'-1' is negative"),
    ("--max-memory", "1GiB", "'1GiB' is not a Kubernetes quantity", QUANTITY),
    ("--pod-min-memory", "NaN", "'NaN' is not a Kubernetes quantity", QUANTITY),
    ("--stock-cpu-percentile", "101%", "'101%' is not a percentile", PERCENTILE),
    ("--stock-cpu-percentile", "90", "'90' is not a percentile", PERCENTILE),
    ("--stock-cpu-percentile", "p0", "'p0' is not a percentile", PERCENTILE),
    ("--store-parallel", "0", "0 is not in the range"),
    ("--store-retries", "-1", "-1 is not in the range"),
    ("--store-retries", "many", "'many' is not a valid integer"),
    ("--work-class", "gold", "'gold' is not one of 'critical', 'standard', 'batch'"),
    ("--output", "xml", "'xml' is not one of 'table'"),
]


@pytest.mark.parametrize(("flag", "value", "words"), [(f, v, w) for f, v, *w in VALUES])
def test_a_value_that_cannot_be_meant_names_its_flag(flag, value, words):
    outcome = joulefit("report", f"{flag}={value}")
    assert_refused(outcome, f"'{flag}'", *words, "see joulefit report --help", code=USAGE)


def test_a_value_from_the_environment_names_its_variable():
    outcome = joulefit("report", JOULEFIT_HISTORY="fortnight")
    assert_refused(outcome, "'fortnight' is not a duration", "(from JOULEFIT_HISTORY)", code=USAGE)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--store", ""], ["--store ''", URL]),
        (["--store", "prometheus:9090"], ["--store 'prometheus:9090'", URL]),
        (["--store", "ftp://prometheus"], ["--store 'ftp://prometheus'", URL]),
        (["--store", "http://prometheus:http"], ["--store is no URL", URL]),
        (["--store", "http://prometheus:99999"], ["--store is no URL", URL]),
        (["--store", "http://[::1"], ["--store is no URL", URL]),
        (["--store", "http://my store:9090"], ["--store has a space", URL]),
        (["--store-proxy", "proxy:3128"], ["--store-proxy 'proxy:3128'", URL]),
        (["--store-header", "X-Scope-OrgID"], ["a --store-header is not 'NAME: VALUE'"]),
        (["--store-header", "X Scope: a"], ["a --store-header is not 'NAME: VALUE'"]),
        (["--store-basic-auth", "anna"], ["--store-basic-auth has no colon; write USER:PASSWORD"]),
        (["--store-token-file", "/no/token"], ["cannot read --store-token-file /no/token"]),
        (["--store-ca-file", "/no/ca"], ["there is no file /no/ca for --store-ca-file"]),
        (["--store-client-key", "/no/key"], ["--store-client-key needs --store-client-cert"]),
        (["--store-token", "a", "--store-basic-auth", "a:b"], ["exclude each other"]),
        (["-l", "app=web"], ["--selector needs the labels of an API server", "--no-cluster"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("-") else "",
)
def test_how_to_reach_a_store_that_cannot_be_meant(flags, words):
    assert_refused(joulefit("report", "--no-cluster", *flags), *words, code=USAGE)


@pytest.mark.parametrize("command", ["report", "run"])
def test_a_window_of_too_many_bins_is_refused_before_anything_is_asked(command, tmp_path):
    nowhere = write_kubeconfig(tmp_path / "config", "https://127.0.0.1:1")
    outcome = joulefit(command, "--kubeconfig", nowhere, "--step", "10s", "--history", "14d")
    assert_refused(
        outcome,
        "--history 14 d in --step 10 s is 120,960 time bins, more than 100,000",
        "give a longer --step or a shorter --history",
        code=USAGE,
    )


@pytest.mark.parametrize(
    ("selector", "what"),
    [
        ("a in (", "it ends too early"),
        ("a in b", "a set of values begins with '('"),
        ("a=b=c", "'=' is not expected there"),
        ("=b", "'=' is no label name"),
        ("a is b", "'is' is no operator"),
        ("-a=b", "'-a' is no label name"),
        ("a>much", "'much' is no whole number"),
    ],
)
def test_a_selector_that_cannot_be_meant_is_refused_before_anything_is_asked(
    selector, what, tmp_path
):
    nowhere = write_kubeconfig(tmp_path / "config", "https://127.0.0.1:1")
    outcome = joulefit("report", "--kubeconfig", nowhere, "-l", selector)
    assert_refused(
        outcome, f"selector {selector!r}: {what}; write for example app=web,tier!=cache", code=USAGE
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], ["No such command 'frobnicate'", "see joulefit --help"]),
        (["report", "--frobnicate"], ["No such option", "--frobnicate", "joulefit report --help"]),
        (["report", "--no-clutser"], ["--no-clutser", "Did you mean", "--no-cluster"]),
        (["report", "shop"], ["unexpected extra argument (shop)"]),
        (["report", "--store"], ["'--store' requires an argument"]),
        (["explain"], ["Missing argument 'NAMESPACE/KIND/NAME'"]),
        (["explain", "shop/deploy/web", "app"], ["unexpected extra argument (app)"]),
        (["record"], ["Missing argument 'FILE'"]),
        (["run", "--dry-run"], ["--dry-run needs --once"]),
        (["demo", "--days", "0"], ["0 is not in the range"]),
        (["demo\x1b[31m"], [r"No such command 'demo\x1b[31m'"]),
    ],
    ids=lambda value: ascii(" ".join(value)),
)
def test_a_call_that_cannot_be_meant(arguments, words):
    assert_refused(joulefit(*arguments), *words, code=USAGE)


def test_without_a_command_the_help_is_shown():
    outcome = joulefit()
    assert outcome.stdout == joulefit("--help").stdout
    assert outcome.stderr == ""
