"""What the metrics say of cycles and reports, sample by sample."""

from __future__ import annotations

import gzip
import math
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from recommender.errors import StoreUnreachableError
from recommender.model.cluster import Amounts, Rival
from recommender.model.identity import WorkloadRef
from recommender.model.report import Watts
from recommender.telemetry.metric import CYCLE_OUTCOMES, ServiceMetrics
from tests.report.sample import (
    agent,
    container,
    pools,
    quantities,
    sample_report,
    without_energy,
    workload,
)
from tests.telemetry.sample import change

PREFIX = "joulefit_recommender_"
CHECKOUT = {
    "namespace": "shop",
    "workload_kind": "Deployment",
    "workload": "checkout",
    "container": "app",
}
GENERATED = 1_778_803_380.0  # 2026-05-15T00:03:00Z: 20,588 days and 3 minutes
HISTORY_END = 20_588 * 86_400.0


def samples(metrics):
    """Name and labels -> value, of the text that is scraped."""
    text = gzip.decompress(metrics.write()).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())
            assert key not in found, "Prometheus refuses a scrape that says something twice"
            found[key] = sample.value
    return found


def read(metrics, name, **labels):
    """The value of one series, None where it is not there."""
    return samples(metrics).get((name, frozenset(labels.items())))


def names(metrics):
    return {name for name, _ in samples(metrics)}


def recorded(report=None, changes=(), **options):
    metrics = ServiceMetrics()
    options = {"seconds": {"read": 0.2, "write": 3.0}} | options
    metrics.record_cycle(report or sample_report(), changes, **options)
    return metrics


def of(*containers):
    """Metrics of one workload with these containers."""
    return recorded(sample_report(workloads=(workload(*containers),)))


@pytest.mark.parametrize(
    ("policy", "cores", "amount"),
    [
        ("current", 1.5, 2 * 2**30),
        ("stock", 0.512, 1181116006),
        ("recommended", 0.411, 1181116006),
        ("lowerBound", 0.372, 1100000000),
        ("upperBound", 0.47, 1290000000),
    ],
)
def test_requests_are_shown_in_cores_and_bytes_by_policy(policy, cores, amount):
    metrics = recorded()
    assert read(metrics, "request_cores", **CHECKOUT, policy=policy) == cores
    assert read(metrics, "request_bytes", **CHECKOUT, policy=policy) == amount


SHOP = WorkloadRef("shop", "Deployment", "checkout")


def test_beside_another_vpa_its_recommendation_is_shown_that_of_the_oldest():
    rivals = (
        Rival("older", "default", SHOP, {"app": Amounts(650, 3 * 2**30), "gone": Amounts(1, 1)}),
        Rival("newer", "other", SHOP, {"app": Amounts(100, 2**30)}),
    )
    metrics = recorded(rivals=rivals)
    assert read(metrics, "request_cores", **CHECKOUT, policy="rival") == 0.65
    assert read(metrics, "request_bytes", **CHECKOUT, policy="rival") == 3 * 2**30
    assert sum(dict(labels).get("policy") == "rival" for _, labels in samples(metrics)) == 2
    metrics.record_cycle(sample_report(), (), seconds={})
    assert read(metrics, "request_cores", **CHECKOUT, policy="rival") is None


@pytest.mark.parametrize(
    ("targets", "cores", "amount"),
    [
        pytest.param({}, None, None, id="it recommends nothing yet"),
        pytest.param({"app": Amounts(memory_bytes=2**30)}, None, 2**30, id="memory alone"),
        pytest.param({"app": Amounts(cpu_millicores=10)}, 0.01, None, id="CPU alone"),
    ],
)
def test_what_another_vpa_does_not_say_has_no_series(targets, cores, amount):
    metrics = recorded(rivals=(Rival("theirs", "default", SHOP, targets),))
    assert read(metrics, "request_cores", **CHECKOUT, policy="rival") == cores
    assert read(metrics, "request_bytes", **CHECKOUT, policy="rival") == amount


def test_a_priced_container_shows_price_quantile_and_savings_with_their_interval():
    metrics = recorded()
    assert read(metrics, "price_watts_per_core", **CHECKOUT) == 1.42
    assert read(metrics, "quantile", **CHECKOUT) == 0.93
    saved = {
        estimate: read(metrics, "saved_watts", **CHECKOUT, estimate=estimate)
        for estimate in ("value", "low", "high")
    }
    assert saved == {"value": 9.28, "low": 8.91, "high": 9.65}
    assert read(metrics, "tier", **CHECKOUT, tier="T1", basis="priced quantile") == 1.0


def test_what_is_not_known_has_no_series():
    metrics = of(without_energy())
    assert read(metrics, "tier", **CHECKOUT, tier="T0", basis="stock rule") == 1.0
    for name in ("price_watts_per_core", "quantile", "saved_watts"):
        assert name not in names(metrics)
    unrequested = of(agent())
    who = CHECKOUT | {"container": "agent"}
    assert read(unrequested, "request_cores", **who, policy="recommended") == 0.06
    for policy in ("current", "stock"):
        assert read(unrequested, "request_cores", **who, policy=policy) is None
    assert "request_bytes" not in names(unrequested)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_never_shown(nonsense):
    odd = container(
        price_watts_per_core=nonsense, watts_saved=Watts(nonsense, 8.91, nonsense), quantile=0.9
    )
    metrics = of(odd)
    assert read(metrics, "price_watts_per_core", **CHECKOUT) is None
    assert read(metrics, "saved_watts", **CHECKOUT, estimate="low") == 8.91
    assert not any(math.isnan(value) for value in samples(metrics).values())


def test_pools_show_power_price_and_ceiling():
    metrics = recorded()
    expected = {
        "pool_nodes": 12.0,
        "pool_watts": 2410.0,
        "pool_utilisation_ratio": 0.31,
        "pool_planning_ceiling_ratio": 0.8,
    }
    assert {name: read(metrics, name, pool="epyc-7763") for name in expected} == expected
    price = "pool_price_watts_per_core"
    prices = [read(metrics, price, pool="epyc-7763", estimate=e) for e in ("low", "value", "high")]
    assert prices == [1.37, 1.42, 1.47]
    assert read(metrics, "pool_watts", pool="xeon-8380") is None  # not known of it


def test_series_of_workloads_and_pools_that_are_gone_disappear():
    metrics = recorded(changes=[change("checkout"), change("search")])
    assert read(metrics, "recommendation_timestamp_seconds", namespace="shop", vpa="search")
    metrics.record_cycle(
        sample_report(workloads=(workload(),), pools=pools()[:1], skipped=()),
        [change("checkout")],
        seconds={},
    )
    found = samples(metrics)
    assert {dict(labels)["workload"] for name, labels in found if name == "request_cores"} == {
        "checkout"
    }
    assert {dict(labels)["pool"] for name, labels in found if name == "pool_nodes"} == {"epyc-7763"}
    assert read(metrics, "recommendation_timestamp_seconds", namespace="shop", vpa="search") is None


def test_vpas_are_counted_by_state_and_each_once():
    changes = [
        change("a"),
        change("b", RecommendationProvided="True", LowConfidence="True"),
        change("c", RecommendationProvided="True", LowConfidence="True"),
        change("d", RecommendationProvided="False", NoPodsMatched="True"),
    ]
    metrics = recorded(changes=changes)
    found = samples(metrics).items()
    by_state = {dict(labels)["state"]: value for (name, labels), value in found if name == "vpas"}
    assert by_state == {
        "provided": 1.0,
        "low_confidence": 2.0,
        "no_pods": 1.0,
        "unsupported": 0.0,
        "fetching_history": 0.0,
        "not_provided": 0.0,
    }


def test_what_was_skipped_is_counted_by_class():
    metrics = recorded()
    counts = {name: read(metrics, "skipped", reason=name) for name in ("no_usage", "unsupported")}
    assert counts == {"no_usage": 2.0, "unsupported": 1.0}
    assert read(metrics, "skipped", reason="internal_error") == 0.0


def test_steps_are_a_histogram_in_seconds():
    metrics = recorded(seconds={"read": 0.2})
    metrics.record_cycle(sample_report(), [], seconds={"read": 7.0})
    assert read(metrics, "step_seconds_count", step="read") == 2.0
    assert read(metrics, "step_seconds_sum", step="read") == pytest.approx(7.2)
    assert read(metrics, "step_seconds_bucket", step="read", le="0.25") == 1.0
    assert read(metrics, "step_seconds_bucket", step="read", le="10.0") == 2.0


def test_writes_queries_and_bytes_add_up_over_cycles():
    metrics = ServiceMetrics()
    for outcome in ("written", "unchanged", "unchanged", "would be written"):
        metrics.record_cycle(
            sample_report(),
            [change(outcome=outcome)],
            seconds={},
            queries=3,
            received_bytes=1000,
        )
    written = {
        outcome: read(metrics, "status_writes_total", outcome=outcome)
        for outcome in ("written", "unchanged", "would_be_written", "failed")
    }
    assert written == {"written": 1.0, "unchanged": 2.0, "would_be_written": 1.0, "failed": 0.0}
    assert read(metrics, "store_queries_total") == 12.0
    assert read(metrics, "store_received_bytes_total") == 4000.0
    assert read(metrics, "cycles_total", outcome="completed") == 4.0


def test_times_are_those_of_the_report():
    metrics = recorded()
    assert read(metrics, "last_cycle_timestamp_seconds") == GENERATED
    assert read(metrics, "history_end_timestamp_seconds") == HISTORY_END


@pytest.mark.parametrize(
    ("outcome", "is_dated"),
    [
        ("written", True),
        ("unchanged", True),
        ("failed", False),
        ("superseded", False),
        ("gone", False),
        ("would be written", False),
    ],
)
def test_a_recommendation_is_new_where_the_status_holds_it(outcome, is_dated):
    metrics = recorded(changes=[change("checkout", outcome)])
    at = read(metrics, "recommendation_timestamp_seconds", namespace="shop", vpa="checkout")
    assert at == (GENERATED if is_dated else None)


def test_a_kept_recommendation_grows_old():
    metrics = recorded(changes=[change("checkout"), change("search")])
    later = sample_report(generated_at="2026-05-15T01:03:00Z", workloads=(workload(),))
    metrics.record_cycle(later, [change("checkout"), change("search", "unchanged")], seconds={})
    name = "recommendation_timestamp_seconds"
    assert read(metrics, name, namespace="shop", vpa="checkout") == GENERATED + 3600
    assert read(metrics, name, namespace="shop", vpa="search") == GENERATED


def test_without_the_newest_history_numbers_are_shown_and_grow_old():
    metrics = recorded(changes=[change("checkout")])
    later = sample_report(generated_at="2026-05-15T01:03:00Z")
    metrics.record_cycle(
        later, [change("checkout", "unchanged")], seconds={}, unread="store answered 503"
    )
    name = "recommendation_timestamp_seconds"
    assert read(metrics, name, namespace="shop", vpa="checkout") == GENERATED
    assert read(metrics, "history_end_timestamp_seconds") == HISTORY_END
    assert read(metrics, "last_cycle_timestamp_seconds") == GENERATED + 3600
    assert read(metrics, "request_cores", **CHECKOUT, policy="recommended") == 0.411
    outcomes = {o: read(metrics, "cycles_total", outcome=o) for o in CYCLE_OUTCOMES}
    assert outcomes == {"completed": 1.0, "without_history": 1.0, "failed": 0.0}


def test_a_store_that_was_never_read_has_no_end_of_history():
    metrics = recorded(changes=[change("checkout", "unchanged")], unread="store answered 503")
    assert read(metrics, "history_end_timestamp_seconds") is None
    assert "recommendation_timestamp_seconds" not in names(metrics)


def test_a_cycle_that_failed_is_counted_and_the_last_report_stays():
    metrics = recorded()
    metrics.record_failure(StoreUnreachableError("away"), seconds={"read": 5.0})
    assert read(metrics, "cycles_total", outcome="failed") == 1.0
    assert read(metrics, "errors_total", kind="store_unreachable") == 1.0
    assert read(metrics, "step_seconds_sum", step="read") == pytest.approx(5.2)
    assert read(metrics, "request_cores", **CHECKOUT, policy="recommended") == 0.411
    assert read(metrics, "last_cycle_timestamp_seconds") == GENERATED


def test_events_are_counted_by_outcome():
    metrics = ServiceMetrics()
    metrics.record_events({"posted": 2, "dropped": 5})
    metrics.record_events({"posted": 1})
    assert read(metrics, "events_total", outcome="posted") == 3.0
    assert read(metrics, "events_total", outcome="dropped") == 5.0
    assert read(metrics, "events_total", outcome="failed") == 0.0


def test_before_the_first_cycle_there_are_counters_at_zero_and_no_report():
    metrics = ServiceMetrics()
    assert read(metrics, "cycles_total", outcome="completed") == 0.0
    assert read(metrics, "leader") == 0.0
    assert names(metrics).isdisjoint({"last_cycle_timestamp_seconds", "request_cores", "vpas"})


def test_a_replica_that_lost_the_lease_shows_no_report_any_more():
    metrics = ServiceMetrics()
    metrics.record_leadership(is_leader=True)
    metrics.record_cycle(sample_report(), [change()], seconds={})
    assert read(metrics, "leader") == 1.0
    metrics.record_leadership(is_leader=False)
    assert read(metrics, "leader") == 0.0
    assert names(metrics).isdisjoint({"request_cores", "vpas", "recommendation_timestamp_seconds"})
    assert read(metrics, "cycles_total", outcome="completed") == 1.0


def test_scrapes_change_nothing_and_one_state_is_rendered_once():
    metrics = recorded()
    assert metrics.write() is metrics.write()
    before = metrics.write()
    metrics.record_events({"posted": 1})
    assert metrics.write() != before


def test_scrapes_beside_cycles_each_see_one_whole_report():
    metrics = ServiceMetrics()
    reports = [
        sample_report(workloads=(workload(name=f"w{n}", namespace=f"w{n}"),)) for n in range(20)
    ]
    with ThreadPoolExecutor(4) as pool:
        scrapes = [pool.submit(metrics.write) for _ in range(20)]
        for report in reports:
            metrics.record_cycle(report, [], seconds={})
            scrapes.append(pool.submit(metrics.write))
        texts = [gzip.decompress(each.result()).decode() for each in scrapes]
    for text in texts:
        shown = {
            sample.labels["workload"]
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name in {PREFIX + "request_cores", PREFIX + "tier"}
        }
        assert len(shown) <= 1


LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(namespace=LABELS, name=LABELS, app=LABELS, twin=st.booleans())
def test_no_name_of_a_workload_breaks_the_text(namespace, name, app, twin):
    odd = workload(container(name=app), namespace=namespace, name=name)
    metrics = recorded(sample_report(workloads=(odd,) * (2 if twin else 1)))
    who = {"namespace": namespace, "workload_kind": "Deployment", "workload": name}
    assert read(metrics, "price_watts_per_core", **who, container=app) == 1.42


@given(cores=st.integers(1, 10**6), amount=st.integers(1, 2**50))
def test_any_quantity_is_its_value(cores, amount):
    current = msgspec.structs.replace(
        container().current, requests=quantities(f"{cores}m", str(amount))
    )
    metrics = of(container(current=current))
    assert read(metrics, "request_cores", **CHECKOUT, policy="current") == cores / 1000
    assert read(metrics, "request_bytes", **CHECKOUT, policy="current") == amount
