"""A real Prometheus that scrapes a local stack by our own configuration, once a second."""

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.runtime.local.stack import Stack

CONFIGURATION = Path(__file__).parents[2] / "deploy/prometheus/prometheus.yml"
INTERVAL = "$__rate_interval"
"""The one Grafana variable of our queries."""


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    address: str

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query, its Grafana variables filled in with the whole of the run."""
        return self._get("query", query=expression.replace(INTERVAL, "5m"))

    def series_of(self, expression: str, seconds: float = 40) -> list[dict[str, Any]]:
        """The same, waiting for the scrapes that it needs."""
        deadline = time.monotonic() + seconds
        while not (found := self._asked(expression)) and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def curves_of(self, expression: str, since: float, until: float) -> list[dict[str, Any]]:
        """The series of a query, a value a second; `since` and `until` are Unix times."""
        return self._get("query_range", query=expression.replace(INTERVAL, "5s"), start=since, end=until, step=1)

    def _asked(self, expression: str) -> list[dict[str, Any]]:
        """The same as `ask`, empty while the server is still starting."""
        try:
            return self.ask(expression)
        except OSError:
            return []

    def _get(self, path: str, **parameters: object) -> list[dict[str, Any]]:
        address = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own Prometheus on loopback
            return list(json.load(answer)["data"]["result"])


@contextmanager
def scraping(stack: Stack, folder: Path, program: str) -> Iterator[Prometheus]:
    """Prometheus with our own configuration, its targets led to this stack's processes.

    Args:
        stack: runs, and has one worker, one poster and one relay.
        folder: for its configuration, its data and its log.
        program: the server's path.
    """
    config = yaml.safe_load(CONFIGURATION.read_text())
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    ports = {process["name"].rpartition("-")[0]: process["http_port"] for process in stack.processes()}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    files = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, *files, f"--web.listen-address={listen}"], stdout=log, stderr=log)
    try:
        reached = Prometheus(f"http://{listen}")
        assert reached.series_of("count(up == 1) == 3"), (folder / "log").read_text()
        yield reached
    finally:
        server.terminate()
        server.wait(20)
