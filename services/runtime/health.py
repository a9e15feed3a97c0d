"""/metrics, /healthz and /readyz of a process, on a thread of its own so that a busy loop cannot starve them."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.kernel.errors import InvariantBroken
from services.runtime.metrics import common
from services.runtime.settings import settings

STALE_SECONDS = 60.0
"""How long the loop may go without a turn before /healthz answers 503."""


class Health:
    """Whether this process is alive (its loop turned lately) and ready (`not_ready()` returns no reason).

    Args:
        process: the process's name; its address is written to run_dir/NAME.json.
    """

    def __init__(self, process: str) -> None:
        self.process = process
        self.not_ready: Callable[[], str | None] = lambda: "starting"
        self._broken: InvariantBroken | None = None
        self._asked_to_end = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        common().build.labels(version("koc-settlement"), process).set(1)
        common().ready.set_function(lambda: float(self._why_not_ready() is None))
        self.beat()

    def beat(self) -> None:
        """The loop turned."""
        self._last_beat = time.monotonic()
        common().heartbeat.set_to_current_time()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        if path == "/healthz":
            return self._verdict(self._why_not_alive())
        if path == "/readyz":
            return self._verdict(self._why_not_ready())
        return 404, "text/plain", b"try /metrics, /healthz or /readyz\n"

    def report(self, broken: InvariantBroken) -> None:
        """From now on the process is neither alive nor ready; the first broken invariant counts, and says why.

        Only the main thread may call it: SIGTERM and SIGINT are told to `lingering` from now on.
        """
        for number in (signal.SIGTERM, signal.SIGINT):  # before anyone can see it: who does may ask at once for the end
            signal.signal(number, lambda *_: self._asked_to_end.set())
        if self._broken is None:
            self._broken = broken
            common().invariants.labels(broken.invariant).inc()

    @contextmanager
    def lingering(self) -> Iterator[None]:
        """Serve for KOC_LINGER_SECONDS more once an invariant is broken, so that a scrape sees it, then go on ending.

        SIGTERM and SIGINT end the wait at once.
        """
        try:
            yield
        except InvariantBroken as broken:
            self.report(broken)
            self._asked_to_end.wait(settings().linger_seconds)
            raise

    def _why_not_alive(self) -> str | None:
        if self._broken is not None:
            return str(self._broken)
        silent = time.monotonic() - self._last_beat
        return f"the loop has not turned for {silent:.0f} s" if silent > STALE_SECONDS else None

    def _why_not_ready(self) -> str | None:
        return self.not_ready() if self._broken is None else str(self._broken)

    @staticmethod
    def _verdict(problem: str | None) -> tuple[int, str, bytes]:
        return (503, "text/plain", f"{problem}\n".encode()) if problem else (200, "text/plain", b"ok\n")

    def serve(self) -> int:
        """Start serving; returns the port."""
        health = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                status, kind, body = health.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Scrapes are not news."""

        self._server = ThreadingHTTPServer((settings().http_host, settings().http_port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        port = int(self._server.server_address[1])
        self._write_address(port)
        return port

    def _write_address(self, port: int) -> None:
        run_dir = settings().run_dir
        run_dir.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"process": self.process, "pid": os.getpid(), "http_port": port})
        partial = run_dir / f"{self.process}.json.partial"
        partial.write_text(content)
        partial.rename(run_dir / f"{self.process}.json")
