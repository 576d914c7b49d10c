"""What a workload's own metric says of its work, in numbers and in words."""

import numpy as np
import pytest

from recommender.model.identity import WorkloadRef
from recommender.model.profile import MetricSelector, WorkMetric
from recommender.model.work import WorkRate
from recommender.sizing.work import explain_failure, explain_work, sum_busy_cores
from tests.sizing.build import WEB, usage_of

REQUESTS = WorkMetric(MetricSelector("http_requests_total"), "requests")
PROVISIONING = "CPU time stands for work: efficiency of provisioning, not of the code"
NAN = float("nan")


def explain(per_second, cores, *, metric=REQUESTS, series=3, own=2, flaw=""):
    rate = WorkRate(np.array(per_second, dtype=float), series, own, flaw)
    return explain_work(metric, rate, np.array(cores, dtype=float), ref=WEB)


def test_work_per_second_and_per_busy_core_second():
    step = explain([400, 424], [450, 465.5])  # mean 412; 824 requests in 915.5 core-seconds
    assert (step.step, step.value) == ("work", "412 requests/s, 0.9 per core-second")
    assert step.why == (
        "http_requests_total of its EnergyProfile: its own throughput, so work; the curve counts "
        "CPU time: efficiency of provisioning only"
    )


def test_the_ratio_is_of_the_bins_in_which_both_are_known():
    step = explain([10, 30, NAN, 20], [2, NAN, 7, 4])  # mean of 10, 30, 20; 30 in 6
    assert step.value == "20 requests/s, 5 per core-second"
    assert ", known in 75% of the window" in step.why


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (1.0, "1"), (9.999, "10"), (12345.6, "12,346"), (250, "250")],
)
def test_three_digits_are_shown_and_no_whole_one_is_lost(per_second, text):
    assert explain([per_second], [NAN]).value == f"{text} requests/s"


def test_without_a_unit_it_is_a_bare_rate():
    assert explain([5.0], [10.0], metric=WorkMetric(MetricSelector("n"))).value == (
        "5/s, 0.5 per core-second"
    )


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (
            {"series": 0, "own": 0},
            "no series of http_requests_total in namespace shop in the window",
        ),
        (
            {"own": 0},
            "none of the series of http_requests_total in namespace shop in the window is of a pod of deploy/web",
        ),
        ({}, "http_requests_total has too few samples in namespace shop in the window"),
        (
            {"series": 9000, "flaw": "more than 5,000: narrow them down with labels"},
            "http_requests_total has 9,000 series in namespace shop in the window, more than 5,000: narrow them down with labels",
        ),
    ],
)
def test_where_there_is_no_number_it_says_why_and_what_stands_for_work(found, why):
    step = explain([NAN, NAN], [1, 1], **found)
    assert (step.value, step.why) == ("not known", f"{why}; {PROVISIONING}")


def test_labels_that_nothing_has_are_named_as_the_cause():
    metric = WorkMetric(MetricSelector("n", {"code": "200"}))
    assert "no series of n with these labels in" in explain([NAN], [1], metric=metric, series=0).why


def test_a_metric_that_could_not_be_asked_for_is_told():
    step = explain_failure(REQUESTS, "the store is down")
    assert step.why == f"http_requests_total was not read: the store is down; {PROVISIONING}"


def test_busy_cores_are_summed_over_pods_and_containers():
    two_pods = np.full((2, 2304), 0.5)
    two_pods[:, 0] = np.nan
    usage = usage_of({"app": (two_pods, 2**30), "log": (np.full(2304, 0.25), 2**20)})
    cores = sum_busy_cores(usage, WEB)
    assert cores[0] == pytest.approx(0.25)
    assert cores[1:] == pytest.approx(np.full(2303, 1.25))
    assert np.isnan(sum_busy_cores(usage, WorkloadRef("shop", "Deployment", "other"))).all()
