"""When the list of pods is read again: for something new, at times, and never in a storm."""

import pytest

from collector.identity.book import PodBook, Schedule
from collector.identity.fake import FakePods
from collector.identity.pod import decode_pods
from tests.collector.identity.build import UID, a_pod, body_of, container_id

GAP, SLOW = 2.0, 60.0


@pytest.fixture
def source():
    return FakePods(decode_pods(body_of(a_pod("a"))).pods)


@pytest.fixture
def book(source):
    return PodBook(source, Schedule(gap=GAP, slow=SLOW))


def test_first_look_always_reads(book, source):
    assert book.refresh([], 0.0)
    assert source.reads == 1
    assert book.pod(UID).name == "a"
    assert book.container(container_id("a/app")) == (book.pod(UID), "app")


def test_nothing_new_means_no_reading_until_the_slow_one(book, source):
    for second in range(0, 60, 5):
        book.refresh([], float(second))
    assert source.reads == 1

    assert book.refresh([], 60.0)
    assert source.reads == 2


def test_something_new_is_asked_for_at_once_but_not_within_the_gap(book):
    book.refresh([], 0.0)

    assert not book.refresh(["new"], 1.0)
    assert book.refresh(["new"], 2.0)


def test_what_never_gets_a_name_is_asked_for_ever_more_rarely(book, source):
    """A sandbox, or a container without Kubernetes: gaps double up to the slow reading."""
    half_seconds = [tick * 0.5 for tick in range(1200)]
    times = [now for now in half_seconds if book.refresh(["stranger"], now)]

    assert times[:7] == [0.0, 4.0, 12.0, 28.0, 60.0, 120.0, 180.0]
    assert source.reads == len(times)


def test_stranger_does_not_delay_the_next_new_one(book):
    for second in range(100):
        book.refresh(["stranger"], float(second))

    assert book.refresh(["stranger", "new"], 100.0)


def test_attempts_are_counted_for_each_one(book):
    book.refresh(["a"], 0.0)
    book.refresh(["a", "b"], 2.0)

    assert (book.attempts("a"), book.attempts("b"), book.attempts("c")) == (2, 1, 0)
    book.refresh(["b"], 2.5)
    assert book.attempts("a") == 0


def test_source_that_fails_is_asked_ever_more_rarely_and_what_was_known_stays(book, source):
    book.refresh([], 0.0)
    source.failure = "the kubelet does not answer"
    times = [t * 1.0 for t in range(1, 240) if _asks(book, source, t * 1.0)]

    assert times == [2.0, 6.0, 14.0, 30.0, 62.0, 122.0, 182.0]
    assert book.pod(UID).name == "a"
    assert book.problems == (
        "the kubelet does not answer; pods keep their names, new ones are `unknown`",
    )


def _asks(book, source, now):
    before = source.reads
    book.refresh([f"new at {now}"], now)
    return source.reads > before


def test_source_that_comes_back_is_used_without_anything_new(book, source):
    source.failure = "gone"
    assert not book.refresh([], 0.0)
    source.failure = ""

    assert book.refresh([], 4.0)
    assert book.problems == ()


def test_damaged_pods_are_a_problem_until_they_are_mended(book, source):
    source.damaged = 3
    book.refresh([], 0.0)
    assert book.problems == ("3 pods that a list of pods told could not be read and are `unknown`",)

    source.damaged = 0
    book.refresh([], 60.0)
    assert book.problems == ()


def test_lists_and_items_that_could_not_be_read_are_counted_ever(book, source):
    book.refresh([], 0.0)
    source.failure = "gone"
    book.refresh(["new"], 10.0)
    book.refresh(["new"], 100.0)
    source.failure, source.damaged = "", 3
    book.refresh(["new"], 1000.0)

    assert book.failed == 2 + 3


def test_without_a_source_there_is_nothing_to_ask():
    book = PodBook(None)

    assert not book.refresh(["x"], 0.0)
    assert book.problems == ()
