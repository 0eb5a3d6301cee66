"""Liveness: a thread of its own answers for the event loop, and says no when the loop has stopped beating.

kopf's own endpoint runs on the loop it should judge, and says yes as long as it can say anything.
"""

import asyncio
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tidewright_operator import metrics

BEAT = 0.25
SILENCE = 10.0
"""Seconds between two beats, and after which a loop without one is taken for dead."""

PATIENCE = 5.0
"""Seconds that somebody who has connected may take to ask."""


class Heartbeat:
    """Beats on the event loop, listens from outside it. `ready` is what ``/readyz`` says."""

    def __init__(self, port: int) -> None:
        self._last = time.monotonic()
        self.ready = False
        self._condemned = False
        heart = self

        class Handler(BaseHTTPRequestHandler):
            timeout = PATIENCE

            def do_GET(self) -> None:
                code, text = heart.answer(self.path)
                self.send_response(code)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="liveness", daemon=True).start()

    def answer(self, path: str) -> tuple[int, str]:
        """What is answered, as a status and a text."""
        silence = time.monotonic() - self._last
        if path == "/readyz":
            return (200, "ready\n") if self.ready else (503, "waiting for the lease\n")
        if path not in {"/healthz", "/health"}:
            return 404, "there are /healthz and /readyz\n"
        if self._condemned:
            return 503, "ending: a part of the operator has failed\n"
        return (200, "alive\n") if silence < SILENCE else (503, f"the event loop has been silent for {silence:.0f} s\n")

    def condemn(self) -> None:
        """The process is going to end, and is to be taken for dead until it has."""
        self.ready = False
        self._condemned = True

    async def beat(self) -> None:
        """Beat for ever, and measure how late each beat is."""
        while True:
            wanted = time.monotonic() + BEAT
            await asyncio.sleep(BEAT)
            self._last = time.monotonic()
            metrics.LAG.observe(max(self._last - wanted, 0.0))

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
