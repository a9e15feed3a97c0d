"""/metrics, /healthz and /readyz of a process, on a thread of its own so that a busy loop cannot starve them."""

import json
import os
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

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
        self._server: ThreadingHTTPServer | None = None
        common().build.labels(version("koc-settlement"), process).set(1)
        common().ready.set_function(lambda: float(self.not_ready() is None))
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
            silent = time.monotonic() - self._last_beat
            return self._verdict(f"the loop has not turned for {silent:.0f} s" if silent > STALE_SECONDS else None)
        if path == "/readyz":
            return self._verdict(self.not_ready())
        return 404, "text/plain", b"try /metrics, /healthz or /readyz\n"

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
