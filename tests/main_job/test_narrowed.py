"""A narrowed report is a part of the same truth: what -n leaves out is still in its pool."""

import pytest

from tests.main_job.command import joulefit

PART = "only -n batch was read, so pools are judged by a part of their workloads"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A week of several kinds of load, each in its namespace: pooled as a whole, but no part is."""
    path = tmp_path_factory.mktemp("narrowed") / "mixed.joulefit"
    flags = ("--kind", "mixed", "--containers", 300, "--days", 8, "--server", "E5-2660")
    assert joulefit("simulate", *flags, path).code == 0
    return path


@pytest.fixture(scope="module")
def whole(recording):
    return joulefit("report", "--recording", recording, "--output", "json").json


@pytest.fixture(scope="module")
def part(recording):
    return joulefit("report", "--recording", recording, "-n", "batch", "--output", "json").json


def test_its_rows_are_those_of_the_whole_report(whole, part):
    expected = [row for row in whole["workloads"] if row["namespace"] == "batch"]
    assert 0 < len(expected) < len(whole["workloads"])
    assert {box["tier"] for row in expected for box in row["containers"]} == {"T2"}
    assert part["workloads"] == expected


def test_what_its_pools_hold_is_whole_and_what_they_free_is_of_the_part(whole, part):
    (all_of_it,), (shown,) = whole["pools"], part["pools"]
    of_the_part = ("freeableGib", "freeableMemoryWatts")
    assert {k: v for k, v in shown.items() if k not in of_the_part} == {
        k: v for k, v in all_of_it.items() if k not in of_the_part
    }
    assert abs(shown["freeableGib"]) < abs(all_of_it["freeableGib"])


def test_its_watts_are_those_of_its_rows(part):
    saved = sum(
        box["wattsSaved"]["value"]
        for row in part["workloads"]
        for box in row["containers"]
        if box["wattsSaved"]
    )
    assert part["savings"]["nodesReleased"]["value"] == pytest.approx(saved)
    assert part["source"]["warnings"] == []


def test_patches_and_skipped_rows_are_of_the_part(recording):
    text = joulefit("report", "--recording", recording, "-n", "batch", "--output", "patch").stdout
    namespaces = {each.strip() for each in text.splitlines() if each.startswith("  namespace:")}
    assert namespaces == {"namespace: batch"}


def test_a_back_test_of_a_part_says_what_it_leaves_out(recording):
    flags = ("--train", "2d", "--test", "1d", "--policy", "stock", "-n", "batch")
    outcome = joulefit("backtest", "--recording", recording, *flags)
    assert PART in " ".join(outcome.stdout.split())
