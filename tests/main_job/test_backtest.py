"""`joulefit backtest` on a real API server and a real Prometheus."""

import jsonschema

from recommender.report.schema import backtest_schema

DAYS = ("--train", "4d", "--test", "2d")


def test_a_live_store_is_tested_and_a_recording_of_it_gives_the_same(live, tmp_path):
    policies = ("--policy", "as-requested", "--policy", "stock", "--policy", "T1")
    outcome = live("backtest", "--all-workloads", *DAYS, *policies, "-o", "json")
    assert outcome.code == 0
    jsonschema.validate(outcome.json, backtest_schema())
    pool = outcome.json["pools"][0]
    # Eight days: trained on four, tested twice on two.
    assert pool["tests"] == 2
    rows = {(row["name"], row["scenario"]): row for row in outcome.json["policies"]}
    kept = rows["as-requested", "nodes-kept"]["nodeHours"]
    assert kept >= pool["nodes"] * 24 * 4 * 0.95
    assert all(row["joulesPerWork"] > 0.0 for row in rows.values())

    file = tmp_path / "fleet.joulefit"
    assert live("record", "--all-workloads", file).code == 0
    from tests.main_job.command import joulefit

    recorded = joulefit("backtest", "--recording", file, *DAYS, *policies, "-o", "json")
    assert recorded.json["policies"] == outcome.json["policies"]
    assert recorded.json["pools"] == outcome.json["pools"]
