import pytest

from collector.meters.choice import choose_meters
from collector.model import Zone
from recommender.errors import UsageError
from tests.collector.meters.tree import add_sensor, amd, proc_stat, two_socket_intel, write

RECORDING = "seconds,zone,socket,joules\n0,package,0,0\n9,package,0,9"


def choose(root, meter="auto", **options):
    return choose_meters(meter, sysfs_root=root, procfs_root=root, **options)


def names(choice):
    return [meter.name for meter in choice.meters]


def refused(choice):
    return {refusal.meter: refusal.reason for refusal in choice.refusals}


def test_rapl_is_taken_where_it_is_and_the_model_is_not_needed(tmp_path):
    amd(tmp_path)
    proc_stat(tmp_path, [(1, 1)])
    choice = choose(tmp_path)
    assert (names(choice), choice.is_real) == (["rapl"], True)
    assert choice.findings == ("rapl: package 0, core 0",)
    assert refused(choice)["modelled"] == "not needed: this node has a meter"
    assert "no power or energy sensor" in refused(choice)["hwmon"]


def test_hwmon_adds_the_platform_that_rapl_does_not_tell_and_nothing_else(tmp_path):
    amd(tmp_path)
    add_sensor(tmp_path, "hwmon0", "power_meter", power1_average=90_000_000)
    add_sensor(tmp_path, "hwmon1", "fam15h_power", power1_input=90_000_000)
    choice = choose(tmp_path)
    zones = [each.zone for meter in choice.meters for each in meter.read().zones]
    assert sorted(zones) == [Zone("core", "0"), Zone("package", "0"), Zone("platform")]
    assert "told by a better meter" in refused(choice)["hwmon"]


def test_the_model_stands_in_only_where_there_is_no_meter_and_says_so(tmp_path):
    proc_stat(tmp_path, [(1, 1)] * 4)
    choice = choose(tmp_path)
    assert (names(choice), choice.is_real) == (["modelled"], False)
    assert choice.findings[0].startswith("modelled: platform; power modelled from")
    assert set(refused(choice)) == {"rapl", "hwmon"}
    assert {each.quality for each in choice.meters[0].read().zones} == {"modelled"}


def test_nothing_at_all_is_no_meter_and_three_reasons(tmp_path):
    choice = choose(tmp_path)
    assert (choice.meters, set(refused(choice))) == ((), {"rapl", "hwmon", "modelled"})


@pytest.mark.parametrize("meter", ["rapl", "hwmon"])
def test_nothing_stands_in_for_a_meter_asked_for_by_name(tmp_path, meter):
    proc_stat(tmp_path, [(1, 1)])
    choice = choose(tmp_path, meter)
    assert (choice.meters, list(refused(choice))) == ((), [meter])


def test_the_model_is_used_beside_a_real_meter_only_when_asked_for(tmp_path):
    two_socket_intel(tmp_path)
    proc_stat(tmp_path, [(1, 1)])
    choice = choose(tmp_path, "modelled")
    assert (names(choice), choice.is_real) == (["modelled"], False)


def test_a_recording_is_used_only_when_asked_for(tmp_path):
    recording = write(tmp_path / "a.csv", RECORDING)
    choice = choose(tmp_path, "recorded", recording=recording)
    assert (names(choice), choice.is_real) == (["recorded"], False)
    assert choose(tmp_path, recording=recording).meters == ()


def test_a_recording_must_be_named(tmp_path):
    with pytest.raises(UsageError, match="needs a recording"):
        choose(tmp_path, "recorded")
