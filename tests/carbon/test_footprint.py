"""What the report says of carbon and cost: arithmetic by hand on the sample's watts."""

import msgspec
import pytest
from msgspec.structs import replace

from recommender.model.intensity import Embodied, Intensity, Rates
from recommender.model.report import Watts
from recommender.report.assembly import sum_savings
from recommender.report.document import format_report
from recommender.report.explain import format_explanation
from recommender.report.footprint import describe_footprint
from recommender.report.page.compact import compact_report
from recommender.units import YEAR
from tests.report.sample import sample_report

EVERY = sample_report().pools
POOLS = tuple(pool for pool in EVERY if pool.watts is not None)
WATTS = sum(pool.watts for pool in POOLS)
SAVED = Watts(20.0, 18.0, 22.0)
GRID = Intensity(
    "carbon",
    "gCO2e",
    'metric co2{region="de"}',
    mean=450.0,
    hourly=(300.0, 600.0) * 12,
    newest=1_780_272_000.0,
    covered=0.75,
)
TARIFF = Intensity("price", "EUR", "constant", mean=0.3, covered=1.0)
STOPPED = Intensity(
    "carbon", "gCO2e", "metric co2", newest=1_780_272_000.0, flaw="metric co2 has stopped: x"
)


def footprint(*, saved=SAVED, pools=POOLS, **rates):
    return describe_footprint(Rates(**rates), pools, saved=saved)


def test_nothing_asked_for_is_nothing_shown():
    assert footprint() is None


def test_watts_carry_per_hour_what_their_kilowatt_hours_do():
    found = footprint(carbon=GRID, price=TARIFF)
    assert found.carbon.now == pytest.approx(WATTS * 0.45)
    assert found.carbon.saved.value == pytest.approx(9.0)  # 20 W x 450 g/kWh
    assert (found.carbon.saved.low, found.carbon.saved.high) == (
        pytest.approx(8.1),
        pytest.approx(9.9),
    )
    assert found.cost.now == pytest.approx(WATTS * 0.0003)
    assert found.cost.saved.value == pytest.approx(0.006)


def test_at_a_negative_price_saving_costs_and_the_interval_stays_in_order():
    price = replace(TARIFF, mean=-0.1)
    saved = footprint(price=price).cost.saved
    assert (saved.low, saved.value, saved.high) == pytest.approx((-0.0022, -0.002, -0.0018))


def test_a_source_that_stopped_gives_no_number_and_says_so():
    found = footprint(carbon=STOPPED)
    flow = found.carbon
    assert (flow.now, flow.saved, flow.per_kwh.mean) == (None, None, None)
    assert flow.per_kwh.newest == "2026-06-01T00:00:00Z"
    assert found.sentences == ("carbon: no number: metric co2 has stopped: x",)


def test_power_that_is_not_known_of_every_node_is_no_sum():
    found = footprint(carbon=GRID, pools=EVERY)
    assert len(EVERY) > len(POOLS) > 0
    assert found.carbon.now is None
    assert "what all nodes draw is not known" in found.sentences[0]


def test_where_no_watts_are_claimed_no_grams_are():
    assert footprint(carbon=GRID, saved=None).carbon.saved is None
    assert sum_savings([]) is None


def test_a_sentence_tells_source_age_gaps_and_hours():
    (said,) = footprint(carbon=GRID).sentences
    assert said.startswith(
        'carbon: 450 gCO2e/kWh (metric co2{region="de"}, newest value of 2026-06-01T00:00:00Z, '
        "mean of 75 % of the window's hours, 300 to 600 by hour of the day), nodes "
    )
    assert said.endswith("-9.0+-0.9 gCO2e/h under the condition of the watts saved")


def test_embodied_carbon_stands_apart_per_node_and_for_all():
    """1,300 kg over 4 years of 8,766 h are 37.08 g/h."""
    first = POOLS[0]
    found = footprint(embodied=(Embodied(first.name, 1300.0, 4 * YEAR),))
    (each,) = found.embodied
    assert each.node_grams_per_hour == pytest.approx(1_300_000 / (4 * 8766))
    assert each.grams_per_hour == pytest.approx(first.nodes * 1_300_000 / (4 * 8766))
    assert (each.lifetime_years, found.carbon) == (4.0, None)
    (said,) = found.sentences
    assert said.startswith(f"embodied carbon, apart: {first.name} 37.1 gCO2e/h a node, ")
    assert "(1,300 kg each over 4 years)" in said


def test_a_class_that_is_not_there_is_named_with_those_that_are():
    found = footprint(embodied=(Embodied("m1", 1300.0, YEAR),))
    names = ", ".join(pool.name for pool in POOLS)
    assert found.sentences == (
        f"--embodied-carbon names 'm1', which is no node class here: {names}",
    )
    assert found.embodied == ()


def report(**rates):
    return sample_report(footprint=footprint(**rates))


def test_the_table_ends_with_it_and_json_and_yaml_hold_it():
    shown = report(carbon=GRID, price=TARIFF)
    text = format_report(shown, output="table", width=None, is_terminal=False)
    lines = text.splitlines()
    assert [line.split(":")[0] for line in lines[-3:-1]] == ["carbon", "cost"]
    document = msgspec.json.decode(
        format_report(shown, output="json", width=None, is_terminal=False)
    )
    assert document["footprint"]["carbon"]["perKwh"]["mean"] == 450.0
    assert document["footprint"]["cost"]["perKwh"]["unit"] == "EUR/kWh"
    assert "perKwh" in format_report(shown, output="yaml", width=None, is_terminal=False)


def checkout(shown):
    (found,) = [each for each in shown.workloads if each.name == "checkout"]
    return found


def test_the_explanation_says_what_the_saved_watts_carry():
    """checkout's app saves 9.28 W: 4.18 g/h at 450 g/kWh."""
    shown = report(carbon=GRID)
    text = format_explanation(shown, checkout(shown), width=None, is_terminal=False)
    assert "carbon: -4.2+-0.2 gCO2e/h with that, at 450 gCO2e/kWh (metric" in text


def test_the_explanation_says_that_the_source_stopped():
    shown = report(carbon=STOPPED)
    text = format_explanation(shown, checkout(shown), width=None, is_terminal=False)
    assert "carbon: no number: metric co2 has stopped" in text


def test_names_with_control_characters_stay_text():
    evil = replace(GRID, source="metric x\x1b[31m")
    text = format_report(report(carbon=evil), output="table", width=None, is_terminal=False)
    assert "\x1b" not in text


@pytest.mark.parametrize("output", ["markdown", "html"])
def test_the_page_and_the_markdown_hold_the_sentences(output):
    text = format_report(report(price=TARIFF), output=output, width=None, is_terminal=False)
    assert "cost: 0.300 EUR/kWh" in text.replace("\\", "")
    plain = format_report(sample_report(), output=output, width=None, is_terminal=False)
    assert "EUR/kWh" not in plain


def test_a_part_of_the_page_says_what_the_saved_watts_of_a_container_carry():
    data = compact_report(report(carbon=GRID))
    said = [text for text in data["texts"] if "gCO2e/h with that" in text]
    assert any("carbon: -4.2+-0.2 gCO2e/h with that, at 450 gCO2e/kWh" in text for text in said)


def test_markup_in_a_label_stays_text():
    evil = replace(GRID, source='metric co2{region="<script>alert(1)</script>"}')
    text = format_report(report(carbon=evil), output="html", width=None, is_terminal=False)
    assert "<script>alert" not in text
