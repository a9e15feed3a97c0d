"""`koc doctor`: check everything that a start checks, and say what to do."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated

import typer

from services.kernel.errors import StartRefused
from services.runtime.settings import local_dir, settings

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: what was looked at, whether it is well, and what was seen or has to be done."""

    check: str
    ok: bool
    detail: str


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="A list of {check, ok, detail}.")] = False) -> None:
    """Check the machine, Kafka, the topics, the snapshots, PostgreSQL and the workers; exit 1 if anything is wrong.

    Machine and workers are looked at only for a local stack, that is unless KOC_KAFKA_BOOTSTRAP leads elsewhere.

    Examples: koc doctor · koc doctor --json
    """
    findings = []
    for finding in _findings():
        findings.append(finding)
        if not as_json:
            print(f"{'ok     ' if finding.ok else 'PROBLEM'}  {finding.check}: {finding.detail}", flush=True)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


def _findings() -> Iterator[Finding]:
    """All checks, each as its answer is known; what needs a server is left out when that does not answer."""
    local = "KOC_KAFKA_BOOTSTRAP" not in os.environ
    if local:
        yield from (_look(name, check) for name, check in _MACHINE)
    broker = _look("kafka", _broker)
    yield broker
    if broker.ok:
        yield from _topics()
        yield _look("snapshots", _snapshots)
    database = _look("database", _database)
    yield database
    if database.ok:
        yield from (_look(f"role koc_{role}", partial(_role, role)) for role in ("owner", "reader"))
        yield _look("schema", _schema)
    if broker.ok and database.ok:
        yield _look("books", _books)
    if local:
        yield from _workers()


def _look(name: str, check: Callable[[], str]) -> Finding:
    """Run one check: it returns what it saw, or raises a sentence that says what to do."""
    try:
        return Finding(name, ok=True, detail=check())
    except (StartRefused, ConnectionError) as problem:
        return Finding(name, ok=False, detail=str(problem))


def _java() -> str:
    from services.runtime.local import requirements

    return f"{requirements.java().version} at {requirements.java().path}"


def _jars() -> str:
    from services.runtime.local import broker, requirements

    if broker.jars_folder().exists():
        return f"already in {broker.jars_folder()}"
    return f"to be fetched at the first start by {requirements.maven()}"


def _room() -> str:
    from services.runtime.local import requirements

    folder = next(folder for folder in (local_dir(), *local_dir().parents) if folder.exists())
    requirements.room(folder)
    return f"enough below {folder}"


_MACHINE: tuple[tuple[str, Callable[[], str]], ...] = (("java", _java), ("kafka's jars", _jars), ("disk", _room))


def _broker() -> str:
    from services.runtime.kafka import admin

    try:
        with admin() as client:
            brokers = client.describe_cluster()["brokers"]
    except ConnectionError as problem:
        raise ConnectionError(f"{problem}; start one with `koc local up`, or set KOC_KAFKA_BOOTSTRAP") from problem
    return f"{len(brokers)} broker{'s' if len(brokers) > 1 else ''} at {settings().kafka_bootstrap}"


def _topics() -> Iterator[Finding]:
    """Partition counts, timestamp type, cleanup policy and retention of every topic."""
    from schemas.topics import ALL
    from services.runtime.topics import topic_problems

    problems = topic_problems()
    for problem in problems:
        yield Finding("topics", ok=False, detail=problem)
    if not problems:
        yield Finding("topics", ok=True, detail=f"all {len(ALL)} as schemas/topics.py says")


def _snapshots() -> str:
    """Whether the object store answers, and how old what it holds is."""
    from datetime import UTC, datetime

    from schemas.topics import BUYER_PARTITIONS
    from services.attribution.snapshots.archive import open_snapshots
    from services.attribution.worker.startup import snapshot_url

    snapshots = open_snapshots(snapshot_url())
    newest = [max(found.values()) for i in range(BUYER_PARTITIONS) if (found := snapshots.names(i))]
    if not newest:
        return f"none yet at {snapshot_url()}"
    age = (datetime.now(UTC) - min(newest)).total_seconds()
    return f"of {len(newest)} of {BUYER_PARTITIONS} partitions at {snapshot_url()}, none older than {age:.0f} s"


def _database() -> str:
    """The writer's connection: every process of the books needs it."""
    return _role("writer")


def _role(role: str) -> str:
    """Whether a role can log in, is who its address says, is no superuser and counts in UTC."""
    from typing import cast

    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    from services.runtime.database import Role, engine

    asked = text(
        "SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), "
        "current_setting('TimeZone'), current_setting('server_version')"
    )
    try:
        with engine(cast("Role", role)).connect() as connection:
            user, superuser, zone, version = connection.execute(asked).one()
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        remedy = (
            f"start it with `koc local up`, or set KOC_DATABASE{'' if role == 'writer' else '_' + role.upper()}_URL"
        )
        raise ConnectionError(f"{reason}; {remedy}") from error
    if superuser:
        raise StartRefused(f"{user} is a superuser, for whom no rule of the books holds: log in as koc_{role}")
    if zone != "UTC":
        raise StartRefused(f"the session's time zone is {zone}: it must be UTC; ALTER ROLE {user} SET timezone = 'UTC'")
    return f"{user} on PostgreSQL {version}, sessions in {zone}"


def _schema() -> str:
    from services.runtime.database import engine
    from services.settlement.books import migrations

    with engine("writer").connect() as connection:
        migrations.check_revision(connection)
    return f"at revision {migrations.head()}"


def _books() -> str:
    """What the poster checks at its start: topic ids against the database, its offsets against the log."""
    from services.runtime.database import engine
    from services.settlement.posting.start_checks import check_start

    check_start(engine("writer"))
    return "their positions fit the topics"


def _workers() -> Iterator[Finding]:
    """Every process of the local stack."""
    from services.runtime.local.stack import Stack

    stack = Stack(local_dir())
    if not stack.running:
        yield Finding("local stack", ok=False, detail="it does not run; start it with `koc local up`")
    for process in stack.processes() if stack.running else ():
        reason = stack.not_ready(process)
        restarts = f", started again {process['restarts']} times" if process["restarts"] else ""
        seen = f"ready{restarts}" if reason is None else f"{reason}{restarts}; see {process['log']}"
        yield Finding(process["name"], ok=reason is None, detail=seen)
