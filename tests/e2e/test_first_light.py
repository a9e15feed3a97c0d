"""Events in as a backend publishes them, a ledger out as finance reads it, with clients that know nothing of us."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import decoding
from schemas.topics import DLQS, LEDGER, ORDERS
from services.demo import poison
from services.demo.events import record
from services.demo.shop_week import arrivals, shop_week
from services.operations.drain.positions import wait_until_drained
from services.runtime.local.broker import jars_folder
from services.runtime.local.stack import Stack
from services.runtime.publishing import publish
from services.runtime.settings import settings
from services.runtime.topics import log_ends
from tests.kit.histories import DRAIN_SECONDS, koc, read_topic

ROOT = Path(__file__).parents[2]
BAD = [*poison.bad(), *poison.registry()]


@pytest.fixture(scope="module")
def lit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack through which a small week, every kind of poison and events in wrong partitions have gone."""
    patch = pytest.MonkeyPatch()
    with Stack(tmp_path_factory.mktemp("first-light")) as stack:
        for name, value in stack.environment().items():
            patch.setenv(name, value)
        settings.cache_clear()
        week = shop_week(300)
        publish(map(record, [*week.registry, *arrivals(week.log, seed=1)]))
        publish([*poison.good(), *(one.record for one in BAD), *poison.misplaced(), *poison.afterwards()])
        wait_until_drained(DRAIN_SECONDS)
        yield stack
        stack.reset()
    patch.undo()
    settings.cache_clear()


@pytest.fixture(scope="module")
def consumed(lit: Stack) -> list[str]:
    """The ledger topic as Kafka's own console consumer prints it, a line a record."""
    count = sum(log_ends([LEDGER.name]).values())
    command = ["java", "-Xmx256m", "-cp", f"{jars_folder()}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer"]
    command += ["--bootstrap-server", lit.settings()["kafka_bootstrap"], "--topic", LEDGER.name, "--from-beginning"]
    command += ["--max-messages", str(count), "--timeout-ms", "30000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    lines = done.stdout.splitlines()
    assert len(lines) == count, done.stderr[-2000:]
    return lines


def test_a_raw_client_reads_entries_that_add_up_to_zero(consumed: list[str]) -> None:
    assert len(consumed) > 300
    for line in consumed:
        assert sum(leg["amount_minor"] for leg in json.loads(line)["legs"]) == 0


def test_every_published_entry_is_as_the_contract_says(consumed: list[str]) -> None:
    for line in consumed:
        decoding.read(LEDGER.name, line.encode())


def test_finance_proves_the_topic_with_the_programs_of_its_page(consumed: list[str], tmp_path: Path) -> None:
    page = (ROOT / "docs/finance.md").read_text()
    programs = dict(re.findall(r"```python (\w+\.py)\n(.*?)```", page, re.DOTALL))
    text = "\n".join(consumed)

    def run(name: str, given: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / name).write_text(programs[name])
        return subprocess.run([sys.executable, tmp_path / name], input=given, capture_output=True, text=True)

    proof = run("verify.py", text)
    assert proof.returncode == 0, proof.stdout[:1000]
    first = json.loads(consumed[0])
    first["legs"][0]["amount_minor"] += 1
    assert run("verify.py", "\n".join([json.dumps(first), *consumed[1:]])).returncode == 1
    assert run("digest.py", text).stdout.split()[0] == koc("ledger", "digest").split()[0]


@pytest.fixture(scope="module")
def refused(lit: Stack) -> set[tuple[str, str]]:
    """Topic and reason of everything that was refused."""
    del lit
    return {(one["topic"], one["reason"]) for one in json.loads(koc("dlq", "list", "--json"))}


@pytest.mark.parametrize("bad", BAD, ids=lambda one: one.kind)
def test_bad_input_lies_in_the_dead_letter_topic_with_its_reason(
    bad: poison.Poison, refused: set[tuple[str, str]]
) -> None:
    assert (bad.record.topic, bad.reason) in refused


def test_nothing_else_was_refused(lit: Stack) -> None:
    del lit
    assert sum(log_ends([topic.name for topic in DLQS]).values()) == len(BAD)


def test_all_good_events_around_the_bad_ones_are_in_the_books(lit: Stack) -> None:
    del lit
    answer = json.loads(koc("explain", "o_good", "--json"))
    assert "good_click" in json.dumps(answer)


def test_an_event_in_the_wrong_partition_counts_once(lit: Stack) -> None:
    del lit
    orders = Counter(value.get("event_id") for value in read_topic(ORDERS.name))
    assert orders["o_astray_paid"] == 2, "once where it was put, once where it belongs"
    assert "astray_click" in koc("explain", "o_astray")


def test_the_books_are_proven(lit: Stack) -> None:
    del lit
    koc("ledger", "verify")
