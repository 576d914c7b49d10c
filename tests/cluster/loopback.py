"""A server on loopback that answers what it is told to, and notes what it was asked."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Reply:
    """One answer; `length` overrides Content-Length, `is_held` waits until the server closes."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict = field(default_factory=dict)
    length: int | None = None
    is_held: bool = False


class Loopback:
    """Answers the replies in turn, the last one for ever."""

    def __init__(self, *replies):
        self.replies = list(replies) or [Reply()]
        self.requests = []
        self.connections = 0
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer.connections += 1

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.requests.append(
                    (self.command, self.path, dict(self.headers), self.rfile.read(length))
                )
                outer.give(self)

            do_GET = do_PATCH = answer  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    def give(self, handler):
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.is_held:
            self._closing.wait(30)
            handler.close_connection = True
            return
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        length = len(reply.body) if reply.length is None else reply.length
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(reply.body)
        handler.close_connection = length != len(reply.body)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
