"""What the BPF program needs to start, and the sentence when it is missing."""

import os

import pytest

from collector.probes.compiler import find_bcc
from collector.probes.counter import parse_cpus, read_cpus
from collector.probes.failure import ProbeUnavailableError
from collector.probes.headers import HeaderPlaces, find_headers
from collector.probes.program import missing_capabilities

NEEDED = (
    "include/linux/kconfig.h",
    "include/generated/autoconf.h",
    "include/uapi/linux/bpf.h",
)


def make_tree(folder, names=NEEDED):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"/* {folder.name} */")
    return folder


@pytest.fixture
def places(tmp_path):
    return HeaderPlaces(
        modules=tmp_path / "modules",
        sources=(tmp_path / "src",),
        archive=tmp_path / "kheaders.tar.xz",
        release="6.1.0-20-amd64",
    )


@pytest.fixture
def environment(tmp_path):
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_headers_named_by_the_environment_come_first(places, environment, tmp_path):
    own = make_tree(tmp_path / "own")
    make_tree(places.modules / places.release / "build")

    assert find_headers(places, environment | {"BCC_KERNEL_SOURCE": str(own)}) == own


def test_named_folder_without_headers_is_refused_not_passed_over(places, environment, tmp_path):
    with pytest.raises(
        ProbeUnavailableError, match=r"BCC_KERNEL_SOURCE=.* holds no kernel headers"
    ):
        find_headers(places, environment | {"BCC_KERNEL_SOURCE": str(tmp_path)})


def test_headers_of_the_running_kernel_come_next(places, environment):
    build = make_tree(places.modules / places.release / "build")
    make_tree(places.sources[0] / "linux-headers-6.1.0-20-amd64")

    assert find_headers(places, environment) == build


def test_split_tree_of_the_running_kernel_is_left_to_bcc(places, environment):
    make_tree(places.modules / places.release / "build", NEEDED[1:2])
    make_tree(places.modules / places.release / "source", NEEDED[::2])

    assert find_headers(places, environment) is None


def test_archive_of_the_running_kernel_is_left_to_bcc(places, environment):
    places.archive.touch()
    make_tree(places.sources[0] / "linux-headers-6.1.0-19-amd64")

    assert find_headers(places, environment) is None


@pytest.mark.parametrize(
    ("installed", "nearest"),
    [
        pytest.param(["5.10.0-28", "6.1.0-13"], "6.1.0-13", id="same series"),
        pytest.param(["6.1.0-9", "6.6.1"], "6.1.0-9", id="nearest minor version"),
        pytest.param(["4.19.0", "5.10.0"], "5.10.0", id="nearest below"),
        pytest.param(["6.12.1", "7.0.0"], "6.12.1", id="nearest above"),
        pytest.param(["unversioned", "4.19.0"], "4.19.0", id="one without a number is last"),
    ],
)
def test_of_other_versions_the_nearest_is_taken(places, environment, installed, nearest):
    for version in installed:
        make_tree(places.sources[0] / f"linux-headers-{version}-generic")

    found = find_headers(places, environment)
    assert found == places.sources[0] / f"linux-headers-{nearest}-generic"


def test_debians_two_trees_are_merged_as_links_and_kept(places, environment, tmp_path):
    source = places.sources[0]
    arch = make_tree(source / "linux-headers-6.1.0-13-amd64", NEEDED[1:2])
    common = make_tree(source / "linux-headers-6.1.0-13-common", NEEDED[::2])
    make_tree(common, ["arch/x86/include/asm/x.h"])

    merged = find_headers(places, environment)

    assert merged == tmp_path / "cache/joulefit/kernel-headers/linux-headers-6.1.0-13-amd64"
    assert {name for name in NEEDED if (merged / name).is_file()} == set(NEEDED)
    assert (merged / NEEDED[1]).samefile(arch / NEEDED[1])
    assert (merged / "arch").is_symlink()  # only one of the two has it
    before = merged.stat().st_ino
    assert find_headers(places, environment) == merged
    assert merged.stat().st_ino == before


def test_without_a_folder_to_write_to_a_temporary_one_serves(places, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    make_tree(places.sources[0] / "linux-headers-6.1.0-13-amd64", NEEDED[1:2])
    make_tree(places.sources[0] / "linux-headers-6.1.0-13-common", NEEDED[::2])
    (tmp_path / "file").touch()

    merged = find_headers(places, {"XDG_CACHE_HOME": str(tmp_path / "file" / "below")})

    assert merged.parent.parent == tmp_path
    assert (merged / NEEDED[0]).is_file()


def test_without_headers_it_names_what_to_install(places, environment):
    with pytest.raises(ProbeUnavailableError) as caught:
        find_headers(places, environment)

    text = str(caught.value)
    for word in ("6.1.0-20-amd64", "linux-headers-amd64", "kernel-devel", "BCC_KERNEL_SOURCE"):
        assert word in text


def test_bcc_of_the_distribution_is_told_from_the_one_of_pypi(tmp_path):
    (tmp_path / "pypi/bcc").mkdir(parents=True)
    (tmp_path / "pypi/bcc/__init__.py").touch()
    (tmp_path / "debian/bcc").mkdir(parents=True)
    (tmp_path / "debian/bcc/libbcc.py").touch()
    places = (str(tmp_path / "pypi"), str(tmp_path / "debian"))

    assert find_bcc(places) == tmp_path / "debian/bcc"
    with pytest.raises(ImportError, match="no folder of it in"):
        find_bcc(places[:1])


@pytest.mark.parametrize(
    ("effective", "missing"),
    [
        pytest.param(0, ["CAP_BPF", "CAP_PERFMON"], id="none"),
        pytest.param(1 << 39, ["CAP_PERFMON"], id="CAP_BPF alone"),
        pytest.param(1 << 39 | 1 << 38, [], id="both"),
        pytest.param(1 << 21, [], id="CAP_SYS_ADMIN holds both"),
    ],
)
def test_missing_capabilities_are_named(tmp_path, effective, missing):
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapEff:\t{effective:016x}\nCapBnd:\t0\n")

    assert missing_capabilities(status) == missing


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0\n", [0]),
        ("0-3\n", [0, 1, 2, 3]),
        ("0-1,4,6-7\n", [0, 1, 4, 6, 7]),
    ],
)
def test_kernel_lists_of_cpus(text, cpus):
    assert parse_cpus(text) == cpus


def test_online_cpus_are_those_that_python_counts():
    assert len(read_cpus("online")) == os.cpu_count()
