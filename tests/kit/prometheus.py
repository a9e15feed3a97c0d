"""A real Prometheus that scrapes a local stack by our own configuration, once a second."""

import json
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.runtime.local.layout import Layout, Memory
from services.runtime.local.stack import Stack
from tests.kit.processes import dies_with_us
from tests.kit.scrape_targets import ScrapeTargets
from tests.kit.waiting import until

CONFIGURATION = Path(__file__).parents[2] / "deploy/prometheus/prometheus.yml"
INTERVAL = "$__rate_interval"
"""The one Grafana variable of our queries."""


@dataclass(frozen=True)
class Alert:
    """An alert that is pending or firing now, with its labels (alertname and severity among them) and annotations."""

    name: str
    is_firing: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    address: str
    targets: ScrapeTargets

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query, its Grafana variables filled in with the whole of the run."""
        return list(self._get("query", query=expression.replace(INTERVAL, "5m"))["result"])

    def series_of(self, expression: str, seconds: float = 120) -> list[dict[str, Any]]:
        """The same, waiting for the scrapes that it needs."""
        deadline = time.monotonic() + seconds
        while not (found := self._asked(expression)) and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def curves_of(self, expression: str, since: float, until: float) -> list[dict[str, Any]]:
        """The series of a query, a value a second; `since` and `until` are Unix times."""
        asked = {"query": expression.replace(INTERVAL, "5s"), "start": since, "end": until, "step": 1}
        return list(self._get("query_range", **asked)["result"])

    def alerts(self) -> list[Alert]:
        """All that are pending or firing now."""
        return [
            Alert(one["labels"]["alertname"], one["state"] == "firing", one["labels"], one["annotations"])
            for one in self._get("alerts")["alerts"]
        ]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule that it evaluates: type, name, query, health and lastError among its members."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _asked(self, expression: str) -> list[dict[str, Any]]:
        """The same as `ask`, empty while the server is still starting."""
        try:
            return self.ask(expression)
        except OSError:
            return []

    def _get(self, path: str, **parameters: object) -> dict[str, Any]:
        address = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - our own Prometheus on loopback
            return dict(json.load(answer)["data"])


@contextmanager
def scraping(stack: Stack, folder: Path, program: str, rules: str = "") -> Iterator[Prometheus]:
    """Prometheus with our own configuration, its targets led to this stack's processes.

    Args:
        stack: runs, and has one worker, one poster and one relay at least.
        folder: for its configuration, its data and its log.
        program: the server's path.
        rules: to evaluate, as YAML, once every process is scraped; instead of those of the configuration.
    """
    with ExitStack() as ends:
        targets = ends.enter_context(ScrapeTargets(folder, stack))
        config = yaml.safe_load(CONFIGURATION.read_text())
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [f"{folder}/rules.yml"]
        for job in config["scrape_configs"]:
            del job["static_configs"]
            job["file_sd_configs"] = [{"files": [targets.files(job["job_name"])]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        memory = Memory()
        memory.choose_ports(Layout(folder), ("prometheus",))
        listen = f"127.0.0.1:{memory.ports['prometheus']}"
        files = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        command = dies_with_us([program, *files, f"--web.listen-address={listen}"])
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log)
        ends.callback(_end, server)
        reached = Prometheus(f"http://{listen}", targets)
        processes = len(stack.processes()) - 2
        assert reached.series_of(f"count(up == 1) == {processes}"), (folder / "log").read_text()
        (folder / "rules.yml").write_text(rules)
        server.send_signal(signal.SIGHUP)
        until(lambda: bool(reached.rules()) == bool(rules), "the rules are loaded")
        yield reached


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    server.wait(60)
