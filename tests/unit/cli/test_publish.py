"""`koc publish` before a broker takes anything: files of every make, no broker, and what it says and ends with."""

import gzip
import io
import json
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka.errors import KafkaTimeoutError

from schemas.specimens import VALID
from schemas.topics import CLICKS, CREDITS, INPUTS
from services.cli import main
from services.runtime import kafka, publishing
from services.runtime.settings import settings
from tests.kit.stacks import with_environment

KOC = str(Path(sys.executable).with_name("koc"))


class Done(NamedTuple):
    """How a command ended, and what it said."""

    status: object
    stdout: str
    stderr: str


CLICK = json.dumps(VALID["click"]).encode()
DATA_ERROR, UNAVAILABLE, USAGE = 65, 69, 2


def koc(*arguments: str, given: bytes = b"") -> Done:
    """The command line's entry point, in this process."""
    with pytest.MonkeyPatch.context() as patched, io.StringIO() as out, io.StringIO() as err:
        patched.setattr(sys, "argv", ["koc", *arguments])
        patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main.app()
        return Done(ended.value.code, out.getvalue(), err.getvalue())


def koc_process(*arguments: str, bootstrap: str = "127.0.0.1:1") -> Done:
    """The installed command, with nothing around it."""
    nowhere = {"PATH": "/usr/bin:/bin", "KOC_LOCAL_DIR": "/nonexistent", "KOC_KAFKA_BOOTSTRAP": bootstrap}
    done = subprocess.run([KOC, *arguments], capture_output=True, text=True, env=nowhere, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


def valid(*arguments: str, given: bytes = b"") -> dict[str, int]:
    """What `--validate-only` counts, by topic."""
    done = koc("publish", "--validate-only", "--json", *arguments, given=given)
    assert done.status == 0, done.stderr + done.stdout
    found: dict[str, int] = json.loads(done.stdout)["valid"]
    return found


def unframed(text: str) -> str:
    """Typer's error without its frame and line breaks."""
    return " ".join("".join(c for c in text if c not in "│╭╮╰╯─").split())


def sentence(done: Done) -> str:
    """The one line on standard error."""
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    return line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(CLICK)
    return path


@pytest.fixture
def silent_broker() -> Iterator[str]:
    """The address of somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_without_a_broker_it_ends_at_once_with_one_sentence(file: Path) -> None:
    done = koc_process("publish", str(file))
    assert done.status == UNAVAILABLE
    assert sentence(done) == "koc: no Kafka broker answers at 127.0.0.1:1; `koc doctor` says more"


def test_a_broker_that_never_answers_is_given_up_within_five_seconds(
    monkeypatch: pytest.MonkeyPatch, file: Path, silent_broker: str
) -> None:
    assert kafka.PROMPT_MS <= 2_500, "besides that, koc starts and ends"
    monkeypatch.setattr(kafka, "PROMPT_MS", 100)
    began = time.monotonic()
    with with_environment({"KOC_KAFKA_BOOTSTRAP": silent_broker}):
        done = koc("publish", str(file))
    assert time.monotonic() - began < 20, "0.1 s and a machine that stalls; 30 s before"
    assert done.status == UNAVAILABLE
    assert sentence(done).startswith(f"koc: no Kafka broker answers at {silent_broker}")


def test_the_broker_is_asked_before_the_files_are_read(tmp_path: Path) -> None:
    assert koc_process("publish", str(tmp_path / "nowhere.jsonl")).status == UNAVAILABLE


def test_a_broker_that_goes_away_while_publishing_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Producer:
        def __init__(self, **_: object) -> None:
            self.stopped = False
            producers.append(self)

        async def start(self) -> None:
            """Connected."""

        async def stop(self) -> None:
            self.stopped = True

        def create_batch(self) -> object:
            raise KafkaTimeoutError

    producers: list[Producer] = []
    monkeypatch.setattr("aiokafka.AIOKafkaProducer", Producer)
    monkeypatch.setenv("KOC_KAFKA_BOOTSTRAP", "somewhere:1")
    settings.cache_clear()
    with pytest.raises(ConnectionError, match="the Kafka broker at somewhere:1 did not take everything: "):
        publishing.publish([publishing.Outgoing(CLICKS.name, b"b_1", CLICK)])
    settings.cache_clear()
    assert [one.stopped for one in producers] == [True]


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + CLICK, gzip.compress(CLICK), gzip.compress(b"\xef\xbb\xbf" + CLICK)],
    ids=["a byte order mark", "gzip", "both"],
)  # fmt: skip
def test_what_editors_and_exports_leave_behind_is_read_whatever_the_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert valid(str(file)) == {CLICKS.name: 1}
    assert valid("-", given=content) == {CLICKS.name: 1}


def test_a_document_behind_a_byte_order_mark_is_read_as_a_document(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps([VALID["click"], VALID["order.paid"]], indent=1).encode())
    assert sum(valid(str(file)).values()) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_refused_by_its_name(file: Path, encoding: str) -> None:
    file.write_bytes(CLICK.decode().encode(encoding))
    done = koc("publish", "--validate-only", str(file))
    assert done.status == DATA_ERROR
    assert sentence(done) == f"koc: {file} is in {encoding.upper()}: save it in UTF-8"


@pytest.mark.parametrize("content", [gzip.compress(CLICK * 100)[:-9], b"{}"], ids=["cut", "not packed at all"])
def test_a_damaged_archive_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(content)
    done = koc("publish", "--validate-only", str(file))
    assert done.status == DATA_ERROR
    assert sentence(done) == f"koc: {file} cannot be unpacked: it is damaged, or no gzip file"


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]", gzip.compress(b"")],
                         ids=["nothing", "blank lines", "an empty list", "nothing, packed"])  # fmt: skip
def test_an_empty_file_says_so(file: Path, tmp_path: Path, content: bytes) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(content)
    done = koc("publish", "--validate-only", str(file), str(empty))
    assert done.status == DATA_ERROR
    assert sentence(done) == f"koc: {empty} is empty: there is no event in it"
    assert sentence(koc("publish", "--validate-only", "-", given=content)).startswith("koc: standard input is empty")


def test_the_output_of_a_program_is_read_by_its_path(file: Path) -> None:
    command = f"{KOC} publish --validate-only --json <(cat {file})"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["valid"] == {CLICKS.name: 1}


def test_standard_input_can_be_named_once() -> None:
    done = koc("publish", "--validate-only", "-", "-", given=CLICK)
    assert done.status == USAGE
    assert "- is named twice: standard input can be read once" in unframed(done.stderr)
    command = [sys.executable, "-m", "schemas.check", "-", "-"]
    checked = subprocess.run(command, input=CLICK, capture_output=True, cwd=Path(__file__).parents[3], timeout=60)
    assert checked.returncode == USAGE
    assert checked.stderr == b"schemas.check: - is named twice: standard input can be read once\n"


@pytest.mark.parametrize("topic", [CREDITS.name, CLICKS.dlq, "no.such"])
def test_as_is_publishes_to_input_topics_only(file: Path, topic: str) -> None:
    done = koc("publish", "--as-is", "--topic", topic, str(file))
    assert done.status == USAGE
    told = unframed(done.stderr)
    assert f"{topic} is none of the input topics" in told
    assert all(one.name in told for one in INPUTS)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    done = koc("publish", "--validate-only", str(tmp_path))
    assert done.status == USAGE
    assert "is not a file" in unframed(done.stderr)


def on_terminal(*arguments: str) -> str:
    """What a command writes to a terminal as its standard error."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([KOC, *arguments], stdout=subprocess.DEVNULL, stderr=theirs, stdin=subprocess.DEVNULL):
        os.close(theirs)
        told = b""
        try:
            while part := os.read(ours, 10_000):
                told += part
        except OSError:  # how a terminal ends on Linux
            pass
        os.close(ours)
    return told.decode()


def test_a_terminal_sees_how_far_a_large_file_is(tmp_path: Path) -> None:
    file = tmp_path / "large.jsonl"
    file.write_bytes((CLICK + b"\n") * 20_001)
    told = on_terminal("publish", "--validate-only", str(file)).split("\r")
    assert [part.strip() for part in told if part.strip()] == [
        f"checked {number:,} events" for number in (10_000, 20_000, 20_001)
    ]
    file.write_bytes(CLICK)
    assert on_terminal("publish", "--validate-only", str(file)) == ""


def test_the_version_is_that_of_the_package() -> None:
    done = koc_process("--version")
    assert (done.status, done.stdout) == (0, f"koc {metadata.version('koc-settlement')}\n")


@pytest.mark.parametrize("platform", ["Douyin", "", "tiktok shop"])
def test_a_policy_of_a_platform_that_cannot_be_is_not_shown(platform: str) -> None:
    done = koc("policy", "show", "--platform", platform)
    assert (done.status, done.stdout) == (USAGE, "")
    assert "platforms are lower-case words such as douyin" in unframed(done.stderr)
    assert koc("policy", "show", "--platform", "taobao").status == 0
