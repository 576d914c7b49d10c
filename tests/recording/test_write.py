"""A recording appears whole or not at all."""

import os
import resource
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.errors import RecordingError
from recommender.recording import check_writable, read_recording, write_recording
from tests.recording.sample import make_recording


@contextmanager
def _disk_of(limit):
    """Files cannot grow beyond `limit` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "not" / "here.joulefit"
    with pytest.raises(RecordingError) as caught:
        write_recording(path, make_recording())
    assert str(caught.value) == (
        f"cannot write recording {path}: no folder {tmp_path / 'not'}; make it first"
    )


def test_a_folder_that_may_not_be_written_to_says_so(tmp_path, as_nobody):
    tmp_path.chmod(0o500)
    path = tmp_path / "week.joulefit"
    with as_nobody(), pytest.raises(RecordingError) as caught:
        write_recording(path, make_recording())
    assert str(caught.value) == f"cannot write recording {path}: Permission denied"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["not/here", ".", "file/week"])
def test_what_cannot_be_written_is_known_before_there_is_anything_to_write(tmp_path, name):
    (tmp_path / "file").write_text("here")
    errors = []
    for attempt in (check_writable, lambda path: write_recording(path, make_recording())):
        with pytest.raises(RecordingError) as caught:
            attempt(tmp_path / name)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_the_check_changes_nothing(tmp_path):
    path = tmp_path / "week.joulefit"
    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    path.write_text("older")
    check_writable(path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_takes_no_files_is_not_called_missing():
    with pytest.raises(RecordingError) as caught:
        check_writable(Path("/proc/week.joulefit"))
    assert "no folder" not in str(caught.value)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(RecordingError) as caught:
        write_recording(tmp_path, make_recording())
    assert str(caught.value) == (f"cannot write recording {tmp_path}: it is there and not a file")


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(RecordingError, match="it is there and not a file"):
        write_recording(pipe, make_recording())
    assert pipe.is_fifo()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(RecordingError, match="Not a directory"):
        write_recording(tmp_path / "file" / "week.joulefit", make_recording())


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    with (
        _disk_of(4096),
        pytest.raises(RecordingError, match=r"cannot write recording .*: File too"),
    ):
        write_recording(tmp_path / "week.joulefit", make_recording())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_older_recording_as_it_was(tmp_path):
    path = tmp_path / "week.joulefit"
    write_recording(path, make_recording(store="older"))
    before = path.read_bytes()
    with _disk_of(4096), pytest.raises(RecordingError):
        write_recording(path, make_recording(store="newer"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_older_recording_is_replaced(tmp_path):
    path = tmp_path / "week.joulefit"
    write_recording(path, make_recording(store="older"))
    write_recording(path, make_recording(store="newer"))
    assert read_recording(path).store == "newer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_to_the_new_recording(tmp_path):
    path, link = tmp_path / "2026-01.joulefit", tmp_path / "newest.joulefit"
    write_recording(path, make_recording(store="older"))
    link.symlink_to(path)
    write_recording(link, make_recording(store="newer"))
    assert link.is_symlink()
    assert read_recording(path).store == "newer"


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("cpu_max", np.zeros(4, np.float32), r"usage\.cpu_max is \(4,\), not \(3,\)"),
        ("cpu_max", np.zeros(3, np.float64), r"usage\.cpu_max is float64, not <f4"),
        ("samples", np.zeros(3, np.int32), r"usage\.samples is int32, not <i8"),
    ],
    ids=["shape", "precision", "width"],
)
def test_an_array_that_breaks_its_contract_is_not_written(tmp_path, name, array, said):
    recording = make_recording()
    usage = replace(recording.history.usage, **{name: array})
    broken = replace(recording, history=replace(recording.history, usage=usage))
    with pytest.raises(ValueError, match=said):
        write_recording(tmp_path / "week.joulefit", broken)
    assert list(tmp_path.iterdir()) == []
