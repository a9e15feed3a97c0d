"""The command line's edge: what goes wrong outside is a sentence and a status, never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("arguments", [("ledger", "digest"), ("topics", "check")])
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
