"""The command line's edge: what goes wrong outside is a sentence and a status, never a traceback."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.specimens import VALID
from schemas.topics import CLICKS, ORDERS
from services.cli.main import COMMANDS, UNAVAILABLE
from tests.kit.command import NOWHERE, koc


def koc_nowhere(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run koc where it reaches nothing; a password stands in its environment."""
    secret = "postgresql+psycopg://koc_reader:secret-word@127.0.0.1:1/koc"
    return koc(*arguments, **NOWHERE, KOC_DATABASE_READER_URL=secret)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_text(command: str) -> None:
    done = koc_nowhere(command, "--help")
    assert done.returncode == 0
    assert "Usage: koc" in done.stdout


ASK_A_SERVER = [("ledger", "digest"), ("topics", "check"), ("dlq", "list")]


@pytest.fixture(scope="module")
def without_servers() -> dict[tuple[str, ...], subprocess.CompletedProcess[str]]:
    """What became of commands that ask a server; they wait for it side by side."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(ASK_A_SERVER, pool.map(lambda words: koc_nowhere(*words), ASK_A_SERVER), strict=True))


@pytest.mark.parametrize("arguments", ASK_A_SERVER)
def test_an_absent_server_is_a_sentence_without_secrets(
    arguments: tuple[str, ...], without_servers: dict[tuple[str, ...], subprocess.CompletedProcess[str]]
) -> None:
    done = without_servers[arguments]
    assert done.returncode == UNAVAILABLE, done.stderr
    assert done.stderr.startswith("koc: ")
    assert len(done.stderr.splitlines()) == 1
    assert "secret-word" not in done.stderr


def test_an_unknown_command_is_named() -> None:
    done = koc_nowhere("teleport")
    assert done.returncode == 2
    assert "teleport" in done.stderr


def test_validate_only_counts_by_topic_and_needs_no_broker(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(VALID[name]) + "\n" for name in ("click", "order.paid", "order.received")))
    done = koc_nowhere("publish", "--validate-only", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"valid": {CLICKS.name: 1, ORDERS.name: 2}, "invalid": [], "warnings": []}


def test_validate_only_names_every_bad_line_with_its_reason_and_field(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    line = VALID["order.paid"]["lines"][0]
    bad = [VALID["order.paid"] | {"lines": [line | {"quantity": 0}]}] * 25
    file.write_text("\n".join(json.dumps(event) for event in [VALID["click"], *bad, {"event_type": "teleport"}]))
    done = koc_nowhere("publish", "--validate-only", str(file))
    assert done.returncode == 1
    said = done.stdout.splitlines()
    assert said[0].startswith(f"{file}:2: invalid_field: lines.0.quantity: must be 1 or more")
    assert said[25].startswith(f"{file}:27: invalid_type: ")
    assert said[-1].strip() == "1  valid, 26 invalid; nothing was published"
    found = json.loads(koc_nowhere("publish", "--validate-only", "--json", str(file)).stdout)["invalid"]
    assert len(found) == 26
    assert {key: found[0][key] for key in ("where", "reason", "field")} == {
        "where": f"{file}:2",
        "reason": "invalid_field",
        "field": "lines.0.quantity",
    }


def test_a_document_of_events_is_checked_like_lines(tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    file.write_text(json.dumps([VALID["click"], VALID["order.paid"] | {"currency": "yuan"}], indent=2))
    done = koc_nowhere("publish", "--validate-only", "--json", str(file))
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert (said["valid"], [one["field"] for one in said["invalid"]]) == ({CLICKS.name: 1}, ["currency"])


def test_validate_only_and_as_is_exclude_each_other() -> None:
    assert koc_nowhere("publish", "--validate-only", "--as-is", "-").returncode == 2
