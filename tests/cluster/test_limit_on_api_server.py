"""The rules of a namespace, from the real API server into the condition of its VPA."""

import pytest

from recommender.cluster.connection import connect
from recommender.cluster.fake import FakeApi
from recommender.cluster.reader import ClusterReader
from recommender.cluster.role import list_rules
from recommender.cluster.status import build_status
from recommender.cluster.writer import StatusWriter
from recommender.errors import ClusterReplyError
from recommender.model.cluster import Amounts, LimitRange, NamespaceLimits, Quota
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.settings import ClusterSettings, SizingSettings
from recommender.sizing.demand import estimate_demand
from recommender.sizing.workload import size_workload
from recommender.units import MIB
from tests.cluster import builder
from tests.cluster.builder import deployment_with_pods, vpa
from tests.sizing.build import usage_of

NOW = "2026-05-01T12:00:00Z"
RULES = ("limitranges", "resourcequotas")


def limit_range(ns, **item):
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "caps", "namespace": ns},
        "spec": {"limits": [{"type": "Container", **item}]},
    }


def quota(ns, *, hard, used):
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "compute", "namespace": ns},
        "spec": {"hard": hard},
        "status": {"hard": hard, "used": used},
    }


def test_the_rules_of_a_namespace_with_a_vpa_of_ours_are_read(control_plane, read_shop, shop):
    other = builder.unique("other")
    control_plane.apply([builder.namespace(other), limit_range(other, max={"cpu": "1"})])
    read_shop(*deployment_with_pods(shop, "web"), vpa(shop, "web"))
    state = read_shop(
        limit_range(shop, max={"cpu": "1"}, min={"memory": "64Mi"}),
        quota(shop, hard={"requests.cpu": "4"}, used={"requests.cpu": "1"}),
        namespace=(),
    )
    assert state.limits[shop] == NamespaceLimits(
        (
            LimitRange(  # the API server makes the maximum the default limit
                "caps",
                minimum=Amounts(memory_bytes=64 * MIB),
                maximum=Amounts(cpu_millicores=1000),
                default=Amounts(cpu_millicores=1000),
            ),
        ),
        (Quota("compute", Amounts(4000), requests_used=Amounts(1000)),),
    )
    assert other not in state.limits
    assert not [text for text in state.warnings if "conflicts" in text]


def test_without_a_vpa_of_ours_no_rules_are_asked_for(read_shop, shop):
    state = read_shop(limit_range(shop, max={"cpu": "1"}), all_workloads=True)
    assert state.limits == {}


def test_a_target_above_the_limit_range_is_named_in_the_condition(
    control_plane, connection, read_shop, shop
):
    """Usage of 2 cores where 1 is the most; and 2 pods that want 2 cores more each."""
    limited = builder.container(cpu="500m", memory="512Mi", limits={"cpu": "500m"})
    read_shop(*deployment_with_pods(shop, "web", containers=[limited]), vpa(shop, "web"))
    state = read_shop(
        limit_range(shop, max={"cpu": "1"}),
        quota(shop, hard={"requests.cpu": "1500m"}, used={"requests.cpu": "1"}),
    )
    ref = WorkloadRef(shop, "Deployment", "web")
    demand = estimate_demand(usage_of({"app": (2.0, 100 * MIB)}, ref=ref))
    assert demand.of(ContainerRef(ref, "app")) is not None
    (claim,) = state.vpas
    report, skipped = size_workload(
        state.workloads[0],
        vpa=claim,
        demand=demand,
        pools=(),
        settings=SizingSettings(),
        limits=state.limits[shop],
    )
    status = build_status(claim, report, skipped, now=NOW)
    assert StatusWriter(connection).write(claim, status) == "written"
    shown = control_plane.kubectl("describe", "vpa", "web", "-n", shop)
    assert f"is above the maximum 1 of LimitRange {shop}/caps: admission lowers it to 1" in shown
    assert (
        f"its 2 pods need 1 more requests.cpu than now, and ResourceQuota {shop}/compute has 500m"
        " of 1500m left" in shown
    )


@pytest.mark.parametrize("missing", RULES)
def test_rules_that_may_not_be_read_are_one_warning_and_no_error(
    control_plane, read_shop, shop, missing
):
    read_shop(*deployment_with_pods(shop, "web"), vpa(shop, "web"))
    rules = [rule for rule in list_rules() if rule["resources"] != [missing]]
    kubeconfig = control_plane.new_user(builder.unique("rules"), rules)
    settings = ClusterSettings(kubeconfig=str(kubeconfig), namespace=(shop,))
    with connect(settings) as opened:
        state = ClusterReader(opened, settings).read()
    (warning,) = state.warnings
    assert warning.startswith(
        f"conflicts with {missing} are not seen: {missing}: list is forbidden"
    )
    assert [each.problem for each in state.vpas] == [""]


@pytest.mark.parametrize("missing", RULES)
def test_an_api_server_without_them_is_read_and_one_that_fails_is_an_error(missing):
    objects = [*deployment_with_pods("shop", "web"), vpa("shop", "web")]
    fake = FakeApi(objects, failures={f"GET /api/v1/{missing}": 404})
    (warning,) = ClusterReader(fake, ClusterSettings()).read().warnings
    assert warning.startswith(f"conflicts with {missing} are not seen: the API server answered 404")
    fake.failures = {f"GET /api/v1/{missing}": 500}
    with pytest.raises(ClusterReplyError):
        ClusterReader(fake, ClusterSettings()).read()
