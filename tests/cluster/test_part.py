"""A reader that sees all shows what -n and -l mean, and has the rest for its pools."""

import pytest

from recommender.cluster.fake import FakeApi
from recommender.cluster.reader import ClusterReader
from recommender.settings import ClusterSettings
from tests.cluster.builder import deployment_with_pods, energy_profile, hpa, vpa

VPA_LIST = "GET /apis/autoscaling.k8s.io/v1/verticalpodautoscalers"


def two_teams(**failures):
    """Two namespaces with a VPA each, and in each a workload without one."""
    return FakeApi(
        [
            *deployment_with_pods("shop", "web", labels={"tier": "front"}),
            *deployment_with_pods("shop", "free"),
            vpa("shop", "web"),
            *deployment_with_pods("bank", "ledger"),
            *deployment_with_pods("bank", "free"),
            hpa("bank", "scaler", target="ledger"),
            vpa("bank", "ledger"),
            energy_profile("bank", "ledger", workClass="critical"),
        ],
        failures=failures,
    )


def read(api, *, sees_all=True, **settings):
    return ClusterReader(api, ClusterSettings(**settings), sees_all=sees_all).read()


def names(items, *, shown):
    return [f"{each.ref.namespace}/{each.ref.name}" for each in items if each.is_shown == shown]


def vpas(state, *, shown):
    return [f"{vpa.namespace}/{vpa.name}" for vpa in state.vpas if vpa.is_shown == shown]


@pytest.mark.parametrize(
    "how", [{"namespace": ("shop",)}, {"selector": "tier=front"}], ids=["-n", "-l"]
)
def test_what_has_a_vpa_of_ours_elsewhere_is_there_and_not_shown(how):
    state = read(two_teams(), **how)
    assert names(state.workloads, shown=True) == ["shop/web"]
    assert names(state.workloads, shown=False) == ["bank/ledger"]
    assert (vpas(state, shown=True), vpas(state, shown=False)) == (["shop/web"], ["bank/ledger"])
    assert state.warnings == ()


def test_what_is_not_shown_is_known_as_well_as_what_is():
    state = read(two_teams(), namespace=("shop",))
    whole = read(two_teams())
    (hidden,) = (each for each in state.workloads if not each.is_shown)
    (known,) = (each for each in whole.workloads if each.ref == hidden.ref)
    assert (hidden.containers, hidden.hpa_on_cpu) == (known.containers, "scaler")
    (profile,) = (vpa.profile for vpa in state.vpas if not vpa.is_shown)
    assert profile.work_class == "critical"


def test_of_all_workloads_those_elsewhere_without_a_vpa_are_counted_only():
    state = read(two_teams(), namespace=("shop",), all_workloads=True)
    assert names(state.workloads, shown=True) == ["shop/free", "shop/web"]
    assert names(state.workloads, shown=False) == ["bank/ledger"]
    (warning,) = state.warnings
    assert warning == (
        "pools are judged by -n shop and by all that has a VPA of ours; whatever else there "
        "is (1) counts with the requests that it has"
    )


@pytest.mark.parametrize(
    "path",
    [VPA_LIST, "GET /api/v1/pods", "GET /apis/apps/v1/deployments"],
    ids=lambda path: path.rpartition("/")[2],
)
def test_where_the_rest_may_not_be_read_a_warning_says_what_that_means(path):
    state = read(two_teams(**{path: 403}), namespace=("shop",))
    assert names(state.workloads, shown=True) == ["shop/web"]
    assert names(state.workloads, shown=False) == []
    warning = state.warnings[-1]
    assert warning.startswith(
        "only -n shop was read, so pools are judged by a part of their workloads; tiers and "
        "requests may differ from those of a run that sees all: "
    )
    assert "list is forbidden" in warning


def test_a_reader_that_does_not_see_all_has_nothing_that_is_not_shown():
    state = read(two_teams(), sees_all=False, namespace=("shop",))
    assert [each.ref.namespace for each in state.workloads] == ["shop"]
    assert all(each.is_shown for each in (*state.workloads, *state.vpas))


def test_an_empty_namespace_is_named_also_where_all_is_seen():
    assert read(two_teams(), namespace=("shpo",)).warnings == (
        "nothing was found in namespace shpo; is its name right?",
    )
