"""The services of the compose file that are ours, run from the image as compose would run them."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import make_url

from services.runtime.local.layout import Layout, Memory
from services.runtime.local.stack import Stack
from tests.kit.waiting import until
from tests.ops import compose
from tests.ops.image.build import IMAGE
from tests.ops.image.engine import Engine
from tests.ops.image.translation import Place, run_arguments, seconds

_LAST_WORDS = 3000
_ONE_SHOT_SECONDS = 200.0


@dataclass(frozen=True)
class Container:
    """A service that stays, in its container."""

    engine: Engine
    name: str
    service: Mapping[str, Any]
    place: Place

    def is_healthy(self) -> bool:
        """Whether the service's own health check says so now."""
        return self.engine.run("exec", self.name, *self.place.health(self.service)).returncode == 0

    def await_health(self) -> float:
        """Wait as long as compose would before it gives up; returns the seconds that it took."""
        check, began = self.service["healthcheck"], time.monotonic()
        patience = seconds(check["start_period"]) + check["retries"] * seconds(check["interval"])
        until(self.is_healthy, f"{self.name} is healthy", patience, self)
        return time.monotonic() - began

    @property
    def state(self) -> dict[str, Any]:
        """Pid, ExitCode, Status and more, as podman has them."""
        return dict(self.engine.facts("container", self.name)["State"])

    @property
    def restarts(self) -> int:
        """How often its policy has started it again."""
        return int(self.engine.facts("container", self.name)["RestartCount"])

    def problem(self) -> str | None:
        """How it ended; None while it runs, or is between two starts."""
        state = self.state
        is_for_good = state["Status"] == "exited" and self.service["restart"] == "no"
        return f"{self.name} ended with {state['ExitCode']}" if is_for_good else None

    def last_words(self) -> str:
        """The end of its log."""
        logs = self.engine.run("logs", self.name)
        return (logs.stdout + logs.stderr)[-_LAST_WORDS:]

    def stop(self) -> float:
        """SIGTERM, and SIGKILL after the grace period; returns the seconds that it took."""
        began = time.monotonic()
        self.engine.output("stop", self.name)
        return time.monotonic() - began


class Project:
    """All services of ours beside a local stack, as `docker compose` shows them.

    Args:
        engine: has the image.
        stack: runs, without workers.
        database: the name of the books' database there.
    """

    def __init__(self, engine: Engine, stack: Stack, database: str) -> None:
        self.engine = engine
        settings = stack.settings()
        urls = {role: make_url(settings[f"database{role}_url"]) for role in _ROLES}
        passwords = {f"KOC{role or '_writer'}_PASSWORD".upper(): str(url.password) for role, url in urls.items()}
        secrets = {**passwords, "KOC_CONSOLE_TOKEN": "a-token-that-nobody-guesses"}
        server = urls[""]
        self._addresses = {
            "kafka:9092": settings["kafka_bootstrap"],
            "@postgres:5432/koc": f"@{server.host}:{server.port}/{database}",
        }
        self.services: dict[str, dict[str, Any]] = compose.interpolated(self.services_of_ours(), secrets)
        self._memory = Memory()
        self._memory.choose_ports(Layout(stack.layout.folder / "containers"), tuple(self.services))
        self.containers: dict[str, Container] = {}
        self._ended_well: set[str] = set()

    @staticmethod
    def services_of_ours() -> dict[str, dict[str, Any]]:
        """Those of the compose file that run from our image, by name."""
        services: dict[str, dict[str, Any]] = compose.load()["services"]
        return {name: one for name, one in services.items() if one["image"] == IMAGE}

    def once(self, name: str, *command: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run a one-shot to its end: `docker compose run --rm OPTIONS NAME COMMAND`."""
        service = self.services[name]
        assert service["restart"] == "no"
        self._await_dependencies(service)
        words = run_arguments(name, service, Place(self._addresses, 0), list(command) or None)
        done = self.engine.run("run", "--rm", *options, *words, seconds=_ONE_SHOT_SECONDS)
        self._ended_well |= {name} if done.returncode == 0 else set()
        return done

    def start(self, name: str, *command: str) -> Container:
        """Start a service that stays, or one to be stopped; `command` instead of its own."""
        service = self.services[name]
        self._await_dependencies(service)
        place = Place(self._addresses, self._memory.ports[name])
        container = self.containers[name] = Container(self.engine, name, service, place)
        self.engine.output("run", "--detach", *run_arguments(name, service, place, list(command) or None))
        return container

    def _await_dependencies(self, service: Mapping[str, Any]) -> None:
        """What a service waits for must be so; the servers are the local stack's."""
        for other, how in service["depends_on"].items():
            if how["condition"] == "service_completed_successfully":
                assert other in self._ended_well, f"{other} has not ended well"
            elif other in self.services:
                self.containers[other].await_health()

    def remove(self) -> None:
        """End and remove every container by its name, and the volumes that they had."""
        for name in self.containers:
            self.engine.output("rm", "--force", "--time", "0", "--volumes", name)
        self.engine.output("volume", "prune", "--force")


_ROLES = ("", "_owner", "_reader", "_operator", "_approver", "_payer")


@contextmanager
def project_on(engine: Engine, stack: Stack, database: str) -> Iterator[Project]:
    """Within the block, a project of which nothing is left afterwards."""
    project = Project(engine, stack, database)
    try:
        yield project
    finally:
        project.remove()
