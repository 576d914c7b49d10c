"""A store on loopback that answers each request as it is told to, and keeps what it was asked."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EMPTY = b'{"status":"success","data":{"resultType":"matrix","result":[]}}'


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, list[str]]
    connection: tuple[str, int]


@dataclass
class Scripted:
    """An answer: status, body, headers. `sent` truncates the body below its announced length;
    `before_body` runs after the headers went out."""

    status: int = 200
    body: bytes = EMPTY
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    before_body: Callable[[], None] = lambda: None


class ScriptedStore:
    """Answers with `script` in turn, the last one again and again."""

    def __init__(self, script: list[Scripted]) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.url = ""
        self._lock = threading.Lock()

    def next_answer(self, asked: Asked) -> Scripted:
        with self._lock:
            self.asked.append(asked)
            return self.script[min(len(self.asked), len(self.script)) - 1]


def json_reply(body: bytes = EMPTY, **headers: str) -> Scripted:
    return Scripted(200, body, {"Content-Type": "application/json", **headers})


def zipped(body: bytes = EMPTY) -> Scripted:
    return json_reply(gzip.compress(body), **{"Content-Encoding": "gzip"})


@contextmanager
def scripted_store(*script: Scripted) -> Iterator[ScriptedStore]:
    store = ScriptedStore(list(script) or [json_reply()])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._answer(parse_qs(text))

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, form: dict[str, list[str]]) -> None:
            asked = Asked(
                self.command, self.path, dict(self.headers.items()), form, self.client_address
            )
            answer = store.next_answer(asked)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            answer.before_body()
            self.wfile.write(answer.body[: answer.sent])
            if answer.sent is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
