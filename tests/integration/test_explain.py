"""Explanations: from books that the real write path filled, and from the orders topic for what these do not know."""

import json
import uuid
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas.topics import CLICKS, CREDITS, ORDERS, Topic
from services.operations.explain.explanation_json import order_json
from services.operations.explain.explanation_text import order_text
from services.operations.explain.inquiry import Inquiry, Rulebook
from services.operations.explain.library import answer_why_not, explain_order
from services.operations.explain.sources import EventRefusal, NotExplained
from services.operations.explain.why_not_forms import why_not_json
from services.runtime import deadletters
from services.runtime.kafka import kafka_python_options
from tests.kit.attribution_group import read_to_the_end
from tests.kit.books import Books
from tests.kit.command import koc, output_of
from tests.kit.order_events import home, paid, refunded
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.settlement_facts import PAID_AT, Fact, FactCredit, FactStep, FactVersion
from tests.kit.topics import send

CONSIDERED: tuple[dict[str, Any], ...] = (
    {"touch_id": "clk_01", "content_id": "v_93", "koc_id": "k_7", "touched_at": "2026-10-31T09:00:00Z",
     "verdict": "credited"},
    {"touch_id": "clk_00", "content_id": "v_12", "koc_id": "k_9", "touched_at": "2026-10-30T09:00:00Z",
     "verdict": "not_last"},
)  # fmt: skip


@pytest.fixture
def order_id(books: Books) -> str:
    """A name that no other test publishes under; settings() lead to books of this test."""
    del books
    return f"o_{uuid.uuid4().hex}"


def publish(topic: str, body: dict[str, Any]) -> int:
    """Publish to the buyer's partition; the offset."""
    producer = KafkaProducer(**kafka_python_options())
    place = producer.send(topic, value=json.dumps(body).encode(), partition=home(body["buyer_id"])).get(60)
    producer.close()
    return int(place.offset)


def attribution_reads() -> None:
    """As if attribution had read the orders to their end."""
    read_to_the_end([ORDERS.name])


def refuse(topic: Topic, partition: int, offset: int, event: dict[str, Any], refusal: EventRefusal) -> None:
    """As attribution does with an event that it refuses."""
    said = deadletters.headers(refusal.reason, refusal.detail, topic.name, partition, offset)
    send(topic.dlq, [json.dumps(event).encode()], partition=0, headers=tuple(said))


def not_explained(order_id: str) -> str:
    with pytest.raises(NotExplained) as answer:
        explain_order(order_id)
    return str(answer.value)


def test_the_worked_example_is_explained_split_by_split(books: Books, order_id: str) -> None:
    books.register(PLAN, RELATION)
    fact = Fact(order_id=order_id, considered=CONSIDERED)
    books.assert_lines(fact)
    books.assert_lines(fact.refunded(5_000))

    (line,) = order_json(explain_order(order_id))["lines"]
    assert [(touch["touch_id"], touch["verdict"]) for touch in line["considered"]] == [
        ("clk_01", "credited"),
        ("clk_00", "not_last"),
    ]
    (credit,) = line["credits"]
    assert (credit["plan_id"], credit["plan_version"], credit["weight_ppm"]) == ("pl_1", 1, 1_000_000)
    assert (credit["base_minor"], credit["commission_minor"]) == (15_000, 3_000)
    assert [(s["role"], s["party"], s["whole_minor"], s["amount_minor"]) for s in credit["splits"]] == [
        ("platform", "platform", 3_000, 300),
        ("mcn", "m_1", 2_700, 540),
        ("recruiter", "r_1", 2_160, 270),
    ]
    assert {keep["role"]: keep["amount_minor"] for keep in credit["keeps"]} == {
        "koc": 1_890,
        "platform": 300,
        "mcn": 540,
        "recruiter": 270,
    }
    assert line["target"] == line["booked"]
    (remark,) = line["remarks"]
    assert remark.startswith("the refunds listed here add up to 0.00 CNY, the books count 50.00 CNY")
    assert [(entry["kind"], entry["effective_at"]) for entry in line["entries"]] == [
        ("commission.accrued", "2026-11-01T09:00:00Z"),
        ("commission.adjusted", "2026-11-05T09:00:00Z"),
    ]
    booked = {leg["account"]: leg["amount_minor"] for leg in line["booked"]}
    for account, amount in booked.items():
        legs = [leg for entry in line["entries"] for leg in entry["legs"] if leg["account"] == account]
        assert sum(leg["amount_minor"] for leg in legs) == amount


def test_the_text_says_the_same_in_money(books: Books, order_id: str) -> None:
    books.register(PLAN | {"splits": [*PLAN["splits"], {"role": "coach", "of": "koc", "share_ppm": 10_000}]}, RELATION)
    books.assert_lines(Fact(order_id=order_id, considered=CONSIDERED))
    text = "\n".join(order_text(explain_order(order_id)))
    for words in (
        "plan pl_1 version 1 (open): 20 % of 200.00 CNY (goods_paid) = 40.00 CNY",
        "platform: 10 % of commission 40.00 CNY = 4.00 CNY",
        "mcn: 20 % of koc 36.00 CNY = 7.20 CNY",
        "recruiter: 12.5 % of koc 28.80 CNY = 3.60 CNY",
        "coach: nobody fills this role, so it takes nothing (1 % of koc 25.20 CNY)",
        "-> koc k_7 has 25.20 CNY",
        "not_last         clk_00",
        "the policy credits the last touch: another came later, or at the same moment with the greater id",
        "considered, by the policy last_click, rules revision 1:",
        "        -25.20 CNY  koc:k_7:pending",
    ):
        assert words in text


def test_several_credits_share_a_line_and_each_has_its_own_plan(books: Books, order_id: str) -> None:
    other = PLAN | {"event_id": "r8", "plan_id": "pl_2", "kind": "exclusive", "koc_ids": ["k_9"], "rate_ppm": 300_000}
    books.register(PLAN, other, RELATION)
    shares = (FactCredit(weight_ppm=700_000), FactCredit(content_id="v_12", koc_id="k_9", weight_ppm=300_000))
    books.assert_lines(Fact(order_id=order_id, goods_paid_minor=10_001, credits=shares))
    (line,) = order_json(explain_order(order_id))["lines"]
    assert [(c["plan_id"], c["base_minor"]) for c in line["credits"]] == [("pl_1", 7_001), ("pl_2", 3_000)]
    assert line["target"] == line["booked"]


def test_an_order_without_a_plan_is_explained_with_the_amount_that_waits_for_one(books: Books, order_id: str) -> None:
    books.register(PLAN)
    books.assert_lines(Fact(order_id=order_id, brand_id="br_none", considered=CONSIDERED))
    explained = explain_order(order_id)
    (line,) = order_json(explained)["lines"]
    assert (line["unpriced"], line["unpriced_minor"], line["entries"]) == ("no_plan", 20_000, [])
    assert "no plan prices it: 200.00 CNY of base is unpriced" in "\n".join(order_text(explained))


def test_both_buyers_of_one_order_line_are_explained_each_with_its_own_entries(books: Books, order_id: str) -> None:
    books.register(PLAN, RELATION)
    books.assert_lines(Fact(order_id=order_id, buyer_id="b_late"), partition=3)
    books.assert_lines(Fact(order_id=order_id, buyer_id="b_early", paid_at=PAID_AT - 1), partition=5)
    standing, displaced = order_json(explain_order(order_id))["lines"]
    assert (standing["buyer_id"], standing["standing"], standing["remarks"]) == ("b_early", True, [])
    assert (displaced["buyer_id"], displaced["standing"], displaced["booked"]) == ("b_late", False, [])
    assert displaced["remarks"] == ["the order line belongs to buyer b_early: this line is worth 0.00 CNY"]
    assert [len(line["entries"]) for line in (standing, displaced)] == [1, 2]


def test_a_line_that_waits_to_be_priced_again_is_told(books: Books, order_id: str) -> None:
    books.register(PLAN, RELATION)
    books.assert_lines(Fact(order_id=order_id))
    books.take_registry(PLAN | {"event_id": "r9", "version": 2, "rate_ppm": 300_000})
    (line,) = order_json(explain_order(order_id))["lines"]
    assert line["credits"][0]["plan_version"] == 2
    assert "waits to be priced again" in line["remarks"][0]


def test_the_cause_of_a_new_price_names_dates_and_versions_not_microseconds(books: Books, order_id: str) -> None:
    books.register(PLAN, RELATION)
    books.assert_lines(Fact(order_id=order_id))
    books.register(RELATION | {"event_id": "r10", "effective_from": "2026-10-20T08:00:00+08:00", "parties": {}})
    books.register(PLAN | {"event_id": "r11", "version": 2, "rate_ppm": 300_000})
    (line,) = order_json(explain_order(order_id))["lines"]
    assert [entry["cause"] for entry in line["entries"][1:]] == [
        "relation.set k_7 from 2026-10-20T00:00:00Z",
        "plan.published pl_1 version 2",
    ]


def test_an_assertion_that_cannot_be_read_is_one_sentence(books: Books, order_id: str) -> None:
    books.assert_lines(Fact(order_id=order_id))
    books.plant(f"UPDATE assertion SET raw = 'x' WHERE order_id = '{order_id}'")
    ran = koc("explain", order_id)
    assert (ran.returncode, ran.stdout) == (70, "")
    assert ran.stderr.startswith(f"koc: the assertion of line {order_id}/1/b_1 cannot be read (invalid_json")


@pytest.mark.usefixtures("empty_database")
def test_a_database_without_tables_is_one_sentence_with_the_command_that_makes_them() -> None:
    ran = koc("explain", "o_1")
    assert (ran.returncode, ran.stdout) == (78, "")
    assert ran.stderr.endswith("run `koc settlement migrate`\n")


def test_a_booked_order_is_explained_while_kafka_is_away(books: Books, order_id: str) -> None:
    books.assert_lines(Fact(order_id=order_id))
    ran = koc("explain", order_id, KOC_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert ran.returncode == 0
    assert "refunds and refused events are not listed: no Kafka broker answers at 127.0.0.1:1" in ran.stdout
    assert f"order {order_id}" in ran.stdout


def test_an_order_that_was_never_published_is_unknown(order_id: str) -> None:
    assert not_explained(order_id) == f"order {order_id} is unknown: no event of it was ever published"


def test_an_order_that_attribution_has_not_read_is_on_its_way(order_id: str) -> None:
    attribution_reads()
    publish(ORDERS.name, paid(order_id))
    assert "still on its way" in not_explained(order_id)


def test_an_order_whose_credits_the_books_have_not_read_is_on_its_way(order_id: str) -> None:
    publish(ORDERS.name, paid(order_id))
    attribution_reads()
    publish(CREDITS.name, {"order_id": order_id, "buyer_id": "b_1"})
    assert "still on its way" in not_explained(order_id)


def test_a_published_order_without_touches_is_told_from_an_unknown_one(order_id: str) -> None:
    publish(ORDERS.name, paid(order_id))
    attribution_reads()
    sentence = not_explained(order_id)
    assert sentence.startswith(f"order {order_id}, paid 2026-11-01T09:00:00Z by b_1, has neither a touch")


def test_an_order_that_was_never_paid_is_told(order_id: str) -> None:
    event = {"event_type": "order.received", "occurred_at": "2026-11-04T09:00:00Z", "buyer_id": "b_1"}
    publish(ORDERS.name, event | {"event_id": f"{order_id}_recv", "order_id": order_id})
    attribution_reads()
    assert "has no order.paid" in not_explained(order_id)


def test_a_refused_order_is_told_with_the_reason(order_id: str) -> None:
    publish(ORDERS.name, paid(order_id, currency="yuan"))
    attribution_reads()
    assert "was refused as invalid_field" in not_explained(order_id)


def test_f03_a_payment_that_came_too_late_is_told_with_its_reason_and_place(order_id: str) -> None:
    event = paid(order_id)
    offset = publish(ORDERS.name, event)
    refuse(ORDERS, home("b_1"), offset, event, TOO_LATE)
    attribution_reads()
    place = f"{ORDERS.name}/{home('b_1')}/{offset}"
    sentence = not_explained(order_id)
    assert sentence.startswith(
        f"order {order_id} is not in the books: its order.paid at {place} was refused as too_late"
    )
    ran = koc("explain", order_id, "--json")
    (refused,) = json.loads(ran.stdout)["refused"]
    assert (ran.returncode, refused["offset"], refused["detail"]) == (1, offset, TOO_LATE.detail)
    shown = koc("dlq", "show", place)
    assert (shown.returncode, "too_late" in shown.stdout) == (0, True)


def test_f06_the_refunds_of_a_line_are_read_from_the_orders_topic(books: Books, order_id: str) -> None:
    publish(ORDERS.name, paid(order_id))
    publish(ORDERS.name, refunded(f"{order_id}_1", "rf_1", 2_000, order_id=order_id))
    last = publish(ORDERS.name, refunded(f"{order_id}_2", "rf_1", 2_500, "2026-11-02T10:05:00Z", order_id=order_id))
    wrong = refunded(f"{order_id}_3", "rf_2", 1, order_id=order_id, lines=[{"line_id": "9", "refund_minor": 1}])
    refused_at = publish(ORDERS.name, wrong)
    refuse(ORDERS, home("b_1"), refused_at, wrong, EventRefusal("unknown_line", f"order {order_id} has no line 9"))
    attribution_reads()
    books.register(PLAN, RELATION)
    steps = (FactStep(f"{order_id}_paid"), FactStep(f"{order_id}_1", PAID_AT, 2_000))
    version = FactVersion(order=last + 1)
    books.assert_lines(
        Fact(order_id=order_id, refunded_minor=2_000, steps=steps, version=version), partition=home("b_1")
    )

    explanation = order_json(explain_order(order_id))
    (line,) = explanation["lines"]
    assert [(one["event_id"], one["refund_minor"], one["counted_minor"]) for one in line["refunds"]] == [
        (f"{order_id}_1", 2_000, 2_000),
        (f"{order_id}_2", 2_500, 0),
    ]
    assert "rf_1 counts once for a line" in line["refunds"][1]["why"]
    assert (line["remarks"], explanation["remarks"]) == ([], [])
    assert [(one["event_id"], one["reason"], one["offset"]) for one in explanation["refused"]] == [
        (f"{order_id}_3", "unknown_line", refused_at)
    ]
    assert {entry["period"] for entry in line["entries"]} == {"2026-11"}

    publish(ORDERS.name, refunded(f"{order_id}_4", "rf_4", 300, "2026-11-03T10:00:00Z", order_id=order_id))
    explanation = order_json(explain_order(order_id))
    assert explanation["lines"][0]["refunds"][2]["why"].startswith("no effect yet: it is on its way")
    assert explanation["remarks"][0].startswith("an event of the order is still on its way")


def test_an_order_that_another_one_merely_mentions_is_unknown(order_id: str) -> None:
    publish(ORDERS.name, paid(f"{order_id}_other", buyer_id=order_id))
    attribution_reads()
    assert "is unknown" in not_explained(order_id)


def test_the_command_exits_with_1_and_one_sentence_or_prints_the_object(books: Books, order_id: str) -> None:
    ran = koc("explain", order_id)
    assert (ran.returncode, ran.stdout) == (1, f"koc: order {order_id} is unknown: no event of it was ever published\n")
    books.register(PLAN, RELATION)
    books.assert_lines(Fact(order_id=order_id))
    assert json.loads(output_of("explain", order_id, "--json")) == order_json(explain_order(order_id))


def click(buyer_id: str, event_id: str, at: str, koc_id: str) -> dict[str, Any]:
    return {
        "event_id": event_id, "event_type": "click", "occurred_at": at, "platform": "douyin", "buyer_id": buyer_id,
        "koc_id": koc_id, "content_id": f"v_{koc_id}", "content_type": "video", "product_id": "p_5", "shop_id": "s_1",
        "brand_id": "br_2", "traffic": "natural",
    }  # fmt: skip


def publish_clicks(buyer_id: str, *events: dict[str, Any], transactional_id: str | None = None) -> int:
    """Publish to the buyer's partition; the offset of the first. With a transaction, it is aborted in the end."""
    partition = home(buyer_id)
    options = {"transactional_id": transactional_id} if transactional_id else {}
    producer = KafkaProducer(**kafka_python_options(), **options)
    if transactional_id:
        producer.init_transactions()
        producer.begin_transaction()
    sent = [producer.send(CLICKS.name, value=json.dumps(event).encode(), partition=partition) for event in events]
    producer.flush()
    offset = int(sent[0].get(60).offset)
    if transactional_id:
        producer.abort_transaction()
    producer.close()
    return offset


TOO_LATE = EventRefusal("too_late", "accepted from 2026-10-31T00:00:00Z on")


def test_why_not_me_is_answered_from_the_books_the_clicks_log_and_the_dead_letters(books: Books, order_id: str) -> None:
    buyer = f"b_{order_id}"
    late = click(buyer, f"{order_id}_late", "2026-10-30T09:00:00Z", "k_late")
    offset = publish_clicks(
        buyer,
        late,
        click(buyer, f"{order_id}_after", "2026-11-02T09:00:00Z", "k_after"),
        click(buyer, f"{order_id}_before", "2026-10-10T09:00:00Z", "k_before"),
        click(f"{buyer}_other", f"{order_id}_other", "2026-10-31T10:00:00Z", "k_other"),
    )
    refuse(CLICKS, home(buyer), offset, late, TOO_LATE)
    undone = click(buyer, f"{order_id}_undone", "2026-10-31T10:00:00Z", "k_undone")
    publish_clicks(buyer, undone, transactional_id=order_id)
    books.register(PLAN, RELATION)
    books.assert_lines(Fact(order_id=order_id, buyer_id=buyer, considered=CONSIDERED))
    rulebook = Rulebook(1, {"last_click": "last_click"}, 15 * 86_400_000_000)

    def told(koc_id: str) -> tuple[str, list[str]]:
        (line,) = why_not_json(answer_why_not(order_id, Inquiry(None, koc_id), rulebook))["lines"]
        return line["outcome"], [touch["word"] for touch in line["touches"]]

    assert told("k_7") == ("credited", ["credited"])
    assert told("k_9") == ("lost", ["not_last"])
    assert told("k_late") == ("no_candidate", ["too_late"])
    assert told("k_after") == ("no_candidate", ["after_payment"])
    assert told("k_before") == ("no_candidate", ["before_window"])
    assert told("k_other") == ("no_candidate", [])
    assert told("k_undone") == ("no_candidate", [])


def test_the_command_answers_why_not_me_also_of_an_order_that_nobody_is_credited_for(order_id: str) -> None:
    buyer = f"b_{order_id}"
    late = click(buyer, f"{order_id}_late", "2026-10-30T09:00:00Z", "k_late")
    refuse(CLICKS, home(buyer), publish_clicks(buyer, late), late, TOO_LATE)
    publish(ORDERS.name, paid(order_id, buyer_id=buyer))
    attribution_reads()
    said = output_of("explain", order_id, "--content", "v_k_late")
    assert "content v_k_late was no candidate: its click was refused as too_late" in said
    said = output_of("explain", order_id, "--koc", "k_9", "--json")
    (line,) = json.loads(said)["lines"]
    assert (line["line_id"], line["outcome"], line["touches"]) == (None, "no_candidate", [])
    ran = koc("explain", f"{order_id}_no", "--koc", "k_9")
    assert (ran.returncode, "is unknown" in ran.stdout) == (1, True)
