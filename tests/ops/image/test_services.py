"""Every service of the compose file, run from the image beside a local stack as compose would run it."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from schemas.topics import ALL, ORDERS
from services.console.server import PORT
from services.demo.events import record
from services.demo.shop_week import FIRST_RUN, Week, arrivals, shop_week
from services.kernel.time import format_rfc3339
from services.operations.drain.positions import wait_until_drained
from services.runtime.kafka import admin
from services.runtime.publishing import publish
from services.runtime.topics import log_ends
from tests.kit.stacks import empty_database_on, stack_of_its_own
from tests.kit.waiting import until
from tests.ops.compose import ROOT
from tests.ops.image.engine import Engine
from tests.ops.image.project import Container, Project, project_on
from tests.ops.image.translation import LOOPBACK, seconds

pytestmark = pytest.mark.timeout(900)
WORKERS = ("console", "attribution", "poster", "relay")
ONE_SHOTS = ("topics", "migrate", "run", "close", "operator")
ORDERS_OF_THE_WEEK = 400
DRAIN_SECONDS = 150.0
MONTH = "2026-09"
COMPOSE_GRACE_SECONDS = 10.0
"""Where the compose file says nothing."""
PAGES = ("/", "/enter", "/health")
STATIC = sorted(file.name for file in (ROOT / "services/console/static").iterdir())
PERSON = 4321
"""The user id of a person on this machine: no user of the image has it."""


@dataclass
class Story:
    """What came of the services' life.

    Attributes:
        once: what each one-shot did, by its words.
        pages: of the console, by their path: status and type of what was answered.
        files: that a command wrote for a person, and whose they are.
        restarts: by worker, after its process was killed.
        stopped: by service: seconds from SIGTERM to the end, and the exit status.
        allowed: by service, the seconds of its grace period.
        terminated: the same as `stopped`, of a command that does not listen for SIGTERM.
    """

    once: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)
    pages: dict[str, tuple[int, str]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, tuple[float, int]] = field(default_factory=dict)
    allowed: dict[str, float] = field(default_factory=dict)
    terminated: tuple[float, int] = (0.0, 0)

    def run(self, project: Project, name: str, *command: str, options: Sequence[str] = ()) -> None:
        """A one-shot, run to its end."""
        words = " ".join((name, *command))
        number = sum(one.startswith(words) for one in self.once)
        self.once[f"{words} #{number + 1}"] = project.once(name, *command, options=options)

    def stop(self, container: Container) -> None:
        """A service, stopped in order."""
        took = container.stop()
        self.stopped[container.name] = (took, container.state["ExitCode"])
        period = container.service.get("stop_grace_period")
        self.allowed[container.name] = seconds(period) if period else COMPOSE_GRACE_SECONDS


@pytest.fixture(scope="module")
def story(engine: Engine, tmp_path_factory: pytest.TempPathFactory, figures: dict[str, str]) -> Iterator[Story]:
    """From a broker without topics and a database without tables to the last service's end."""
    folder = tmp_path_factory.mktemp("image")
    with stack_of_its_own(folder / "stack") as stack, empty_database_on(stack) as database:
        _delete_topics()
        with project_on(engine, stack, database) as project:
            yield _live(project, folder / "out", figures)


def _live(project: Project, output: Path, figures: dict[str, str]) -> Story:
    """All services, one after another as compose starts and stops them; `output` is a folder for a person's files."""
    story = Story()
    # the one-shots that `up` waits for, as often as there are two `up`
    for name in ("topics", "topics", "migrate", "migrate"):
        story.run(project, name)
    # the services that stay
    for name in WORKERS:
        figures[f"{name} healthy after"] = f"{project.start(name).await_health():.1f} s"
    # what people see first
    token = project.services["console"]["environment"]["KOC_CONSOLE_TOKEN"]
    until(lambda: _answer("/enter", token)[0], "the console answers", process=project.containers["console"])
    story.pages = {path: _answer(path, token) for path in (*PAGES, *(f"/static/{name}" for name in STATIC))}
    # events, and each service's process killed on the way
    week = shop_week(ORDERS_OF_THE_WEEK)
    _publish_with_kills(project, week, story, figures)
    wait_until_drained(DRAIN_SECONDS)
    # what people and cron do
    story.run(project, "run", "--as-of", format_rfc3339(FIRST_RUN), "--reason", "weekly", "--json")
    for name in ("close", "close"):
        story.run(project, name, MONTH)
    _write_statements(project, story, output)
    _let_traffic_pass(project, story)
    wait_until_drained(DRAIN_SECONDS)
    story.run(project, "operator")
    story.run(project, "operator", "koc", "ledger", "verify")
    story.run(project, "operator", "koc", "ledger", "audit", "--from-topics")
    sleeper = project.start("operator", "sleep", "600")
    story.terminated = (sleeper.stop(), sleeper.state["ExitCode"])
    # the end, dependents first
    for name in reversed(WORKERS):
        story.stop(project.containers[name])
        figures[f"{name} stopped after"] = f"{story.stopped[name][0]:.1f} s"
    return story


def _answer(path: str, token: str) -> tuple[int, str]:
    """Status and type of what the console answers to a reader; no status (0) while it does not listen."""
    address = f"http://{LOOPBACK}:{PORT}{path}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the console's own
            return answer.status, answer.headers.get_content_type()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers.get_content_type()
    except urllib.error.URLError:
        return 0, ""


def _publish_with_kills(project: Project, week: Week, story: Story, figures: dict[str, str]) -> None:
    """The week in two halves, each worker killed between them, with work left."""
    log = list(map(record, arrivals(week.log, seed=1)))
    publish(map(record, week.registry))
    publish(log[: len(log) // 2])
    for name in WORKERS:
        container, began = project.containers[name], time.monotonic()
        (process,) = psutil.Process(container.state["Pid"]).children()
        process.kill()
        process.wait()
        if name == WORKERS[-1]:
            publish(log[len(log) // 2 :])
        until(lambda one=container: one.restarts and one.is_healthy(), f"{name} is back", process=container)
        story.restarts[name] = container.restarts
        figures[f"{name} back after kill -9"] = f"{time.monotonic() - began:.1f} s"


def _write_statements(project: Project, story: Story, output: Path) -> None:
    """Files for a person, by the person's own user id, as docs/docker.md has it."""
    output.mkdir()
    os.chown(output, PERSON, PERSON)
    words = f"koc statement write --all --period {MONTH} --form pdf --output /out".split()
    story.run(project, "operator", *words, options=(f"--user={PERSON}", f"--volume={output}:/out"))
    story.files = {file.name: file.stat().st_uid for file in output.iterdir()}


def _let_traffic_pass(project: Project, story: Story) -> None:
    """The traffic service, until it has published orders."""
    before = sum(log_ends([ORDERS.name]).values())
    container = project.start("traffic")
    until(lambda: sum(log_ends([ORDERS.name]).values()) > before, "traffic publishes orders", process=container)
    story.stop(container)


def _delete_topics() -> None:
    names = [topic.name for topic in ALL]
    with admin() as client:
        client.delete_topics(names)
        until(lambda: not set(names) & set(client.list_topics()), "the topics are deleted")


def test_every_one_shot_ends_well_and_may_run_again(story: Story) -> None:
    for words, done in story.once.items():
        assert done.returncode == 0, f"{words}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    assert {words.split()[0] for words in story.once} == set(ONE_SHOTS)


def test_every_service_of_ours_has_run(story: Story) -> None:
    ran = {words.split()[0] for words in story.once} | set(story.stopped)
    assert ran == set(Project.services_of_ours())


def test_the_console_shows_its_pages_with_their_style(story: Story) -> None:
    assert {path: story.pages[path] for path in PAGES} == dict.fromkeys(PAGES, (200, "text/html"))
    files = {path: answer for path, answer in story.pages.items() if path not in PAGES}
    assert "/static/console.css" in files
    for path, answer in files.items():
        assert answer == (200, "text/css" if path.endswith(".css") else answer[1]), path


def test_a_process_that_is_killed_comes_back_and_the_books_are_right(story: Story) -> None:
    assert story.restarts == dict.fromkeys(WORKERS, 1)
    (verified,) = (done for words, done in story.once.items() if "verify" in words)
    assert "the books are as they should be" in verified.stdout


def test_the_run_settled_lines_and_people_see_who_decided(story: Story) -> None:
    (run,) = (json.loads(done.stdout) for words, done in story.once.items() if words.startswith("run"))
    assert run["lines"] > 0, run
    (commands,) = (done.stdout for words, done in story.once.items() if words.startswith("operator #"))
    assert MONTH in commands
    assert "weekly" in commands


def test_files_that_a_person_asks_for_are_the_persons(story: Story) -> None:
    assert story.files
    assert set(story.files.values()) == {PERSON}
    assert all(name.endswith(".pdf") for name in story.files)


def test_all_stop_in_order_within_their_grace_period(story: Story) -> None:
    for name, (took, status) in story.stopped.items():
        assert status == 0, name
        assert took < story.allowed[name], name


def test_a_command_that_does_not_listen_ends_at_sigterm_all_the_same(story: Story) -> None:
    took, status = story.terminated
    assert status == 128 + signal.SIGTERM
    assert took < COMPOSE_GRACE_SECONDS
