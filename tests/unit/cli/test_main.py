"""The command line's edge: what goes wrong outside is a sentence and a status, never a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.specimens import VALID
from schemas.topics import CLICKS, ORDERS
from services.cli.main import COMMANDS, UNAVAILABLE

KOC = str(Path(sys.executable).with_name("koc"))
NOWHERE = {
    "PATH": "/usr/bin:/bin",
    "KOC_LOCAL_DIR": "/nonexistent",
    "KOC_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "KOC_DATABASE_READER_URL": "postgresql+psycopg://koc_reader:secret-word@127.0.0.1:1/koc",
}


def koc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([KOC, *arguments], capture_output=True, text=True, env=NOWHERE, timeout=60)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_text(command: str) -> None:
    done = koc(command, "--help")
    assert done.returncode == 0
    assert "Usage: koc" in done.stdout


@pytest.mark.parametrize("arguments", [("ledger", "digest"), ("topics", "check"), ("dlq", "list")])
def test_an_absent_server_is_a_sentence_without_secrets(arguments: tuple[str, ...]) -> None:
    done = koc(*arguments)
    assert done.returncode == UNAVAILABLE, done.stderr
    assert done.stderr.startswith("koc: ")
    assert len(done.stderr.splitlines()) == 1
    assert "secret-word" not in done.stderr


def test_an_unknown_command_is_named() -> None:
    done = koc("teleport")
    assert done.returncode == 2
    assert "teleport" in done.stderr


def test_validate_only_counts_by_topic_and_needs_no_broker(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(VALID[name]) + "\n" for name in ("click", "order.paid", "order.received")))
    done = koc("publish", "--validate-only", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"valid": {CLICKS.name: 1, ORDERS.name: 2}, "invalid": [], "warnings": []}


def test_validate_only_names_every_bad_line_with_its_reason_and_field(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    line = VALID["order.paid"]["lines"][0]
    bad = [VALID["order.paid"] | {"lines": [line | {"quantity": 0}]}] * 25
    file.write_text("\n".join(json.dumps(event) for event in [VALID["click"], *bad, {"event_type": "teleport"}]))
    done = koc("publish", "--validate-only", str(file))
    assert done.returncode == 1
    said = done.stdout.splitlines()
    assert said[0].startswith(f"{file}:2: invalid_field: lines.0.quantity: must be 1 or more")
    assert said[25].startswith(f"{file}:27: invalid_type: ")
    assert said[-1].strip() == "1  valid, 26 invalid; nothing was published"
    found = json.loads(koc("publish", "--validate-only", "--json", str(file)).stdout)["invalid"]
    assert len(found) == 26
    assert {key: found[0][key] for key in ("where", "reason", "field")} == {
        "where": f"{file}:2",
        "reason": "invalid_field",
        "field": "lines.0.quantity",
    }


def test_a_document_of_events_is_checked_like_lines(tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    file.write_text(json.dumps([VALID["click"], VALID["order.paid"] | {"currency": "yuan"}], indent=2))
    done = koc("publish", "--validate-only", "--json", str(file))
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert (said["valid"], [one["field"] for one in said["invalid"]]) == ({CLICKS.name: 1}, ["currency"])


def test_validate_only_and_as_is_exclude_each_other() -> None:
    assert koc("publish", "--validate-only", "--as-is", "-").returncode == 2
