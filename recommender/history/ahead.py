"""Replies asked for before anybody waits for them: the store works while we are busy elsewhere."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from recommender.background import begin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from recommender.history.client import QueryClient, RangeQuery
    from recommender.history.reply import Reply


class AheadClient:
    """A QueryClient that can ask before the reply is wanted, never `parallel` + 1 at once.

    A reply that was asked for ahead is handed out once, its error too. What is never wanted
    costs the store a query and delays nothing: the threads do not keep the program alive.
    """

    def __init__(self, client: QueryClient, *, parallel: int) -> None:
        self._client = client
        self._slots = threading.BoundedSemaphore(parallel)
        self._lock = threading.Lock()
        self._asked: dict[RangeQuery, Future[Reply]] = {}

    def query_range(self, query: RangeQuery) -> Reply:
        with self._lock:
            future = self._asked.pop(query, None)
        return self._ask(query) if future is None else future.result()

    def start(self, queries: Iterable[RangeQuery]) -> list[Future[Reply]]:
        """Ask for these in the background; the futures are those that `query_range` hands out."""
        started = []
        for query in queries:
            future = begin(partial(self._ask, query))
            with self._lock:
                self._asked[query] = future
            started.append(future)
        return started

    def _ask(self, query: RangeQuery) -> Reply:
        with self._slots:
            return self._client.query_range(query)
