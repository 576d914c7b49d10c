"""A machine without any meter: alive, not ready unless that is allowed, and labelled."""

import pytest

ENERGY = "joulefit_node_energy_joules_total"


@pytest.fixture
def no_meter(tmp_path):
    """A sysfs without any source of power."""
    tree = tmp_path / "sys"
    tree.mkdir()
    return tree


def qualities(scrape):
    series = [name for name, labels in scrape.samples if name.endswith("energy_joules_total")]
    return {dict(labels).get("quality") for name in series for labels in scrape.select(name)} - {
        None
    }


def test_without_a_meter_it_lives_but_is_not_ready(start_collector, no_meter):
    collector = start_collector(no_meter)
    assert collector.get("/healthz").status_code == 200
    ready = collector.get("/readyz")
    assert ready.status_code == 503
    assert "modelled" in ready.text
    page = collector.get("/").text
    assert "not used: rapl: no intel-rapl zone in" in page
    assert "NO: power is modelled, not measured; give --allow-modelled" in page


def test_without_a_meter_it_is_ready_if_the_operator_says_so_and_all_is_labelled(
    start_collector, no_meter
):
    collector = start_collector(no_meter, "--allow-modelled")
    assert collector.get("/healthz").status_code == 200
    assert collector.get("/readyz").status_code == 200
    scrape = collector.wait_for(lambda scrape: scrape.total(ENERGY) > 0.0, "energy")
    assert qualities(scrape) == {"modelled"}


def test_a_meter_that_is_asked_for_and_not_there_is_no_reason_to_be_ready(
    start_collector, no_meter
):
    """Nothing stands in for what was asked for."""
    collector = start_collector(no_meter, "--meter", "rapl", "--allow-modelled")
    assert collector.get("/healthz").status_code == 200
    assert collector.get("/readyz").status_code == 503
    assert collector.scrape_next().select(ENERGY) == {}


def test_with_a_meter_it_is_ready_and_says_measured(start_collector, tree):
    collector = start_collector(tree)
    assert collector.get("/readyz").status_code == 200
    assert qualities(collector.scrape_next()) == {"measured"}
