"""What is no sound recording is refused in one line that says what to do."""

import os
import threading
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import RecordingError
from recommender.recording import read_recording, write_recording
from recommender.recording.codec import unpack_bytes
from recommender.recording.layout import Section
from recommender.recording.writer import encode_recording
from tests.recording.sample import (
    array_bits,
    forge_document,
    forge_section,
    join_file,
    make_recording,
    split_file,
)

WHOLE = b"".join(encode_recording(make_recording()))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "week.joulefit"


@pytest.fixture
def refusal(path):
    """What `read_recording` says to these bytes, without its `recording PATH`."""

    def read(data):
        path.write_bytes(data)
        with pytest.raises(RecordingError) as caught:
            read_recording(path)
        text = str(caught.value)
        assert "\n" not in text
        assert text.startswith(f"recording {path} ")
        assert caught.value.exit_code == 1
        return text.removeprefix(f"recording {path} ")

    return read


def test_the_forger_itself_makes_sound_files(path):
    """Otherwise the tests below could pass for the wrong reason."""
    path.write_bytes(forge_document(WHOLE, lambda _: None))
    found = read_recording(path).history.usage
    assert array_bits(found) == array_bits(make_recording().history.usage)


def test_a_file_cut_in_its_sections_says_how_much_is_missing(refusal):
    missing = 211
    assert refusal(WHOLE[:-missing]) == "is truncated (needs 211 bytes more); copy it again"
    long = WHOLE[: len(WHOLE) // 2]
    needed = len(WHOLE) - len(long)
    assert refusal(long) == f"is truncated (needs {needed:,} bytes more); copy it again"


def test_a_file_cut_in_its_header_says_how_much_is_missing_at_least(refusal):
    first, second, rest = WHOLE.split(b"\n", 2)
    length = int(second.split()[1])
    begun = b"\n".join([first, second, rest[: length - 30]])
    assert refusal(begun) == "is truncated (needs at least 30 bytes more); copy it again"


@pytest.mark.parametrize(
    ("length", "where"),
    [(8, "in its first line"), (20, "in its first line"), (21, "before its header"),
     (30, "before its header")],
    ids=str,
)  # fmt: skip
def test_a_file_cut_in_its_first_lines_is_truncated_too(refusal, length, where):
    assert refusal(WHOLE[:length]) == f"is truncated ({where}); copy it again"


def test_an_empty_file_is_called_empty(refusal):
    assert refusal(b"") == "is empty; copy it again"


@pytest.mark.parametrize(
    "data",
    [
        b'{"apiVersion": "v1"}\n',
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        bytes(range(256)) * 40,
        b"joulefit-recording one\n",
        b"joulefit-recording 1",
        b"joulefit-recording 1\r\n",
    ],
    ids=["json", "png", "noise", "no version", "no line end", "line ends changed"],
)
def test_a_foreign_file_is_not_a_recording(refusal, data):
    text = refusal(data)
    if data == b"joulefit-recording 1":
        assert text == "is truncated (in its first line); copy it again"
    else:
        assert text == "is not a joulefit recording; joulefit record writes one"


@pytest.mark.parametrize(
    ("version", "advice"), [(7, "upgrade joulefit"), (0, "record it again")], ids=["newer", "older"]
)
def test_another_version_is_named_with_what_to_do(refusal, version, advice):
    other = WHOLE.replace(b"recording 1\n", b"recording %d\n" % version, 1)
    assert refusal(other) == (
        f"has format version {version}, this joulefit reads version 1; {advice}"
    )


def test_bytes_after_the_end_are_refused(refusal):
    assert refusal(WHOLE + b"12345") == "is corrupted (5 bytes too many); copy it again"


def test_a_changed_section_is_named(refusal):
    first, header, packed = split_file(WHOLE)
    spoilt = bytearray(packed["usage.pods"])
    spoilt[40] ^= 1
    packed["usage.pods"] = bytes(spoilt)
    assert refusal(join_file(first, header, packed)) == (
        "is corrupted (checksum of usage.pods); copy it again"
    )


def test_a_changed_header_is_noticed(refusal):
    other = WHOLE.replace(b'"isSimulated": false', b'"isSimulated": true ', 1)
    assert refusal(other) == "is corrupted (checksum of its header); copy it again"


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(tmp_path_factory, position, difference):
    path = tmp_path_factory.getbasetemp() / "changed.joulefit"
    spoilt = bytearray(WHOLE)
    spoilt[position] ^= difference
    path.write_bytes(spoilt)
    with pytest.raises(RecordingError):
        read_recording(path)


@given(st.integers(0, len(WHOLE) - 1))
def test_no_missing_end_goes_unnoticed(tmp_path_factory, length):
    path = tmp_path_factory.getbasetemp() / "cut.joulefit"
    path.write_bytes(WHOLE[:length])
    with pytest.raises(RecordingError, match=r"is truncated|is empty"):
        read_recording(path)


def test_a_shape_that_contradicts_the_names_is_refused(refusal):
    _, header, _ = split_file(WHOLE)
    shape = next(each["shape"] for each in header["sections"] if each["name"] == "usage.cpu_mean")
    assert shape == [3, 300]
    assert refusal(forge_section(WHOLE, "usage.cpu_mean", shape=[300, 3])) == (
        "contradicts itself: usage.cpu_mean is <f4 [300, 3] where <f4 [3, 300] belongs"
    )


@pytest.mark.parametrize("dtype", ["<f8", "|O", ">f4", "nonsense"])
def test_only_the_types_of_the_format_are_read(refusal, dtype):
    assert refusal(forge_section(WHOLE, "usage.cpu_mean", dtype=dtype)) == (
        f"contradicts itself: usage.cpu_mean is {dtype} [3, 300] where <f4 [3, 300] belongs"
    )


def test_a_size_that_contradicts_the_shape_is_refused(refusal):
    forged = forge_section(WHOLE, "usage.samples", bytes(23))
    assert refusal(forged) == "contradicts itself: size of usage.samples"


def test_a_stream_that_unpacks_to_more_than_declared_is_refused(refusal):
    forged = forge_section(WHOLE, "usage.samples", stream=zlib.compress(bytes(10**7)))
    assert refusal(forged) == "contradicts itself: usage.samples does not unpack to 24 bytes"


def test_a_stream_without_its_end_is_refused(refusal):
    """All bytes are there, the stream's own checksum is not."""
    forged = forge_section(WHOLE, "usage.samples", stream=zlib.compress(bytes(24))[:-2])
    assert refusal(forged) == "contradicts itself: usage.samples does not unpack to 24 bytes"


@pytest.mark.parametrize("size", [0, 24])
def test_unpacking_never_takes_more_room_than_declared(size):
    stream = zlib.compress(bytes(50_000_000))
    section = Section("some", "|u1", (size,), size, len(stream), f"{zlib.crc32(stream):08x}")
    tracemalloc.start()
    try:
        with pytest.raises(RecordingError, match=f"does not unpack to {size} bytes"):
            unpack_bytes(section, stream)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_stream_with_a_tail_is_refused(refusal):
    forged = forge_section(WHOLE, "usage.samples", stream=zlib.compress(bytes(24)) + b"tail")
    assert refusal(forged) == "contradicts itself: usage.samples does not unpack to 24 bytes"


def test_a_stream_that_is_none_is_refused(refusal):
    forged = forge_section(WHOLE, "usage.samples", stream=bytes(40))
    assert refusal(forged) == "is corrupted (usage.samples does not unpack)"


def test_a_size_that_no_stream_of_that_length_can_hold_is_refused_before_unpacking(refusal):
    forged = forge_section(WHOLE, "usage.samples", stream=bytes(100), size=10**9)
    assert refusal(forged) == (
        "contradicts itself: usage.samples cannot unpack from 100 to 1,000,000,000 bytes"
    )


def test_a_recording_that_would_fill_the_memory_is_refused(refusal):
    forged = forge_section(WHOLE, "usage.samples", stream=bytes(3_000_000), size=3_000_000_000)
    assert refusal(forged).startswith("unpacks to 3,000,0")
    assert refusal(forged).endswith(", more than the 2,147,483,648 that are allowed")


@pytest.mark.parametrize("claim", [{"size": -1}, {"packed": -5}], ids=["size", "packed"])
def test_negative_sizes_are_refused(refusal, claim):
    assert "usage.samples cannot unpack" in refusal(forge_section(WHOLE, "usage.samples", **claim))


def test_a_header_without_an_end_is_refused(refusal):
    assert refusal(b"joulefit-recording 1\nheader 99999999 crc32 00000000\n{") == (
        "is corrupted (a header of 99,999,999 bytes); copy it again"
    )
    assert refusal(b"joulefit-recording 1\n" + b"x" * 10**6) == (
        "is corrupted (its second line); copy it again"
    )


def test_a_missing_section_is_refused(refusal):
    first, header, packed = split_file(WHOLE)
    header["sections"] = [each for each in header["sections"] if each["name"] != "nodes.cpu_used"]
    del packed["nodes.cpu_used"]
    assert refusal(join_file(first, header, packed)) == (
        "contradicts itself: not the sections of version 1"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["nodes"].append("more"), "contradicts itself: 3 nodes, 2 quality, 2 reach"),
        (lambda d: d.update(nodes=["a", "a"]), "contradicts itself: a node stands twice"),
        (lambda d: d["containers"].reverse(), "contradicts itself: its containers are not in"),
        (lambda d: d["containers"].pop(), "contradicts itself: usage.cpu_mean is <f4 [3, 300] "),
        (lambda d: d["usage_grid"].update(bins=0), "contradicts itself: 0 bins of 300 s up to"),
        (lambda d: d["usage_grid"].update(bins=2**40), "contradicts itself: 1099511627776 bins"),
        (lambda d: d["usage_grid"].update(step=0), "contradicts itself: 300 bins of 0 s up to"),
        (lambda d: d["usage_grid"].update(open_bins=-1), "contradicts itself: 300 bins of 300 s up"),
        (lambda d: d["usage_grid"].update(open_bins=288), "contradicts itself: 300 bins of 300 s"),
        (lambda d: d["usage_grid"].update(bins=3, open_bins=4), "contradicts itself: 3 bins of 300 "),
        (lambda d: d["node_grid"].update(end=301), "contradicts itself: 300 bins of 300 s up to"),
        (lambda d: d.update(queries="many"), "is corrupted (its document: Expected `int`, got"),
        (lambda d: d.pop("cluster"), "is corrupted (its document: Object missing required field"),
    ],
    ids=["counts", "twice", "order", "rows", "no bins", "bins", "step", "open", "whole", "more", "end", "type", "field"],
)  # fmt: skip
def test_a_document_that_contradicts_itself_is_refused(refusal, change, said):
    assert refusal(forge_document(WHOLE, change)).startswith(said)


@pytest.mark.parametrize(
    "plain",
    [b"\xff\xfe", b'{"cluster": {"source": "\xff"}}', b"[" * 100_000, b""],
    ids=["not UTF-8", "not UTF-8 inside", "nested too deep", "nothing"],
)
def test_a_document_that_is_no_json_is_refused(refusal, plain):
    assert refusal(forge_section(WHOLE, "document", plain)).startswith("is corrupted (its document")


def test_deep_nesting_in_a_status_is_refused(refusal):
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    plain = zlib.decompress(split_file(WHOLE)[2]["document"])
    forged = plain.replace(b'"status":{', b'"status":{"deep":' + deep + b",", 1)
    assert refusal(forge_section(WHOLE, "document", forged)).startswith(
        "is corrupted (its document"
    )


def test_a_missing_file_is_said_to_be_missing(path):
    with pytest.raises(RecordingError) as caught:
        read_recording(path)
    assert str(caught.value) == f"no recording {path}; joulefit record writes one"


def test_a_folder_is_no_recording(tmp_path):
    with pytest.raises(RecordingError) as caught:
        read_recording(tmp_path)
    assert str(caught.value) == (
        f"recording {tmp_path} is not a file; name the file that joulefit record wrote"
    )


def test_a_pipe_is_refused_instead_of_waited_for(path):
    os.mkfifo(path)
    outcome = []

    def read():
        try:
            read_recording(path)
        except RecordingError as error:
            outcome.append(str(error))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout=20)
    assert outcome == [f"recording {path} is not a file; name the file that joulefit record wrote"]


def test_a_file_that_may_not_be_read_says_so(path, as_nobody):
    write_recording(path, make_recording())
    path.chmod(0)
    with as_nobody(), pytest.raises(RecordingError) as caught:
        read_recording(path)
    assert str(caught.value) == f"cannot read recording {path}: Permission denied"
