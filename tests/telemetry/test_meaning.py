"""What the metrics say of the report beyond requests: use, risk, terms, and watts to save."""

from __future__ import annotations

import gzip

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from recommender.model.report import Watts
from recommender.telemetry.metric import ServiceMetrics
from tests.report.sample import agent, pools, sample_report, savings, without_energy, workload

PREFIX = "joulefit_recommender_"
CHECKOUT = {
    "namespace": "shop",
    "workload_kind": "Deployment",
    "workload": "checkout",
}
APP = CHECKOUT | {"container": "app"}


def samples(report):
    """Name and labels -> value, as a scrape reads them."""
    metrics = ServiceMetrics()
    metrics.record_cycle(report, [], seconds={})
    text = gzip.decompress(metrics.write()).decode()
    return {
        (sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def ask():
    """`ask(name, **labels)`: a value of the sample report, None where there is none."""
    found = samples(sample_report())
    return lambda name, **labels: found.get((name, frozenset(labels.items())))


def test_what_a_container_used_is_shown_by_statistic(ask):
    used = {each: ask("usage_cores", **APP, statistic=each) for each in ("mean", "p95", "max")}
    assert used == {"mean": 0.21, "p95": 0.43, "max": 0.91}
    assert ask("usage_memory_peak_bytes", **APP) == 1027057396


def test_what_a_request_risks_and_gains_is_shown(ask):
    assert ask("efficiency_gain_ratio", **APP) == 1.89
    risks = {p: ask("exposure_ratio", **APP, policy=p) for p in ("current", "stock", "recommended")}
    assert risks == {"current": 0.0, "stock": 0.03, "recommended": 0.07}


def test_a_workload_tells_its_pods_and_on_what_terms_it_is_sized(ask):
    assert ask("workload_replicas", **CHECKOUT) == 6
    terms = {
        "pool": "epyc-7763",
        "vpa": "checkout",
        "update_mode": "Off",
        "work_class": "standard",
        "work_kind": "",
    }
    assert ask("workload_info", **CHECKOUT, **terms) == 1


def test_of_a_pool_the_watts_for_being_there_and_those_that_nobody_uses_are_shown(ask):
    pool = {"pool": "epyc-7763"}
    assert ask("pool_cores", **pool) == 12 * 55.0
    assert ask("pool_intercept_watts", **pool) == 12 * 71.0
    assert ask("pool_reserved_unused_watts", **pool) == 1130.0
    assert ask("pool_packing_ratio", **pool) == 0.91
    assert ask("pool_best_utilisation_ratio", **pool) == 0.8
    assert ask("pool_best_utilisation_ratio", pool="xeon-8380") is None  # not identified


def test_what_memory_and_cpu_strand_is_in_cores_and_bytes():
    stranding = msgspec.structs.replace(pools()[0], stranded_cores=12.5, stranded_gib=2.0)
    found = samples(sample_report(pools=(stranding,)))
    who = frozenset({"pool": "epyc-7763"}.items())
    assert found["pool_stranded_cores", who] == 12.5
    assert found["pool_stranded_bytes", who] == 2 * 2**30


def test_a_pool_tells_where_its_watts_come_from(ask):
    epyc = {"pool": "epyc-7763", "cpu_model": "EPYC 7763 x2"}
    assert ask("pool_info", **epyc, quality="measured", reach="platform", binding="cpu") == 1
    xeon = {"pool": "xeon-8380", "cpu_model": "", "reach": ""}
    assert ask("pool_info", **xeon, quality="modelled", binding="memory") == 1


def test_the_series_that_served_a_purpose_are_named(ask):
    assert ask("source_info", purpose="usage", schema="cadvisor") == 1
    assert ask("source_info", purpose="node power", schema="kepler-0.10") == 1


def test_watts_to_save_stand_beside_their_condition(ask):
    released = [
        ask("savings_watts", condition="nodes_released", estimate=each)
        for each in ("low", "value", "high")
    ]
    assert released == [8.63, 9.42, 10.21]
    assert ask("savings_watts", condition="nodes_kept", estimate="value") == 1.2
    assert ask("node_releaser", releaser="cluster-autoscaler") == 1


def test_where_nobody_removes_nodes_it_says_so():
    found = samples(sample_report(savings=savings(node_releaser="", nodes_kept=None)))
    releasers = {labels: value for (name, labels), value in found.items() if "releaser" in name}
    assert releasers == {frozenset({("releaser", "none")}): 0.0}
    kept = frozenset({"condition": "nodes_kept", "estimate": "value"}.items())
    assert ("savings_watts", kept) not in found


def test_without_energy_evidence_no_watts_are_claimed():
    """The sum of no parts is 0 W, which would be a claim."""
    none = savings(nodes_released=Watts(0.0, 0.0, 0.0))
    rows = (workload(without_energy()), workload(agent(), name="agent"))
    found = samples(sample_report(workloads=rows, savings=none))
    assert not [name for name, _ in found if name == "savings_watts"]


def test_what_was_not_measured_has_no_series():
    found = samples(sample_report(workloads=(workload(without_energy(usage=None)),)))
    names = {name for name, _ in found}
    assert names.isdisjoint({"usage_cores", "usage_memory_peak_bytes", "exposure_ratio"})
    assert "efficiency_gain_ratio" not in names
