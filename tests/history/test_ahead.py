"""Asking before the reply is wanted: the same replies and errors, never more queries at once."""

from __future__ import annotations

import threading

import pytest

from recommender.errors import StoreReplyError
from recommender.history.ahead import AheadClient
from recommender.history.client import RangeQuery
from recommender.history.reply import Reply

QUERIES = [RangeQuery(f"up{number}", 0, 300, 300) for number in range(6)]
LIMIT = 30.0  # seconds until a hanging test gives up


class GatedClient:
    """Answers a query once its gate is open, with its text; counts what is under way."""

    def __init__(self, *, refuses=()):
        self.gate = threading.Event()
        self.refuses = refuses
        self.asked = []
        self.most = 0
        self._under_way = 0
        self._lock = threading.Lock()
        self.arrived = threading.Semaphore(0)

    def query_range(self, query):
        with self._lock:
            self.asked.append(query)
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        self.arrived.release()
        assert self.gate.wait(LIMIT)
        with self._lock:
            self._under_way -= 1
        if query in self.refuses:
            raise StoreReplyError(f"no {query.query}")
        return Reply([], query.query.encode(), [])


def test_a_reply_asked_for_ahead_is_the_one_that_is_handed_out_and_once_only():
    client = GatedClient()
    ahead = AheadClient(client, parallel=2)
    ahead.start(QUERIES[:1])
    assert client.arrived.acquire(timeout=LIMIT)
    client.gate.set()
    assert ahead.query_range(QUERIES[0]).text == b"up0"
    assert client.asked == QUERIES[:1]
    assert ahead.query_range(QUERIES[0]).text == b"up0"
    assert client.asked == QUERIES[:1] * 2


def test_what_was_not_asked_ahead_is_asked_when_wanted():
    client = GatedClient()
    client.gate.set()
    assert AheadClient(client, parallel=1).query_range(QUERIES[3]).text == b"up3"


def test_never_more_queries_are_under_way_than_the_store_is_to_bear():
    client = GatedClient()
    ahead = AheadClient(client, parallel=2)
    futures = ahead.start(QUERIES)
    for _ in range(2):
        assert client.arrived.acquire(timeout=LIMIT)
    assert not client.arrived.acquire(blocking=False)
    client.gate.set()
    assert [future.result(LIMIT).text for future in futures] == [
        query.query.encode() for query in QUERIES
    ]
    assert client.most == 2


def test_an_error_ahead_is_the_error_of_whoever_wants_the_reply():
    client = GatedClient(refuses=QUERIES[1:2])
    client.gate.set()
    ahead = AheadClient(client, parallel=2)
    ahead.start(QUERIES[:2])
    assert ahead.query_range(QUERIES[0]).text == b"up0"
    with pytest.raises(StoreReplyError, match="no up1"):
        ahead.query_range(QUERIES[1])


def test_a_hanging_store_does_not_keep_the_program_alive():
    ahead = AheadClient(GatedClient(), parallel=1)
    ahead.start(QUERIES[:1])
    (waiting,) = (thread for thread in threading.enumerate() if thread.name == "background")
    assert waiting.daemon
