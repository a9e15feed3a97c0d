"""docs/finance.md on commands: its program is run as it stands there, over what we publish."""

import json
import re
from typing import Any

import pytest

from schemas import decoding
from schemas.specimens import VALID
from schemas.topics import COMMANDS
from services.kernel.time import parse_rfc3339
from services.settlement.domain.book.commands import Command, chain_command, command_message
from services.settlement.domain.book.entries import GENESIS, Link
from tests.kit.settlement_facts import DAY, PAID_AT
from tests.unit.docs.test_finance import PAGE, lines, program, run


def commands(count: int = 9) -> list[dict[str, Any]]:
    """Chained messages, with all that a field may hold."""
    last, made = GENESIS, []
    for number in range(count):
        point = VALID["command"]["point"] if number % 2 else None
        body = {"as_of": "2026-12-01T02:00:00Z", "é": [number, None, True], "“a”": {"z": 1, "b": "\n\u00a0/"}}
        command = Command(
            f"run-{number}", "settlement.run", "安", "“每周”", PAID_AT + number * DAY, body, point, {"n": 1}
        )
        recorded = chain_command(command, last)
        made.append(command_message(recorded))
        last = recorded.link
    return made


def test_the_program_accepts_what_we_publish_also_twice() -> None:
    made = commands()
    done = run("commands.py", lines(made[:7] + made[3:]))
    assert done.stdout == f"9 commands, {made[-1]['hash']}\n", done.stderr
    for one in made:
        assert decoding.read(COMMANDS.name, json.dumps(one).encode()).key == one["command_id"]


@pytest.mark.parametrize("field", ["command_id", "kind", "by", "reason", "at", "prev_hash", "hash"])
def test_the_program_notices_a_changed_field(field: str) -> None:
    made = commands()
    made[5][field] += "0"
    done = run("commands.py", lines(made))
    assert (done.returncode, done.stderr) == (1, "command 6 is not what was given\n")


@pytest.mark.parametrize(("field", "name"), [("body", "as_of"), ("point", "registry"), ("result", "n")])
def test_the_program_notices_what_is_changed_within_an_object(field: str, name: str) -> None:
    made = commands()
    made[5][field] = {**made[5][field], name: 7}
    assert run("commands.py", lines(made)).stderr == "command 6 is not what was given\n"


def test_the_program_notices_a_gap() -> None:
    made = commands()
    del made[5]
    assert run("commands.py", lines(made)).stderr == "a gap after command 5\n"


def test_the_program_is_short_enough_to_be_read() -> None:
    assert len([line for line in program("commands.py").splitlines() if line.strip()]) <= 30


def test_the_contracts_example_is_a_command_as_we_publish_it_and_so_is_the_pages() -> None:
    example = VALID["command"]
    given = Command(
        example["command_id"], example["kind"], example["by"], example["reason"], parse_rfc3339(example["at"]),
        example["body"], example["point"], example["result"],
    )  # fmt: skip
    assert command_message(chain_command(given, Link(16, GENESIS.head))) == example
    blocks = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (told,) = [json.loads(block) for block in blocks if "command_id" in block]
    cut = {"prev_hash", "hash", "result"}
    assert {name: told[name] for name in example.keys() - cut} == {name: example[name] for name in example.keys() - cut}
    assert example["hash"].startswith(told["hash"].removesuffix("…"))
