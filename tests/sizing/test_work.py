"""What stands for the work of a workload, in numbers and in words."""

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.model.cluster import Node
from recommender.model.profile import MetricSelector, WorkMetric
from recommender.model.work import WorkEvidence, WorkRate
from recommender.sizing.demand import Demand, estimate_demand
from recommender.sizing.pool import PoolShare
from recommender.sizing.work import explain_evidence, find_windows, sum_busy_cores
from tests.sizing.build import WEB, pool_of, usage_of, workload_of

REQUESTS = WorkMetric(MetricSelector("http_requests_total"), "requests")
NAN = float("nan")
EPYC = (PoolShare(replace(pool_of(), cpu_model="EPYC 7763"), 3),)


class Seen(Demand):
    """Demand of which only the busy cores and the frequency matter, as they are given."""

    def __init__(self, cores, hertz=None):
        super().__init__(usage_of({"app": (0.1, 2**20)}, days=1))
        self.cores = np.array(cores, dtype=float)
        self.frequency = None if hertz is None else np.array(hertz, dtype=float)

    def busy_cores(self, workload):
        assert workload == WEB
        return self.cores

    def hertz(self, workload):
        assert workload == WEB
        return self.frequency


def rate(per_second, *, series=3, own=2, flaw="", nodes=()):
    return WorkRate(np.array(per_second, dtype=float), series, own, flaw, nodes)


def found(evidence, cores, *, metric=REQUESTS, hertz=None, pools=EPYC):
    return explain_evidence(workload_of(), metric, evidence, Seen(cores, hertz), pools)


def explain(per_second, cores, *, metric=REQUESTS, **more):
    return found(WorkEvidence(rate(per_second, **more)), cores, metric=metric).reason


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
    ("read", "why"),
    [
        (
            {"series": 0, "own": 0},
            "no series of http_requests_total in namespace shop in the window",
        ),
        (
            {"own": 0},
            (
                "none of the series of http_requests_total in namespace shop in the window is of a "
                "pod of deploy/web"
            ),
        ),
        ({}, "http_requests_total has too few samples in namespace shop in the window"),
        (
            {"series": 9000, "flaw": "more than 5,000: narrow them down with labels"},
            (
                "http_requests_total has 9,000 series in namespace shop in the window, more than "
                "5,000: narrow them down with labels"
            ),
        ),
    ],
)
def test_where_the_metric_has_no_number_it_says_why_and_what_stands_for_work(read, why):
    step = explain([NAN, NAN], [1, 2], **read)
    assert step.value == "1.5 core-seconds/s"
    assert step.why == (
        f"{why}; CPU time stands for work: efficiency of provisioning, not of the code"
    )
    gap = find_windows(workload_of(), REQUESTS, WorkEvidence(rate([NAN], **read)), Seen([1.0])).gap
    assert gap == why


def test_labels_that_nothing_has_are_named_as_the_cause():
    metric = WorkMetric(MetricSelector("n", {"code": "200"}))
    assert "no series of n with these labels in" in explain([NAN], [1], metric=metric, series=0).why


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (WorkEvidence(failure="the store is down"), "the store is down"),
        (None, "nothing that was read holds it"),
    ],
)
def test_a_metric_that_could_not_be_asked_for_is_told(evidence, why):
    assert found(evidence, [1]).reason.why.startswith(f"http_requests_total was not read: {why}; ")


# --- the three kinds -------------------------------------------------------------------------

RETIRED = rate([4e9, 6e9], nodes=("a",))


def test_its_own_throughput_is_taken_before_instructions_and_these_before_cpu_time():
    own = rate([10, 20])
    assert found(WorkEvidence(own, "", RETIRED), [2, 2]).kind == "throughput"
    assert found(WorkEvidence(None, "", RETIRED), [2, 2], metric=None).kind == "instructions"
    assert found(None, [2, 2], metric=None).kind == "cpu time"


def test_instructions_are_work_on_one_cpu_model_and_say_what_they_are():
    step = found(WorkEvidence(None, "", RETIRED), [2, 3], metric=None).reason
    assert step.value == "5,000,000,000 instructions/s, 2,000,000,000 per core-second"
    assert step.why == (
        "instructions retired, all on EPYC 7763: work as long as the program stays the same; the "
        "curve counts CPU time: efficiency of provisioning only"
    )


@pytest.mark.parametrize(
    ("nodes", "pools", "why"),
    [
        (("a", "b"), EPYC, "(EPYC 7763)"),
        (("b",), EPYC, "(none that is known)"),
        ((), EPYC, "(none that is known)"),
        (("a",), (PoolShare(pool_of(), 3),), "(none that is known)"),
        (
            ("a", "b"),
            (
                *EPYC,
                PoolShare(replace(pool_of(), nodes=(Node("b", 50.0, 1),), cpu_model="Xeon"), 1),
            ),
            "(EPYC 7763, Xeon)",
        ),
    ],
)
def test_instructions_of_several_or_unknown_cpu_models_are_no_work(nodes, pools, why):
    evidence = WorkEvidence(None, "", replace(RETIRED, nodes=nodes))
    answer = found(evidence, [2, 3], metric=None, pools=pools)
    assert answer.kind == "cpu time"
    assert answer.reason.why.startswith(f"instructions are no work across CPU models {why}; ")


def test_cpu_time_is_weighted_by_frequency_where_that_is_known():
    """Two cores at 3 GHz and four at 1: (2 x 1.5 + 4 x 0.5) / 2 at the mean of 2 GHz."""
    step = found(None, [2, 4, 7], metric=None, hertz=[3e9, 1e9, NAN]).reason
    assert step.value == "2.5 core-seconds/s"
    assert step.why == (
        "CPU time weighted by frequency, 2.00 GHz counting once, stands for work: efficiency of "
        "provisioning, not of the code"
    )


def test_without_any_use_nothing_stands_for_work():
    answer = found(None, [NAN], metric=None)
    assert (answer.kind, answer.reason) == ("", None)


def test_without_a_metric_no_windows_are_made_and_it_says_what_would_make_them():
    gap = find_windows(workload_of(), None, WorkEvidence(None, "", RETIRED), Seen([1.0])).gap
    assert "spec.workMetric" in gap


def test_windows_have_the_containers_in_the_workloads_order():
    usage = usage_of({"app": (0.5, 2**30), "log": (0.1, 2**20)}, days=1)
    two = workload_of(*(replace(workload_of().containers[0], name=name) for name in ("log", "app")))
    windows = find_windows(
        two, REQUESTS, WorkEvidence(rate(np.full(288, 3.0))), estimate_demand(usage)
    ).windows
    assert windows.cores[:, 0] == pytest.approx([0.1, 0.5])
    missing = workload_of(*two.containers, replace(two.containers[0], name="new"))
    answer = find_windows(
        missing, REQUESTS, WorkEvidence(rate(np.full(288, 3.0))), estimate_demand(usage)
    )
    assert (answer.windows, answer.gap) == (None, "the use of one of its containers is not known")


def test_busy_cores_are_summed_over_pods_and_containers():
    two_pods = np.full((2, 2304), 0.5)
    two_pods[:, 0] = np.nan
    usage = usage_of({"app": (two_pods, 2**30), "log": (np.full(2304, 0.25), 2**20)})
    cores = sum_busy_cores(usage, [0, 1])
    assert cores[0] == pytest.approx(0.25)
    assert cores[1:] == pytest.approx(np.full(2303, 1.25))
    assert np.isnan(sum_busy_cores(usage, [])).all()
