"""What --carbon-intensity, --energy-price and --embodied-carbon may say, and what they may not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import UsageError
from recommender.model.intensity import (
    Embodied,
    parse_carbon_source,
    parse_embodied,
    parse_price_source,
)
from recommender.model.profile import MetricSelector
from recommender.units import YEAR, grams_per_hour, per_hour


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        ("450", 450.0),
        ("0", 0.0),
        ("450g/kWh", 450.0),
        ("450 gCO2e/kWh", 450.0),
        ("450 g", 450.0),
        ("0.45kg/kWh", 450.0),
        ("450 kgCO2eq/MWh", 450.0),
        ("0.45 t/MWh", 450.0),
        ("4.5e2", 450.0),
    ],
)
def test_a_constant_intensity_is_grams_per_kwh(text, grams):
    source = parse_carbon_source(text)
    assert source.value == pytest.approx(grams)
    assert (source.unit, source.name) == ("gCO2e", "constant")


@pytest.mark.parametrize(
    ("text", "price", "currency"),
    [
        ("0.30EUR", 0.3, "EUR"),
        ("0.30 EUR/kWh", 0.3, "EUR"),
        ("90 EUR/MWh", 0.09, "EUR"),
        ("-5 EUR/MWh", -0.005, "EUR"),
        ("30ct/kWh", 30.0, "ct"),
        ("0.12 $/kWh", 0.12, "$"),
        ("2.5Kč", 2.5, "Kč"),
    ],
)
def test_a_constant_price_has_its_currency_and_may_be_negative(text, price, currency):
    source = parse_price_source(text)
    assert (source.value, source.unit) == (pytest.approx(price), currency)


@pytest.mark.parametrize(
    ("text", "series", "factor"),
    [
        ("metric:grid_co2", MetricSelector("grid_co2"), 1.0),
        ('metric:grid_co2{region="de"}', MetricSelector("grid_co2", {"region": "de"}), 1.0),
        (
            'metric:grid:co2{region="de", namespace = "grid",} kg/kWh',
            MetricSelector("grid:co2", {"region": "de", "namespace": "grid"}),
            1000.0,
        ),
        (
            r'metric:m{a="}\"\\\n,b=\"x\""} kg/MWh',
            MetricSelector("m", {"a": '}"\\\n,b="x"'}),
            1.0,
        ),
    ],
)
def test_a_metric_has_a_name_and_labels_that_must_be_equal(text, series, factor):
    source = parse_carbon_source(text)
    assert (source.series, source.factor) == (series, pytest.approx(factor))


def test_a_price_by_metric_or_file_says_its_unit_behind():
    metric = parse_price_source('metric:spot{zone="DE LU"} EUR/MWh')
    assert (metric.unit, metric.factor) == ("EUR", pytest.approx(0.001))
    file = parse_price_source("file:day ahead.csv.gz EUR/MWh")
    assert (file.path, file.unit, file.factor) == ("day ahead.csv.gz", "EUR", pytest.approx(0.001))


def test_a_source_is_named_as_a_user_would_know_it_again():
    assert parse_carbon_source('metric:co2{region="de"} kg/kWh').name == 'metric co2{region="de"}'
    assert parse_carbon_source("metric:co2").name == "metric co2"
    assert parse_carbon_source("file:grid.csv").name == "file grid.csv"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is nothing that is known; write 450, metric:NAME"),
        ("grid_co2", "is nothing that is known"),
        ("grid.csv", "or file:FILE.csv"),
        ("450 EUR/kWh", "no carbon intensity"),
        ("450g/hour", "no carbon intensity"),
        ("1e999", "no carbon intensity"),
        ("-1", "is negative, which no grid is"),
        ("450 kg/kWh", "450,000 gCO2e/kWh is more than anything emits"),
        ("metric:", "is no metric name"),
        ("metric:sum(co2)", "is no metric name"),
        ('metric:co2{region=~"de|fr"}', "matched with =~; only = is taken"),
        ('metric:co2{region!="de"}', "matched with !="),
        ("metric:co2{region=de}", "cannot be read"),
        ('metric:co2{region="de"', "is no metric with labels"),
        ('metric:co2{a="b" c="d"}', "cannot be read"),
        ('metric:co2{a="b",a="c"}', "'a' is there twice"),
        ('metric:co2{__name__="x"}', "which is no label name"),
        ("metric:co2 EUR/kWh", "'EUR/kWh' is no unit of it; write g/kWh"),
        ("metric:co2[5m]", "is no metric name"),
        ("metric:co2{} or up", "'or up' is no unit"),
        ("file:", "names no file"),
    ],
)
def test_what_is_no_carbon_intensity_is_refused_with_what_to_write(text, words):
    with pytest.raises(UsageError, match=r"^--carbon-intensity") as raised:
        parse_carbon_source(text)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.30", "write a number with its currency, for example 0.30EUR/kWh"),
        ("0.30 kWh", "with its currency"),
        ("0.30 g/kWh", "with its currency"),
        ("EUR 0.30", "is nothing that is known"),
        ("metric:spot", "the currency is missing; write it behind"),
        ("file:spot.csv", "the currency is missing"),
        ("metric:spot{} 3/kWh", "'3/kWh' is no unit"),
    ],
)
def test_what_is_no_price_is_refused_with_what_to_write(text, words):
    with pytest.raises(UsageError, match=r"^--energy-price") as raised:
        parse_price_source(text)
    assert words in str(raised.value)


@settings(max_examples=60)
@given(st.text(max_size=24).map("metric:{}".format) | st.text(max_size=24))
def test_any_text_is_a_source_or_is_refused_in_one_line(text):
    for parse in (parse_carbon_source, parse_price_source):
        try:
            source = parse(text)
        except UsageError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017 - either is right
        else:
            said = [source.value is not None, source.series is not None, bool(source.path)]
            assert sum(said) == 1


def test_embodied_carbon_names_a_class_its_kilograms_and_its_lifetime():
    assert parse_embodied(["epyc-7763=1300", "a=b=1.2t,6y", "old=900 kgCO2e,1461d"]) == (
        Embodied("epyc-7763", 1300.0, 4 * YEAR),
        Embodied("a=b", 1200.0, 6 * YEAR),
        Embodied("old", 900.0, 4 * YEAR),
    )


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["1300"], "is not CLASS=KG[,LIFETIME]"),
        (["=1300"], "is not CLASS=KG[,LIFETIME]"),
        (["a=heavy"], "'heavy' is no mass of CO2e"),
        (["a=-5"], "'-5' is no mass of CO2e"),
        (["a=1300,"], "'' is not a duration"),
        (["a=1300,0y"], "'0y' is no lifetime"),
        (["a=1300,200y"], "'200y' is no lifetime"),
        (["a=1300", "a=1400"], "names the class 'a' twice"),
    ],
)
def test_what_is_no_embodied_carbon_is_refused(texts, words):
    with pytest.raises(UsageError, match=r"^--embodied-carbon") as raised:
        parse_embodied(texts)
    assert words in str(raised.value)


def test_power_carries_per_hour_what_its_kilowatt_hours_carry():
    assert per_hour(2000.0, 450.0) == 900.0  # 2 kWh of 450 g
    # 1,461 days in 4 years are 35,064 hours; 1,300,000 g over them
    assert grams_per_hour(1300.0, 4 * YEAR) == pytest.approx(37.0751, abs=1e-4)
