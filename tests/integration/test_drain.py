"""Drain on real topics and a real database, with positions that a test sets in place of the workers."""

import json
import os
import signal
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from schemas.topics import CLICKS, CREDITS, ORDERS, REGISTRY
from services.operations.drain.drain import REPRICE_JOBS, UNPUBLISHED, LogDistance, NotDrained
from services.operations.drain.positions import wait_until_drained
from services.runtime.database import psycopg_dsn
from services.runtime.local.stack import Stack
from services.runtime.topics import log_ends
from tests.kit.attribution_group import read_to_the_end
from tests.kit.command import koc
from tests.kit.stacks import stack_of_its_own
from tests.kit.topics import send


@pytest.fixture(scope="module")
def quiet_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers that no other test publishes to: drain looks at all that there is."""
    with stack_of_its_own(tmp_path_factory.mktemp("drain-stack")) as stack:
        yield stack


pytestmark = pytest.mark.usefixtures("quiet_stack")


def behind(topic: str, partition: int, records: int) -> None:
    """So many records that nobody has read."""
    send(topic, [b"{}"] * records, partition=partition)


def execute(*statements: str) -> None:
    with psycopg.connect(psycopg_dsn("owner")) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]  # written above each test


def catch_up() -> None:
    """What the workers would have done by now."""
    read_to_the_end()
    ends = log_ends([REGISTRY.name, CREDITS.name])
    execute(
        *(f"UPDATE writer SET next_offset = {ends[CREDITS.name, n]} WHERE partition = {n}" for n in range(12)),
        f"UPDATE registry_position SET next_offset = {ends[REGISTRY.name, 0]}",
        "UPDATE reprice_progress SET done = true",
        "UPDATE relay SET seq = writer.seq FROM writer WHERE writer.partition = relay.writer",
    )


def open_job(partition: int) -> None:
    execute(
        "INSERT INTO reprice_job VALUES (1, '{}', 'a plan', '2026-11-01Z') ON CONFLICT DO NOTHING",
        f"INSERT INTO reprice_progress VALUES (1, {partition}) ON CONFLICT (job, partition) DO UPDATE SET done = false",
    )


MAKE_BEHIND = {
    "clicks": (lambda: behind(CLICKS.name, 4, 3), LogDistance(CLICKS.name, 4, 3)),
    "orders": (lambda: behind(ORDERS.name, 11, 2), LogDistance(ORDERS.name, 11, 2)),
    "registry": (lambda: behind(REGISTRY.name, 0, 1), LogDistance(REGISTRY.name, 0, 1)),
    "credits": (lambda: behind(CREDITS.name, 7, 5), LogDistance(CREDITS.name, 7, 5)),
    "jobs": (lambda: open_job(9), LogDistance(REPRICE_JOBS, 9, 1)),
    "relay": (
        lambda: execute("UPDATE writer SET seq = seq + 6 WHERE partition = 12"),
        LogDistance(UNPUBLISHED, 12, 6),
    ),
}


def test_empty_topics_that_no_group_ever_read_are_drained() -> None:
    assert wait_until_drained(60) < 60


@pytest.mark.parametrize("part", MAKE_BEHIND)
def test_each_part_is_waited_for_and_named(part: str) -> None:
    make, behind = MAKE_BEHIND[part]
    catch_up()
    make()
    with pytest.raises(NotDrained) as refused:
        wait_until_drained(0.5)
    assert refused.value.behind == [behind]
    told: list[str] = []

    def progress(line: str) -> None:
        told.append(line)
        catch_up()

    assert wait_until_drained(60, progress) < 60
    assert told[0].startswith(f"{behind.what}: {behind.missing} behind in partition {behind.partition}")


def test_the_command_says_by_its_exit_status_and_in_json_what_is_behind() -> None:
    catch_up()
    assert koc_drain() == (0, [])
    behind(ORDERS.name, 2, 4)
    assert koc_drain() == (1, [{"what": ORDERS.name, "partition": 2, "missing": 4}])


def koc_drain() -> tuple[int, list[dict[str, object]]]:
    ran = koc("drain", "--timeout", "1", "--json")
    answer = json.loads(ran.stdout)
    assert answer["drained"] is (ran.returncode == 0)
    return ran.returncode, answer["behind"]


def test_a_database_without_tables_is_one_sentence_with_the_command_that_makes_them(
    quiet_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(quiet_stack.superuser_dsn(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} OWNER koc_owner")
    there = make_url(quiet_stack.settings()["database_reader_url"]).set(database=name)
    monkeypatch.setenv("KOC_DATABASE_READER_URL", there.render_as_string(hide_password=False))
    ran = koc("drain", "--timeout", "60")
    assert (ran.returncode, ran.stdout) == (78, "")
    assert ran.stderr.startswith('koc: the database has no tables of ours (relation "writer" does not exist)')
    assert ran.stderr.endswith("run `koc settlement migrate`\n")


def test_a_broker_that_is_killed_meanwhile_is_waited_for(quiet_stack: Stack) -> None:
    catch_up()
    behind(CLICKS.name, 1, 1)
    told: list[str] = []

    def progress(line: str) -> None:
        told.append(line)
        if len(told) == 1:
            os.kill(quiet_stack.pid("kafka"), signal.SIGKILL)
        elif line.startswith(CLICKS.name):
            catch_up()

    assert wait_until_drained(180, progress) < 180
    assert any("Kafka broker" in line or "Kafka does not answer" in line for line in told[1:]), told
