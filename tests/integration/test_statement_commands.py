"""`koc statement`: listed, written and checked as a person does it, and published by the relay."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from typer.testing import CliRunner

from schemas import decoding
from schemas.topics import COMMANDS, LEDGER, STATEMENTS
from services.cli.main import koc
from services.kernel.errors import InputRefused
from services.operations.drain.positions import LivePositions
from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from tests.kit.books import Books
from tests.kit.closes import close_and_issue, close_month, issue, killed_at, seal_again
from tests.kit.command import KOC
from tests.kit.commands import status_of, told
from tests.kit.processes import KocProcess
from tests.kit.topics import make_again
from tests.kit.waiting import until
from tests.kit.worked_statement import fill_november

NOVEMBER = ("--period", "2026-11")


@pytest.fixture
def closed(books: Books) -> Books:
    """The worked month and the one before, closed, with their statements."""
    fill_november(books)
    for month in ("2026-10", "2026-11"):
        close_and_issue(month)
    return books


def refusal(*words: str) -> str:
    done = CliRunner().invoke(koc, list(words))
    assert isinstance(done.exception, InputRefused), repr(done.exception)
    return str(done.exception)


def test_the_list_names_every_statement_of_the_latest_close(closed: Books) -> None:
    listed = json.loads(told("statement", "list", *NOVEMBER, "--json"))
    assert [(one["seq"], one["party"]) for one in listed] == [
        (3, "brand:br_2"), (4, "koc:k_7"), (5, "mcn:m_1"), (6, "platform"), (7, "recruiter:r_1"),
    ]  # fmt: skip
    assert "5 statements of 2026-11 revision 1" in told("statement", "list", *NOVEMBER)
    only = told("statement", "list", *NOVEMBER, "--party", "koc:k_7")
    assert only.endswith("1 statement of 2026-11 revision 1\n")
    assert closed.rows("SELECT count(*) FROM statement") == [(7,)]


def test_a_written_statement_is_checked_without_a_database_and_a_changed_one_is_found_out(
    closed: Books, tmp_path: Path
) -> None:
    root = told("statement", "root", *NOVEMBER).strip()
    assert [(root,)] == closed.rows("SELECT encode(root, 'hex') FROM period_close WHERE period = '2026-11'")
    words = ("--party", "koc:k_7", "--form", "json", "--output", str(tmp_path))
    path = Path(told("statement", "write", *NOVEMBER, *words).strip())
    assert path.name == "statement-2026-11-r1-koc.k_7-CNY.json"
    assert path.stat().st_mode & 0o777 == 0o600

    def verify(file: Path, against: str = root) -> subprocess.CompletedProcess[str]:
        bare = {"PATH": os.environ["PATH"]}
        return subprocess.run([KOC, "statement", "verify", str(file), "--root", against], env=bare, cwd=tmp_path,
                              capture_output=True, text=True)  # fmt: skip

    done = verify(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is as it was sealed: 2026-11 revision 1 of koc:k_7 in CNY" in done.stdout
    message = json.loads(path.read_bytes())
    message["statement"]["balance"]["closing"]["payable_minor"] += 1
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(message))
    done = verify(changed)
    assert done.returncode == 1
    assert "is not what was sealed: its sha256 is" in done.stdout
    assert verify(path, "0" * 64).stdout.endswith("its path does not lead to this root\n")
    changed.write_text(json.dumps(json.loads(path.read_bytes()) | {"party": "koc:k_8"}))
    assert "its party is not that of the statement in it" in verify(changed).stdout
    for broken, words in ((b"%PDF-1.4", "no JSON document"), (b"{}", "is no statement")):
        changed.write_bytes(broken)
        done = verify(changed)
        assert done.returncode == 65
        assert words in done.stderr
    assert verify(path, "abc").returncode == 65


def test_all_are_written_in_every_form_and_the_same_again(closed: Books, tmp_path: Path) -> None:
    for form in ("json", "csv", "xlsx", "pdf"):
        folder = tmp_path / form
        words = ("--all", "--form", form, "--output", str(folder))
        assert told("statement", "write", *NOVEMBER, *words) == f"5 statements in {folder}\n"
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        assert len(before) == 5
        assert all(name.endswith(f".{form}") for name in before)
        told("statement", "write", *NOVEMBER, *words)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert closed.rows("SELECT count(*) FROM statement") == [(7,)]


def test_what_cannot_be_written_is_said_in_a_sentence(closed: Books, tmp_path: Path) -> None:
    one = ("statement", "write", "--form", "json", "--output", str(tmp_path), "--party", "koc:k_7")
    assert refusal(*one, "--period", "2026-12").startswith("2026-12 is not closed")
    assert refusal(*one, *NOVEMBER, "--revision", "2").startswith("2026-11 has no revision 2")
    assert status_of("statement", "write", *NOVEMBER, "--form", "json", "--party", "koc:nobody") == 1
    assert status_of("statement", "write", *NOVEMBER, "--form", "json") == 2
    closed.plant("UPDATE period_close SET root = NULL WHERE period = '2026-11'")
    assert "are not all made: give the same `koc period close` again" in refusal(*one, *NOVEMBER)


# The relay


@pytest.fixture
def relay(on_stack: Stack, tmp_path: Path) -> Iterator[KocProcess]:
    del on_stack
    make_again([LEDGER.name, COMMANDS.name, STATEMENTS.name])
    process = KocProcess(tmp_path / "relay", "relay-test", ["settlement", "relay"])
    yield process
    process.kill()


def records(count: int) -> list[tuple[bytes, bytes, dict[str, bytes]]]:
    """Key, value and headers of that many records of the topic, and of no more."""
    options = {"bootstrap.servers": settings().kafka_bootstrap, "group.id": "a stranger", "enable.auto.commit": False}
    consumer = confluent_kafka.Consumer(options)
    consumer.assign([confluent_kafka.TopicPartition(STATEMENTS.name, 0, 0)])
    found: list[Any] = []

    def has_all() -> bool:
        found.extend(one for one in consumer.consume(100, timeout=0.2) if one.error() is None)
        return len(found) >= count

    until(has_all, f"{count} records")
    assert consumer.get_watermark_offsets(confluent_kafka.TopicPartition(STATEMENTS.name, 0))[1] == count
    consumer.close()
    return [(one.key(), one.value(), dict(one.headers())) for one in found]


def unpublished() -> int:
    with LivePositions() as positions:
        return positions.reached().unpublished_statements


def test_the_topic_has_the_bytes_that_parties_get_and_each_is_what_the_contract_says(
    closed: Books, relay: KocProcess, tmp_path: Path
) -> None:
    assert unpublished() == 7
    relay.start()
    until(lambda: unpublished() == 0, "all is published")
    found = records(7)
    told("statement", "write", *NOVEMBER, "--all", "--form", "json", "--output", str(tmp_path / "written"))
    written = {file.read_bytes() for file in (tmp_path / "written").iterdir()}
    assert {value for _, value, _ in found[2:]} == written
    for seq, (key, value, headers) in enumerate(found, 1):
        read = decoding.read(STATEMENTS.name, value)
        assert (read.seq, read.key) == (seq, key.decode())
        assert headers["ce_type"] == b"settlement.statements.v1"
        assert headers["ce_id"].decode() == f"{read.period}-{read.revision}-{read.party}-{read.currency}"
    relay.await_metric("koc_relay_statements_total", 7)
    relay.await_metric("koc_relay_lag_statements", 0)
    assert closed.rows("SELECT seq FROM statement_relay") == [(7,)]


def test_statements_of_a_close_are_published_once_all_are_there(books: Books, relay: KocProcess) -> None:
    fill_november(books)
    close_and_issue("2026-10")
    close_month("2026-11")
    assert killed_at(1, "2026-11", 2)
    relay.start()
    until(lambda: unpublished() == 0, "the first month is published")
    assert len(records(2)) == 2
    issue("2026-11")
    until(lambda: unpublished() == 0, "the second month is published")
    assert [json.loads(value)["seq"] for _, value, _ in records(7)] == list(range(1, 8))


def test_a_killed_relay_leaves_no_gap(closed: Books, relay: KocProcess) -> None:
    relay.start()
    until(lambda: unpublished() == 0, "all is published")
    os.kill(relay.pid, signal.SIGKILL)
    closed.plant("UPDATE statement_relay SET seq = 5")  # the position was not stored after the acknowledgement
    relay.start()
    until(lambda: unpublished() == 0, "all is published")
    assert [json.loads(value)["seq"] for _, value, _ in records(9)] == [1, 2, 3, 4, 5, 6, 7, 6, 7]


@pytest.mark.parametrize(
    ("damage", "words", "published"),
    [
        (
            "UPDATE statement SET body = replace(body, '630', '631') WHERE seq = 4",
            "statement 4 does not lead to the",
            0,
        ),
        ("UPDATE statement SET path = path[2:] WHERE seq = 4", "statement 4 does not lead to the root of 2026-11", 0),
        ("DELETE FROM statement WHERE seq = 4", "statement 4 is missing", 3),
    ],
)
def test_a_damaged_statement_is_not_published(
    closed: Books, relay: KocProcess, damage: str, words: str, published: int
) -> None:
    closed.plant(damage)
    relay.start()
    assert relay.ended() != 0
    assert words in relay.log()
    assert closed.rows("SELECT seq FROM statement_relay") == [(published,)]


def test_a_statement_as_large_as_one_may_be_is_published(closed: Books, relay: KocProcess) -> None:
    rows = [{"about": f"order-{number}-{'x' * 100}", "amount_minor": number, "kind": "commission.clawed_back",
             "orders": 1} for number in range(5_000)]  # fmt: skip
    seal_again(closed, "2026-11", 7, {"clawbacks": rows})
    relay.start()
    until(lambda: unpublished() == 0, "all is published")
    assert max(len(value) for _, value, _ in records(7)) > 900_000


def test_a_statements_topic_made_anew_is_not_written_to(closed: Books, relay: KocProcess) -> None:
    closed.plant("UPDATE statement_relay SET seq = 1")
    relay.start()
    assert relay.ended() == 78
    assert "settlement.statements.v1 holds 0 records, 1 were published" in relay.log()
