"""Every label value is one of a few, and the words of the program lead to the right one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender import errors
from recommender.errors import JoulefitError, WorkloadSkipped
from recommender.model.cluster import ContainerPolicy
from recommender.model.report import Skipped
from recommender.telemetry.vocabulary import (
    ERROR_KINDS,
    SKIP_CLASSES,
    VPA_STATES,
    classify_error,
    classify_skip,
    classify_vpa,
)
from tests.report.sample import SKIPPED
from tests.sizing.build import GIB, size, spec_of, usage_of, vpa_of, workload_of
from tests.telemetry.sample import status

USAGE = usage_of({"app": (0.2, GIB)})
NOTHING = ContainerPolicy("app", controlled=frozenset())


def row(reason, *, condition=""):
    return Skipped("shop", "Deployment", "web", None, reason, condition=condition)


def skip(usage=USAGE, **how):
    """The row that the sizing makes of this case."""
    try:
        _, rows = size(usage, **how)
    except WorkloadSkipped as verdict:
        return row(str(verdict))
    (only,) = rows
    return only


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ({"vpa": vpa_of(ContainerPolicy("app", is_off=True))}, "switched_off"),
        ({"vpa": vpa_of(NOTHING)}, "switched_off"),
        ({"vpa": vpa_of(work_class="urgent")}, "unsupported"),
        ({"workload": workload_of(spec_of("other"))}, "no_usage"),
        ({"workload": workload_of(containers=())}, "no_pods"),
        (
            {
                "workload": workload_of(spec_of(cpu=None), hpa_on_cpu="scaler"),
                "vpa": vpa_of(ContainerPolicy("app", controlled=frozenset({"cpu"}))),
            },
            "hpa",
        ),
    ],
    ids=["mode Off", "nothing controlled", "work class", "no usage", "no pods", "hpa"],
)
def test_what_the_sizing_skips_is_of_its_class(case, name):
    assert classify_skip(skip(**case)) == name


def test_a_container_without_memory_whose_cpu_is_not_asked_for_has_no_usage():
    usage = usage_of({"app": (0.2, float("nan"))})
    only_memory = vpa_of(ContainerPolicy("app", controlled=frozenset({"memory"})))
    assert classify_skip(skip(usage, vpa=only_memory)) == "no_usage"


def test_rows_of_a_report_are_of_their_classes():
    names = [classify_skip(each) for each in SKIPPED]
    assert names == ["little_history", "no_usage", "no_usage", "unsupported"]


def test_the_condition_beats_the_words_and_a_defect_of_ours_is_called_one():
    assert classify_skip(row("no usage in 14 d", condition="FetchingHistory")) == "fetching_history"
    assert classify_skip(row("internal error: KeyError('x'); please report it")) == "internal_error"


@given(st.text(), st.text())
def test_any_reason_is_one_of_the_classes(reason, condition):
    assert classify_skip(row(reason, condition=condition)) in SKIP_CLASSES


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        ({"RecommendationProvided": "True"}, "provided"),
        ({"RecommendationProvided": "True", "LowConfidence": "True"}, "low_confidence"),
        ({"RecommendationProvided": "True", "LowConfidence": "False"}, "provided"),
        ({"RecommendationProvided": "True", "NoPodsMatched": "True"}, "no_pods"),
        ({"RecommendationProvided": "False", "NoPodsMatched": "True"}, "no_pods"),
        ({"RecommendationProvided": "True", "ConfigUnsupported": "True"}, "unsupported"),
        ({"ConfigUnsupported": "True", "NoPodsMatched": "True"}, "unsupported"),
        ({"RecommendationProvided": "False", "FetchingHistory": "True"}, "fetching_history"),
        ({"RecommendationProvided": "True", "FetchingHistory": "True"}, "provided"),
        ({"RecommendationProvided": "False"}, "not_provided"),
        ({}, "not_provided"),
    ],
    ids=str,
)
def test_a_vpa_has_the_gravest_state_of_its_conditions(conditions, state):
    assert classify_vpa(status(**conditions)) == state
    assert state in VPA_STATES


def all_errors(base=JoulefitError):
    return [base, *(each for kind in base.__subclasses__() for each in all_errors(kind))]


def make(kind):
    return kind("x", status=500) if kind is errors.ClusterReplyError else kind("x")


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_is_of_a_kind_of_its_edge(kind):
    name = classify_error(make(kind))
    assert name in ERROR_KINDS
    edge = "store" if issubclass(kind, errors.StoreError) else ""
    edge = "cluster" if issubclass(kind, errors.ClusterError) else edge
    assert name.startswith(edge)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (errors.StoreUnreachableError, "store_unreachable"),
        (errors.StoreReplyError, "store_reply"),
        (errors.ClusterForbiddenError, "cluster_forbidden"),
        (errors.ClusterReplyError, "cluster_reply"),
        (errors.NoDataError, "no_data"),
        (errors.UsageError, "other"),
        (ValueError, "other"),
    ],
)
def test_an_error_is_of_its_own_kind_not_of_its_base(kind, name):
    assert classify_error(make(kind)) == name
