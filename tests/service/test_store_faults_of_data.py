"""A store that answers well what is not well: gaps, resets, a short memory, a clock that is ahead.

The store's history goes on past the present, and the service reads it by its own clock: first as
it starts, then a bin more. What is right follows from what the fleet used, which is known.
"""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recommender.units import parse_quantity
from tests.service.conftest import SHAPE
from tests.service.process import ServiceProcess
from tests.testbed.exposition import joulefit_series
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fleet import generate_fleet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.testbed.openmetrics import Series

HOUR, DAY, BIN = 3600, 86_400, 300
LATER = 2 * BIN  # from now on; a test takes less
FLOORS = {"cpu": 0.025, "memory": 250 * 2**20}  # of the stock rule
FIRST_BUCKETS = {"cpu": 0.01, "memory": 1e7}  # of its histograms, which grow by 5 %
HISTORY_END = "joulefit_recommender_history_end_timestamp_seconds"


def keep(series: Series, kept: np.ndarray) -> Series:
    return dataclasses.replace(
        series, timestamps=series.timestamps[kept], values=series.values[kept]
    )


def miss_a_day(series: Series) -> Series:
    """The third of four days is not there."""
    before_end = int(series.timestamps[-1]) - series.timestamps
    return keep(series, (before_end < DAY) | (before_end > 2 * DAY))


def reset_counters(series: Series) -> Series:
    """Every counter begins again at zero, twice, in the middle of a bin."""
    if series.kind != "counter":
        return series
    values = series.values.copy()
    for before_end in (2.5 * DAY + 130, HOUR + 130):
        first = int(np.searchsorted(series.timestamps, series.timestamps[-1] - before_end))
        values[first:] -= values[first]
    return dataclasses.replace(series, values=values)


def begin_late(series: Series) -> Series:
    return keep(series, series.timestamps >= series.timestamps[-1] - 6 * HOUR - LATER)


def run_ahead(series: Series) -> Series:
    """Every sample bears a time five minutes after it was taken."""
    return dataclasses.replace(series, timestamps=series.timestamps + 5 * 60)


FAULTS = {
    "a day is missing": (miss_a_day, 4 * DAY),
    "counters were reset": (reset_counters, 4 * DAY),
    "there are six hours of it": (begin_late, 6 * HOUR),
    "its clock is five minutes ahead": (run_ahead, 4 * DAY),
}


@pytest.fixture(scope="module")
def fleet():
    return generate_fleet(SHAPE)


@pytest.fixture(scope="module")
def store_with(fleet, module_prometheus_with) -> Callable[..., str]:
    """`store_with(change)`: the URL of a store with every series of the fleet, as if it had all
    been lately, and changed so.
    """
    moved = (int(time.time()) // BIN) * BIN + LATER - SHAPE.end

    def make(change: Callable[[Series], Series]) -> str:
        late = (
            dataclasses.replace(series, timestamps=series.timestamps + moved)
            for series in joulefit_series(fleet)
        )
        return module_prometheus_with(map(change, late)).url

    return make


def run_now(plane, url: str) -> ServiceProcess:
    """A service that reads up to now but for a bin, and that bin a few seconds after its start."""
    settle = time.time() % BIN + 10.0
    flags = ("--history", "4d", "--settle", f"{settle:.1f}s", "--no-lease")
    return ServiceProcess(*flags, kubeconfig=plane.service, store=url)


def wait_for_a_bin(service: ServiceProcess) -> None:
    """Until the history ends later than that of the first cycle that ended, with a cycle.

    A cycle says where its history ends when it is over, which is after its writes are seen.
    """
    service.wait(lambda: service.value(HISTORY_END) > 0, "a cycle says where its history ends")
    before = service.value(HISTORY_END)
    service.wait(lambda: service.value(HISTORY_END) > before, "a bin more is read")
    service.wait_cycles(1)


def assert_sound(plane, service, fleet, *, seconds: float) -> None:
    """Every container of every VPA has numbers that fit what it used in so many newest seconds.

    By both rules a target lies between the median, of CPU the 75th percentile, and the end of the
    stock bucket that holds the peak with 15 % on top; or at the stock floor.
    """
    bins = round((seconds + LATER) / BIN)
    found = plane.recommendations()
    assert set(found) == {f"{w.namespace}/{w.name}" for w in fleet.workloads}
    for workload in fleet.workloads:
        entries = found[f"{workload.namespace}/{workload.name}"]["containerRecommendations"]
        assert [each["containerName"] for each in entries] == sorted(
            container.name for container in workload.containers
        )
        for entry in entries:
            rows = fleet.rows_of(workload, entry["containerName"])
            used = {"cpu": fleet.cores[rows, -bins:], "memory": fleet.memory_bytes[rows, -bins:]}
            low, target, high = (
                {name: float(parse_quantity(text)) for name, text in entry[bound].items()}
                for bound in ("lowerBound", "target", "upperBound")
            )
            for name, quantile in (("cpu", 0.75), ("memory", 0.5)):
                assert 0.0 < low[name] <= target[name] <= high[name] < math.inf
                most = 1.15 * (1.05 * used[name].max() + FIRST_BUCKETS[name])
                assert target[name] <= max(most, FLOORS[name])
                assert target[name] >= 0.95 * np.quantile(used[name], quantile)
    assert "NaN" not in service.get("/metrics").text
    assert "cycle failed" not in service.log
    assert service.get("/healthz").status_code == 200


@pytest.mark.parametrize(("change", "seconds"), FAULTS.values(), ids=FAULTS)
def test_whatever_its_data_lack_no_number_is_wrong(plane, store_with, fleet, change, seconds):
    with run_now(plane, store_with(change)) as service:
        service.wait(plane.is_answered, "every VPA has a recommendation")
        assert_sound(plane, service, fleet, seconds=seconds)
        wait_for_a_bin(service)
        assert_sound(plane, service, fleet, seconds=seconds)


def test_a_store_that_lost_its_history_takes_no_number_from_a_service_that_runs(
    plane, store_with, fleet
):
    """It goes on from what it keeps; a new process says how little there is, and is sound too."""
    whole, young = store_with(lambda series: series), store_with(begin_late)
    with FaultProxy(whole) as proxy:
        with run_now(plane, proxy.url) as service:
            service.wait(plane.is_answered, "every VPA has a recommendation")
            proxy.turn_to(young)
            wait_for_a_bin(service)
            assert_sound(plane, service, fleet, seconds=4 * DAY)
            before = plane.recommendations()
        with run_now(plane, proxy.url) as service:
            service.wait_cycles(1)
            assert_sound(plane, service, fleet, seconds=6 * HOUR)
            for key in before:
                assert plane.condition(key, "LowConfidence")["status"] == "True"
