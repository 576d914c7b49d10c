"""The work of workloads in a recording."""

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.errors import RecordingError
from recommender.model.work import WorkEvidence, WorkRate
from recommender.recording import anonymize, read_recording, write_recording
from tests.recording.sample import CART, forge_document, make_recording

BINS = make_recording().history.usage.grid.bins
DONE = WorkRate(np.linspace(0.0, 1 / 3, BINS), 12, 3, nodes=("heron-node-1",))
NONE = WorkRate(np.full(BINS, np.nan), 9000, 0, flaw="more than 5,000")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "week.joulefit"


def recording_with(**evidence):
    recording = make_recording()
    work = {CART: WorkEvidence(**evidence)}
    return replace(recording, history=replace(recording.history, work=work))


def test_work_is_read_as_it_was_written_to_the_last_bit(path):
    gap = DONE.per_second.copy()
    gap[3:9] = np.nan
    done = replace(DONE, per_second=gap)
    write_recording(path, recording_with(metric=NONE, failure="", instructions=done))
    found = read_recording(path).history.work[CART]
    assert np.array_equal(found.instructions.per_second, gap, equal_nan=True)
    assert replace(found.instructions, per_second=gap) == done
    assert np.isnan(found.metric.per_second).all()
    assert (found.metric.flaw, found.metric.series) == ("more than 5,000", 9000)


def test_why_it_was_not_read_is_kept(path):
    write_recording(path, recording_with(failure="the store is down"))
    assert read_recording(path).history.work == {CART: WorkEvidence(failure="the store is down")}


def test_a_recording_from_before_there_was_work_is_read(path):
    write_recording(path, make_recording())
    path.write_bytes(forge_document(path.read_bytes(), lambda document: document.pop("work")))
    assert read_recording(path).history.work == {}


def test_work_of_another_length_is_refused(path):
    write_recording(path, recording_with(metric=DONE))

    def cut(document):
        document["work"][0]["metric"]["per_second"].pop()

    path.write_bytes(forge_document(path.read_bytes(), cut))
    with pytest.raises(RecordingError, match=f"work of {BINS - 1} bins where {BINS} belong"):
        read_recording(path)


def test_an_anonymous_recording_holds_no_work():
    assert anonymize(recording_with(metric=DONE)).history.work == {}
