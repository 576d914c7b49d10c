"""Read a recording, trusting nothing in it."""

from __future__ import annotations

import math
import re
import stat
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from recommender.errors import RecordingError
from recommender.model.history import History, NodeHistory, UsageHistory
from recommender.model.recording import Recording
from recommender.recording.codec import (
    format_crc32,
    is_possible_size,
    unpack_array,
    unpack_bytes,
)
from recommender.recording.layout import (
    ARRAYS,
    DOCUMENT,
    MAGIC,
    MAX_BINS,
    MAX_BYTES,
    MAX_HEADER_BYTES,
    NODE_ARRAYS,
    USAGE_ARRAYS,
    VERSION,
    Document,
    Header,
)
from recommender.recording.work import read_work

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO, TypeVar

    from recommender.model.history import TimeGrid

    Decoded = TypeVar("Decoded")

_VERSION_LINE = re.compile(rb"joulefit-recording (\d{1,9})\n")
_HEADER_LINE = re.compile(rb"header (\d{1,9}) crc32 ([0-9a-f]{8})\n")
_LINE_BYTES = 64
_REQUIRED = (DOCUMENT, *(layout.section for layout in ARRAYS if not layout.is_optional))
_SECTIONS = (DOCUMENT, *(layout.section for layout in ARRAYS))


def read_recording(path: Path) -> Recording:
    """The recording in a file, arrays bit by bit as they were written.

    RecordingError, one line, for a file that cannot be read or is none, is truncated,
    corrupted, of another version, contradicts itself, or would unpack to more than 2 GiB.
    """
    try:
        size = _size_of(path)
        with path.open("rb") as file:
            return _decode(file, size)
    except FileNotFoundError as error:
        raise RecordingError(f"no recording {path}; joulefit record writes one") from error
    except OSError as error:
        raise RecordingError(f"cannot read recording {path}: {error.strerror or error}") from error
    except RecordingError as error:
        raise RecordingError(f"recording {path} {error}") from error


def _size_of(path: Path) -> int:
    found = path.stat()
    # Asked before opening: a named pipe without a writer would hang.
    if not stat.S_ISREG(found.st_mode):
        raise RecordingError("is not a file; name the file that joulefit record wrote")
    return found.st_size


def _decode(file: BinaryIO, size: int) -> Recording:
    """The recording in an open file of `size` bytes; errors say what it is or does."""
    _check_version(file.readline(_LINE_BYTES))
    header = _read_header(file, size)
    _check_sizes(header, size - file.tell())
    sections = {section.name: section for section in header.sections}
    packed = {name: file.read(section.packed) for name, section in sections.items()}
    text = unpack_bytes(sections[DOCUMENT], packed[DOCUMENT])
    document = _decode_json(text, Document, "its document")
    _check_document(document)
    layouts = [layout for layout in ARRAYS if layout.section in sections]
    for layout in layouts:
        section, shape = sections[layout.section], document.shape(layout)
        if section.dtype != layout.dtype or section.shape != shape:
            raise RecordingError(
                f"contradicts itself: {section.name} is {section.dtype} {list(section.shape)} "
                f"where {layout.dtype} {list(shape)} belongs"
            )
        if section.size != math.prod(shape) * np.dtype(layout.dtype).itemsize:
            raise RecordingError(f"contradicts itself: size of {section.name}")
    return _assemble(
        header,
        document,
        {
            layout.section: unpack_array(sections[layout.section], packed[layout.section])
            for layout in layouts
        },
    )


def _check_version(line: bytes) -> None:
    match = _VERSION_LINE.fullmatch(line)
    if match is None:
        if not line:
            raise RecordingError("is empty; copy it again")
        if (MAGIC + b"%d\n" % VERSION).startswith(line):
            raise RecordingError("is truncated (in its first line); copy it again")
        raise RecordingError("is not a joulefit recording; joulefit record writes one")
    version = int(match[1])
    if version != VERSION:
        advice = "upgrade joulefit" if version > VERSION else "record it again"
        raise RecordingError(
            f"has format version {version}, this joulefit reads version {VERSION}; {advice}"
        )


def _read_header(file: BinaryIO, size: int) -> Header:
    line = file.readline(_LINE_BYTES)
    match = _HEADER_LINE.fullmatch(line)
    if match is None:
        if file.tell() == size:
            raise RecordingError("is truncated (before its header); copy it again")
        raise RecordingError("is corrupted (its second line); copy it again")
    length = int(match[1])
    if length > MAX_HEADER_BYTES:
        raise RecordingError(f"is corrupted (a header of {length:,} bytes); copy it again")
    text = file.read(length)
    _check_length(length - len(text), "at least ")
    if format_crc32(text) != match[2].decode():
        raise RecordingError("is corrupted (checksum of its header); copy it again")
    return _decode_json(text, Header, "its header")


def _check_sizes(header: Header, available: int) -> None:
    """Nothing is unpacked, nor room made for it, before this has passed."""
    names = tuple(section.name for section in header.sections)
    is_whole = names == tuple(name for name in _SECTIONS if name in {*names, *_REQUIRED})
    if not is_whole:
        raise RecordingError(f"contradicts itself: not the sections of version {VERSION}")
    for section in header.sections:
        if section.packed < 0 or not is_possible_size(section):
            raise RecordingError(
                f"contradicts itself: {section.name} cannot unpack from {section.packed:,} to "
                f"{section.size:,} bytes"
            )
    total = sum(section.size for section in header.sections)
    if total > MAX_BYTES:
        raise RecordingError(
            f"unpacks to {total:,} bytes, more than the {MAX_BYTES:,} that are allowed"
        )
    _check_length(sum(section.packed for section in header.sections) - available)


def _check_length(missing: int, qualifier: str = "") -> None:
    if missing > 0:
        raise RecordingError(
            f"is truncated (needs {qualifier}{missing:,} bytes more); copy it again"
        )
    if missing < 0:
        raise RecordingError(f"is corrupted ({-missing:,} bytes too many); copy it again")


def _decode_json(text: bytes, kind: type[Decoded], what: str) -> Decoded:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"is corrupted ({what}: {error})") from error


def _check_document(document: Document) -> None:
    for grid in (document.usage_grid, document.node_grid):
        _check_grid(grid)
    names = ("nodes", "quality", "reach", "cpu_model")
    counts = {name: len(getattr(document, name)) for name in names}
    if len(set(counts.values())) != 1:
        text = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise RecordingError(f"contradicts itself: {text}")
    if len(set(document.nodes)) != len(document.nodes):
        raise RecordingError("contradicts itself: a node stands twice")
    bins = document.usage_grid.bins
    lengths = {len(rate.per_second) for each in document.work for rate in each.rates} - {bins}
    if lengths:
        raise RecordingError(f"contradicts itself: work of {min(lengths)} bins where {bins} belong")
    containers = document.containers
    if any(one >= other for one, other in pairwise(containers)):
        raise RecordingError("contradicts itself: its containers are not in order")


def _check_grid(grid: TimeGrid) -> None:
    is_possible = (
        0 < grid.step <= 86400
        and 0 < grid.bins <= MAX_BINS
        and grid.end % grid.step == 0
        and 0 <= grid.start < grid.end < 2**35
        and 0 <= grid.open_bins < min(grid.bins_per_day, grid.bins + 1)
    )
    if not is_possible:
        raise RecordingError(
            f"contradicts itself: {grid.bins} bins of {grid.step} s up to {grid.end}"
            + f", {grid.open_bins} of them in a day that is not whole" * bool(grid.open_bins)
        )


def _assemble(header: Header, document: Document, arrays: dict[str, Any]) -> Recording:
    of_usage: dict[str, Any] = {layout.field: arrays.get(layout.section) for layout in USAGE_ARRAYS}
    of_nodes: dict[str, Any] = {layout.field: arrays.get(layout.section) for layout in NODE_ARRAYS}
    usage = UsageHistory(
        grid=document.usage_grid,
        containers=document.containers,
        **of_usage,
    )
    nodes = NodeHistory(
        grid=document.node_grid,
        nodes=document.nodes,
        quality=document.quality,
        reach=document.reach,
        cpu_model=document.cpu_model,
        **of_nodes,
    )
    history = History(
        usage=usage,
        nodes=nodes,
        sources=document.sources,
        cluster=document.store_cluster.state() if document.store_cluster else None,
        queries=document.queries,
        received_bytes=document.received_bytes,
        warnings=document.warnings,
        work=read_work(document.work),
    )
    return Recording(
        created=header.created,
        cluster=document.cluster.state(),
        history=history,
        store=header.store,
        is_simulated=header.is_simulated,
        is_anonymous=header.is_anonymous,
        joulefit_version=header.joulefit_version,
        settings=header.settings,
    )
