import pytest

from collector.meters.hwmon import find_hwmon
from collector.meters.refusal import Refusal
from collector.model import Zone
from tests.collector.meters.tree import Clock, add_sensor, write


def test_an_acpi_power_meter_is_integrated_to_joules(tmp_path):
    """200 W for 5 s, then from 200 W to 300 W in 10 s: 1,000 J + 2,500 J."""
    files = add_sensor(tmp_path, "hwmon3", "power_meter", power1_average=200_000_000)
    clock = Clock()
    meter = find_hwmon(tmp_path, clock=clock)
    told = [meter.read().zones[0]]
    clock.advance(5.0)
    told.append(meter.read().zones[0])
    clock.advance(10.0)
    write(files["power1_average"], 300_000_000)
    told.append(meter.read().zones[0])
    assert [each.joules for each in told] == [0.0, 1000.0, 3500.0]
    assert {(each.zone, each.source, each.quality) for each in told} == {
        (Zone("platform"), "hwmon", "derived")
    }


def test_the_drivers_average_is_taken_before_the_latest_value(tmp_path):
    add_sensor(tmp_path, "hwmon0", "power_meter", power1_average=100_000_000, power1_input=1)
    clock = Clock()
    meter = find_hwmon(tmp_path, clock=clock)
    meter.read()
    clock.advance(1.0)
    assert meter.read().zones[0].joules == 100.0


def test_two_power_supplies_are_one_platform(tmp_path):
    for hwmon in ("hwmon1", "hwmon2"):
        add_sensor(tmp_path, hwmon, "dps650ab", power1_input=150_000_000, power1_label="pin")
    clock = Clock()
    meter = find_hwmon(tmp_path, clock=clock)
    meter.read()
    clock.advance(2.0)
    assert [(each.zone, each.joules) for each in meter.read().zones] == [(Zone("platform"), 600.0)]


def test_half_of_the_power_supplies_is_not_a_platform(tmp_path):
    for hwmon in ("hwmon1", "hwmon2"):
        files = add_sensor(tmp_path, hwmon, "pmbus", power1_input=150_000_000, power1_label="pin1")
    meter = find_hwmon(tmp_path, clock=Clock())
    files["power1_input"].unlink()
    reading = meter.read()
    assert reading.zones == ()
    assert reading.problems == (f"hwmon {files['power1_input']}: there is no such file (any more)",)


def test_amds_energy_counters_are_measured_registers_of_sockets(tmp_path):
    add_sensor(
        tmp_path,
        "hwmon0",
        "amd_energy",
        energy1_input=5_000_000,
        energy1_label="Ecore000",
        energy2_input=7_000_000,
        energy2_label="Esocket0",
        energy3_input=9_000_000,
        energy3_label="Esocket1",
    )
    meter = find_hwmon(tmp_path, clock=Clock())
    assert [(each.zone, each.joules, each.quality) for each in meter.read().zones] == [
        (Zone("package", "0"), 7.0, "measured"),
        (Zone("package", "1"), 9.0, "measured"),
    ]


def test_packages_of_an_older_amd_are_numbered_by_their_sensors(tmp_path):
    for hwmon in ("hwmon0", "hwmon1"):
        add_sensor(tmp_path, hwmon, "fam15h_power", power1_input=50_000_000)
    assert find_hwmon(tmp_path).zones == (Zone("package", "0"), Zone("package", "1"))


@pytest.mark.parametrize(
    ("driver", "reason"),
    [
        ("amdgpu", "a graphics card"),
        ("nouveau", "a graphics card"),
        ("BAT0", "a battery or charger"),
        ("ina226", "is not known"),
    ],
)
def test_sensors_that_are_not_the_nodes_are_refused_by_their_reason(tmp_path, driver, reason):
    add_sensor(tmp_path, "hwmon0", driver, power1_average=10_000_000)
    refusal = find_hwmon(tmp_path)
    assert isinstance(refusal, Refusal)
    assert reason in refusal.reason


def test_fans_and_temperatures_are_no_power(tmp_path):
    add_sensor(tmp_path, "hwmon0", "nct6775", fan1_input=1200, temp1_input=40000, pwm1=100)
    assert find_hwmon(tmp_path).reason == (
        f"no power or energy sensor in {tmp_path / 'class' / 'hwmon'}"
    )


def test_a_zone_that_a_better_meter_tells_is_left_to_it(tmp_path):
    add_sensor(tmp_path, "hwmon0", "fam15h_power", power1_input=50_000_000)
    add_sensor(tmp_path, "hwmon1", "power_meter", power1_average=90_000_000)
    meter = find_hwmon(tmp_path, known=frozenset({Zone("package", "0")}))
    assert meter.zones == (Zone("platform"),)
    assert "is told by a better meter" in meter.remarks[0]


def test_a_gap_longer_than_two_minutes_is_not_guessed(tmp_path):
    add_sensor(tmp_path, "hwmon0", "power_meter", power1_average=100_000_000)
    clock = Clock()
    meter = find_hwmon(tmp_path, clock=clock)
    meter.read()
    clock.advance(121.0)
    reading = meter.read()
    assert reading.zones[0].joules == 0.0
    assert "121 s without a reading" in reading.problems[0]


def test_a_sensor_that_fails_from_the_start_is_refused(tmp_path):
    add_sensor(tmp_path, "hwmon0", "power_meter", power1_average="")
    assert "holds no number" in find_hwmon(tmp_path).reason
