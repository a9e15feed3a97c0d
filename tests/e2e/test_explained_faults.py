"""Inputs that were once booked or explained wrongly, published to a real stack: what it books and says now."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.operations.drain.positions import wait_until_drained
from services.runtime.local.stack import Stack
from tests.kit.command import koc, output_of
from tests.kit.histories import DRAIN_SECONDS
from tests.kit.stacks import stack_of_its_own

FAULTS = Path(__file__).parents[1] / "data/faults"
FILES = (
    "F01_poster_stops", "F01_innocent_after", "F02_1_orders_first", "F02_2_plan_after", "F03_1",
    "F03_2_late_order", "F06_refund_id_two_amounts", "F08_fee_of_unknown_content", "F11_second_owner",
    "F12_tie", "F15_cliff",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack to which the files were published one after the other."""
    with stack_of_its_own(tmp_path_factory.mktemp("faults"), workers=1) as stack:
        for file in FILES:
            output_of("publish", str(FAULTS / f"{file}.jsonl"))
            wait_until_drained(DRAIN_SECONDS)
        yield stack


def lines_of(order_id: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = json.loads(output_of("explain", order_id, "--json"))["lines"]
    return lines


def failing_koc(*arguments: str) -> str:
    """What koc prints when it ends with 1: something was found, or nothing."""
    done = koc(*arguments)
    assert done.returncode == 1
    return done.stdout


def refusal_of(order_id: str, *options: str) -> str:
    """The sentence with which explain ends for an order that is not in the books."""
    return failing_koc("explain", order_id, *options)


def rows_of(order_id: str) -> list[dict[str, Any]]:
    """The journal's entries of an order, as exported."""
    rows = map(json.loads, output_of("ledger", "export", "--format", "json").splitlines())
    return [row for row in rows if row["order_id"] == order_id]


def test_f01_a_line_over_the_limit_is_set_aside_and_named_by_all_who_look() -> None:
    why = "1200000000000 on brand:br_f01:accrued is over the journal's limit of 1000000000000"
    listed = json.loads(output_of("ledger", "lines", "--set-aside", "--json"))
    assert [(line["order_id"], line["reason"]) for line in listed["lines"]] == [("o_f01", why)]
    (line,) = lines_of("o_f01")
    assert line["nothing_because"] == f"the line is set aside, because {why}"
    assert f"o_f01/1/b_f01_0 ({why})" in failing_koc("doctor")
    assert rows_of("o_f01") == []


def test_f01_an_innocent_order_is_booked_after_it_and_no_process_ended(published: Stack) -> None:
    (row,) = rows_of("o_f01_innocent")
    assert {leg["account"]: leg["amount_minor"] for leg in row["legs"]} == {
        "brand:br_f01:accrued": 10_000,
        "koc:k_2:pending": -10_000,
    }
    assert {one["name"]: (one["state"], one["restarts"]) for one in published.processes()} == dict.fromkeys(
        ["kafka", "postgres", "attribution-1", "poster-1", "relay-1"], ("running", 0)
    )


def test_f02_a_plan_that_comes_after_its_orders_books_each_event_at_its_own_time() -> None:
    rows = [
        (row["kind"], row["period"], row["effective_at"], leg["amount_minor"])
        for row in rows_of("o_f02")
        for leg in row["legs"]
        if leg["account"] == "brand:br_f02:accrued"
    ]
    assert rows == [
        ("commission.accrued", "2026-11", "2026-11-01T09:00:00Z", 1_000),
        ("commission.adjusted", "2026-11", "2026-11-02T10:00:00Z", -250),
    ]


def test_f03_a_late_order_is_refused_with_its_reason_and_place() -> None:
    answer = json.loads(refusal_of("o_f03", "--json"))
    (refused,) = answer["refused"]
    place = f"{refused['topic']}/{refused['partition']}/{refused['offset']}"
    assert f"its order.paid at {place} was refused as too_late" in answer["not_explained"]
    assert answer["not_explained"] in refusal_of("o_f03", "--koc", "k_1")
    assert json.loads(output_of("dlq", "show", place, "--json"))["reason"] == "too_late"


def test_f06_the_first_amount_of_a_refund_id_counts_and_the_second_says_why_not() -> None:
    (line,) = lines_of("o_f06")
    assert [(one["event_id"], one["counted_minor"]) for one in line["refunds"]] == [
        ("o_f06_refund_created", 2_000),
        ("o_f06_refund_updated", 0),
    ]
    assert "refund rf_1 counts once for a line" in line["refunds"][1]["why"]
    assert (line["refunded_minor"], line["remarks"]) == (2_000, [])


def test_f08_a_fee_and_a_spend_of_an_unknown_content_leave_a_trace() -> None:
    notes = json.loads(output_of("ledger", "verify", "--json"))["notes"]
    assert sorted(note["detail"] for note in notes if note["what"] == "unregistered contents") == [
        "script_fee.accepted names v_f08_mistyped, which nobody registered",
        "spend.reported names v_f08_mistyped, which nobody registered",
    ]
    assert "script_fee.accepted names v_f08_mistyped" in failing_koc("doctor")  # 1 for the line of F01


def test_f11_the_line_of_the_second_buyer_is_worth_nothing() -> None:
    owner, other = lines_of("o_f11")
    assert (owner["buyer_id"], owner["credits"][0]["commission_minor"]) == ("b_f11_7", 2_000)
    assert (other["buyer_id"], other["credits"][0]["commission_minor"]) == ("b_f11_12", 0)
    assert other["nothing_because"] == "the order line belongs to buyer b_f11_7"


def test_f12_of_two_touches_at_one_instant_the_loser_has_the_smaller_id() -> None:
    (line,) = lines_of("o_f12")
    why = {touch["touch_id"]: touch["why"] for touch in line["considered"] if touch["verdict"] == "not_last"}
    assert list(why) == ["t_f12_a"]
    assert why["t_f12_a"].endswith("another came later, or at the same moment with the greater id")


def test_f15_a_line_that_cost_nothing_has_no_base_and_one_that_cost_a_fen_has_all_of_it() -> None:
    (free,), (fen,) = lines_of("o_f15_free"), lines_of("o_f15_fen")
    assert free["nothing_because"] == "nothing was paid for the goods, so no base remains"
    assert (free["credits"][0]["base_minor"], fen["credits"][0]["base_minor"]) == (0, 19_900)
