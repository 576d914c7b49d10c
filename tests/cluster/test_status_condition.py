"""Conditions say in a sentence what was found; their times move only when their status flips."""

import pytest

from recommender.cluster.status import build_status
from recommender.model.cluster import ContainerPolicy
from recommender.model.identity import WorkloadRef
from recommender.model.report import Conflict
from tests.cluster.test_status_entry import before, entry, vpa
from tests.cluster.verdict import report, sized, skipped

EARLIER, NOW = "2026-04-01T00:00:00Z", "2026-05-01T12:00:00Z"


def conditions(claim, verdict=None, rows=()):
    status = build_status(claim, verdict, rows, now=NOW)
    return {each["type"]: each for each in status["conditions"]}


def said(claim, verdict=None, rows=()):
    """(status, reason, message) of each condition."""
    return {
        kind: (each["status"], each["reason"], each["message"])
        for kind, each in conditions(claim, verdict, rows).items()
    }


def old(*listed):
    return {"conditions": list(listed)}


def condition(kind, status="True", **rest):
    return {"type": kind, "status": status, "lastTransitionTime": EARLIER} | rest


def test_a_provided_recommendation_names_the_rule_of_each_container():
    verdict = report(sized("app"), sized("db"), sized("log", tier="T0", basis="stock rule"))
    assert said(vpa(status=before(entry("idle"))), verdict, [skipped("idle", "quiet")])[
        "RecommendationProvided"
    ] == (
        "True",
        "RecommendationProvided",
        "app, db: T1 priced quantile; idle: kept from an earlier run; log: T0 stock rule",
    )


def test_a_metered_priced_quantile_leaves_no_doubt():
    assert set(conditions(vpa(), report(sized()))) == {"RecommendationProvided"}


def test_no_pods_and_no_recommendation_are_said_with_the_reason_of_the_api():
    found = said(vpa(matches_pods=False), None, [skipped(None, "no pods now")])
    message = "No pods match this VPA object"
    assert found == {
        "NoPodsMatched": ("True", "NoPodsMatched", message),
        "RecommendationProvided": ("False", "NoPodsMatched", message),
    }


def test_a_recommendation_stays_provided_while_no_pod_runs():
    found = said(vpa(matches_pods=False), report(sized(), replicas=0))
    assert found["RecommendationProvided"][0] == "True"
    assert found["NoPodsMatched"][0] == "True"


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_between_two_runs_of_a_job_the_absence_of_pods_is_no_news(kind):
    claim = vpa(matches_pods=False, target=WorkloadRef("shop", kind, "web"))
    assert "NoPodsMatched" not in conditions(claim, report(sized(), kind=kind))
    assert "NoPodsMatched" in conditions(claim)


def test_a_refused_vpa_says_why():
    found = said(vpa(problem="there is no Deployment wep; did you mean web?"))
    message = "there is no Deployment wep; did you mean web?"
    assert found == {
        "ConfigUnsupported": ("True", "ConfigUnsupported", message),
        "RecommendationProvided": ("False", "ConfigUnsupported", message),
    }


def test_a_refused_vpa_that_keeps_a_recommendation_still_provides_it():
    found = said(vpa(problem="names two recommenders", status=before(entry("app"))))
    assert found["ConfigUnsupported"][0] == "True"
    assert found["RecommendationProvided"] == (
        "True",
        "RecommendationProvided",
        "app: kept from an earlier run",
    )


def test_without_usage_the_reason_of_each_container_is_said():
    rows = [skipped("app", "no usage in 14 d"), skipped("log", "no usage in 14 d")]
    assert said(vpa(), None, rows) == {
        "RecommendationProvided": ("False", "NoRecommendation", "app, log: no usage in 14 d")
    }


def test_when_all_containers_are_switched_off_that_is_said():
    claim = vpa(ContainerPolicy("*", is_off=True))
    found = said(claim, None, [skipped("app", "its VPA policy says mode: Off")])
    assert found["RecommendationProvided"] == (
        "False",
        "NoRecommendation",
        "no container is left to be sized",
    )


def test_the_stock_rule_is_of_low_confidence_and_says_what_is_missing():
    why = "no energy evidence: 8 h of history, 24 h needed"
    stock = {"tier": "T0", "basis": "stock rule", "why": why}
    verdict = report(sized("app", **stock), sized("log", **stock), sized("db"))
    assert said(vpa(), verdict)["LowConfidence"] == (
        "True",
        "StockRule",
        "app, log: T0 stock rule, no energy evidence: 8 h of history, 24 h needed",
    )


def test_modelled_power_is_of_low_confidence():
    verdict = report(sized(basis="priced quantile, modelled power"))
    assert said(vpa(), verdict)["LowConfidence"] == (
        "True",
        "ModelledPower",
        (
            "app: T1 priced quantile, modelled power; "
            "no power curve of a pool that it runs on was learnt from a meter"
        ),
    )


def test_a_kept_recommendation_is_of_low_confidence():
    claim = vpa(status=before(entry("log")))
    rows = [skipped("log", "no usage in 14 d")]
    assert said(claim, report(sized()), rows)["LowConfidence"] == (
        "True",
        "NotSized",
        "log: no usage in 14 d",
    )


def test_history_that_still_loads_is_said():
    rows = [skipped(None, "2 of 14 d are read", condition="FetchingHistory")]
    assert said(vpa(), None, rows)["FetchingHistory"] == (
        "True",
        "FetchingHistory",
        "2 of 14 d are read",
    )


def test_conditions_are_sorted_by_type():
    status = build_status(
        vpa(problem="x", status=old(condition("Zebra"), condition("Ape"))), None, [], now=NOW
    )
    kinds = [each["type"] for each in status["conditions"]]
    assert kinds == ["Ape", "ConfigUnsupported", "RecommendationProvided", "Zebra"]


def test_a_time_stays_while_the_status_stays_and_moves_when_it_flips():
    claim = vpa(status=old(condition("RecommendationProvided", "False", message="old")))
    assert conditions(claim)["RecommendationProvided"]["lastTransitionTime"] == EARLIER
    flipped = conditions(claim, report(sized()))["RecommendationProvided"]
    assert (flipped["status"], flipped["lastTransitionTime"]) == ("True", NOW)


def test_a_condition_without_a_time_gets_one():
    claim = vpa(status=old({"type": "RecommendationProvided", "status": "False"}))
    assert conditions(claim)["RecommendationProvided"]["lastTransitionTime"] == NOW


def test_a_condition_goes_when_it_is_mended_and_those_of_the_stock_recommender_too():
    kinds = ["ConfigUnsupported", "NoPodsMatched", "LowConfidence", "ConfigDeprecated"]
    claim = vpa(status=old(*(condition(kind) for kind in kinds)))
    assert set(conditions(claim, report(sized()))) == {"RecommendationProvided"}


def test_a_condition_of_someone_else_stays_as_it_is():
    foreign = condition("example.com/Audited", "Unknown", reason="Q", message="m", extra=1)
    claim = vpa(status=old(foreign))
    assert conditions(claim, report(sized()))["example.com/Audited"] == foreign


def test_conflicts_with_the_rules_of_the_namespace_are_of_low_confidence():
    verdict = report(
        sized("app"),
        sized("log"),
        conflicts=[
            Conflict("LimitRange", "app", "target cpu 2 is above the maximum 1"),
            Conflict("LimitRange", "log", "target cpu 2 is above the maximum 1"),
            Conflict("ResourceQuota", None, "its 3 pods need 1 more"),
        ],
    )
    assert said(vpa(), verdict)["LowConfidence"] == (
        "True",
        "LimitRange",
        "app, log: target cpu 2 is above the maximum 1; its 3 pods need 1 more",
    )


def test_what_is_left_out_on_purpose_is_named_beside_the_recommendation_without_a_doubt():
    rows = [
        skipped("proxy", "a native sidecar", is_deliberate=True),
        skipped("agent", "a native sidecar", is_deliberate=True),
    ]
    found = said(vpa(), report(sized("app")), rows)
    assert set(found) == {"RecommendationProvided"}
    assert found["RecommendationProvided"][2] == (
        "app: T1 priced quantile; proxy, agent: not sized, a native sidecar"
    )


def test_when_all_containers_are_left_out_that_is_said():
    rows = [skipped("app", "put into its pods later", is_deliberate=True)]
    assert said(vpa(), None, rows) == {
        "RecommendationProvided": ("False", "NoRecommendation", "app: put into its pods later")
    }


def test_a_message_is_no_longer_than_kubernetes_allows_and_steers_no_terminal():
    long = conditions(vpa(problem="x" * 100_000))["ConfigUnsupported"]["message"]
    assert long == "x" * 32768
    red = conditions(vpa(problem="a\x1b[31m\nb"))["ConfigUnsupported"]["message"]
    assert red == "a\\x1b[31m\\nb"
