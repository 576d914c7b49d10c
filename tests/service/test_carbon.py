"""The service with carbon and cost: what is known is shown, what stops is not, cycles go on."""

from recommender.units import HOUR, format_time
from tests.service.conftest import SHAPE

CARBON = "joulefit_recommender_carbon_intensity"
PRICE = "joulefit_recommender_energy_price"


def write_day(path, *, end, price):
    """The last day before `end` by hour, each at this price."""
    rows = [f"{format_time(end - hour * HOUR)},{price}" for hour in range(1, 25)]
    path.write_text("\n".join(("time,value", *rows)) + "\n")


def test_a_price_is_shown_until_its_file_stops_and_a_metric_that_is_not_there_has_no_number(
    plane, start, tmp_path
):
    path, end = tmp_path / "prices.csv", SHAPE.end
    write_day(path, end=end, price=300)
    asked = ("--energy-price", f"file:{path} EUR/MWh", "--carbon-intensity", "metric:grid_co2")
    service = start(*asked)
    service.wait(plane.is_answered, "every VPA has a recommendation")
    service.wait(
        lambda: service.value(f"{PRICE}_per_kwh", currency="EUR") > 0, "the price is shown"
    )
    assert service.value(f"{PRICE}_per_kwh", source=f"file {path}") == 0.3
    assert service.value(f"{PRICE}_timestamp_seconds") == end
    watts = service.value("joulefit_recommender_pool_watts")
    cost = service.value("joulefit_recommender_energy_cost_per_hour", estimate="now")
    assert abs(cost - watts / 1000 * 0.3) < 1e-9
    page = service.get("/metrics").text
    assert f"\n{CARBON}_grams_per_kwh" not in page
    assert "metric grid_co2 has no value in the window" in service.get("/").text

    write_day(path, end=end - 25 * HOUR, price=300)
    service.wait(
        lambda: f"\n{PRICE}_per_kwh" not in service.get("/metrics").text, "the price is gone"
    )
    assert service.value(f"{PRICE}_timestamp_seconds") == end - 25 * HOUR
    assert f"file {path} has stopped" in service.get("/").text
    service.wait_cycles(1)
