"""Carbon and cost as metrics: with source and age, and without a number once the source stops."""

import gzip

import pytest

from recommender.telemetry.health import Vitals, describe
from recommender.telemetry.metric import ServiceMetrics
from tests.report.sample import sample_report
from tests.telemetry.sample import GRID, sample_footprint

MIDNIGHT = 1_780_272_000.0  # 2026-06-01T00:00:00Z


def values(footprint):
    """Of each series of carbon and cost: its value by name and labels."""
    metrics = ServiceMetrics()
    metrics.record_cycle(sample_report(footprint=footprint), [], seconds={})
    return {
        (sample.name.removeprefix("joulefit_recommender_"), *sorted(sample.labels.items())): value
        for family in metrics.registry.collect()
        for sample in family.samples
        if (value := sample.value) is not None
        and any(word in sample.name for word in ("carbon", "energy_", "embodied"))
    }


def test_each_number_has_its_source_and_when_it_is_of():
    assert values(sample_footprint()) == {
        ("carbon_intensity_grams_per_kwh", ("source", GRID)): 450.0,
        ("carbon_intensity_timestamp_seconds", ("source", GRID)): MIDNIGHT,
        ("carbon_intensity_known", ("source", GRID)): 1.0,
        ("carbon_grams_per_hour", ("estimate", "now")): 1084.5,
        ("carbon_grams_per_hour", ("estimate", "saved")): 9.0,
        ("carbon_grams_per_hour", ("estimate", "saved_low")): 8.1,
        ("carbon_grams_per_hour", ("estimate", "saved_high")): 9.9,
        ("energy_price_per_kwh", ("currency", "EUR"), ("source", "file prices.csv")): 0.3,
        ("energy_price_timestamp_seconds", ("source", "file prices.csv")): MIDNIGHT - 3600,
        ("energy_price_known", ("source", "file prices.csv")): 1.0,
        ("energy_cost_per_hour", ("currency", "EUR"), ("estimate", "now")): 0.723,
        ("energy_cost_per_hour", ("currency", "EUR"), ("estimate", "saved")): 0.006,
        ("energy_cost_per_hour", ("currency", "EUR"), ("estimate", "saved_low")): 0.0054,
        ("energy_cost_per_hour", ("currency", "EUR"), ("estimate", "saved_high")): 0.0066,
        ("embodied_grams_per_hour", ("pool", "epyc-7763")): 444.0,
    }


def test_a_source_that_stopped_has_an_age_and_no_number():
    found = values(sample_footprint(mean=None, reason="metric co2 has stopped"))
    carbon = {key: value for key, value in found.items() if key[0].startswith("carbon")}
    assert carbon == {
        ("carbon_intensity_timestamp_seconds", ("source", GRID)): MIDNIGHT,
        ("carbon_intensity_known", ("source", GRID)): 0.0,
    }


def test_a_constant_has_no_age():
    found = values(sample_footprint(newest=None, source="constant"))
    assert not any(key[0] == "carbon_intensity_timestamp_seconds" for key in found)


@pytest.mark.parametrize("footprint", [None, sample_footprint()], ids=["without", "with"])
def test_the_page_says_it_in_words(footprint):
    report = sample_report(footprint=footprint)
    page = describe(Vitals(0.0, 60.0, report=report), now=1.0)
    assert ("footprint    carbon: 450 gCO2e/kWh" in page) is (footprint is not None)


def test_a_report_without_them_has_no_series_of_them():
    metrics = ServiceMetrics()
    metrics.record_cycle(sample_report(), [], seconds={})
    text = gzip.decompress(metrics.write()).decode()
    series = [line for line in text.splitlines() if not line.startswith("#")]
    assert not any("carbon" in line or "embodied" in line for line in series)
