"""What is read of constants, files and the store together, and what goes wrong with them later."""

import pytest

from recommender.carbon import CarbonReader, build_reader
from recommender.errors import StoreUnreachableError, TableError, UsageError
from recommender.model.history import TimeGrid
from recommender.settings import CarbonSettings, StoreSettings
from recommender.units import DAY

END = 1_780_272_000  # 2026-06-01T00:00:00Z
GRID = TimeGrid(end=END, bins=12)


class Failing:
    """A store that is away."""

    def read(self, *_):
        raise StoreUnreachableError("no connection to http://x")


def reader(store=None, **settings):
    return CarbonReader(CarbonSettings(**settings), store)


def test_where_nothing_is_asked_for_nothing_is_read():
    assert build_reader(CarbonSettings(), StoreSettings()) is None
    assert build_reader(CarbonSettings(carbon_intensity="450"), StoreSettings()) is not None


def test_constants_hold_in_every_window():
    rates = reader(carbon_intensity="450", energy_price="0.3 EUR", embodied_carbon=("a=1",)).read(
        GRID
    )
    assert (rates.carbon.mean, rates.carbon.unit, rates.carbon.newest) == (450.0, "gCO2e", None)
    assert (rates.price.mean, rates.price.unit, rates.price.covered) == (0.3, "EUR", 1.0)
    assert [each.node_class for each in rates.embodied] == ["a"]


def test_what_cannot_be_meant_ends_it_before_it_begins(tmp_path):
    with pytest.raises(UsageError):
        reader(carbon_intensity="much")
    with pytest.raises(UsageError):
        reader(embodied_carbon=("a",))
    with pytest.raises(TableError):
        reader(carbon_intensity=f"file:{tmp_path}/absent.csv")


def test_a_store_that_is_away_is_a_reason_and_no_error():
    found = reader(Failing(), carbon_intensity="metric:co2").read(GRID).carbon
    assert (found.mean, found.flaw) == (
        None,
        "metric co2 was not read: no connection to http://x",
    )
    assert (
        "no metric store is asked here"
        in reader(energy_price="metric:spot EUR").read(GRID).price.flaw
    )


def test_a_file_is_read_anew_when_it_changes_and_missed_when_it_is_gone(tmp_path):
    path = tmp_path / "grid.csv"
    path.write_text("time,value\n2026-05-31T23:00:00Z,100\n")
    read = reader(carbon_intensity=f"file:{path}").read
    assert read(GRID).carbon.mean == 100.0
    path.write_text("time,value\n2026-05-31T23:00:00Z,2500\n")
    assert read(GRID).carbon.mean == 2500.0
    path.unlink()
    assert "was not read: no table" in read(GRID).carbon.flaw
    path.write_text("time,value\n2026-05-31T23:00:00Z,300\n")
    assert read(GRID).carbon.mean == 300.0


def test_a_file_that_is_not_written_any_more_stops(tmp_path):
    path = tmp_path / "grid.csv"
    path.write_text("time,value\n2026-05-31T23:00:00Z,100\n")
    read = reader(carbon_intensity=f"file:{path}").read
    assert "has stopped" in read(TimeGrid(end=END + 2 * DAY, bins=288 * 4)).carbon.flaw
