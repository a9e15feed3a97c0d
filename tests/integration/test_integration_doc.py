"""docs/integration.md is a promise to the teams who publish: its programs run as they stand there, on a real broker."""

import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas import check, decoding
from schemas.partitioning import partition_of
from schemas.samples import Sample
from schemas.specimens import VALID
from schemas.topics import BY_NAME, CLICKS, CREDITS, ORDERS, REGISTRY
from services.runtime.deadletters import REROUTED
from services.runtime.kafka import kafka_python_options
from services.runtime.local.broker import jars_folder
from services.runtime.settings import settings
from tests.kit.attribution_process import truth
from tests.kit.stacks import stack_of_its_own
from tests.kit.topics import records
from tests.kit.waiting import until

PAGE = (Path(__file__).parents[2] / "docs/integration.md").read_text()
PROGRAMS = ("publish_kafka_python.py", "publish_confluent.py", "Publish.java")
BUYERS = {b"b_python", b"b_confluent", b"b_java"}
ORDERS_OF_PROGRAMS = {"o_py_1", "o_cf_1", "o_java_1"}


def program(name: str) -> str:
    blocks = re.findall(rf"^```(?:python|java) {re.escape(name)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


def run(name: str, folder: Path, text: str | None = None) -> str:
    """What a program of the page prints; it finds none of our modules, only the libraries that it names."""
    file = folder / name
    file.write_text(text or program(name))
    command = ["java", "-Xmx128m", "-cp", f"{jars_folder()}/*", file.name]
    if name.endswith(".py"):
        command = [sys.executable, "-I", file.name]
    environment = {**os.environ, "KAFKA": settings().kafka_bootstrap}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def kcat_line(topic: str, mode: str) -> str:
    (found,) = [
        one
        for one in re.sub(r"\\\n *", "", PAGE).splitlines()
        if one.startswith(f"kcat {mode} ") and f"-t {topic} " in one and "|" not in one.replace("'|'", "")
    ]
    return found


def credited() -> dict[str, list[tuple[str, int]]]:
    """KOC and weight of every order's only line, as a reader of the credits topic has it."""
    return {order: [(c["koc_id"], c["weight_ppm"]) for c in line["credits"]] for (order, _), line in truth().items()}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A stack with a worker, to which every publishing program of the page has published; and a folder to work in."""
    folder = tmp_path_factory.mktemp("programs")
    with stack_of_its_own(tmp_path_factory.mktemp("integration-page"), workers=1):
        for name in PROGRAMS:
            run(name, folder)
        until(lambda: credited().keys() >= ORDERS_OF_PROGRAMS, "every program's order has credits")
        yield folder


@pytest.mark.usefixtures("published")
def test_every_event_of_the_programs_is_valid_and_lies_where_its_key_belongs() -> None:
    found = [record for topic in (CLICKS, ORDERS) for record in records(topic.name) if record.key in BUYERS]
    assert len(found) == 7
    for record in found:
        event = decoding.read(record.topic, record.value)
        assert event.key.encode() == record.key
        assert record.partition == partition_of(record.key, BY_NAME[record.topic].partitions)
        assert list(record.headers) == []
    samples = [Sample(f"{one.topic}:{one.offset}", one.value) for one in found]
    assert check.check(samples).findings == []


@pytest.mark.usefixtures("published")
def test_every_order_of_the_programs_is_credited() -> None:
    found = credited()
    assert {order: found[order] for order in ORDERS_OF_PROGRAMS} == {
        "o_py_1": [("k_7", 1_000_000)],
        "o_cf_1": [("k_8", 1_000_000)],
        "o_java_1": [("k_9", 1_000_000)],
    }


def test_the_reader_of_credits_prints_the_truth(published: Path) -> None:
    until(lambda: truth()["o_cf_1", "1"]["refunded_minor"] == 4950, "the refund counts")
    lines = run("read_credits.py", published).splitlines()
    assert "o_py_1 1 k_7 v_93 1000000 0" in lines
    assert "o_cf_1 1 k_8 v_94 1000000 4950" in lines


def test_the_reader_of_refusals_prints_each_with_its_reason(published: Path) -> None:
    producer = KafkaProducer(**kafka_python_options())
    bad = json.dumps(VALID["click"] | {"koc_id": ""}).encode()
    at = producer.send(CLICKS.name, key=b"b_1", value=bad).get(60)
    producer.close()
    place = f"{at.topic} {at.partition} {at.offset} invalid_field koc_id"
    until(lambda: any(record.value == bad for record in records(CLICKS.dlq)), "the bad click is a dead letter")
    assert sum(line.startswith(place) for line in run("read_refusals.py", published).splitlines()) == 1


def test_a_forgotten_partitioner_is_a_detour_and_no_loss(published: Path) -> None:
    setting = '    "partitioner": "murmur2_random",  # not librdkafka\'s default: see above\n'
    text = program("publish_confluent.py")
    assert setting in text
    names = (f"b_astray_{number}" for number in range(100))
    buyer = next(one for one in names if zlib.crc32(one.encode()) % 12 != partition_of(one.encode(), 12))
    for old, new in ((setting, ""), ("b_confluent", buyer), ("o_cf_1", "o_astray"), ("code_cf_1", "code_astray")):
        text = text.replace(old, new)
    run("publish_astray.py", published, text)
    until(lambda: credited().get("o_astray") == [("k_8", 1_000_000)], "the stray order has credits")
    clicks = [record for record in records(CLICKS.name) if record.key == buyer.encode()]
    assert [(one.partition == partition_of(one.key, 12), any(name == REROUTED for name, _ in one.headers))
            for one in sorted(clicks, key=lambda one: len(one.headers))] == [(False, False), (True, True)]  # fmt: skip
    stray = next(one for one in clicks if not one.headers)
    as_kcat = {"topic": CLICKS.name, "partition": stray.partition, "key": buyer, "payload": stray.value.decode()}
    report = check.check([Sample("kcat:1", json.dumps(as_kcat).encode())])
    assert [one.word for one in report.findings] == ["wrong_partition"]


def test_kcat_is_told_to_use_the_partitioner_and_does_where_it_is_installed(published: Path) -> None:
    line = kcat_line(ORDERS.name, "-P")
    assert " -X topic.partitioner=murmur2_random " in line
    assert " -K '|' -l keyed.txt" in line
    if shutil.which("kcat") is None:
        return
    buyer = "b_kcat_2"
    assert zlib.crc32(buyer.encode()) % 12 != partition_of(buyer.encode(), 12)
    paid: dict[str, Any] = VALID["order.paid"] | {"buyer_id": buyer, "order_id": "o_kcat", "reason": "a | b"}
    (published / "keyed.txt").write_text(f"{buyer}|{json.dumps(paid)}\n")
    environment = {**os.environ, "KAFKA": settings().kafka_bootstrap}
    subprocess.run(["sh", "-c", line], cwd=published, env=environment, check=True, timeout=180)
    (record,) = [one for one in records(ORDERS.name) if one.key == buyer.encode()]
    assert (record.partition, json.loads(record.value)) == (partition_of(record.key, 12), paid)
    read = subprocess.run(
        ["sh", "-c", kcat_line(CREDITS.name, "-C")], env=environment, capture_output=True, timeout=180
    )
    assert b"o_py_1/1 {" in read.stdout


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_any_compression_is_read_by_every_client_of_ours(codec: str) -> None:
    from confluent_kafka import Producer

    event = VALID["content.registered"] | {"event_id": f"r_{codec}", "content_id": f"v_{codec}"}
    producer = Producer({"bootstrap.servers": settings().kafka_bootstrap, "compression.type": codec})
    producer.produce(REGISTRY.name, key=event["content_id"], value=json.dumps(event).encode() + b" " * 2000)
    assert producer.flush(30) == 0
    assert event in [json.loads(record.value) for record in records(REGISTRY.name)]
