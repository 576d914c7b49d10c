"""A metric of what a kWh carries: one series, by hour, and nothing once it stops."""

import numpy as np
import pytest

from recommender.errors import StoreUnreachableError
from recommender.history.fake import FakeQueryClient
from recommender.history.intensity import IntensityReader, select_series
from recommender.model.history import TimeGrid
from recommender.model.intensity import parse_carbon_source, parse_price_source
from recommender.settings import StoreSettings
from recommender.units import DAY, HOUR
from tests.history.promql import parse_selector

END = 1_780_272_000 + DAY  # 2026-06-02T00:00:00Z
GRID = TimeGrid(end=END, bins=288)
SOURCE = parse_carbon_source('metric:co2{region="de"}')


def store_of(*series, newest=END - 60, recent=None):
    """A store whose series have these means by hour; `newest` is when the newest sample is of."""

    def answer(query):
        if query.query.startswith("count("):
            return [({}, [(query.end, float(len(series)))])] if series else []
        if query.query.startswith("max("):
            return [] if newest is None else [({}, [(query.end, float(newest))])]
        if query.query.startswith("avg(avg"):
            return [] if recent is None else [({}, [(query.end, recent)])]
        times = range(query.start, query.end + 1, query.step)
        return [(labels, zip(times, values, strict=False)) for labels, values in series]

    return FakeQueryClient(answer)


def read(client, *, source=SOURCE, grid=GRID):
    return IntensityReader(StoreSettings(), client=client).read(source, grid)


def test_the_mean_of_the_window_and_of_each_hour_of_the_day():
    found = read(store_of(({}, [100.0 + 10 * hour for hour in range(24)])))
    assert found.mean == pytest.approx(215.0)
    assert found.hourly == tuple(100.0 + 10 * hour for hour in range(24))
    assert (found.newest, found.covered, found.source) == (END - 60, 1.0, 'metric co2{region="de"}')


def test_units_are_brought_to_the_kilowatt_hour():
    source = parse_price_source("metric:spot EUR/MWh")
    found = read(store_of(({}, [-20.0, 100.0] * 12)), source=source)
    assert (found.mean, found.unit) == (pytest.approx(0.04), "EUR")


def test_the_hour_that_has_begun_counts_with_what_it_has():
    grid = TimeGrid(end=END + 1800, bins=18)  # an hour and a half: two hours are touched
    found = read(store_of(({}, [100.0]), newest=END + 1799, recent=400.0), grid=grid)
    assert (found.mean, found.covered) == (250.0, 1.0)


def test_a_series_that_stops_gives_no_number_and_says_since_when():
    found = read(store_of(({}, [100.0] * 21), newest=END - 3 * HOUR + 60))
    assert (found.mean, found.hourly) == (None, ())
    assert found.newest == END - 3 * HOUR + 60
    assert found.flaw == (
        'metric co2{region="de"} has stopped: its newest value is of 2026-06-01T21:01:00Z, 3 h '
        "before the end of the window"
    )


def test_two_hours_without_a_value_are_not_the_end():
    assert read(store_of(({}, [100.0] * 22), newest=END - 2 * HOUR)).mean == 100.0


def test_a_series_that_stopped_long_ago_is_dated_by_its_last_hour():
    found = read(store_of(({}, [100.0] * 5), newest=None))
    assert "newest value is of 2026-06-01T05:00:00Z, 19 h before" in found.flaw


def test_a_metric_that_is_not_there_says_so():
    found = read(store_of(newest=None))
    assert (found.mean, found.flaw) == (None, 'metric co2{region="de"} has no value in the window')


def test_of_several_series_none_is_chosen():
    client = store_of(({"zone": "b"}, [1.0] * 24), ({"zone": "a"}, [2.0] * 24))
    found = read(client)
    assert found.mean is None
    assert found.flaw.endswith(
        'means 2 series, such as {zone="a"} and {zone="b"}; narrow it down with labels'
    )


def test_many_series_are_counted_and_not_read():
    client = store_of(*(({"zone": str(i)}, [1.0] * 24) for i in range(30)))
    assert "means 30 series; narrow it down" in read(client).flaw
    assert len(client.asked) == 1


def test_what_no_grid_emits_is_left_out_and_kilograms_are_not_taken_for_grams():
    assert read(store_of(({}, [-1.0, 300.0] * 12))).mean == 300.0
    found = read(store_of(({}, [450_000.0] * 24)))
    assert found.mean is None
    assert "450,000 gCO2e/kWh is more than anything emits" in found.flaw


def test_whole_hours_are_asked_for_once_an_hour():
    client = store_of(({}, [100.0] * 24), recent=100.0)
    reader = IntensityReader(StoreSettings(), client=client)
    reader.read(SOURCE, GRID)
    assert len(client.asked) == 3  # how many series, the hours, the newest sample
    reader.read(SOURCE, TimeGrid(end=END + 600, bins=288))
    later = len(client.asked)
    reader.read(SOURCE, TimeGrid(end=END + 900, bins=288))
    assert len(client.asked) == later + 2  # the newest sample, and the hour that has begun
    reader.read(SOURCE, TimeGrid(end=END + 900, bins=288))
    assert len(client.asked) == later + 2


def test_a_store_that_does_not_answer_is_an_error_of_the_store():
    def refuse(_):
        raise StoreUnreachableError("no connection")

    with pytest.raises(StoreUnreachableError):
        read(FakeQueryClient(refuse))


def test_the_selector_holds_literal_names_and_values_only():
    source = parse_carbon_source(r'metric:co2{a="x\"} or up{b=\"",b="y"}')
    assert set(parse_selector(select_series(source))) == {
        ("__name__", "=", "co2"),
        ("a", "=", 'x"} or up{b="'),
        ("b", "=", "y"),
    }


def test_a_constant_is_no_business_of_the_store():
    with pytest.raises(ValueError, match="is no metric"):
        select_series(parse_carbon_source("450"))


def test_the_kept_hours_are_not_changed_by_what_is_read_after():
    """The hour that had begun is no part of what is kept."""
    client = store_of(({}, [100.0] * 23), newest=END - 300, recent=900.0)
    reader = IntensityReader(StoreSettings(), client=client)
    grid = TimeGrid(end=END - 1800, bins=276)
    first = reader.read(SOURCE, grid)
    second = reader.read(SOURCE, TimeGrid(end=END - 1500, bins=277))
    assert first.mean == second.mean
    assert first.mean == pytest.approx(float(np.mean([100.0] * (grid.hours - 1) + [900.0])))
