"""Somebody else's server that a shop's events are sent to."""

import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WITHIN = 60


class Receiver:
    """Answers every message with `status`, and keeps what came."""

    def __init__(self):
        self.status = 200
        self._came = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver._came.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/orders"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self):
        """The headers and the body of the next message."""
        return self._came.get(timeout=WITHIN)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
