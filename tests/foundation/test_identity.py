"""Pods of metric series find their workload, also when pod and ReplicaSet are long gone."""

import pytest

from recommender.model.identity import PodOwners, WorkloadRef

WEB = WorkloadRef("shop", "Deployment", "web")
WEB_API = WorkloadRef("shop", "Deployment", "web-api")
LEDGER = WorkloadRef("shop", "StatefulSet", "ledger")
SHIPPER = WorkloadRef("shop", "DaemonSet", "shipper")
NIGHTLY = WorkloadRef("shop", "CronJob", "nightly")
IMPORT = WorkloadRef("shop", "Job", "import")
KNOWN = PodOwners(workloads=frozenset({WEB, WEB_API, LEDGER, SHIPPER, NIGHTLY, IMPORT}))


@pytest.mark.parametrize(
    ("pod", "owner"),
    [
        ("web-6d4cf56db6-x7k2p", WEB),
        ("web-api-6d4cf56db6-x7k2p", WEB_API),
        ("ledger-0", LEDGER),
        ("ledger-12", LEDGER),
        ("shipper-zz9qt", SHIPPER),
        ("nightly-29384756-b4cdf", NIGHTLY),
        ("import-k8b2q", IMPORT),
        ("web-api-x7k2p", None),
        ("stranger-6d4cf56db6-x7k2p", None),
        ("web", None),
    ],
)
def test_a_pod_of_a_deleted_replica_set_is_known_by_the_pattern_of_its_name(pod, owner):
    assert KNOWN.owner("shop", pod) == owner


def test_a_name_pattern_counts_only_in_its_own_namespace():
    assert KNOWN.owner("other", "web-6d4cf56db6-x7k2p") is None


def test_an_exact_owner_beats_the_pattern():
    owners = PodOwners(pods={("shop", "web-6d4cf56db6-x7k2p"): SHIPPER}, workloads=KNOWN.workloads)
    assert owners.owner("shop", "web-6d4cf56db6-x7k2p") == SHIPPER


def test_a_known_replica_set_leads_to_its_controller():
    rollout = WorkloadRef("shop", "Rollout", "pay")
    owners = PodOwners(replica_sets={("shop", "pay-7f9c"): rollout})
    assert owners.owner("shop", "pay-7f9c-bcd42") == rollout


def test_without_a_cluster_the_likeliest_workload_is_guessed_from_the_name():
    guess = PodOwners(guesses=True)
    assert guess.owner("shop", "web-6d4cf56db6-x7k2p") == WEB
    assert guess.owner("shop", "ledger-0") == LEDGER
    assert guess.owner("shop", "nightly-29384756-b4cdf") == NIGHTLY
    assert guess.owner("shop", "debug") == WorkloadRef("shop", "Pod", "debug")


@pytest.mark.parametrize("name", ["node-local-dns", "fluent-bit-v2"])
def test_the_last_word_of_a_daemon_sets_name_is_not_taken_for_a_template_hash(name):
    owner = PodOwners(guesses=True).owner("shop", f"{name}-bcdfg")
    assert owner == WorkloadRef("shop", "DaemonSet", name)


def test_a_workload_is_written_as_kubectl_writes_it():
    assert WEB.short == "deploy/web"
    assert WorkloadRef("shop", "Rollout", "pay").short == "rollout/pay"
    assert str(WEB) == "shop/Deployment/web"
