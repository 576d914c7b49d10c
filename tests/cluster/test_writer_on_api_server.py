"""Statuses reach VPA objects through /status only, and only when they say something new."""

import json

import pytest

from recommender.cluster.connection import connect
from recommender.cluster.reader import ClusterReader
from recommender.cluster.status import build_status
from recommender.cluster.writer import StatusWriter
from recommender.errors import ClusterForbiddenError, StatusSubresourceMissingError
from recommender.settings import ClusterSettings
from tests.cluster import builder
from tests.cluster.builder import deployment_with_pods, vpa
from tests.cluster.verdict import recommended, report, sized, skipped

NOW, LATER = "2026-05-01T12:00:00Z", "2026-05-02T12:00:00Z"


def path(shop, name="web"):
    return f"/apis/autoscaling.k8s.io/v1/namespaces/{shop}/verticalpodautoscalers/{name}"


@pytest.fixture
def read_web(read_shop, shop):
    """`read_web(**spec)`: the VPA `web` as it is read now; made on the first call."""
    made = []

    def read(**spec):
        first = () if made else (*deployment_with_pods(shop, "web"), vpa(shop, "web", **spec))
        made.append(True)
        (found,) = read_shop(*first).vpas
        return found

    return read


def test_a_status_is_written_and_shown_by_kubectl(control_plane, connection, read_web, shop):
    found = read_web()
    status = build_status(found, report(sized("app"), sized("log", tier="T0")), [], now=NOW)
    assert StatusWriter(connection).write(found, status) == "written"
    assert control_plane.api.get(path(shop))["status"] == status
    shown = control_plane.kubectl("describe", "vpa", "web", "-n", shop)
    for text in ("411m", "372m", "470m", "RecommendationProvided", "LowConfidence"):
        assert text in shown
    table = control_plane.kubectl("get", "vpa", "web", "-n", shop)
    assert table.splitlines()[1].split()[:4] == ["web", "411m", "1Gi", "True"]


def test_the_same_status_is_not_written_twice(control_plane, connection, read_web, shop):
    writer, verdict = StatusWriter(connection), report(sized())
    writer.write(found := read_web(), build_status(found, verdict, [], now=NOW))
    version = control_plane.api.get(path(shop))["metadata"]["resourceVersion"]
    again = read_web()
    outcome = writer.write(again, build_status(again, verdict, [], now=LATER))
    assert outcome == "unchanged"
    assert control_plane.api.get(path(shop))["metadata"]["resourceVersion"] == version


def test_a_changed_spec_is_observed(control_plane, connection, read_web, shop):
    writer, verdict = StatusWriter(connection), report(sized())
    writer.write(found := read_web(), build_status(found, verdict, [], now=NOW))
    control_plane.api.patch(path(shop), {"spec": {"updatePolicy": {"updateMode": "Off"}}})
    changed = read_web()
    outcome = writer.write(changed, build_status(changed, verdict, [], now=LATER))
    assert outcome == "written"
    assert control_plane.api.get(path(shop))["status"]["observedGeneration"] == 2


def test_lists_are_replaced_and_conditions_that_ended_are_gone(
    control_plane, connection, read_web, shop
):
    writer = StatusWriter(connection)
    first = report(sized("app"), sized("old", tier="T0"))
    writer.write(found := read_web(), build_status(found, first, [], now=NOW))
    second = report(sized("app", amounts=recommended(("450m", "1Gi"))))
    writer.write(found := read_web(), build_status(found, second, [], now=LATER))
    status = control_plane.api.get(path(shop))["status"]
    (entry,) = status["recommendation"]["containerRecommendations"]
    assert (entry["containerName"], entry["target"]["cpu"]) == ("app", "450m")
    assert [each["type"] for each in status["conditions"]] == ["RecommendationProvided"]
    assert status["conditions"][0]["lastTransitionTime"] == NOW


def test_a_recommendation_whose_containers_are_all_gone_is_removed(
    control_plane, connection, read_web, shop
):
    writer = StatusWriter(connection)
    writer.write(found := read_web(), build_status(found, report(sized("app")), [], now=NOW))
    rows = [skipped("new", "no usage in 14 d")]
    writer.write(found := read_web(), build_status(found, None, rows, now=LATER))
    status = control_plane.api.get(path(shop))["status"]
    assert "recommendation" not in status
    assert [each["status"] for each in status["conditions"]] == ["False"]


def test_the_spec_and_the_vpas_of_others_stay_byte_for_byte(
    control_plane, connection, read_web, shop
):
    control_plane.apply([vpa(shop, "stock", target="web", recommenders=())])
    others = control_plane.kubectl("get", "vpa", "stock", "-n", shop, "-o", "json")
    found = read_web()
    spec = control_plane.api.get(path(shop))["spec"]
    StatusWriter(connection).write(found, build_status(found, report(sized()), [], now=NOW))
    assert control_plane.kubectl("get", "vpa", "stock", "-n", shop, "-o", "json") == others
    assert control_plane.api.get(path(shop))["spec"] == spec


def test_a_vpa_that_was_deleted_meanwhile_is_no_error(control_plane, connection, read_web, shop):
    found = read_web()
    control_plane.kubectl("delete", "vpa", "web", "-n", shop)
    status = build_status(found, report(sized()), [], now=NOW)
    assert StatusWriter(connection).write(found, status) == "gone"


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param({"spec": {"updatePolicy": {"updateMode": "Off"}}}, id="a user edits the spec"),
        pytest.param({"metadata": {"labels": {"team": "a"}}}, id="a label is set"),
    ],
)
def test_what_changed_between_read_and_write_is_not_written_over(
    control_plane, connection, read_web, shop, meanwhile
):
    found = read_web()
    control_plane.api.patch(path(shop), meanwhile)
    status = build_status(found, report(sized()), [], now=NOW)
    assert StatusWriter(connection).write(found, status) == "superseded"
    assert "status" not in control_plane.api.get(path(shop))


def test_a_replica_that_was_held_up_does_not_write_over_the_one_that_took_over(
    control_plane, connection, read_web, shop
):
    writer, found = StatusWriter(connection), read_web()
    theirs = report(sized(amounts=recommended(("450m", "1Gi"))))
    assert writer.write(found, build_status(found, theirs, [], now=NOW)) == "written"
    ours = build_status(found, report(sized()), [], now=LATER)
    assert writer.write(found, ours) == "superseded"
    (entry,) = control_plane.api.get(path(shop))["status"]["recommendation"][
        "containerRecommendations"
    ]
    assert entry["target"]["cpu"] == "450m"


def test_a_crd_without_the_status_subresource_is_named_with_the_remedy(
    control_plane_without_status_subresource,
):
    plane, shop = control_plane_without_status_subresource, builder.unique("shop")
    plane.apply([builder.namespace(shop), *deployment_with_pods(shop, "web"), vpa(shop, "web")])
    settings = ClusterSettings(kubeconfig=str(plane.kubeconfig), namespace=(shop,))
    with connect(settings) as opened:
        (found,) = ClusterReader(opened, settings).read().vpas
        status = build_status(found, report(sized()), [], now=NOW)
        with pytest.raises(StatusSubresourceMissingError) as caught:
            StatusWriter(opened).write(found, status)
    text = str(caught.value)
    assert text.startswith("the VPA CRD of this cluster has no status subresource")
    assert "install the CRD of VPA 1.0 or later" in text
    assert "status" not in plane.api.get(path(shop))


def test_a_recommender_that_may_only_read_is_told_the_rule_it_lacks(control_plane, read_web, shop):
    found = read_web()
    name = builder.unique("reader")
    kubeconfig = control_plane.new_user(
        name,
        [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}],
    )
    status = build_status(found, report(sized()), [], now=NOW)
    settings = ClusterSettings(kubeconfig=str(kubeconfig))
    with connect(settings) as opened, pytest.raises(ClusterForbiddenError) as caught:
        StatusWriter(opened).write(found, status)
    assert str(caught.value) == (
        "verticalpodautoscalers/status: patch is forbidden for"
        f" system:serviceaccount:testbed-users:{name} in namespace {shop}; grant it in a role:"
        " apiGroups ['autoscaling.k8s.io'], resources ['verticalpodautoscalers/status'],"
        " verbs ['patch']"
    )
    assert "status" not in control_plane.api.get(path(shop))
    assert json.loads(kubeconfig.read_text())["users"][0]["user"]["token"] not in repr(
        (caught.value.detail, str(caught.value))
    )
