"""A metric of carbon on the real Prometheus and VictoriaMetrics: hours, restarts, the end of it."""

import numpy as np
import pytest

from recommender.history.intensity import IntensityReader
from recommender.model.history import TimeGrid
from recommender.model.intensity import parse_carbon_source
from recommender.settings import StoreSettings
from recommender.units import DAY, HOUR
from tests.testbed.openmetrics import Series

END = 1_780_272_000  # 2026-06-01T00:00:00Z
TIMES = np.arange(END - 2 * DAY, END + 1, 60)
STOPPED = END - 5 * HOUR


def by_hour(times):
    """200 g, and 20 more for each hour of the day; a sample holds for the hour that it ends."""
    return 200.0 + 20.0 * ((times - 1) // HOUR % 24)


def history():
    """Germany by two exporter pods, one after the other, each seen by two scrapers; France, whose
    series stopped; and what several regions say.
    """
    for region, last in (("de", END), ("fr", STOPPED)):
        for scraper in ("a", "b"):
            for pod, lives in (("x", TIMES < END - DAY), ("y", TIMES >= END - DAY)):
                times = TIMES[lives & (last >= TIMES)]
                labels = {"region": region, "pod": f"exporter-{pod}", "prometheus": scraper}
                yield Series("grid_co2_grams_per_kwh", labels, times, by_hour(times), kind="gauge")


@pytest.fixture(scope="module", params=["prometheus", "victoria_metrics"])
def read(request):
    store = request.getfixturevalue(f"module_{request.param}_with")(history())
    reader = IntensityReader(StoreSettings(store=store.url))

    def read(text, *, end=END, hours=48):
        grid = TimeGrid.ending(end, hours * HOUR)
        return reader.read(parse_carbon_source(f"metric:grid_co2_grams_per_kwh{text}"), grid)

    return read


def test_two_days_of_a_region_by_hour(read):
    """20 g more each hour: 200 ... 660, whose mean is 430."""
    found = read('{region="de"}')
    assert found.flaw == ""
    assert found.hourly == pytest.approx([200.0 + 20 * hour for hour in range(24)], abs=0.5)
    assert found.mean == pytest.approx(430.0, abs=0.5)
    assert found.covered == 1.0
    assert END - 60 <= found.newest <= END


def test_a_window_that_ends_within_an_hour(read):
    """01:00 to 02:30: 220, and of the hour that began 240."""
    found = read('{region="de"}', end=END - DAY + 2.5 * HOUR, hours=1.5)
    assert found.mean == pytest.approx((220.0 + 240.0) / 2, abs=0.5)
    assert found.hourly[1:3] == pytest.approx([220.0, 240.0], abs=0.5)


def test_a_region_whose_series_stopped_has_no_number(read):
    found = read('{region="fr"}')
    assert found.mean is None
    assert "has stopped: its newest value is of 2026-05-31T19:00:00Z, 5 h" in found.flaw


def test_without_a_region_none_is_chosen(read):
    assert 'means 2 series, such as {region="de"} and {region="fr"}' in read("").flaw


def test_a_region_that_is_not_there_has_no_number(read):
    assert read('{region="xx"}').flaw.endswith("has no value in the window")
