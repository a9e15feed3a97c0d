"""What the test kit finds when events are seen together: refunds, relations, and fields that stand twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.check import Report, check
from schemas.decoding import repeated_fields
from schemas.findings import Finding
from schemas.samples import Sample, samples
from schemas.specimens import VALID
from schemas.topics import REGISTRY
from services.cli.publish import app

PAID, REFUNDED, REVERSED = VALID["order.paid"], VALID["order.refunded"], VALID["order.refund_reversed"]
CLICK = json.dumps(VALID["click"])


def checked(*events: Any) -> Report:
    return check([Sample(f"s:{n}", json.dumps(event).encode()) for n, event in enumerate(events, 1)])


def only(report: Report) -> Finding:
    (found,) = report.findings
    return found


def paid(**amounts: int) -> dict[str, Any]:
    return PAID | {"lines": [PAID["lines"][0] | amounts]}


def refund(event_id: str, refund_id: str, refund_minor: int, at: str = "2026-11-02T10:00:00Z") -> dict[str, Any]:
    lines = [{"line_id": "1", "refund_minor": refund_minor, "quantity": 0}]
    return REFUNDED | {"event_id": event_id, "refund_id": refund_id, "occurred_at": at, "lines": lines}


def test_f05_shipping_refund_more_than_was_paid_for_the_goods_is_a_warning() -> None:
    order = paid(goods_paid_minor=862, tax_minor=138, shipping_minor=2_000)
    found = only(checked(order, refund("o_f05_rf_ship", "rf_ship", 2_000)))
    assert (found.where, found.word, found.field, found.warning) == (
        "s:2", "refunded_too_much", "lines.0.refund_minor", True,
    )  # fmt: skip
    assert found.wanted == (
        "lines.0.refund_minor: refunds of 2000, but 862 was paid for the goods, and no more will count; "
        "refund_minor is of the goods only, without tax and shipping"
    )
    assert checked(order, refund("o_f05_rf_goods", "rf_goods", 862)).findings == []


def test_f05_the_schema_says_what_refund_minor_counts() -> None:
    schema = json.loads((Path(__file__).parents[3] / "schemas/json/order.refunded.schema.json").read_text())
    said = schema["$defs"]["RefundLine"]["properties"]["refund_minor"]["description"]
    assert said == "minor units of the goods, as goods_paid_minor: without tax and shipping"


@pytest.mark.parametrize("turned", [False, True])
def test_f06_refund_id_two_amounts_the_one_that_will_not_count_is_a_warning(turned: bool) -> None:
    first = refund("created", "rf_1", 2_000)
    second = refund("updated", "rf_1", 2_500, "2026-11-02T10:05:00Z")
    found = only(checked(PAID, second, first) if turned else checked(PAID, first, second))
    updated, created = ("s:2", "s:3") if turned else ("s:3", "s:2")
    assert (found.where, found.word, found.warning) == (updated, "changed_refund", True)
    assert found.wanted == (
        f"lines.0.refund_minor: refund rf_1 of line 1 is 2000 at {created}, the first in time counts, and 2500 here "
        "will not; to correct an amount publish order.refund_reversed, then a refund with a new refund_id"
    )


def test_f06_refund_id_two_amounts_the_same_amount_or_another_line_is_no_change() -> None:
    lines = [PAID["lines"][0], PAID["lines"][0] | {"line_id": "2"}]
    other = refund("other", "rf_1", 2_500) | {"lines": [{"line_id": "2", "refund_minor": 2_500}]}
    events = [PAID | {"lines": lines}, refund("created", "rf_1", 2_000), refund("again", "rf_1", 2_000), other]
    assert checked(*events).findings == []


def test_a_refund_that_was_taken_back_leaves_room_for_the_right_one() -> None:
    whole = refund("wrong", "rf_1", 20_000)
    right = refund("right", "rf_2", 15_000, "2026-11-06T10:00:00Z")
    assert only(checked(PAID, whole, right)).word == "refunded_too_much"
    assert checked(PAID, whole, right, REVERSED).findings == []


def test_a_refund_that_was_taken_back_does_not_come_again_under_its_id() -> None:
    found = only(checked(PAID, refund("wrong", "rf_1", 2_000), REVERSED, refund("z", "rf_1", 1_500)))
    assert (found.where, found.word) == ("s:4", "changed_refund")
    assert found.wanted == (
        "lines.0.refund_minor: refund rf_1 of line 1 was taken back for good, so 1500 here will not count; "
        "publish it with a new refund_id"
    )


def relation(event_id: str, since: str, until: str | None = None, **parties: str) -> dict[str, Any]:
    return VALID["relation.set"] | {
        "event_id": event_id, "koc_id": "k_f13", "parties": parties, "effective_from": since, "effective_to": until,
    }  # fmt: skip


OCTOBER, NOVEMBER, DECEMBER = (f"2026-{month}-01T00:00:00Z" for month in (10, 11, 12))
AGENCY = relation("rel_f13_1", OCTOBER, mcn="m_1")
RECRUITER = relation("rel_f13_2", NOVEMBER, recruiter="r_1")
BOTH = relation("rel_both", NOVEMBER, recruiter="r_1", mcn="m_2")
LOST = (
    "parties: from 2026-11-01T00:00:00Z on KOC k_f13 is without mcn m_1 (set at s:1), because relation.set replaces "
    "all parties: name those who stay"
)


def test_f13_adds_recruiter_parties_that_a_relation_leaves_out_are_a_warning() -> None:
    found = only(checked(AGENCY, RECRUITER))
    assert found == Finding("s:2", "dropped_parties", "parties", LOST, warning=True)  # type: ignore[arg-type]
    assert checked(AGENCY, RECRUITER).invalid == 0


def test_f13_the_order_in_the_file_means_nothing() -> None:
    assert only(checked(RECRUITER, AGENCY)) == only(checked(AGENCY, RECRUITER))._replace(
        where="s:1", wanted=LOST.replace("s:1", "s:2")
    )


@pytest.mark.parametrize(
    "relations",
    [
        (AGENCY, BOTH),
        (AGENCY, RECRUITER, BOTH),
        (AGENCY, RECRUITER | {"koc_id": "k_other"}),
        (relation("ended", OCTOBER, NOVEMBER, mcn="m_1"), RECRUITER),
        (relation("nobody", OCTOBER), RECRUITER),
    ],
    ids=["changed", "corrected", "of another KOC", "ended before", "nobody before"],
)
def test_relations_that_lose_nobody_are_fine(relations: tuple[dict[str, Any], ...]) -> None:
    assert checked(*relations).findings == []


@pytest.mark.parametrize(
    ("relations", "where"),
    [
        ((AGENCY, AGENCY | {"event_id": "again", "parties": {}}), ["s:2"]),
        ((AGENCY, RECRUITER, RECRUITER | {"event_id": "again"}), ["s:3"]),
        ((AGENCY, relation("a", NOVEMBER, DECEMBER, x="x_1"), relation("b", DECEMBER, mcn="m_1")), ["s:2"]),
        ((AGENCY, relation("a", NOVEMBER, mcn="m_1", x="x_1"), relation("b", DECEMBER)), ["s:3"]),
    ],
    ids=["the same identity", "published twice", "for a month", "two at once"],
)
def test_relations_that_lose_somebody_are_named(relations: tuple[dict[str, Any], ...], where: list[str]) -> None:
    assert [one.where for one in checked(*relations).findings] == where


def test_publish_validate_only_warns_of_parties_that_are_left_out(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text(json.dumps(AGENCY))
    second.write_text(json.dumps(RECRUITER))
    told = LOST.replace("s:1", f"{first}:1")
    done = CliRunner().invoke(app, ["--validate-only", "--json", str(first), str(second)])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "valid": {REGISTRY.name: 2},
        "invalid": [],
        "warnings": [{"where": f"{second}:1", "reason": "dropped_parties", "field": "parties", "detail": told}],
    }
    text = CliRunner().invoke(app, ["--validate-only", str(first), str(second)]).stdout
    assert text.splitlines()[0] == f"{second}:1: warning: dropped_parties: {told}"


TWICE = {
    "brand_id": CLICK[:-1] + ', "brand_id": "br_3"}',
    "koc_id": CLICK[:-1] + ', "koc\\u005fid": "k_8"}',
    "lines.0.goods_paid_minor": json.dumps(PAID).replace('"goods_paid_minor": 20000', '"goods_paid_minor": 1, \\g<0>')
    .replace("\\g<0>", '"goods_paid_minor": 20000'),
    "lines": json.dumps(PAID)[:-1] + f', "lines": {json.dumps(PAID["lines"])}}}',
    "surprise.0.a": CLICK[:-1] + ', "surprise": [{"a": 1, "a": 1}]}',
}  # fmt: skip


@pytest.mark.parametrize("field", TWICE)
def test_a_field_that_stands_twice_is_refused_by_name(field: str, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(f"{json.dumps(AGENCY)}\n{TWICE[field]}\n")
    report = check(samples(str(file)))
    told = f"{field}: stands twice in one object, and only the last would count"
    assert only(report)[:4] == (f"{file}:2", "repeated_field", field, told)
    assert (report.invalid, only(report).warning) == (1, False)
    done = CliRunner().invoke(app, ["--validate-only", "--json", str(file)])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["invalid"] == [
        {"where": f"{file}:2", "reason": "invalid_field", "field": field, "detail": told}
    ]


def test_a_field_that_stands_twice_in_a_consumed_record_is_found_too() -> None:
    for text, field in (
        (f'{{"key": "b_1", "value": {TWICE["koc_id"]}}}', "value.koc_id"),
        (json.dumps({"key": "b_1", "payload": TWICE["koc_id"]}), "koc_id"),
    ):
        assert only(check([Sample("s:1", text.encode())])).field == field


def test_what_stands_once_in_every_object_does_not_stand_twice() -> None:
    assert [repeated_fields(json.dumps(event).encode()) for event in VALID.values()] == [[]] * len(VALID)
    assert repeated_fields(b'{"a":{"b":1,"b":2},"a":{"c":3}}') == ["a"]
    assert repeated_fields(b'{"a":{"c":3,"c":4,"d":[{"x":1,"x":2}]}}') == ["a.c", "a.d.0.x"]
