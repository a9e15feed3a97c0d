"""The pure rules of a statement: whose an account is, what must add up, how long a list may be."""

import json
from typing import Any

import pytest

from services.kernel.errors import InvariantBroken
from services.settlement.domain.book import chart
from services.settlement.domain.statements.details import listed_contents, listed_reversals
from services.settlement.domain.statements.facts import (
    AccountMovement,
    AccountOpening,
    ContentShare,
    DayOfDebt,
    OrderReversal,
    Receipt,
    StatementFact,
    StatementScope,
)
from services.settlement.domain.statements.owners import statement_party
from services.settlement.domain.statements.statement import build_statement, statement_message
from tests.kit.statements import SPECIMEN, numbered


def body(party: str, *facts: StatementFact) -> dict[str, Any]:
    scope = StatementScope(party, "CNY", "2026-11", 1, 480, 0, bytes(32))
    return dict(json.loads(build_statement(scope, facts)))


@pytest.mark.parametrize(
    ("account", "party"),
    [
        ("koc:k_7:pending", "koc:k_7"), ("koc:k_7:payable", "koc:k_7"), ("mcn:m_1:held", "mcn:m_1"),
        ("clawback:koc:k_7", "koc:k_7"), ("koc:a:b:payable", "koc:a:b"), ("clawback:koc:a:pending", "koc:a:pending"),
        ("brand:br_2:accrued", "brand:br_2"), ("brand:b:r:receivable", "brand:b:r"),
        ("platform:fee_deferred", "platform"), ("platform:fee", "platform"), ("vat:output", "platform"),
        ("bank:main", "platform"), ("traffic:douyin:prepaid", "platform"), ("writeoff:koc:k_7", "platform"),
        ("budget:c_1:limit", "platform"), ("payout:bank:in_transit", "platform"), ("tax:cn:withheld", "platform"),
    ],
)  # fmt: skip
def test_every_account_stands_on_one_statement(account: str, party: str) -> None:
    assert chart.nature(account)
    assert statement_party(account) == party


def test_a_debt_of_a_party_that_is_called_like_a_purpose_is_no_pending_money() -> None:
    found = body("koc:a:pending", AccountOpening("clawback:koc:a:pending", 630))
    assert found["pending"]["closing"] == {"pending_minor": 0}
    assert found["balance"]["closing"]["balance_minor"] == -630


def test_movements_come_by_kind_and_those_of_earlier_months_apart() -> None:
    found = body(
        "koc:k_7",
        AccountOpening("koc:k_7:pending", -100),
        AccountMovement("koc:k_7:pending", "commission.adjusted", "2026-09", 7),
        AccountMovement("koc:k_7:pending", "commission.adjusted", None, 5),
        AccountMovement("koc:k_7:pending", "commission.accrued", None, -50),
        AccountMovement("koc:k_7:pending", "commission.accrued", "2026-10", -1),
    )
    assert found["pending"] == {
        "opening": {"pending_minor": 100},
        "movements": [
            {"kind": "commission.accrued", "pending_minor": 50},
            {"kind": "commission.adjusted", "pending_minor": -5},
        ],
        "earlier": [
            {"month": "2026-09", "kind": "commission.adjusted", "pending_minor": -7},
            {"month": "2026-10", "kind": "commission.accrued", "pending_minor": 1},
        ],
        "closing": {"pending_minor": 139},
    }


@pytest.mark.parametrize(
    ("party", "facts", "sentence"),
    [
        ("koc:k_7", [ContentShare("commission.settled", "v_1", "k_7", 1, 5)], "contents come to 5, which is not"),
        ("koc:k_7", [OrderReversal("commission.clawed_back", "o_1", 1, 5)], "orders come to 5, which is not"),
        ("brand:br_2", [OrderReversal("commission.clawed_back", "o_1", 1, -5)], "contents and orders come to -5"),
        ("brand:br_2", [Receipt("paid-1", 0, 5)], "receipts come to 5, which is not what was paid"),
        ("brand:br_2", [DayOfDebt(3, 5, 0)], "the ages come to 5, and 0 is open"),
    ],
)
def test_details_that_do_not_add_up_to_their_movement_break_an_invariant(
    party: str, facts: list[StatementFact], sentence: str
) -> None:
    with pytest.raises(InvariantBroken, match=f"statement 2026-11 of {party} in CNY: {sentence}"):
        body(party, *facts)


def test_a_long_list_has_the_greatest_amounts_and_one_row_for_the_others_of_each_kind() -> None:
    reversals = [
        OrderReversal("commission.clawed_back", f"o_{minor}", 1, -minor if minor % 2 else minor) for minor in range(9)
    ]
    reversals.append(OrderReversal("commission.restored", "o_1", 1, -1))
    shown = listed_reversals(reversals, limit=3)
    assert shown == [
        OrderReversal("commission.clawed_back", "o_6", 1, 6),
        OrderReversal("commission.clawed_back", "o_7", 1, -7),
        OrderReversal("commission.clawed_back", "o_8", 1, 8),
        OrderReversal("commission.clawed_back", None, 6, -1 + 2 - 3 + 4 - 5),
        OrderReversal("commission.restored", None, 1, -1),
    ]
    assert sum(one.amount_minor for one in shown) == sum(one.amount_minor for one in reversals)
    contents = [ContentShare("commission.settled", f"v_{minor}", "k_7", 2, minor) for minor in range(1, 5)]
    assert listed_contents(contents, limit=1) == [contents[3], ContentShare("commission.settled", None, None, 6, 6)]
    assert listed_contents(contents) == contents


def test_the_message_is_canonical_json_of_its_members() -> None:
    text = statement_message(numbered())
    assert text == json.dumps(SPECIMEN, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
