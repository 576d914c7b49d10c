"""An hourly file of carbon or prices: times and their zones, gaps, what comes twice, what is none."""

import gzip
import math

import pytest

from recommender.errors import TableError
from recommender.model.history import TimeGrid
from recommender.model.intensity import parse_carbon_source, parse_price_source
from recommender.table.intensity import read_intensity
from recommender.units import DAY, HOUR, format_time, parse_time

MIDNIGHT = 1_780_272_000  # 2026-06-01T00:00:00Z


def write(folder, *rows, header="time,value", name="grid.csv"):
    path = folder / name
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def table_of(folder, *rows, **changes):
    return read_intensity(parse_carbon_source(f"file:{write(folder, *rows, **changes)}"))


def row(hour, value):
    return f"{format_time(MIDNIGHT + hour * HOUR)},{value}"


def over(path, *, end=MIDNIGHT + DAY, hours=24, step=300, price=False):
    text = f"file:{path}"
    source = parse_price_source(f"{text} EUR/MWh") if price else parse_carbon_source(text)
    grid = TimeGrid.ending(end, hours * HOUR, step=step)
    return read_intensity(source).over(source, grid)


def test_the_mean_and_the_hours_of_a_day_are_those_of_the_rows(tmp_path):
    """100 g at midnight, ten more each hour: the mean of 100 ... 330 is 215."""
    found = over(write(tmp_path, *(row(hour, 100 + 10 * hour) for hour in range(24))))
    assert found.mean == pytest.approx(215.0)
    assert found.hourly == tuple(100.0 + 10 * hour for hour in range(24))
    assert (found.covered, found.flaw, found.newest) == (1.0, "", MIDNIGHT + DAY)


def test_rows_may_come_in_any_order_and_gzipped(tmp_path):
    path = tmp_path / "grid.csv.gz"
    rows = [row(hour, 100 + 10 * hour) for hour in reversed(range(24))]
    path.write_bytes(gzip.compress("\n".join(("time,value", *rows)).encode()))
    assert over(path).mean == pytest.approx(215.0)


def test_rows_within_an_hour_are_one_mean(tmp_path):
    quarters = [
        f"{format_time(MIDNIGHT + i * 900)},{value}" for i, value in enumerate((1, 2, 3, 6))
    ]
    found = over(write(tmp_path, *quarters), end=MIDNIGHT + HOUR, hours=1)
    assert found.mean == 3.0
    assert found.hourly == (3.0,) + (None,) * 23


def test_prices_may_be_negative_and_are_brought_to_the_kilowatt_hour(tmp_path):
    found = over(
        write(tmp_path, row(0, -20), row(1, 100)), end=MIDNIGHT + 2 * HOUR, hours=2, price=True
    )
    assert (found.mean, found.unit) == (pytest.approx(0.04), "EUR")


def test_times_without_a_zone_are_utc_and_offsets_count(tmp_path):
    table = table_of(tmp_path, "2026-06-01T02:00:00,7", "2026-06-01T02:00:00+02:00,9")
    assert table.hours == {MIDNIGHT // HOUR: 9.0, MIDNIGHT // HOUR + 2: 7.0}


def test_the_hour_that_comes_twice_in_autumn_is_two_hours_where_offsets_are_given(tmp_path):
    table = table_of(tmp_path, "2026-10-25T02:00:00+02:00,300", "2026-10-25T02:00:00+01:00,500")
    first = int(parse_time("2026-10-25T00:00:00Z")) // HOUR
    assert table.hours == {first: 300.0, first + 1: 500.0}


def test_the_hour_that_comes_twice_in_autumn_is_refused_without_offsets(tmp_path):
    with pytest.raises(
        TableError, match=r"line 3: 2026-10-25T02:00:00Z has two values, 300 and 500"
    ):
        table_of(tmp_path, "2026-10-25T02:00:00,300", "2026-10-25T02:00:00,500")


def test_the_hour_that_is_left_out_in_spring_is_no_gap_where_offsets_are_given(tmp_path):
    """At 2026-03-29T01:00Z clocks go from +01:00 to +02:00."""
    rows = ("2026-03-29T01:00:00+01:00,100", "2026-03-29T03:00:00+02:00,200")
    end = int(parse_time("2026-03-29T02:00:00Z"))
    found = over(write(tmp_path, *rows), end=end, hours=2)
    assert (found.covered, found.mean) == (1.0, 150.0)


def test_the_same_row_twice_counts_once(tmp_path):
    found = over(
        write(tmp_path, row(0, 100), row(0, 100), row(1, 400)), end=MIDNIGHT + 2 * HOUR, hours=2
    )
    assert found.mean == 250.0


def test_gaps_are_left_out_and_told(tmp_path):
    """18 of 24 hours: an empty cell and missing rows."""
    rows = [row(hour, 100) for hour in range(18)] + [row(18, "")]
    found = over(write(tmp_path, *rows))
    assert (found.mean, found.covered) == (100.0, 0.75)
    assert found.hourly[18:] == (None,) * 6
    assert found.newest == MIDNIGHT + 18 * HOUR


def test_a_file_that_ended_more_than_a_day_before_the_window_did_gives_no_number(tmp_path):
    path = write(tmp_path, row(0, 100))
    assert over(path, end=MIDNIGHT + HOUR + DAY, hours=48).mean == 100.0
    found = over(path, end=MIDNIGHT + 2 * HOUR + DAY, hours=48)
    assert found.mean is None
    assert found.hourly == ()
    assert found.flaw == (
        f"file {path} has stopped: its newest value is of 2026-06-01T01:00:00Z, 1 d before the "
        "end of the window"
    )


def test_a_file_of_another_time_gives_no_number(tmp_path):
    path = write(tmp_path, row(0, 100))
    assert (
        "has stopped: its newest value is of 2026-06-01T00:00:00Z, 60 d"
        in over(path, end=MIDNIGHT + 60 * DAY).flaw
    )
    assert over(path, end=MIDNIGHT - DAY).flaw == f"file {path} has no value in the window"


def test_prices_of_the_next_day_are_no_news_of_the_window(tmp_path):
    """Day-ahead rows from tomorrow, and none of the last thirty hours."""
    rows = [row(0, 100), *(row(hour, 50) for hour in range(48, 72))]
    found = over(write(tmp_path, *rows), end=MIDNIGHT + 31 * HOUR, hours=31)
    assert "has stopped" in found.flaw


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "has no rows below its first line"),
        (["2026-06-01T00:00:00Z,dirty"], "line 2: value 'dirty' is no number; mend it"),
        (["2026-06-01T00:00:00Z,nan"], "'nan' is no number"),
        (["2026-06-01T00:00:00Z,-3"], "-3 gCO2e/kWh is negative"),
        (["2026-06-01T00:00:00Z,450000"], "more than anything emits"),
        (["yesterday,450"], "time 'yesterday' is neither RFC 3339 nor unix seconds"),
        (["2026-06-01T00:00:00Z,450,extra"], "3 cells where 2 belong"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_with_its_line(tmp_path, rows, words):
    with pytest.raises(TableError) as raised:
        table_of(tmp_path, *rows)
    assert words in str(raised.value)


def test_a_file_without_the_columns_or_that_is_none_is_refused(tmp_path):
    with pytest.raises(TableError, match="lacks the column value; its first line must name"):
        table_of(tmp_path, row(0, 1), header="time,co2")
    with pytest.raises(TableError, match=r"no table .*absent\.csv; is its name right"):
        read_intensity(parse_carbon_source(f"file:{tmp_path}/absent.csv"))


def test_a_window_of_minutes_has_the_value_of_its_hour(tmp_path):
    found = over(write(tmp_path, row(0, 100), row(1, 300)), end=MIDNIGHT + HOUR + 1800, hours=0.25)
    assert found.mean == 300.0
    assert math.isclose(found.newest, MIDNIGHT + HOUR + 1800)
