"""`koc dlq` on a real broker: each refusal once, whole, and sent again as it came."""

import json
from itertools import count

import pytest
from typer.testing import CliRunner, Result

from schemas.topics import CLICKS, DLQ_PARTITIONS, ORDERS
from services.cli.dlq import app
from services.runtime.deadletters import headers
from services.runtime.publishing import Outgoing, publish
from services.runtime.topics import log_ends
from tests.integration.test_publishing import written_since

pytestmark = pytest.mark.usefixtures("on_stack")
OFFSETS = count(10**12)
"""Source offsets that no record of another test has."""


def koc_dlq(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def bury(
    topic: str, offset: int, reason: str, value: bytes | None, key: bytes | None = b"b_1", *more: tuple[str, bytes]
) -> str:
    """A dead letter as a worker writes it; returns its source position."""
    every = headers(reason, f"detail of {offset} ü", topic, 3, offset, more)
    publish([Outgoing(f"{topic}.dlq", key, value, offset % DLQ_PARTITIONS, tuple(every))])
    return f"{topic}/3/{offset}"


def test_a_refusal_that_a_rebuild_sent_again_is_listed_once() -> None:
    one, other = next(OFFSETS), next(OFFSETS)
    for _ in range(2):
        bury(ORDERS.name, one, "unknown_order", b'{"x":1}')
    bury(CLICKS.name, other, "too_late", b"{}")
    listed = json.loads(koc_dlq("list", "--json").stdout)
    assert [entry for entry in listed if entry["offset"] == one] == [
        {"topic": ORDERS.name, "partition": 3, "offset": one, "reason": "unknown_order",
         "detail": f"detail of {one} ü", "key": "b_1"}
    ]  # fmt: skip
    assert other in {entry["offset"] for entry in listed}


def test_a_list_can_be_narrowed_by_topic_and_reason_and_says_how_many() -> None:
    late, unknown = next(OFFSETS), next(OFFSETS)
    bury(CLICKS.name, late, "too_late", b"{}")
    bury(ORDERS.name, unknown, "unknown_line", b"{}")
    by_topic = json.loads(koc_dlq("list", "--topic", ORDERS.dlq, "--json").stdout)
    by_reason = json.loads(koc_dlq("list", "--reason", "too_late", "--json").stdout)
    assert unknown in {entry["offset"] for entry in by_topic}
    assert {entry["topic"] for entry in by_topic} == {ORDERS.name}
    assert late in {entry["offset"] for entry in by_reason}
    assert {entry["reason"] for entry in by_reason} == {"too_late"}
    assert f"{len(by_reason):8,}  refused in all" in koc_dlq("list", "--reason", "too_late").stdout


def test_the_original_bytes_and_headers_are_shown_as_they_came() -> None:
    position = bury(ORDERS.name, next(OFFSETS), "invalid_json", b'{"half": \xff', None, ("trace", b"t1"))
    shown = json.loads(koc_dlq("show", position, "--json").stdout)
    assert shown["value"] == '{"half": \\xff'
    assert shown["headers"]["trace"] == "t1"
    assert shown["key"] is None
    assert koc_dlq("show", position, "--raw").stdout_bytes == b'{"half": \xff'
    assert "invalid_json" in koc_dlq("show", position).stdout


def test_what_was_never_refused_is_said_to_be_unknown() -> None:
    result = koc_dlq("show", f"{ORDERS.name}/3/{next(OFFSETS)}")
    assert result.exit_code == 1
    assert "nothing was refused at" in result.stderr
    assert koc_dlq("show", "somewhere/3/x").exit_code == 2


def test_a_replay_publishes_the_original_again_without_our_headers_once() -> None:
    offset = next(OFFSETS)
    position = bury(ORDERS.name, offset, "misrouted", b'{"y":2}', b"b_77", ("trace", b"t2"), ("koc_rerouted", b"x/1/2"))
    bury(ORDERS.name, offset, "misrouted", b'{"y":2}', b"b_77", ("trace", b"t2"), ("koc_rerouted", b"x/1/2"))
    spared = bury(ORDERS.name, next(OFFSETS), "misrouted", b'{"y":3}')
    before = log_ends([ORDERS.name, CLICKS.name])
    result = koc_dlq("replay", "--position", position, "--json")
    assert json.loads(result.stdout) == {"replayed": {ORDERS.name: 1}}
    (again,) = written_since(before)
    assert (again.key, again.value, list(again.headers)) == (b"b_77", b'{"y":2}', [("trace", b"t2")])
    assert spared != position


def test_a_replay_needs_to_be_told_what() -> None:
    result = koc_dlq("replay")
    assert result.exit_code == 2
    assert "--all" in result.stderr
