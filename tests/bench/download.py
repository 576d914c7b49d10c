"""The floor of a report: its queries sent, their replies read and dropped, nothing else.

`python -m tests.bench.download URL PARALLEL < queries.json` prints the seconds from the first
byte sent to the last one received, and the bytes. It starts no session, no retry and no parser.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.history.client import RangeQuery

_PIECE = 1 << 20
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Download:
    seconds: float
    size: int


def encode_queries(queries: Sequence[RangeQuery]) -> str:
    """The queries as `main` reads them."""
    kept = ("query", "start", "end", "step")
    return json.dumps([{name: getattr(each, name) for name in kept} for each in queries])


def download(url: str, bodies: Sequence[str], *, parallel: int) -> Download:
    """Send all forms, so many at a time, each thread over one kept-alive connection."""
    local = threading.local()
    host = urlsplit(url).netloc

    def fetch(body: str) -> int:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(host, timeout=120)
            local.piece = bytearray(_PIECE)
        local.connection.request("POST", "/api/v1/query_range", body, _HEADERS)
        reply = local.connection.getresponse()
        if reply.status != http.client.OK:
            raise RuntimeError(f"{reply.status}: {reply.read(300)!r}")
        size = 0
        while count := reply.readinto(local.piece):
            size += count
        return size

    begun = time.perf_counter()
    with ThreadPoolExecutor(parallel) as pool:
        size = sum(pool.map(fetch, bodies))
    return Download(time.perf_counter() - begun, size)


def main(url: str, parallel: str) -> None:
    bodies = [urlencode(query) for query in json.load(sys.stdin)]
    print(json.dumps(asdict(download(url, bodies, parallel=int(parallel)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
