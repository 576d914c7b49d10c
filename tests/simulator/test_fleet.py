"""The fleet has what a platform team knows from its own clusters."""

import numpy as np
import pytest

from recommender.model.cluster import Amounts
from recommender.model.identity import ContainerRef
from recommender.simulator import simulate

END = 1_767_225_600
GIB = 2**30


@pytest.fixture(scope="module")
def recording():
    return simulate(end=END)


@pytest.fixture(scope="module")
def workload(recording):
    by_name = {each.ref.name: each for each in recording.cluster.workloads}
    return by_name.__getitem__


@pytest.fixture(scope="module")
def vpa(recording):
    by_name = {each.name: each for each in recording.cluster.vpas}
    return by_name.__getitem__


@pytest.fixture(scope="module")
def seen(recording, workload):
    """`seen(workload, container)` is the row of a container in each array of its history."""
    usage = recording.history.usage

    def row_of(name, container="app"):
        row = usage.containers.index(ContainerRef(workload(name).ref, container))
        return lambda array: getattr(usage, array)[row]

    return row_of


def test_there_are_forty_workloads_in_five_namespaces(recording):
    refs = [each.ref for each in recording.cluster.workloads]
    assert len(refs) == len(set(refs)) == 40
    assert {ref.namespace for ref in refs} == {"shop", "search", "data", "batch", "platform"}
    assert {ref.kind for ref in refs} == {"Deployment", "StatefulSet", "DaemonSet", "CronJob"}


def test_every_vpa_targets_a_workload_and_some_workloads_have_none(recording):
    refs = {each.ref for each in recording.cluster.workloads}
    targets = [each.target for each in recording.cluster.vpas]
    assert set(targets) < refs
    assert len(targets) == len(set(targets))
    assert not any(each.problem for each in recording.cluster.vpas)


def test_one_requests_seven_times_what_it_uses(workload, seen):
    assert workload("checkout").containers[0].requests == Amounts(1500, 2 * GIB)
    assert np.nanmean(seen("checkout")("cpu_mean")) == pytest.approx(0.2, rel=0.15)


def test_one_uses_more_than_it_requests(workload, seen):
    assert workload("gift-card").containers[0].requests.cpu_millicores == 250
    assert np.nanmean(seen("gift-card")("cpu_mean")) > 0.35


def test_shop_has_a_daily_rhythm_with_its_peak_in_the_evening(seen):
    hours = np.nanmean(seen("catalog")("cpu_mean").reshape(14, 24, 12), axis=(0, 2))
    assert hours.argmax() in (18, 19)
    assert hours.max() > 2.5 * hours.min()


def test_search_is_bursty(seen):
    """Its p99 is far above its p90, which a daily rhythm alone does not do."""

    def peakedness(name, container):
        means = seen(name, container)("cpu_mean")
        return np.nanpercentile(means, 99) / np.nanpercentile(means, 75)

    assert peakedness("query", "app") > 1.7
    assert peakedness("catalog", "app") < 1.4


def test_batch_works_and_waits(seen):
    means = seen("video-encoder", "worker")("cpu_mean")
    means = means[~np.isnan(means)]
    assert ((means < 0.3) | (means > 5.0)).all()
    assert 0.2 < (means > 5.0).mean() < 0.6


def test_databases_are_stateful_sets_with_a_sidecar(workload, seen):
    ledger = workload("ledger")
    assert ledger.ref.kind == "StatefulSet"
    assert [container.name for container in ledger.containers] == ["db", "exporter"]
    assert seen("ledger", "exporter")("cpu_max") < 0.05


def test_the_log_shipper_runs_on_every_node(workload):
    shipper = workload("log-shipper")
    assert shipper.ref.kind == "DaemonSet"
    assert shipper.pods_on == {f"node-{number:02}": 1 for number in range(1, 13)}


def test_cron_jobs_have_pods_only_while_they_run(workload, seen):
    nightly = seen("nightly-export", "main")("pods").reshape(14, 24, 12)
    hours = np.flatnonzero(nightly.sum(axis=(0, 2)))
    assert hours.tolist() == [2, 3, 4]
    assert nightly.max() == 12
    hourly = seen("invoice", "main")("pods").reshape(-1, 12)
    assert np.flatnonzero(hourly.sum(axis=0)).tolist() == [0, 1, 2]
    assert workload("nightly-export").replicas == 0  # at midnight


def test_one_has_no_requests(workload):
    assert workload("promo-banner").containers[0].requests == Amounts()


def test_one_is_scaled_on_cpu_and_holds_its_target(workload, seen):
    storefront = workload("storefront")
    assert storefront.hpa_on_cpu == "storefront"
    pods, means = seen("storefront")("pods"), seen("storefront")("cpu_mean")
    usual = (pods > 20) & (pods < 60)  # not at either end of its range
    assert usual.mean() > 0.3
    assert np.mean(means[usual]) / 2.0 == pytest.approx(0.6, abs=0.06)
    assert len(np.unique(pods)) > 20


def test_one_has_eight_hours_of_history(seen):
    wishlist = seen("wishlist")
    assert wishlist("last") - wishlist("first") == 8 * 3600 - 300
    assert (wishlist("pods") > 0).sum() == 96


def test_one_was_never_seen(recording, workload):
    report = workload("report")
    assert (report.ref.kind, report.replicas) == ("CronJob", 0)
    rows = {ref.workload for ref in recording.history.usage.containers}
    assert {each.ref for each in recording.cluster.workloads} - rows == {report.ref}


def test_one_is_killed_for_its_memory(workload, seen):
    container = workload("recommendation").containers[0]
    assert container.oom_killed
    assert container.limits.memory_bytes == 6 * GIB
    history = seen("recommendation")
    assert history("oom_bytes") == 6 * GIB
    assert history("memory_days").max() == 6 * GIB
    killed = [
        each for each in ("cart", "catalog", "ledger") if workload(each).containers[0].oom_killed
    ]
    assert killed == []


def test_no_container_uses_more_than_its_limits(recording):
    usage = recording.history.usage
    rows = {ref: row for row, ref in enumerate(usage.containers)}
    checked = 0
    for each in recording.cluster.workloads:
        for container in each.containers:
            row = rows.get(ContainerRef(each.ref, container.name))
            limits = container.limits
            if row is not None and limits.cpu_millicores:
                assert usage.cpu_max[row] <= limits.cpu_millicores / 1000
                checked += 1
            if row is not None and limits.memory_bytes:
                assert np.nanmax(usage.memory_days[row]) <= limits.memory_bytes
                checked += 1
    assert checked == 5


def test_work_classes_come_from_the_vpas(recording, vpa):
    assert {each.work_class for each in recording.cluster.vpas} == {"critical", "standard", "batch"}
    assert vpa("payment").work_class == "critical"
    assert vpa("thumbnailer").work_class == "batch"


def test_policies_cap_floor_narrow_and_switch_off(vpa):
    assert vpa("checkout").policy("app").max_allowed == Amounts(2000)
    assert vpa("checkout").policy("proxy").is_off
    assert vpa("payment").policy("app").min_allowed == Amounts(250, GIB // 2)
    assert vpa("crawler").policy("app").max_allowed == Amounts(1000)
    assert vpa("postgres").policy("db").controlled == {"cpu"}
    assert not vpa("ledger").policy("db").scales_limits


def test_one_vpa_only_watches_and_one_has_an_earlier_answer(vpa):
    assert vpa("query").update_mode == "Off"
    assert vpa("video-encoder").update_mode == "Initial"
    answers = vpa("pricing").status["recommendation"]["containerRecommendations"]
    assert answers[0]["target"] == {"cpu": "800m", "memory": "950Mi"}
    assert [each for each in ("checkout", "cart") if vpa(each).status] == []


def test_empty_nodes_are_removed_by_the_cluster_autoscaler(recording):
    assert recording.cluster.node_releaser == "cluster-autoscaler"
    assert [node.cores for node in recording.cluster.nodes] == [256.0] * 12
