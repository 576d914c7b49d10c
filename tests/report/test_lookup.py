from __future__ import annotations

import pytest

from recommender.errors import UnknownWorkloadError
from recommender.model.report import Skipped
from recommender.report.lookup import find_workload
from tests.report.sample import sample_report, workload


def _error(text, report=None):
    with pytest.raises(UnknownWorkloadError) as caught:
        find_workload(report or sample_report(), text)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "shop/sts/ledger",
        "shop/StatefulSet/ledger",
        "shop/statefulset/ledger",
        "shop/STATEFULSETS/ledger",
        "shop/statefulset.apps/ledger",
        "shop/ledger",
        " shop/sts/ledger\n",
    ],
)
def test_a_kind_may_be_written_as_kubectl_takes_it(text):
    assert find_workload(sample_report(), text).name == "ledger"


@pytest.mark.parametrize(
    "text", ["shop/cj/nightly", "shop/cronjob/nightly", "shop/CronJobs/nightly"]
)
def test_a_cron_job_has_two_short_names(text):
    report = sample_report(workloads=(workload(kind="CronJob", name="nightly"),))
    assert find_workload(report, text).kind == "CronJob"


def test_a_kind_that_is_not_well_known_is_found_by_its_name():
    report = sample_report(workloads=(workload(kind="Rollout", name="web"),))
    assert find_workload(report, "shop/rollouts.argoproj.io/web").kind == "Rollout"


def test_near_names_are_offered_for_a_slip():
    assert _error("shop/deploy/chekout") == (
        "no workload shop/deploy/chekout; did you mean shop/deploy/checkout?"
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("checkout", id="name alone"),
        pytest.param("pay/deploy/checkout", id="another namespace"),
        pytest.param("shop/sts/checkout", id="another kind"),
        pytest.param("shop/Deployment/chekout", id="slip with the full kind"),
        pytest.param("SHOP/deploy/Checkout", id="case of the name"),
        pytest.param("shop/chekout", id="slip without a kind"),
    ],
)
def test_what_is_near_in_any_way_is_offered(text):
    assert _error(text).endswith("did you mean shop/deploy/checkout?")


def test_where_nothing_is_near_the_form_is_shown():
    assert _error("zzz") == (
        "no workload zzz; write NAMESPACE/KIND/NAME, for example infra/ds/agent"
    )


def test_an_empty_report_says_so():
    report = sample_report(workloads=(), skipped=())
    assert _error("a/b", report) == (
        "no workload a/b; the report holds no workload at all; "
        "look at -n, -l and --recommender-name"
    )


def test_a_name_of_two_kinds_must_be_told_apart():
    report = sample_report(workloads=(workload(), workload(kind="StatefulSet")))
    assert _error("shop/checkout", report) == (
        "shop/checkout can be shop/deploy/checkout or shop/sts/checkout; say which"
    )
    assert find_workload(report, "shop/sts/checkout").kind == "StatefulSet"


def test_a_skipped_workload_is_answered_with_its_reason():
    assert _error("shop/cronjob/report") == "shop/cronjob/report was skipped: no usage in 14 d"
    assert _error("infra/ds/probe") == (
        "infra/ds/probe was skipped: container main: 11 h of usage in 14 d, 24 h needed"
    )


def test_all_skipped_containers_are_told():
    rows = [Skipped("a", "DaemonSet", "b", each, f"{each} is idle") for each in ("x", "y")]
    report = sample_report(workloads=(), skipped=tuple(rows))
    assert _error("a/ds/b", report) == (
        "a/ds/b was skipped: container x: x is idle; container y: y is idle"
    )


def test_a_workload_with_one_skipped_container_is_still_found():
    assert find_workload(sample_report(), "shop/sts/ledger").containers[0].name == "db"


def test_the_error_is_one_printable_line():
    assert _error("a\x1b[2J\nb") == (
        r"no workload a\x1b[2J\nb; write NAMESPACE/KIND/NAME, for example infra/ds/agent"
    )


def test_of_several_of_one_name_the_likest_comes_first():
    rows = [workload(namespace=each) for each in ("blue", "shop-eu", "green", "shop-us")]
    assert "did you mean shop-eu/deploy/checkout or shop-us/deploy/checkout or " in _error(
        "shop-eux/deploy/checkout", sample_report(workloads=tuple(rows))
    )
