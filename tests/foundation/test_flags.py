"""An option is written once: its flag, variable, default and documentation agree."""

import dataclasses

import click
import pytest
from click.testing import CliRunner

from recommender import flags, settings
from recommender.cli import main


def _command(*classes):
    seen = {}

    @click.command()
    @flags.settings_options(*classes)
    def command(**values):
        seen["settings"] = [flags.collect(each, values) for each in classes]

    return command, seen


@pytest.mark.parametrize("each", settings.ALL_SETTINGS, ids=lambda each: each.__name__)
def test_without_flags_the_settings_are_their_defaults(each):
    command, seen = _command(each)
    outcome = CliRunner().invoke(command, [], catch_exceptions=False)
    assert outcome.exit_code == 0
    assert seen["settings"] == [each()]


def test_flags_are_read_in_their_units():
    command, seen = _command(settings.WindowSettings, settings.SizingSettings)
    arguments = [
        "--history",
        "8d",
        "--end",
        "1970-01-02T00:00:00Z",
        "--pod-min-cpu",
        "0.1",
        "--pod-min-memory",
        "1Gi",
    ]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    window, sizing = seen["settings"]
    assert (window.history, window.end) == (8 * 86400, 86400)
    assert (sizing.pod_min_cpu, sizing.pod_min_memory) == (100, 2**30)


def test_environment_variables_stand_for_flags_and_flags_beat_them():
    command, seen = _command(settings.StoreSettings, settings.ClusterSettings)
    environment = {
        "JOULEFIT_STORE": "http://far:9090",
        "JOULEFIT_STORE_TIMEOUT": "2m",
        "JOULEFIT_STORE_HEADER": "X-Scope-OrgID: a, b\nX-Other: c d",
        "JOULEFIT_NAMESPACE": "shop,search",
        "JOULEFIT_ALL_WORKLOADS": "true",
    }
    outcome = CliRunner().invoke(command, ["--store", "http://near:9090"], env=environment)
    assert outcome.exit_code == 0
    store, cluster = seen["settings"]
    assert store.store == "http://near:9090"
    assert store.store_timeout == 120
    assert store.store_header == ("X-Scope-OrgID: a, b", "X-Other: c d")
    assert cluster.namespace == ("shop", "search")
    assert cluster.all_workloads is True


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--history", "3x"], "'3x' is not a duration"),
        (["--history", "0s"], "'0s' is no time at all"),
        (["--store-timeout", "0ms"], "'0ms' is no time at all"),
        (["--history", "999999w"], "'999999w' is longer than 100 years"),
        (["--step", "7m"], "'7m' is no length of a time bin"),
        (["--step", "often"], "'often' is not a duration"),
        (["--least-history", "0s"], "'0s' is no time at all"),
        (["--least-samples", "-1"], "-1 is not in the range"),
        (["--end", "soon"], "'soon' is not a time"),
        (["--end", "1969-12-31"], "'1969-12-31' is before 1970"),
        (["--pod-min-cpu", "many"], "'many' is not a Kubernetes quantity"),
        (["--pod-min-cpu=-5m"], "is negative"),
        (["--work-class", "gold"], "is not one of"),
        (["--store-parallel", "0"], "0 is not in the range"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_value_that_cannot_be_meant_is_a_usage_error_that_shows_it(arguments, complaint):
    command, _ = _command(settings.WindowSettings, settings.SizingSettings, settings.StoreSettings)
    outcome = CliRunner().invoke(command, arguments)
    assert outcome.exit_code == 2
    assert complaint in outcome.output


def test_secrets_are_in_no_repr():
    store = settings.StoreSettings(
        store_token="s3cret",
        store_basic_auth="me:s3cret",
        store_header=("X-Key: s3cret",),
        store_proxy="http://me:s3cret@proxy:3128",
    )
    assert "s3cret" not in repr(store)


def test_every_option_has_its_own_variable_and_flag_and_a_text():
    rows = [row for each in settings.ALL_SETTINGS for row in flags.option_rows(each)]
    assert len({row.variable for row in rows}) == len(rows)
    assert all(row.text for row in rows)
    assert {row.variable for row in rows} >= {"JOULEFIT_STORE", "JOULEFIT_HISTORY"}


@pytest.mark.parametrize("command", main.commands.values(), ids=lambda each: each.name)
def test_no_command_has_a_flag_twice(command):
    flags_of_it = [flag for option in command.params for flag in option.opts]
    assert len(set(flags_of_it)) == len(flags_of_it)


def test_the_documented_default_reads_back_as_the_default():
    for each in settings.ALL_SETTINGS:
        command, seen = _command(each)
        fields = [field for field in dataclasses.fields(each) if flags.default_text(field)]
        arguments = [part for f in fields for part in (flags.flag_of(f), flags.default_text(f))]
        assert CliRunner().invoke(command, arguments).exit_code == 0
        assert seen["settings"] == [each()]
