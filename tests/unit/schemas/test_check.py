"""The contract test kit as backends run it: by itself, over their samples, with a verdict and a status."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.check import Report, check
from schemas.decoding import MODELS
from schemas.findings import Finding
from schemas.partitioning import partition_of
from schemas.samples import Sample, samples
from schemas.specimens import MODELS as SPECIMENS
from schemas.specimens import VALID
from schemas.topics import CLICKS, COMMANDS, CREDITS, INPUTS, LEDGER, ORDERS, STATEMENTS

ROOT = Path(__file__).parents[3]
CLICK, PAID = VALID["click"], VALID["order.paid"]


def checked(*events: Any, topic: str | None = None) -> Report:
    return check([Sample(f"s:{n}", json.dumps(event).encode()) for n, event in enumerate(events, 1)], topic)


def only(report: Report) -> Finding:
    (found,) = report.findings
    return found


def refund(**changed: Any) -> dict[str, Any]:
    return VALID["order.refunded"] | changed


def run(*arguments: str, given: str = "", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "schemas.check", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, cwd=folder, timeout=60)


def test_the_valid_examples_of_all_inputs_are_valid_together() -> None:
    inputs = [VALID[name] for topic in INPUTS for name in SPECIMENS[topic.name]]
    report = checked(*inputs)
    assert report.findings == []
    assert report.invalid == 0
    assert sum(report.events.values()) == len(inputs)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "schemas/examples").glob("*/invalid-*.json")), ids=lambda path: path.stem
)
def test_every_invalid_example_is_found_out(path: Path) -> None:
    outputs = {name: topic.name for topic in (CREDITS, LEDGER, COMMANDS, STATEMENTS) for name in SPECIMENS[topic.name]}
    topic = outputs.get(path.parent.name)
    assert check(samples(str(path)), topic).invalid == 1


def test_every_bad_field_is_named_with_what_is_wanted() -> None:
    line = PAID["lines"][0] | {"quantity": True}
    report = checked(PAID | {"currency": "yuan", "lines": [line]})
    assert [(one.word, one.field) for one in report.findings] == [
        ("invalid_field", "currency"),
        ("invalid_field", "lines.0.quantity"),
    ]
    assert report.findings[1].wanted == "lines.0.quantity: must be a whole number, not true"
    assert report.invalid == 1


def test_an_event_of_no_topic_is_an_invalid_type() -> None:
    found = only(checked(CLICK | {"event_type": "teleport"}))
    assert (found.word, found.field) == ("invalid_type", "event_type")


def test_an_event_in_the_wrong_topic_is_an_invalid_type() -> None:
    assert {one.word for one in checked(CLICK, topic=ORDERS.name).findings} == {"invalid_type"}


def test_the_same_id_with_other_content_is_a_conflict_and_with_the_same_content_a_repetition() -> None:
    report = checked(CLICK, CLICK, CLICK | {"koc_id": "k_8"})
    assert (report.repeated, report.invalid) == (1, 1)
    assert only(report) == Finding("s:3", "id_conflict", "event_id", only(report).wanted)  # type: ignore[arg-type]
    assert "s:1" in only(report).wanted


def test_one_moment_in_two_zones_is_the_same_content() -> None:
    assert checked(CLICK, CLICK | {"occurred_at": "2026-11-01T16:00:00.123+08:00"}).repeated == 1


def test_one_event_id_of_two_buyers_is_a_warning() -> None:
    report = checked(CLICK, CLICK | {"buyer_id": "b_2"})
    assert (only(report).word, report.invalid, report.warnings) == ("reused_event_id", 0, 1)


def test_a_second_payment_of_an_order_is_a_conflict() -> None:
    found = only(checked(PAID, PAID | {"event_id": "again"}))
    assert (found.where, found.word, found.field, found.warning) == ("s:2", "id_conflict", "order_id", False)


def test_an_order_paid_by_two_buyers_is_a_warning() -> None:
    found = only(checked(PAID, PAID | {"event_id": "other", "buyer_id": "b_2"}))
    assert (found.word, found.warning) == ("reused_order_id", True)


def test_an_event_of_an_unknown_order_is_a_warning_wherever_its_payment_stands() -> None:
    assert checked(refund(), PAID).findings == []
    found = only(checked(refund(order_id="o_other"), PAID))
    assert (found.where, found.word, found.warning) == ("s:1", "unknown_order", True)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (refund(lines=[{"line_id": "nine", "refund_minor": 1}]), "lines.0.line_id"),
        (VALID["order.received"] | {"line_ids": ["1", "nine"]}, "line_ids.1"),
        (VALID["order.refund_reversed"] | {"line_id": "nine"}, "line_id"),
    ],
)
def test_an_event_that_names_a_line_its_order_does_not_have_will_be_refused(event: dict[str, Any], field: str) -> None:
    found = only(checked(PAID, event))
    assert (found.word, found.field, found.warning) == ("unknown_line", field, False)


def test_refunds_of_more_than_was_paid_are_a_warning_and_one_refund_id_counts_once() -> None:
    half = [{"line_id": "1", "refund_minor": 10_001}]
    assert checked(PAID, refund(lines=half), refund(lines=half, event_id="again")).findings == []
    found = only(checked(PAID, refund(lines=half), refund(lines=half, event_id="more", refund_id="rf_2")))
    assert (found.word, found.field, found.warning) == ("refunded_too_much", "lines.0.refund_minor", True)


@pytest.mark.parametrize(
    "buyer_id", ["anna@example.com", "13812345678", "+8613812345678", "+49-170-1234567", "110101199003071234"]
)
def test_a_buyer_id_that_is_a_person_is_a_warning(buyer_id: str) -> None:
    assert (only(checked(CLICK | {"buyer_id": buyer_id})).word) == "personal_buyer_id"


@pytest.mark.parametrize(
    "ref", ["anna@example.com", "13812345678", "6222020200112233445", "DE02120300000000202051", "110101199003071234"]
)
def test_a_payees_ref_that_is_a_person_or_an_account_is_a_warning(ref: str) -> None:
    found = only(checked(VALID["payee.set"] | {"ref": ref}))
    assert (found.word, found.field, found.warning) == ("personal_payee_ref", "ref", True)
    assert "use a token of the payee file" in found.wanted


@pytest.mark.parametrize("ref", ["4f9c2a17d0", "ref_k_7", "20261101", "9f86d081884c7d659a2feaa0c55ad015"])
def test_a_token_of_the_payee_file_is_none(ref: str) -> None:
    assert checked(VALID["payee.set"] | {"ref": ref}).findings == []


@pytest.mark.parametrize(("name", "key"), [("hold.placed", "h_1"), ("payee.set", "koc:k_7"), ("house.set", "house")])
def test_a_registry_event_under_a_wrong_key_is_told_its_own(name: str, key: str) -> None:
    assert checked({"key": key, "value": VALID[name]}).findings == []
    assert only(checked({"key": "x", "value": VALID[name]})).wanted == f"the key must be {key}"


@pytest.mark.parametrize("buyer_id", ["b_1", "20261101", "9f86d081884c7d659a2feaa0c55ad015", "1029384756102", "b@shop"])
def test_a_pseudonym_is_none(buyer_id: str) -> None:
    assert checked(CLICK | {"buyer_id": buyer_id}).findings == []


def test_key_and_partition_are_checked_where_the_sample_has_them() -> None:
    right = partition_of(b"b_1", CLICKS.partitions)
    as_kcat = {"topic": CLICKS.name, "partition": right, "key": "b_1", "payload": json.dumps(CLICK)}
    assert checked({"key": "b_1", "value": CLICK}, as_kcat).findings == []
    report = checked({"key": "k_7", "value": CLICK}, as_kcat | {"partition": (right + 1) % 12})
    assert [(one.word, one.warning) for one in report.findings] == [("wrong_key", False), ("wrong_partition", False)]
    assert report.invalid == 2


def test_a_record_without_a_key_has_the_wrong_one() -> None:
    assert only(checked({"key": None, "value": CLICK})).word == "wrong_key"
    assert checked({"value": CLICK}).findings == []


def test_unknown_fields_are_counted_and_do_no_harm() -> None:
    line = PAID["lines"][0]
    report = checked(
        PAID | {"coupon": 1, "lines": [line | {"colour": "red"}, line | {"line_id": "2", "colour": "red"}]}
    )
    assert report.invalid == 0
    assert report.unknown_fields == {"coupon": 1, "lines[].colour": 2}


def test_our_own_messages_can_be_checked_by_those_who_read_them() -> None:
    assert checked(VALID["credit"], topic=CREDITS.name).events == {CREDITS.name: 1}
    assert checked(VALID["command"], topic=COMMANDS.name).events == {COMMANDS.name: 1}


def test_lines_documents_arrays_and_packed_files_hold_the_same_events(tmp_path: Path) -> None:
    events = [CLICK, PAID]
    forms = {
        "lines.jsonl": "\n\n".join(map(json.dumps, events)),
        "array.json": json.dumps(events),
        "pretty.json": json.dumps(events, indent=2),
        "several.json": "\n".join(json.dumps(event, indent=1) for event in events),
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        for path in (tmp_path / name, tmp_path / f"{name}.gz"):
            found = list(samples(str(path)))
            assert [json.loads(sample.raw) for sample in found] == events, path
            assert len({sample.where for sample in found}) == 2
    pretty = (tmp_path / "pretty.json").read_text().splitlines()
    second = list(samples(str(tmp_path / "pretty.json")))[1].where
    assert pretty[int(second.rpartition(":")[2]) - 1].strip() == "{"


def test_a_file_that_begins_with_nonsense_is_still_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(f"{{nonsense\n{json.dumps(CLICK)}\n")
    report = check(samples(str(file)))
    assert (only(report).where, only(report).word) == (f"{file}:1", "invalid_json")
    assert report.events == {CLICKS.name: 1}


def test_it_runs_with_nothing_of_ours_but_the_contract(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    blocked = "import sys; sys.modules['services'] = None; sys.modules['msgspec'] = None; sys.path.insert(0, '.')"
    code = f"{blocked}; from schemas.check import main; sys.exit(main(['-', '--json']))"
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, input=json.dumps(CLICK), capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == {CLICKS.name: 1}


def test_the_status_tells_valid_invalid_and_usage_apart(tmp_path: Path) -> None:
    assert run("-", given=json.dumps(CLICK)).returncode == 0
    bad = run("-", "--json", given=json.dumps(CLICK | {"koc_id": ""}))
    assert bad.returncode == 1
    said = json.loads(bad.stdout)
    assert (said["valid"], said["invalid"], said["findings"][0]["field"]) == (False, 1, "koc_id")
    assert run().returncode == 2
    nowhere = run(str(tmp_path / "nowhere"))
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "is not a file" in nowhere.stderr
    assert run("-", "--topic", "no.such", given="{}").returncode == 2


def test_a_damaged_archive_is_a_sentence(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps([CLICK] * 50).encode())
    for name, content in {
        "no.gz": b"{}",
        "cut.gz": whole[:-9],
        "bent.gz": whole[:12] + b"\xff" * 40 + whole[52:],
    }.items():
        (tmp_path / name).write_bytes(content)
        done = run(str(tmp_path / name))
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), name


def test_all_topics_can_be_named() -> None:
    assert set(MODELS) <= set(run("--help").stdout.replace(",", " ").replace("{", " ").replace("}", " ").split())
