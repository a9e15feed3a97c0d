"""A line is paid when every party's part of it is in a payout that a bank has confirmed."""

from services.operations.explain.explain import OrderExplanation, explained_lines
from services.operations.explain.explanation_json import order_json
from services.operations.explain.explanation_text import order_text
from services.settlement.domain.lines.stage import LineStage
from tests.kit.booked_orders import booked_order
from tests.kit.scripted_memory import ScriptedMemory
from tests.kit.settling_rules import ZERO
from tests.reference.settling_script import Happening, HouseOf, Paid, Proposed, Published, Replied, Run
from tests.reference.settling_words import FULL, K7, PARTIES, PAYEES


def told(*events: Happening) -> OrderExplanation:
    books = ScriptedMemory()
    for event in (Published(HouseOf()), *PARTIES, *PAYEES, Published(FULL), Paid("o1", 20_000, K7), Run(10), *events):
        books.tell(event)
    booked = booked_order(books.books, "o1", ZERO)
    return OrderExplanation("o1", explained_lines(booked, None), [], [])


def state(explanation: OrderExplanation) -> LineStage:
    return explanation.lines[0].settling.stage


def test_a_line_is_settled_until_all_its_payouts_are_confirmed() -> None:
    confirmed = [Replied("p1", "confirmed", party) for party in ("koc:k_7", "mcn:m_1", "recruiter:r_1")]
    assert state(told()) is LineStage.SETTLED
    assert state(told(Proposed("p1", 10))) is LineStage.SETTLED
    assert state(told(Proposed("p1", 10), *confirmed[:2])) is LineStage.SETTLED
    assert state(told(Proposed("p1", 10), *confirmed)) is LineStage.PAID


def test_an_explanation_names_each_payout() -> None:
    explanation = told(Proposed("p1", 10), Replied("p1", "rejected", "mcn:m_1"))
    claimants = order_json(explanation)["lines"][0]["claimants"]
    assert {one["claimant"]: [paid["status"] for paid in one["payouts"]] for one in claimants} == {
        "koc:k_7": ["instructed"], "mcn:m_1": ["rejected"], "recruiter:r_1": ["instructed"], "platform": [],
    }  # fmt: skip
    (of_agency,) = [line for line in order_text(explanation) if "mcn:m_1: owed" in line]
    assert "7.20 CNY settled, in payout " in of_agency
    assert of_agency.endswith("(rejected)")
    assert "not in a payout yet" in "\n".join(order_text(told()))
