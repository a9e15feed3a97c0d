"""`koc dlq` on a real broker: each refusal once, whole, and sent again as it came."""

import json
from itertools import count

import pytest
from typer.testing import CliRunner, Result

from schemas.topics import CLICKS, DLQ_PARTITIONS, INPUTS, ORDERS
from services.cli.dlq import app
from services.runtime.deadletters import headers
from services.runtime.publishing import Outgoing, publish
from services.runtime.topics import log_ends
from tests.kit.topics import records_since

pytestmark = pytest.mark.usefixtures("on_stack")
OFFSETS = count(10**12)
"""Source offsets that no record of another test has."""


def koc_dlq(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


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
    found = json.loads(koc_dlq("list", "--json").stdout)
    assert [entry for entry in found if entry["offset"] == one] == [
        {"topic": ORDERS.name, "partition": 3, "offset": one, "reason": "unknown_order",
         "detail": f"detail of {one} ü", "key": "b_1", "event_id": None, "order_id": None, "replay_of": None,
         "replayed": None}
    ]  # fmt: skip
    assert other in {entry["offset"] for entry in found}


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
    result = koc_dlq("replay", "--position", position, "--yes", "--wait", "0", "--json")
    assert json.loads(result.stdout) == {
        "replayed": {ORDERS.name: 1}, "accepted": 0, "refused_again": 0, "on_its_way": 1, "left_out": 0
    }  # fmt: skip
    (again,) = records_since(before)
    came_from = ("koc_replay_of", position.encode())
    assert (again.key, again.value, list(again.headers)) == (b"b_77", b'{"y":2}', [("trace", b"t2"), came_from])
    assert spared in listed()
    assert position not in listed()
    assert listed("--replayed")[position]["replayed"] == f"{again.topic}/{again.partition}/{again.offset}"


def listed(*arguments: str) -> dict[str, dict[str, object]]:
    """What `koc dlq list` says, by position."""
    found = json.loads(koc_dlq("list", "--json", *arguments).stdout)
    return {f"{one['topic']}/{one['partition']}/{one['offset']}": one for one in found}


def test_f04_replay_all_sends_each_letter_once_however_often_it_is_called() -> None:
    """Each call sent everything again: 29 letters became 57, and 113."""
    topics = [topic.name for topic in INPUTS]
    koc_dlq("replay", "--all", "--yes", "--wait", "0")
    for number in range(450):
        bury(INPUTS[number % 3].name, next(OFFSETS), "invalid_field", b'{"z":%d}' % number, b"k_%d" % (number % 7))
    before = log_ends(topics)
    sent = [koc_dlq("replay", "--all", "--yes", "--wait", "0", "--json") for _ in range(3)]
    assert [sum(json.loads(one.stdout)["replayed"].values()) for one in sent] == [450, 0, 0]
    assert sorted(json.loads(record.value)["z"] for record in records_since(before)) == list(range(450))
    assert listed() == {}


def test_f04_what_was_refused_again_is_listed_with_where_it_came_from_and_not_sent_by_all() -> None:
    koc_dlq("replay", "--all", "--yes", "--wait", "0")  # what other tests left
    first = bury(ORDERS.name, next(OFFSETS), "invalid_field", b'{"again":1}')
    before = log_ends([ORDERS.name])
    koc_dlq("replay", "--position", first, "--yes", "--wait", "0")
    (event,) = records_since(before)
    second = bury(ORDERS.name, next(OFFSETS), "invalid_field", event.value, event.key, *event.headers)
    assert listed()[second]["replay_of"] == first
    assert f"(sent again from {first})" in koc_dlq("list").stdout
    before = log_ends([ORDERS.name])
    for arguments in (["--all"], ["--position", first], ["--position", second]):
        result = koc_dlq("replay", *arguments, "--yes", "--wait", "0")
        assert "left out" in result.stdout
        assert result.exit_code == (0 if arguments == ["--all"] else 1)
    assert records_since(before) == []
    for position in (first, second):
        assert koc_dlq("replay", "--position", position, "--again", "--yes", "--wait", "0").exit_code == 0
    assert [dict(record.headers)["koc_replay_of"].decode() for record in records_since(before)] == [first, second]


def test_f04_a_letter_that_a_rebuild_refuses_once_more_after_its_replay_stays_sent() -> None:
    offset = next(OFFSETS)
    position = bury(CLICKS.name, offset, "too_late", b'{"r":1}')
    koc_dlq("replay", "--position", position, "--yes", "--wait", "0")
    bury(CLICKS.name, offset, "too_late", b'{"r":1}')
    bury(CLICKS.name, offset, "too_many", b'{"r":1}')
    assert position not in listed()
    assert position not in listed("--reason", "too_many")
    assert json.loads(koc_dlq("show", position, "--json").stdout)["reason"] == "too_late"


def test_a_replay_off_a_terminal_needs_yes_and_says_so() -> None:
    bury(ORDERS.name, next(OFFSETS), "invalid_field", b"{}")
    before = log_ends([ORDERS.name])
    result = koc_dlq("replay", "--all")
    assert result.exit_code == 2
    assert result.stderr.endswith(" again; say --yes if you mean it\n")
    assert records_since(before) == []


@pytest.mark.parametrize("arguments", [[], ["--all", "--again"]])
def test_a_replay_needs_to_be_told_what(arguments: list[str]) -> None:
    result = koc_dlq("replay", *arguments)
    assert result.exit_code == 2
    assert ("--position" if arguments else "--all") in result.stderr


def test_event_and_order_are_named_where_the_bytes_have_them() -> None:
    """A person looks for an event, not for an offset."""
    whole = bury(ORDERS.name, next(OFFSETS), "id_conflict", b'{"event_id":"e_1","order_id":"o_1","buyer_id":7}')
    broken = bury(ORDERS.name, next(OFFSETS), "invalid_json", b'{"event_id": "e_2", "order_id":"o_2", "lines": [')
    odd = bury(CLICKS.name, next(OFFSETS), "invalid_field", b'{"event_id":"\\u001b[2J","order_id":5}')
    none = bury(CLICKS.name, next(OFFSETS), "invalid_json", b"[" * 100_000)
    empty = bury(CLICKS.name, next(OFFSETS), "invalid_json", None)
    found = listed()
    named = {at: (found[at]["event_id"], found[at]["order_id"]) for at in (whole, broken, odd, none, empty)}
    assert named == {
        whole: ("e_1", "o_1"), broken: ("e_2", "o_2"), odd: ("\x1b[2J", None), none: (None, None), empty: (None, None)
    }  # fmt: skip
    lines = koc_dlq("list", "--topic", ORDERS.name, "--reason", "id_conflict").stdout.splitlines()
    assert any(line.startswith(whole) and "event e_1 of order o_1: detail of" in line for line in lines)
    assert "\x1b" not in koc_dlq("list").stdout
