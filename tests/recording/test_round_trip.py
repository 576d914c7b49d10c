"""What is written is what is read, bit by bit, and the file explains itself."""

import json
import subprocess
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from msgspec.structs import replace

from recommender.model.cluster import ClusterState
from recommender.model.history import History, NodeHistory, TimeGrid, UsageHistory
from recommender.model.identity import PodOwners
from recommender.recording import read_recording, write_recording
from recommender.recording.codec import pack_array, unpack_array
from recommender.recording.layout import ClusterDocument, Document
from tests.recording.sample import (
    array_bits,
    forge_document,
    make_recording,
    plain_fields,
    split_file,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "week.joulefit"


def _round_trip(path, recording):
    write_recording(path, recording)
    return read_recording(path)


def test_every_array_comes_back_bit_by_bit_nan_included(path):
    recording = make_recording()
    found = _round_trip(path, recording).history
    assert array_bits(found.usage) == array_bits(recording.history.usage)
    assert array_bits(found.nodes) == array_bits(recording.history.nodes)


def test_everything_else_comes_back_equal(path):
    recording = make_recording()
    found = _round_trip(path, recording)
    assert plain_fields(found.history.usage) == plain_fields(recording.history.usage)
    assert plain_fields(found.history.nodes) == plain_fields(recording.history.nodes)
    nested = ("usage", "nodes", "cluster")
    history = recording.history
    assert plain_fields(found.history, without=nested) == plain_fields(history, without=nested)
    assert found.history.cluster == replace(history.cluster, owners=PodOwners())
    assert found.cluster == replace(recording.cluster, owners=PodOwners())
    nested = ("history", "cluster")
    assert plain_fields(found, without=nested) == plain_fields(recording, without=nested)


def test_a_recording_from_before_there_were_energy_profiles_is_read(path):
    write_recording(path, make_recording())

    def forget(document):
        for vpa in document["cluster"]["vpas"]:
            del vpa["profile"]

    path.write_bytes(forge_document(path.read_bytes(), forget))
    assert [vpa.profile for vpa in read_recording(path).cluster.vpas] == [None, None]


def test_what_no_series_told_is_not_in_the_file_and_none_when_read(path):
    """As in files from before there were throttling, pressure, latency, bursts and frequency."""
    names = ("throttled", "pressure", "latency", "burst")
    recording = make_recording()
    history = replace(
        recording.history,
        usage=replace(recording.history.usage, **dict.fromkeys(names)),
        nodes=replace(recording.history.nodes, frequency=None),
    )
    write_recording(path, replace(recording, history=history))
    header = split_file(path.read_bytes())[1]
    named = {section["name"] for section in header["sections"]}
    assert not named & {f"usage.{name}" for name in names}
    assert "nodes.frequency" not in named
    found = read_recording(path).history
    assert [getattr(found.usage, name) for name in names] == [None] * 4
    assert found.nodes.frequency is None
    assert array_bits(found.usage) == array_bits(history.usage)


def test_some_of_what_is_optional_may_be_there(path):
    recording = make_recording()
    usage = replace(recording.history.usage, throttled=None, latency=None)
    found = _round_trip(path, replace(recording, history=replace(recording.history, usage=usage)))
    assert found.history.usage.throttled is None
    assert array_bits(found.history.usage)["pressure"] == array_bits(usage)["pressure"]


def test_no_field_of_the_model_is_forgotten():
    """A new field of the model must find its place in the file or a reason to be left out."""
    usage = set(UsageHistory.__struct_fields__)
    nodes = set(NodeHistory.__struct_fields__)
    stored = set(Document.__struct_fields__)
    recording = make_recording()
    assert usage == {"grid", "containers", *array_bits(recording.history.usage)}
    assert nodes == {
        "grid", "nodes", "quality", "reach", "cpu_model", *array_bits(recording.history.nodes)
    }  # fmt: skip
    assert set(History.__struct_fields__) - {"usage", "nodes", "cluster"} <= stored
    cluster = set(ClusterState.__struct_fields__)
    assert cluster - {"owners"} == set(ClusterDocument.__struct_fields__)


def test_a_recording_without_containers_nodes_or_store_cluster_is_possible(path):
    recording = make_recording()
    usage, nodes = recording.history.usage, recording.history.nodes
    none = {name: getattr(usage, name)[:0] for name in array_bits(usage)}
    nothing = {name: getattr(nodes, name)[:0] for name in array_bits(nodes)}
    history = replace(
        recording.history,
        usage=replace(usage, containers=(), **none),
        nodes=replace(nodes, nodes=(), quality=(), reach=(), cpu_model=(), **nothing),
        cluster=None,
    )
    found = _round_trip(path, replace(recording, history=history)).history
    assert found.usage.cpu_mean.shape == (0, 300)
    assert found.nodes.watts.shape == (0, 300)
    assert found.cluster is None


@pytest.mark.parametrize("length", [1, 2], ids=["one element", "two elements"])
def test_arrays_that_are_read_can_be_written_to(length):
    section, packed = pack_array("some", np.zeros(length, np.int64), dtype="<i8")
    found = unpack_array(section, packed)
    found[0] = 7
    assert found[0] == 7


def test_the_size_that_is_returned_is_that_of_the_file(path):
    assert write_recording(path, make_recording()) == path.stat().st_size


def test_the_same_recording_gives_the_same_bytes(tmp_path):
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        write_recording(file, make_recording())
    assert files[0].read_bytes() == files[1].read_bytes()


def test_head_shows_what_it_is(path):
    write_recording(path, make_recording(is_simulated=True))
    shown = subprocess.run(["head", "-n", "14", path], check=True, capture_output=True, text=True)
    lines = shown.stdout.splitlines()
    assert lines[0] == "joulefit-recording 1"
    assert '  "created": "2026-01-01T00:01:02Z",' in lines
    assert '  "isSimulated": true,' in lines
    assert '  "store": "http://pangolin.example:9090",' in lines
    assert '  "window": "2025-12-30T23:00:00Z to 2026-01-01T00:00:00Z, bins of 300 s",' in lines
    assert any('"name":"document"' in line for line in lines)


def test_the_header_is_enough_to_read_an_array_without_joulefit(path):
    recording = make_recording()
    write_recording(path, recording)
    _, header, packed = split_file(path.read_bytes())
    section = next(each for each in header["sections"] if each["name"] == "usage.cpu_days")
    plain = zlib.decompress(packed["usage.cpu_days"])
    assert len(plain) == section["size"]
    assert f"{zlib.crc32(packed['usage.cpu_days']):08x}" == section["crc32"]
    planes = [plain[i * len(plain) // 4 : (i + 1) * len(plain) // 4] for i in range(4)]
    numbers = np.array(
        [int.from_bytes(bytes(four), "little") for four in zip(*planes, strict=True)],
        dtype=np.uint32,
    )
    assert section["dtype"] == "<u4"
    assert np.array_equal(numbers.reshape(section["shape"]), recording.history.usage.cpu_days)
    assert json.loads(zlib.decompress(packed["document"]))["queries"] == 12


@given(
    arrays.arrays(
        dtype=st.sampled_from(["<f4", "<u2", "<u4", "<i8"]),
        shape=arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=7),
    )
)
def test_any_array_survives_packing(array):
    section, packed = pack_array("some", array, dtype=array.dtype.str)
    found = unpack_array(section, packed)
    assert (found.dtype, found.shape, found.tobytes()) == (
        array.dtype, array.shape, array.tobytes()
    )  # fmt: skip


def test_arrays_need_not_be_contiguous():
    array = np.arange(24, dtype=np.float32).reshape(4, 6)[::2, ::3]
    section, packed = pack_array("some", array, dtype="<f4")
    assert unpack_array(section, packed).tolist() == [[0, 3], [12, 15]]


def test_fourteen_days_of_two_hundred_containers_take_a_few_megabytes(path):
    rng = np.random.default_rng(3)
    recording = make_recording()
    sample = recording.history.usage
    rows, bins, days = 200, 14 * 288, 14
    shapes = {"cpu_mean": (rows, bins), "pods": (rows, bins), "cpu_days": (rows, days, 512)}
    shapes |= dict.fromkeys(("throttled", "pressure", "latency"), (rows, days * 24))
    full = {
        name: np.zeros(shapes.get(name, (rows, *getattr(sample, name).shape[1:])), array[0])
        for name, array in array_bits(sample).items()
    }
    full["cpu_mean"] = rng.gamma(4.0, 0.1, (rows, bins)).astype(np.float32)
    full["cpu_days"][:, :, 200:280] = rng.poisson(3.6, (rows, days, 80))
    full["memory_days"] = rng.gamma(4.0, 1e8, (rows, days)).astype(np.float32)
    owner = sample.containers[0]
    usage = replace(
        sample,
        grid=TimeGrid(end=sample.grid.end, bins=bins),
        containers=tuple(replace(owner, container=f"c{i:03}") for i in range(rows)),
        **full,
    )
    size = write_recording(
        path, replace(recording, history=replace(recording.history, usage=usage))
    )
    assert size < 4_000_000
    assert array_bits(read_recording(path).history.usage) == array_bits(usage)


def test_passwords_in_urls_are_not_written(path):
    secret = "https://reader:hunter2@metrics.example/api"
    recording = make_recording(store=secret)
    cluster = replace(recording.cluster, source=secret, warnings=(f"{secret} is slow",))
    found = _round_trip(path, replace(recording, cluster=cluster))
    assert found.store == "https://metrics.example/api"
    assert found.cluster.source == "https://metrics.example/api"
    assert found.cluster.warnings == ("https://metrics.example/api is slow",)
