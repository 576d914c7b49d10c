"""One file that holds all that a report needs: write it, read it, take the names out of it."""

from recommender.model.recording import Recording
from recommender.recording.anonymity import anonymize
from recommender.recording.provenance import choose_recorded_settings
from recommender.recording.reader import read_recording
from recommender.recording.writer import check_writable, write_recording

__all__ = [
    "Recording",
    "anonymize",
    "check_writable",
    "choose_recorded_settings",
    "read_recording",
    "write_recording",
]
