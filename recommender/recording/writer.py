"""Write a recording, all of it or nothing."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recommender.errors import RecordingError
from recommender.recording.codec import format_crc32, pack_array, pack_json
from recommender.recording.layout import (
    ARRAYS,
    DOCUMENT,
    ENCODING,
    MAGIC,
    VERSION,
    Document,
    Header,
    choose_arrays,
)
from recommender.units import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from recommender.model.recording import Recording
    from recommender.recording.layout import Section

_USERINFO = re.compile(rb"(?<=://)[^/?#@\s\"\\]*@")


def write_recording(path: Path, recording: Recording) -> int:
    """Write one recording file and return its size in bytes.

    The file appears under its name only when it is whole and on the disk; what stood there
    before stays until then. RecordingError where that is not possible, ValueError where an
    array of the recording has another shape or type than its docstring says.
    """
    parts = encode_recording(recording)
    try:
        with _replacing(path) as file:
            file.writelines(parts)
    except OSError as error:
        raise RecordingError(_explain(path, error), detail=str(error)) from error
    return sum(map(len, parts))


def check_writable(path: Path) -> None:
    """Raise the RecordingError of `write_recording` before minutes of reading, where it is sure."""
    try:
        temporary = _choose_temporary(_find_target(path))
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        raise RecordingError(_explain(path, error), detail=str(error)) from error


def encode_recording(recording: Recording) -> list[bytes]:
    """The bytes of a recording file, in order: its two lines and header, then the sections."""
    document = Document.of(recording)
    # Sets in order: the same recording is the same bytes in every process.
    text = msgspec.json.encode(document, order="deterministic")
    packed = [pack_json(DOCUMENT, _without_passwords(text))]
    arrays = choose_arrays(recording.history)
    for layout in ARRAYS:
        array = arrays[layout.section]
        if array is None and layout.is_optional:
            continue
        if array.shape != document.shape(layout):
            raise ValueError(f"{layout.section} is {array.shape}, not {document.shape(layout)}")
        packed.append(pack_array(layout.section, array, dtype=layout.dtype))
    header = _format_header(recording, tuple(section for section, _ in packed))
    first = b"%s%d\nheader %d crc32 %s\n" % (
        MAGIC,
        VERSION,
        len(header),
        format_crc32(header).encode(),
    )
    return [first, header, *(data for _, data in packed)]


def _format_header(recording: Recording, sections: tuple[Section, ...]) -> bytes:
    """The header as JSON that reads well with `head`: one field, one section a line."""
    grid = recording.history.usage.grid
    header = Header(
        created=recording.created,
        joulefit_version=recording.joulefit_version,
        is_simulated=recording.is_simulated,
        is_anonymous=recording.is_anonymous,
        cluster=recording.cluster.source,
        store=recording.store,
        window=f"{format_time(grid.start)} to {format_time(grid.end)}, bins of {grid.step} s",
        settings=recording.settings,
        encoding=ENCODING,
        sections=(),
    )
    fields = msgspec.to_builtins(header)
    del fields["sections"]
    lines = [f"  {_json(name)}: {_json(value)},\n".encode() for name, value in fields.items()]
    rows = b",\n".join(b"    " + msgspec.json.encode(section) for section in sections)
    text = b"".join([b"{\n", *lines, b'  "sections": [\n', rows, b"\n  ]\n}\n"])
    return _without_passwords(text)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _without_passwords(text: bytes) -> bytes:
    """Drop USER:PASSWORD@ from URLs: a recording is made to be handed on."""
    return _USERINFO.sub(b"", text)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when it is done, or leaves no trace."""
    target = _find_target(path)
    temporary = _choose_temporary(target)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _find_target(path: Path) -> Path:
    """What a rename will replace: the file behind links, never a device such as /dev/null."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise RecordingError(f"cannot write recording {path}: it is there and not a file")
    return target


def _choose_temporary(target: Path) -> Path:
    return target.parent / f".joulefit-{secrets.token_hex(8)}"


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut; not every file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _explain(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and not path.parent.exists():
        return f"cannot write recording {path}: no folder {path.parent}; make it first"
    return f"cannot write recording {path}: {error.strerror or error}"
