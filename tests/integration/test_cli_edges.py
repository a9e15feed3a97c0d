"""Where the world is wrong, every command says so in one sentence and ends with the status that fits; no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError

from services.cli import main
from services.runtime.kafka import PROMPT_MS
from tests.kit.stacks import with_environment

KOC = str(Path(sys.executable).with_name("koc"))
FULL = Path("/dev/full")
NOT_UTF8 = (
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
)


def koc(*arguments: str, stdout: object = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    nowhere = {"PATH": os.environ["PATH"], "KOC_LOCAL_DIR": "/nonexistent", "KOC_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    return subprocess.run(
        [KOC, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, env=nowhere | environment, timeout=60
    )  # type: ignore[call-overload]


def assert_sentence(done: subprocess.CompletedProcess[str], status: int) -> str:
    """It ended with this status and one sentence, which is returned."""
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("koc: ")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["dlq", "list"],
        ["dlq", "list", "--json", "--topic", "commerce.orders.v1"],
        ["dlq", "show", "commerce.orders.v1/3/1"],
        ["dlq", "replay", "--all"],
        ["dlq", "replay", "--all", "--yes"],
        ["dlq", "replay", "--position", "commerce.orders.v1/3/1", "--again", "--yes", "--json"],
    ],
    ids=" ".join,
)
def test_f04_every_dlq_command_without_a_broker_is_a_sentence_within_five_seconds(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    done = koc(*arguments)
    assert "no Kafka broker answers at 127.0.0.1:1;" in assert_sentence(done, 69)
    assert done.stdout == ""
    assert _limits_of_clients(monkeypatch, *arguments) == [PROMPT_MS], "30 s before"
    assert PROMPT_MS <= 2_500, "besides that, koc starts and ends"


def _limits_of_clients(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[int]:
    """How many milliseconds each client of Kafka that a command makes may look for a broker; none finds one."""
    found = []

    def give_up(**options: Any) -> None:
        found.append(options["bootstrap_timeout_ms"])
        raise KafkaConnectionError

    monkeypatch.setattr("kafka.KafkaConsumer", give_up)
    monkeypatch.setattr("kafka.admin.KafkaAdminClient", give_up)
    monkeypatch.setattr(sys, "argv", ["koc", *arguments])
    with with_environment({"KOC_KAFKA_BOOTSTRAP": "127.0.0.1:1"}), pytest.raises(SystemExit) as ended:
        main.app()
    assert ended.value.code == 69
    return found


def test_publishing_without_a_broker_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("{}\n")
    assert_sentence(koc("publish", "--as-is", str(tmp_path / "events.jsonl")), 69)


@pytest.mark.parametrize("arguments", [["--help"], ["dlq", "--help"], ["local", "status"], ["policy", "show"]])
def test_a_full_disk_on_standard_output_is_a_sentence(arguments: list[str]) -> None:
    with FULL.open("w") as full:
        done = koc(*arguments, stdout=full)
    assert assert_sentence(done, 74) == "koc: input or output failed: No space left on device\n"


def test_a_reader_that_leaves_early_is_no_problem() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = koc("policy", "show", stdout=writer)
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 1


def test_standard_output_may_be_closed() -> None:
    done = subprocess.run(["sh", "-c", f"{KOC} policy show >&-"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("environment", NOT_UTF8, ids=str)
@pytest.mark.parametrize(
    "arguments", [["explain", "--help"], ["dlq", "list", "--help"], ["local", "status"], ["--help"], ["dlq", "x\u4e2d"]]
)
def test_a_terminal_without_unicode_gets_readable_ascii(arguments: list[str], environment: dict[str, str]) -> None:
    done = koc(*arguments, **environment)
    assert "Traceback" not in done.stderr
    assert "Encode" not in done.stderr
    assert done.returncode == {"local": 1, "dlq": 2 * (len(arguments) == 2)}.get(arguments[0], 0)
    if "PYTHONIOENCODING" in environment:
        assert (done.stdout + done.stderr).isascii()


def test_what_ascii_lacks_is_written_as_json_writes_it() -> None:
    script = """if True:
        import json, sys
        from services.cli import output
        output.accept_every_character()
        print("more\u2026 a \u00b7 b", "\u4e2d\u00fc", "\\ud800")
        print(json.dumps({"name": "\u4e2d\u00fc"}, ensure_ascii=False))
    """
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    first, second = done.stdout.splitlines()
    assert first == r"more... a ; b \u4e2d\u00fc \ud800"
    assert json.loads(second) == {"name": "\u4e2d\u00fc"}


@pytest.mark.parametrize(
    ("output", "says"),
    [("nowhere/x.csv", "No such file or directory"), (".", "is a folder"), ("file/x.csv", "Not a directory")],
)
def test_an_output_that_cannot_be_made_is_a_sentence(tmp_path: Path, output: str, says: str) -> None:
    (tmp_path / "file").touch()
    done = koc("ledger", "export", "--format", "csv", "--output", str(tmp_path / output))
    assert says in assert_sentence(done, 73)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"KOC_HTTP_PORT": "abc"}, "KOC_HTTP_PORT: Input should be a valid integer"),
        ({"KOC_KAFKA_BOOTSTRAP": "a:b"}, "KOC_KAFKA_BOOTSTRAP: 'a:b' is not host:port of the brokers"),
        ({"KOC_KAFKA_BOOTSTRAP": ""}, "KOC_KAFKA_BOOTSTRAP: '' is not host:port of the brokers"),
        ({"KOC_KAFKA_SECURITY_PROTOCOL": "TLS"}, "KOC_KAFKA_SECURITY_PROTOCOL: Input should be 'PLAINTEXT'"),
        ({"KOC_KAFKA_SECURITY_PROTOCOL": "SSL", "KOC_KAFKA_CA_FILE": "/nowhere"}, "KOC_KAFKA_CA_FILE=/nowhere cannot"),
        ({"KOC_KAFKA_SECURITY_PROTOCOL": "SSL", "KOC_KAFKA_CA_FILE": __file__}, "cannot be used: "),
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense_is_named(environment: dict[str, str], says: str) -> None:
    assert says in assert_sentence(koc("dlq", "list", **environment), 78)
