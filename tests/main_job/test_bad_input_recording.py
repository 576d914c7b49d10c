"""Recordings that cannot be read or written, and workloads that are not in one."""

import resource
from contextlib import contextmanager

import pytest

from recommender.recording import write_recording
from recommender.simulator import simulate
from tests.main_job.bad_input import SMALL, USAGE, assert_refused
from tests.main_job.command import joulefit

ADVICE = "joulefit record writes one"


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """A sound recording of the simulated cluster."""
    path = tmp_path_factory.mktemp("recording") / "week.joulefit"
    write_recording(path, simulate(end=SMALL.end, days=1, seed=7))
    return path


@pytest.fixture
def damaged(week, tmp_path):
    """`damaged(change)`: the path of a recording whose bytes were changed."""

    def make(change):
        path = tmp_path / "damaged.joulefit"
        path.write_bytes(change(week.read_bytes()))
        return path

    return make


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda whole: whole[:-1000],
            ["is truncated (needs 1,000 bytes more); copy it again"],
            id="truncated",
        ),
        pytest.param(
            lambda whole: whole[:12], ["is truncated (in its first line)"], id="hardly begun"
        ),
        pytest.param(lambda whole: whole[:0], ["is empty; copy it again"], id="empty"),
        pytest.param(
            lambda whole: whole.replace(b"joulefit-recording 1", b"joulefit-recording 2", 1),
            ["has format version 2, this joulefit reads version 1; upgrade joulefit"],
            id="a newer version",
        ),
        pytest.param(
            lambda whole: whole.replace(b"joulefit-recording 1", b"joulefit-recording 0", 1),
            ["has format version 0", "record it again"],
            id="an older version",
        ),
        pytest.param(
            lambda whole: b"PK\3\4" + whole, ["is not a joulefit recording", ADVICE], id="not one"
        ),
        pytest.param(
            lambda whole: whole[:-9] + bytes(each ^ 255 for each in whole[-9:]),
            ["is corrupted (checksum of"],
            id="other bytes",
        ),
        pytest.param(lambda whole: whole + b"\n", ["1 bytes too many"], id="bytes too many"),
    ],
)
def test_a_file_that_is_no_sound_recording(damaged, change, words):
    path = damaged(change)
    assert_refused(joulefit("report", "--recording", path), f"recording {path} ", *words)


def test_every_command_that_reads_a_recording_refuses_it_alike(damaged, tmp_path):
    path, copy = damaged(lambda whole: whole[:-1]), tmp_path / "copy.joulefit"
    for command in (["explain", "data/sts/postgres"], ["record", copy], ["report", "-o", "json"]):
        assert_refused(joulefit(*command, "--recording", path), "needs 1 bytes more")
    assert not copy.exists()


def test_a_recording_that_is_not_there_or_is_a_folder(tmp_path):
    missing = tmp_path / "week"
    assert_refused(joulefit("report", "--recording", missing), f"no recording {missing}; {ADVICE}")
    assert_refused(
        joulefit("report", "--recording", tmp_path), f"recording {tmp_path} is not a file"
    )


@pytest.mark.parametrize(
    "flags",
    [
        ("--store", "http://prometheus:9090"),
        ("--store-token", "a"),
        ("--kubeconfig", "config"),
        ("--context", "prod"),
        ("--no-cluster",),
        ("--all-workloads",),
        ("--recommender-name", "clever"),
        ("--history", "7d"),
        ("--end", "2025-10-01"),
        ("-l", "app=web"),
    ],
    ids=" ".join,
)
def test_what_chooses_live_data_contradicts_a_recording(week, flags):
    outcome = joulefit("report", "--recording", week, *flags)
    assert_refused(
        outcome, f"{flags[0]} chooses what is read", "--recording", "leave out one", code=USAGE
    )


def test_the_environment_of_a_live_run_does_not_contradict_a_recording(week):
    outcome = joulefit("report", "--recording", week, JOULEFIT_STORE="http://prometheus:9090")
    assert (outcome.code, outcome.stderr) == (0, "")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("data/sts/postgre", ["did you mean data/sts/postgres?"]),
        ("data/deploy/postgres", ["did you mean data/sts/postgres?"]),
        ("prod/sts/postgres", ["did you mean data/sts/postgres?"]),
        ("postgres", ["did you mean data/sts/postgres?"]),
        ("data/sts/nothing-like-it", ["write NAMESPACE/KIND/NAME, for example batch/"]),
        ("", ["write NAMESPACE/KIND/NAME, for example batch/"]),
        ("data/sts/\x1b[31mpostgres", [r"\x1b[31m", "did you mean data/sts/postgres?"]),
    ],
    ids=ascii,
)
def test_an_unknown_workload_is_offered_near_names(week, asked, words):
    outcome = joulefit("explain", asked, "--recording", week)
    assert_refused(outcome, "no workload ", *words)


def test_a_workload_that_was_skipped_is_explained_by_its_reason(week):
    outcome = joulefit("explain", "batch/cronjob/report", "--recording", week)
    assert_refused(outcome, "batch/cronjob/report was skipped", "no usage in 1 d")


def record(week, path):
    return joulefit("record", path, "--recording", week)


def test_a_folder_that_is_missing_is_to_be_made_first(week, tmp_path):
    path = tmp_path / "backup" / "week.joulefit"
    outcome = record(week, path)
    assert_refused(
        outcome, f"cannot write recording {path}: no folder {path.parent}; make it first"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said_before_anything_is_read(tmp_path):
    """A live recording reads for minutes; neither cluster nor store were asked here."""
    path = tmp_path / "backup" / "week.joulefit"
    outcome = joulefit("record", path, "--kubeconfig", tmp_path / "no-such-config")
    assert_refused(outcome, f"cannot write recording {path}: no folder")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        pytest.param("", "it is there and not a file", id="a folder"),
        pytest.param("file/week", "Not a directory", id="a file for a folder"),
        pytest.param("/dev/full", "it is there and not a file", id="a device"),
        pytest.param("/proc/week.joulefit", "", id="where nobody may write"),
        pytest.param("w" * 300, "File name too long", id="too long a name"),
    ],
)
def test_a_place_that_takes_no_file(week, tmp_path, path, why):
    (tmp_path / "file").write_text("here")
    target = tmp_path / path
    assert_refused(record(week, target), f"cannot write recording {target}: {why}")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert (tmp_path / "file").read_text() == "here"


@contextmanager
def disk_of(size):
    """Files of programs started here cannot grow beyond `size` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_older_recording_as_it_was(week, tmp_path):
    path = tmp_path / "week.joulefit"
    path.write_text("the older one")
    with disk_of(4096):
        outcome = record(week, path)
    assert_refused(outcome, f"cannot write recording {path}: File too large")
    assert path.read_text() == "the older one"
    assert list(tmp_path.iterdir()) == [path]
