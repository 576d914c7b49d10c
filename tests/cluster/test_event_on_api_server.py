"""Events as the real API server takes them and as kubectl shows them."""

import pytest

from recommender.cluster.connection import connect
from recommender.cluster.event import Event, EventWriter, choose_events
from recommender.cluster.resource import EVENTS
from recommender.cluster.role import list_rules
from recommender.cluster.status import build_status
from recommender.cluster.writer import StatusWriter
from recommender.model.change import StatusChange
from recommender.settings import ClusterSettings
from tests.cluster import builder
from tests.cluster.builder import deployment_with_pods, vpa
from tests.cluster.verdict import recommended, report, sized

NOW = "2026-05-01T12:00:00Z"


def write(client, found, *containers):
    """As a cycle does: the status, then what is to be told of it."""
    status = build_status(found, report(*containers), [], now=NOW)
    change = StatusChange(found, status, StatusWriter(client).write(found, status))
    return EventWriter(client, reporter="joulefit").write(choose_events(change))


@pytest.fixture
def objects(shop):
    return *deployment_with_pods(shop, "web"), vpa(shop, "web")


def test_kubectl_describe_shows_what_happened_to_a_vpa(
    control_plane, connection, read_shop, shop, objects
):
    (found,) = read_shop(*objects).vpas
    assert write(connection, found, sized(tier="T0", basis="stock rule")) == {"posted": 1}
    (found,) = read_shop().vpas
    moved = sized(amounts=recommended(("800m", "1Gi"), ("700m", "900Mi"), ("900m", "1500Mi")))
    assert write(connection, found, moved) == {"posted": 2}
    shown = control_plane.kubectl("describe", "vpa", "web", "-n", shop).partition("Events:")[2]
    rows = [line.split(maxsplit=4) for line in shown.splitlines() if "joulefit" in line]
    assert {row[1]: (row[0], row[-1]) for row in rows} == {
        "RecommendationProvided": ("Normal", "app: cpu 411m, memory 1Gi"),
        "TierChanged": ("Normal", "app: T0 -> T1"),
        "TargetMoved": ("Normal", "app: cpu 411m -> 800m, outside 372m - 470m"),
    }


def test_an_event_is_the_users_to_list_and_no_object_of_theirs_is_touched(
    control_plane, connection, read_shop, shop, objects
):
    (found,) = read_shop(*objects).vpas
    path = f"/apis/autoscaling.k8s.io/v1/namespaces/{shop}/verticalpodautoscalers/web"
    before = control_plane.api.get(path)
    event = Event(shop, "web", found.uid, "RecommendationLost", "why", is_warning=True)
    assert EventWriter(connection, reporter="joulefit").write([event]) == {"posted": 1}
    assert control_plane.api.get(path) == before
    shown = control_plane.kubectl("get", "events", "-n", shop, "--field-selector=type=Warning")
    assert "verticalpodautoscaler/web" in shown


def test_the_longest_name_and_note_are_taken(connection, shop):
    name = ("a" * 60 + ".") * 4 + "b" * 9  # 253 characters, as long as a name may be
    event = Event(shop, name, "uid", "TargetMoved", "é" * 512)
    outcome = EventWriter(connection, reporter="joulefit", instance="pod-" + "x" * 300).write(
        [event]
    )
    assert (len(name), outcome) == (253, {"posted": 1})


def test_the_role_is_enough_for_events_and_without_its_rule_they_are_counted_as_failed(
    control_plane, read_shop, shop, objects
):
    (found,) = read_shop(*objects).vpas
    event = Event(shop, "web", found.uid, "TargetMoved", "note")
    without = [rule for rule in list_rules() if EVENTS.plural not in rule["resources"]]
    for rules, outcome in ((list_rules(), {"posted": 1}), (without, {"failed": 1})):
        kubeconfig = control_plane.new_user(builder.unique("events"), rules)
        with connect(ClusterSettings(kubeconfig=str(kubeconfig))) as opened:
            assert EventWriter(opened, reporter="joulefit").write([event]) == outcome
