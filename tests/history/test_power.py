"""Power of nodes from zones, sockets, meters and gauges."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.history.nodename import NodeNames
from recommender.history.power import NodeCpuReader, PowerReader
from recommender.history.schema import NODE_POWER
from recommender.model.history import TimeGrid
from tests.history.build import START, STEP, matrix_of

BINS = 6
GRID = TimeGrid(end=START + BINS * STEP, bins=BINS)
SOURCES = {source.shown: source for source in NODE_POWER}
JOULEFIT = "joulefit_node_energy_joules_total"


def rising(watts: float, *, begin: float = 1e6, first: int = 0, last: int = BINS):
    return {at: begin + watts * STEP * (at - first) for at in range(first, last + 1)}


def power_of(shown: str, *series, names: NodeNames | None = None):
    reader = PowerReader(SOURCES[shown], GRID, names or NodeNames(None))
    reader.read(matrix_of(series))
    return reader.finish()


def joulefit(zone: str, watts: float, *, socket: str = "0", **more: str):
    labels = {"node": "n1", "zone": zone, "socket": socket, "source": "rapl"}
    return labels | {"quality": "measured"} | more, rising(watts)


class TestZones:
    def test_sockets_add_up(self):
        found = power_of(JOULEFIT, joulefit("package", 100), joulefit("package", 80, socket="1"))
        assert found["n1"].watts == pytest.approx([180] * BINS)
        assert found["n1"].reach == "package"

    def test_dram_adds_to_the_package(self):
        found = power_of(JOULEFIT, joulefit("package", 100), joulefit("dram", 12.5))
        assert found["n1"].watts == pytest.approx([112.5] * BINS)
        assert found["n1"].reach == "package+dram"

    @pytest.mark.parametrize("zone", ["platform", "psys"])
    def test_what_covers_the_whole_stands_alone(self, zone):
        found = power_of(
            JOULEFIT,
            joulefit("package", 100),
            joulefit("dram", 12.5),
            joulefit(zone, 250, socket="", source="redfish", quality="derived"),
        )
        assert found["n1"].watts == pytest.approx([250] * BINS)
        assert (found["n1"].reach, found["n1"].quality) == ("platform", "derived")

    @pytest.mark.parametrize("zone", ["core", "uncore", "gpu"])
    def test_what_is_inside_of_another_zone_is_not_added(self, zone):
        found = power_of(JOULEFIT, joulefit("package", 100), joulefit(zone, 70))
        assert found["n1"].watts == pytest.approx([100] * BINS)

    def test_memory_alone_is_no_power_of_a_node(self):
        assert power_of(JOULEFIT, joulefit("dram", 12.5)) == {}

    def test_a_meter_that_always_says_zero_is_none(self):
        found = power_of(
            "kepler_node_ZONE_joules_total",
            (
                {"__name__": "kepler_node_platform_joules_total", "instance": "n1"},
                rising(0, begin=0),
            ),
            ({"__name__": "kepler_node_package_joules_total", "instance": "n1"}, rising(90)),
        )
        assert (found["n1"].reach, found["n1"].watts.tolist()) == ("package", [90] * BINS)


class TestParts:
    def test_a_bin_in_which_a_part_is_missing_is_missing(self):
        labels, whole = joulefit("package", 80, socket="1")
        found = power_of(
            JOULEFIT,
            joulefit("package", 100),
            (labels, {at: value for at, value in whole.items() if at <= 2}),
        )
        assert found["n1"].watts[:2] == pytest.approx([180, 180])
        assert np.isnan(found["n1"].watts[2:]).all()

    def test_the_bin_of_a_wrap_is_missing(self):
        labels, points = joulefit("package", 100)
        points = {at: value % 1_090_000 for at, value in points.items()}
        found = power_of(JOULEFIT, (labels, points))
        # 1,000,000 J and 30,000 J a bin: it wraps in the bin that reaches 1,090,000
        assert np.isnan(found["n1"].watts).tolist() == [False, False, True, False, False, False]

    def test_idle_and_dynamic_of_old_kepler_are_one(self):
        name = {"__name__": "kepler_node_package_joules_total", "instance": "n1", "package": "0"}
        found = power_of(
            "kepler_node_ZONE_joules_total",
            (name | {"mode": "idle"}, rising(60)),
            (name | {"mode": "dynamic"}, rising(35)),
        )
        assert found["n1"].watts == pytest.approx([95] * BINS)

    def test_two_scrapers_count_once(self):
        found = power_of(
            JOULEFIT, joulefit("package", 100, job="a"), joulefit("package", 100, job="b")
        )
        assert found["n1"].watts == pytest.approx([100] * BINS)

    def test_rapl_of_node_exporter_with_and_without_a_label_for_the_zone(self):
        for labels in (
            {"__name__": "node_rapl_package_joules_total", "index": "0"},
            {"__name__": "node_rapl_joules_total", "index": "0", "rapl_zone": "package-0"},
        ):
            found = power_of(
                "node_rapl_ZONE_joules_total",
                (labels | {"node": "n1"}, rising(100)),
                (
                    {"__name__": "node_rapl_joules_total", "rapl_zone": "core", "node": "n1"},
                    rising(50),
                ),
            )
            assert found["n1"].watts == pytest.approx([100] * BINS)


class TestQuality:
    def test_of_two_meters_of_a_zone_the_better_counts(self):
        found = power_of(
            JOULEFIT,
            joulefit("package", 140, source="model", quality="modelled"),
            joulefit("package", 100),
        )
        assert found["n1"].watts == pytest.approx([100] * BINS)
        assert found["n1"].quality == "measured"

    def test_the_worse_zone_decides(self):
        found = power_of(
            JOULEFIT, joulefit("package", 100), joulefit("dram", 12, quality="modelled")
        )
        assert found["n1"].quality == "modelled"

    @pytest.mark.parametrize(
        ("source", "quality"), [("rapl-sysfs", "measured"), ("trained_power_model", "modelled")]
    )
    def test_the_source_that_kepler_names(self, source, quality):
        labels = {"__name__": "kepler_node_package_joules_total", "instance": "n1"}
        found = power_of(
            "kepler_node_ZONE_joules_total", (labels | {"source": source}, rising(100))
        )
        assert found["n1"].quality == quality

    def test_a_node_whose_components_kepler_estimates_is_modelled(self):
        names = NodeNames(None)
        info = {"__name__": "kepler_node_info", "instance": "n1"}
        names.learn(matrix_of([(info | {"components_power_source": "estimator"}, {0: 1.0})]))
        labels = {"__name__": "kepler_node_package_joules_total", "instance": "n1"}
        found = power_of("kepler_node_ZONE_joules_total", (labels, rising(100)), names=names)
        assert found["n1"].quality == "modelled"


def test_a_gauge_of_watts_is_the_mean_of_the_bin_before_its_point():
    watts = dict(enumerate([999.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0]))
    chip = {"instance": "n1:9100", "chip": "acpi000d_00", "sensor": "power1"}
    found = power_of("node_hwmon_power_average_watt", (chip, watts))
    assert found["n1"].watts.tolist() == [100, 110, 120, 130, 140, 150]
    assert (found["n1"].reach, found["n1"].quality) == ("platform", "derived")


def test_chunks_are_one_history():
    labels, points = joulefit("package", 100)
    reader = PowerReader(SOURCES[JOULEFIT], GRID, NodeNames(None))
    for first, end in ((0, 3), (3, 7)):
        part = {at: value for at, value in points.items() if first <= at < end}
        reader.read(matrix_of([(labels, part)], first_at=first))
    assert reader.finish()["n1"].watts == pytest.approx([100] * BINS)


def test_busy_cores_of_a_node_count_once_and_not_while_it_boots():
    reader = NodeCpuReader(GRID, NodeNames(None))
    before = rising(8.0, last=2)
    after = rising(4.0, begin=30.0, first=3)
    reader.read(
        matrix_of(
            [
                ({"instance": "n1:9100", "job": job}, before | after)
                for job in ("node-exporter", "another")
            ]
        )
    )
    cores = reader.finish()["n1"]
    assert np.isnan(cores).tolist() == [False, False, True, False, False, False]
    assert cores[[0, 1, 3, 4, 5]] == pytest.approx([8, 8, 4, 4, 4])


def test_series_of_strangers_are_ignored():
    reader = NodeCpuReader(GRID, NodeNames(frozenset(["n2"])))
    reader.read(matrix_of([({"instance": "n1:9100"}, rising(8.0))]))
    assert reader.finish() == {}
