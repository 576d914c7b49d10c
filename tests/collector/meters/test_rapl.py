from pathlib import Path

import pytest

from collector.meters.rapl import find_rapl
from collector.meters.refusal import Refusal
from collector.model import Zone
from tests.collector.meters.tree import (
    Clock,
    add_domain,
    amd,
    two_socket_intel,
    without_capabilities,
    write,
)


def joules(reading):
    return {each.zone: each.joules for each in reading.zones}


def test_a_two_socket_intel_node_tells_packages_dram_and_psys_each_once(tmp_path):
    two_socket_intel(tmp_path)
    reading = find_rapl(tmp_path, clock=Clock(5.0)).read()
    assert joules(reading) == {
        Zone("package", "0"): 1.0,
        Zone("dram", "0"): 2.0,
        Zone("package", "1"): 3.0,
        Zone("dram", "1"): 4.0,
        Zone("psys"): 5.0,
    }
    assert (reading.at, reading.problems) == (5.0, ())


def test_registers_are_measured_and_tell_where_they_wrap(tmp_path):
    two_socket_intel(tmp_path)
    zones = find_rapl(tmp_path).read().zones
    assert {(each.source, each.quality, each.range_joules) for each in zones} == {
        ("rapl", "measured", 262_143.32885)
    }


def test_the_same_package_through_mmio_is_said_not_to_be_used(tmp_path):
    two_socket_intel(tmp_path)
    remarks = find_rapl(tmp_path).remarks
    assert ["intel-rapl-mmio:0" in remarks[0], "intel-rapl-mmio:1" in remarks[1]] == [True, True]


def test_mmio_stands_in_for_a_package_that_the_other_register_does_not_tell(tmp_path):
    add_domain(tmp_path, "intel-rapl:0", "package-0", energy_uj="")
    add_domain(tmp_path, "intel-rapl-mmio:0", "package-0", energy_uj=9_000_000)
    assert joules(find_rapl(tmp_path).read()) == {Zone("package", "0"): 9.0}


def test_an_amd_node_tells_package_and_cores_and_no_dram(tmp_path):
    amd(tmp_path)
    reading = find_rapl(tmp_path).read()
    assert joules(reading) == {Zone("package", "0"): 7.0, Zone("core", "0"): 6.0}
    assert reading.zones[0].range_joules == 65_532.610987


def test_core_and_uncore_belong_to_the_socket_of_their_package(tmp_path):
    for socket in (0, 1):
        add_domain(tmp_path, f"intel-rapl:{socket}", f"package-{socket}")
        add_domain(tmp_path, f"intel-rapl:{socket}:0", "core")
        add_domain(tmp_path, f"intel-rapl:{socket}:1", "uncore")
    assert set(find_rapl(tmp_path).zones) == {
        Zone(name, socket) for name in ("package", "core", "uncore") for socket in "01"
    }


def test_dies_of_one_socket_are_zones_of_their_own(tmp_path):
    for number, die in enumerate(("0-die-0", "0-die-1")):
        add_domain(tmp_path, f"intel-rapl:{number}", f"package-{die}", energy_uj=10**6 * number)
        add_domain(tmp_path, f"intel-rapl:{number}:0", "dram")
    assert set(find_rapl(tmp_path).zones) == {
        Zone(name, die) for name in ("package", "dram") for die in ("0-die-0", "0-die-1")
    }


def test_of_several_psys_the_first_has_a_number_too(tmp_path):
    add_domain(tmp_path, "intel-rapl:0", "psys")
    add_domain(tmp_path, "intel-rapl:1", "psys-1")
    assert set(find_rapl(tmp_path).zones) == {Zone("psys", "0"), Zone("psys", "1")}


def test_more_than_ten_domains_stay_in_order(tmp_path):
    for number in range(12):
        add_domain(tmp_path, f"intel-rapl:{number}", f"package-{number}")
    assert [zone.socket for zone in find_rapl(tmp_path).zones] == [str(n) for n in range(12)]


def test_a_folder_of_an_unknown_name_is_said_not_to_be_used(tmp_path):
    amd(tmp_path)
    add_domain(tmp_path, "intel-rapl:1", "spaceheater")
    meter = find_rapl(tmp_path)
    assert "'spaceheater' is no zone known here" in meter.remarks[0]
    assert len(meter.zones) == 2


def test_a_counter_that_grows_is_read_from_the_open_file(tmp_path):
    files = amd(tmp_path)
    meter = find_rapl(tmp_path)
    meter.read()
    write(files["package 0"], 8_500_000)
    assert joules(meter.read())[Zone("package", "0")] == 8.5


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    files = amd(tmp_path)
    meter = find_rapl(tmp_path)
    meter.read()
    write(tmp_path / "new", 8_500_000).replace(files["package 0"])
    assert joules(meter.read())[Zone("package", "0")] == 8.5


def test_a_zone_that_vanishes_is_a_sentence_and_the_others_go_on(tmp_path):
    files = two_socket_intel(tmp_path)
    meter = find_rapl(tmp_path)
    meter.read()
    files["package 1"].unlink()
    reading = meter.read()
    assert Zone("package", "1") not in joules(reading)
    assert len(reading.zones) == 4
    assert reading.problems == (f"rapl {files['package 1']}: there is no such file (any more)",)


def test_a_zone_that_comes_back_is_read_again(tmp_path):
    files = two_socket_intel(tmp_path)
    meter = find_rapl(tmp_path)
    files["psys"].unlink()
    meter.read()
    write(files["psys"], 6_000_000)
    assert joules(meter.read())[Zone("psys")] == 6.0


def test_a_file_without_a_number_is_a_sentence(tmp_path):
    files = amd(tmp_path)
    meter = find_rapl(tmp_path)
    write(files["core 0"], "nonsense")
    reading = meter.read()
    assert joules(reading) == {Zone("package", "0"): 7.0}
    assert reading.problems == (f"rapl {files['core 0']}: holds no number",)


def test_a_tree_without_rapl_is_refused_with_what_would_help(tmp_path):
    refusal = find_rapl(tmp_path)
    assert isinstance(refusal, Refusal)
    assert "modprobe intel_rapl_msr" in refusal.reason


def test_a_tree_hidden_by_the_container_runtime_is_told_from_an_absent_one(tmp_path):
    folder = tmp_path / "class" / "powercap"
    folder.mkdir(parents=True)
    (folder / "intel-rapl:0").symlink_to("../../devices/virtual/powercap/intel-rapl/intel-rapl:0")
    assert "--sysfs-root" in find_rapl(tmp_path).reason


def test_denied_counters_name_the_capability(tmp_path):
    for file in two_socket_intel(tmp_path).values():
        file.chmod(0)
    with without_capabilities(tmp_path):
        refusal = find_rapl(Path())
    assert isinstance(refusal, Refusal)
    assert "permission denied" in refusal.reason
    assert "CAP_DAC_READ_SEARCH" in refusal.reason


def test_one_denied_counter_does_not_cost_the_others(tmp_path):
    files = amd(tmp_path)
    files["core 0"].chmod(0)
    with without_capabilities(tmp_path):
        reading = find_rapl(Path()).read()
    assert joules(reading) == {Zone("package", "0"): 7.0}
    assert "CAP_DAC_READ_SEARCH" in reading.problems[0]


@pytest.mark.parametrize("text", ["", "0", "unknown"], ids=["empty", "zero", "no number"])
def test_a_register_of_unknown_range_is_said_never_to_wrap(tmp_path, text):
    add_domain(tmp_path, "intel-rapl:0", "package-0", range_uj=text)
    assert find_rapl(tmp_path).read().zones[0].range_joules == 0.0
