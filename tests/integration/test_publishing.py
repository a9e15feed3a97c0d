"""Publishing to a real broker: partitions, order, headers; and what `koc publish` does with files."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.specimens import MODELS, VALID
from schemas.topics import BUYER_PARTITIONS, CLICKS, INPUTS, ORDERS, REGISTRY
from services.cli.publish import app
from services.runtime.kafka import partition_of
from services.runtime.local.stack import Stack
from services.runtime.publishing import Outgoing, publish
from services.runtime.topics import log_ends
from tests.kit.topics import records_since

pytestmark = pytest.mark.usefixtures("on_stack")


def koc_publish(*arguments: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=given)


def test_records_of_a_key_stay_in_order_over_many_batches_in_the_partition_of_the_key() -> None:
    before = log_ends([CLICKS.name])
    records = [
        Outgoing(CLICKS.name, f"b_{n % 40}".encode(), f"{n}".encode() + b" " * 200, headers=(("n", b"%d" % n),))
        for n in range(25_000)
    ]
    assert publish(records) == {CLICKS.name: 25_000}
    found = records_since(before)
    assert len(found) == 25_000
    last: dict[bytes, int] = {}
    for record in found:
        number = int(record.value)
        assert record.partition == partition_of(record.key, BUYER_PARTITIONS)
        assert last.get(record.key, -1) < number
        assert list(record.headers) == [("n", b"%d" % number)]
        last[record.key] = number
    assert len(last) == 40


def test_a_file_of_mixed_events_goes_to_the_right_topics_under_the_right_keys(tmp_path: Path) -> None:
    before = log_ends([CLICKS.name, ORDERS.name, REGISTRY.name])
    events = [VALID[name] for topic in INPUTS for name in MODELS[topic.name]]
    plain, packed = tmp_path / "some.jsonl", tmp_path / "more.jsonl.gz"
    plain.write_text("".join(json.dumps(event) + "\n" for event in events[:4]) + "\n")
    packed.write_bytes(gzip.compress("\n".join(map(json.dumps, events[4:-1])).encode()))
    result = koc_publish(str(plain), str(packed), "-", "--json", given=json.dumps(events[-1]).encode())
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["published"] == {CLICKS.name: 1, ORDERS.name: 6, REGISTRY.name: 14}
    found = records_since(before)
    keys = {json.loads(record.value)["event_type"]: record.key for record in found}
    assert keys == {
        "click": b"b_1",
        **{name: b"b_1" for name in VALID if name.startswith("order.")},
        "plan.published": b"pl_1",
        "relation.set": b"k_7",
        "content.registered": b"v_93",
        "script_fee.accepted": b"v_93",
        "spend.reported": b"v_93",
        "content.removed": b"v_93",
        "dispute.opened": b"d_1",
        "dispute.decided": b"d_1",
        "hold.placed": b"h_1",
        "hold.released": b"h_1",
        "campaign.budget_set": b"c_1111",
        "koc.left": b"k_7",
        "payee.set": b"koc:k_7",
        "house.set": b"house",
    }
    assert [json.loads(record.value) for record in found if record.topic == ORDERS.name] == [
        event for event in events if event["event_type"].startswith("order.")
    ]


def test_one_bad_line_and_nothing_is_published(tmp_path: Path) -> None:
    before = log_ends([CLICKS.name])
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps(VALID["click"]) + '\n\n{"event_type":"click"}\n{"event_type":"teleport"}\n{nonsense\n')
    result = koc_publish(str(file))
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{file}:3: invalid_field: event_id")
    assert lines[1].startswith(f"{file}:4: invalid_type: ")
    assert lines[2].startswith(f"{file}:5: invalid_json: ")
    assert "3 invalid lines" in lines[3]
    assert records_since(before) == []


def test_as_is_publishes_bad_lines_too_and_unroutable_ones_to_the_named_topic() -> None:
    before = log_ends([CLICKS.name, ORDERS.name])
    bad = [b'{"event_type":"click","buyer_id":"b_9"}', b'{"event_type":"teleport"}', b"{nonsense", b"\xff\xfe"]
    result = koc_publish("-", "--as-is", "--topic", CLICKS.name, "--json", given=b"\n".join(bad))
    assert result.exit_code == 0, result.output
    found = records_since(before)
    assert sorted(record.value for record in found) == sorted(bad)
    assert {record.topic for record in found} == {CLICKS.name}
    assert {record.key for record in found if record.value == bad[0]} == {b"b_9"}


def test_a_file_that_is_not_there_is_named(stack: Stack) -> None:
    del stack
    result = koc_publish("nowhere.jsonl")
    assert result.exit_code == 2
    assert "nowhere.jsonl is not a file" in result.stderr
