"""What users are told about a VPA, and how often."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.cluster.api import Listing
from recommender.cluster.event import OVERALL, PER_VPA, Event, EventWriter, choose_events
from recommender.cluster.fake import FakeApi
from recommender.cluster.resource import EVENTS
from recommender.cluster.status import build_status
from recommender.errors import ClusterUnreachableError
from recommender.model.change import StatusChange
from recommender.model.cluster import Vpa
from tests.cluster.verdict import recommended, report, sized, skipped

NOW = "2026-05-01T12:00:00Z"
EVENT = Event("shop", "web", "uid-1", "TargetMoved", "app: cpu 1 -> 2, outside 500m - 1500m")
CREATE = f"POST {EVENTS.path('shop')}"


def vpa(status=None):
    return Vpa("shop", "web", 1, None, status=status or {}, uid="uid-1")


def status_of(*containers, rows=(), before=None):
    """What is written for these containers, over the status `before`."""
    return build_status(vpa(before), report(*containers), rows, now=NOW)


def events(before, after, outcome="written"):
    return choose_events(StatusChange(vpa(before), after, outcome))


def told(before, after):
    return [(event.reason, event.note) for event in events(before, after)]


def app(cpu="411m", low="372m", high="470m", memory="1Gi", **more):
    amounts = recommended((cpu, memory), (low, "900Mi"), (high, "1500Mi"))
    return sized("app", amounts=amounts, **more)


T1 = status_of(app())


def test_the_first_recommendation_is_told_with_its_targets():
    found = events({}, status_of(app(), sized("log", amounts=recommended(("25m", None)))))
    assert found == (
        Event(
            "shop",
            "web",
            "uid-1",
            "RecommendationProvided",
            "app: cpu 411m, memory 1Gi",
            is_warning=False,
        ),
    )


def test_a_recommendation_that_is_lost_is_a_warning_with_the_reason():
    gone = build_status(replace(vpa(T1), matches_pods=False), report(), [], now=NOW)
    (event,) = events(T1, gone)
    assert (event.reason, event.is_warning) == ("RecommendationLost", True)
    assert event.note == "No pods match this VPA object"


@pytest.mark.parametrize(
    ("cpu", "memory", "notes"),
    [
        ("371m", "1Gi", "app: cpu 411m -> 371m, outside 372m - 470m"),
        ("471m", "1Gi", "app: cpu 411m -> 471m, outside 372m - 470m"),
        ("411m", "2Gi", "app: memory 1Gi -> 2Gi, outside 900Mi - 1500Mi"),
        (
            "1",
            "2Gi",
            "app: cpu 411m -> 1, outside 372m - 470m; app: memory 1Gi -> 2Gi, outside 900Mi - 1500Mi",
        ),
    ],
)
def test_a_target_that_leaves_its_bounds_is_told_with_them(cpu, memory, notes):
    amounts = recommended((cpu, memory), ("100m", "100Mi"), ("2", "4Gi"))
    assert told(T1, status_of(sized("app", amounts=amounts))) == [("TargetMoved", notes)]


@pytest.mark.parametrize(
    "after",
    [
        app(),
        app("372m", "350m"),
        app("470m", high="500m"),
        app(low="100m", high="2"),
        app(why="other evidence"),
    ],
    ids=["same", "to the lower bound", "to the upper bound", "bounds alone", "words alone"],
)
def test_what_stays_within_the_published_bounds_is_no_news(after):
    assert told(T1, status_of(after)) == []


@given(st.integers(372, 470), st.integers(1, 400), st.integers(470, 4000))
def test_no_target_within_its_bounds_is_ever_told(target, low, high):
    after = app(f"{target}m", f"{min(low, target)}m", f"{high}m")
    assert told(T1, status_of(after)) == []


def test_another_tier_is_told_for_each_container_that_has_one_before_and_after():
    before = status_of(app(tier="T0", basis="stock rule"), sized("db"), sized("log"))
    after = status_of(app(), sized("db", tier="T0", basis="stock rule"), sized("log"))
    assert told(before, after) == [("TierChanged", "app: T0 -> T1; db: T1 -> T0")]


def test_another_basis_of_the_same_tier_is_no_news():
    assert told(T1, status_of(app(basis="priced quantile, modelled power"))) == []


def test_a_number_that_is_merely_kept_is_no_news():
    kept = status_of(rows=[skipped("app", "no usage in 14 d")], before=T1)
    assert kept["recommendation"] == T1["recommendation"]
    assert told(T1, kept) == []
    assert told(kept, T1) == []


def test_a_new_container_beside_others_is_no_news():
    assert told(T1, status_of(app(), sized("log"))) == []


def test_bounds_of_another_recommender_that_cannot_be_read_give_no_news():
    entry = {"containerName": "app", "target": {"cpu": "much"}, "lowerBound": {"cpu": "??"}}
    before = {"recommendation": {"containerRecommendations": [entry, "nonsense"]}}
    assert told(before, T1) == []


@pytest.mark.parametrize("outcome", ["unchanged", "would be written", "gone", "superseded"])
def test_nothing_is_told_of_what_was_not_written(outcome):
    assert events({}, T1, outcome) == ()


@given(st.lists(st.text("abcdefghij-é", min_size=1, max_size=63), max_size=200, unique=True))
def test_a_note_fits_whatever_the_containers(names):
    entries = [{"containerName": name, "target": {"cpu": "1"}} for name in names]
    after = {"recommendation": {"containerRecommendations": entries}}
    for event in events({}, after):
        assert len(event.note.encode()) <= 1024
        assert event.note.endswith("...") or len(event.note.split("; ")) == len(names)


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def writer(api, clock):
    return EventWriter(api, reporter="joulefit", clock=clock, now=lambda: 1_767_225_600.25)


def posted(api):
    return Listing(EVENTS, dict, "shop").read(api)


def note(number, vpa="web"):
    return replace(EVENT, vpa=vpa, note=f"note {number}")


def test_an_event_is_about_the_object_that_was_read(clock):
    api = FakeApi()
    assert writer(api, clock).write([EVENT]) == {"posted": 1}
    (made,) = posted(api)
    name = made["metadata"].pop("name")
    assert name.startswith("web.")
    assert made == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": "shop"},
        "eventTime": "2026-01-01T00:00:00.250000Z",
        "reportingController": "joulefit",
        "reportingInstance": "joulefit",
        "action": "Recommend",
        "reason": "TargetMoved",
        "type": "Normal",
        "note": EVENT.note,
        "regarding": {
            "apiVersion": "autoscaling.k8s.io/v1",
            "kind": "VerticalPodAutoscaler",
            "namespace": "shop",
            "name": "web",
            "uid": "uid-1",
        },
    }


def test_the_same_words_are_said_once_an_hour(clock):
    api = FakeApi()
    events = writer(api, clock)
    assert events.write([EVENT, EVENT]) == {"posted": 1, "dropped": 1}
    clock.seconds = 3599.0
    assert events.write([EVENT]) == {"dropped": 1}
    clock.seconds = 3600.0
    assert events.write([EVENT]) == {"posted": 1}


def test_one_vpa_may_say_a_few_things_at_once_and_then_one_in_five_minutes(clock):
    events = writer(FakeApi(), clock)
    assert PER_VPA.burst == 4
    assert events.write(map(note, range(10))) == {"posted": 4, "dropped": 6}
    clock.seconds = 299.0
    assert events.write([note(10)]) == {"dropped": 1}
    clock.seconds = 300.0
    assert events.write([note(11)]) == {"posted": 1}


def test_a_fleet_that_starts_says_a_hundred_things_and_then_one_a_second(clock):
    events = writer(FakeApi(), clock)
    fleet = [note(0, f"web-{number}") for number in range(150)]
    assert events.write(fleet) == {"posted": OVERALL.burst, "dropped": 50}
    clock.seconds = 10.0
    assert events.write(fleet[100:]) == {"posted": 10, "dropped": 40}


def test_an_event_that_is_refused_is_logged_and_counted_and_the_next_is_tried(clock, caplog):
    api = FakeApi(failures={CREATE: 403})
    with caplog.at_level(logging.WARNING):
        assert writer(api, clock).write([note(1), note(2)]) == {"failed": 2}
    assert len(api.requests) == 2
    assert caplog.messages[0].startswith("event=TargetMoved vpa=shop/web failed: events: create is")


def test_what_failed_may_be_said_again(clock):
    api = FakeApi(failures={CREATE: 500})
    events = writer(api, clock)
    assert events.write([EVENT]) == {"failed": 1}
    api.failures.clear()
    assert events.write([EVENT]) == {"posted": 1}


def test_an_event_that_is_there_already_was_posted_by_the_request_whose_answer_got_lost(clock):
    api = FakeApi(failures={CREATE: 409})
    assert writer(api, clock).write([EVENT]) == {"posted": 1}


class Away(FakeApi):
    """An API server that nothing reaches."""

    def request(self, method, path, **_):
        self.requests.append(f"{method} {path}")
        raise ClusterUnreachableError("the API server cannot be reached")


def test_an_api_server_that_is_away_is_asked_once_for_all(clock):
    api = Away()
    assert writer(api, clock).write([note(1), note(2), note(3)]) == {"failed": 3}
    assert api.requests == [CREATE]


def test_the_fake_keeps_no_two_events_of_one_name():
    body = b'{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"web.1"}}'
    api = FakeApi()
    api.request("POST", EVENTS.path("shop"), body=body)
    assert api.get(EVENTS, "shop", "web.1")["kind"] == "Event"
    with pytest.raises(Exception, match="409"):
        api.request("POST", EVENTS.path("shop"), body=body)
