"""Payouts: ids, sets and proofs by their documented bytes; who is paid and who is not; what a payout moves."""

import hashlib
import json

import pytest

from services.kernel.money import MAX_AMOUNT_MINOR
from services.kernel.time import parse_rfc3339
from services.settlement.domain.paying.batch_hash import BatchNet, batch_sha256
from services.settlement.domain.paying.entry_sets import EntrySetBuilder, entry_set
from services.settlement.domain.paying.payees import Departure, Payee, departure_of, payee_of
from services.settlement.domain.paying.payouts import (
    PayableParty,
    PayoutPlan,
    SkippedParty,
    cancellation_rows,
    decide_payout,
    instruction_rows,
    payout_id,
    tax_rows,
)
from services.settlement.domain.paying.withholding import (
    NO_TAX,
    NOTHING_WITHHELD,
    Earning,
    TaxTable,
    Withholding,
)
from services.settlement.domain.settling.netting import NetInput, NetResult, left_by
from services.settlement.domain.settling.transfers import Occasion

BANK = Payee("bank", "ref_k_7")
PARTY = PayableParty("koc:k_7", "CNY", 2_520, 0, 0, False, BANK, 0, 0)
PLAN = PayoutPlan("koc:k_7", "CNY", 2_268, Withholding("cn", 252), BANK)
WHEN = Occasion("a test", 0)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def test_an_id_is_26_characters_that_every_bank_takes_and_another_for_all_that_it_names() -> None:
    name = payout_id("december", "koc:k_7", "CNY")
    assert name == "25VDJX53HRFEQO2WHIC42GVMEB", "printf | openssl dgst -sha256 -binary | base32"
    assert len(name) == 26
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    others = [("january", "koc:k_7", "CNY"), ("december", "koc:k_8", "CNY"), ("december", "koc:k_7", "JPY")]
    assert len({name, *(payout_id(*one) for one in others)}) == 4


def test_a_set_is_proven_by_its_entry_ids_in_order() -> None:
    found = entry_set(["3-7", "12-1", "12-10"], -2_520)
    assert (found.size, found.sum_minor) == (3, -2_520)
    assert found.sha256 == sha256(b"3-7\n12-1\n12-10")
    builder = EntrySetBuilder()
    for name, amount in (("3-7", -2_000), ("12-1", 480), ("12-10", -1_000)):
        builder.add(name, amount)
    assert builder.built() == found
    assert EntrySetBuilder().built() == entry_set([], 0)
    assert entry_set([], 0).sha256 == sha256(b"")


def test_a_batch_is_proven_by_the_documented_bytes_whatever_the_order_of_its_rows() -> None:
    nets = [BatchNet("koc:k_7", "CNY", NetResult(0, 1, 2, 3, -4)), BatchNet("mcn:m_1", "CNY", NetResult(0, 0, 5, 0, 0))]
    plans = [PLAN, PayoutPlan("mcn:m_1", "CNY", 720, NOTHING_WITHHELD, Payee("wechat", "r"))]
    rows = [
        ["net", "koc:k_7", "CNY", 0, 1, 2, 3, -4], ["net", "mcn:m_1", "CNY", 0, 0, 5, 0, 0],
        ["payout", payout_id("b", "koc:k_7", "CNY"), "koc:k_7", "CNY", 2_268, 252, "cn", "bank", "ref_k_7"],
        ["payout", payout_id("b", "mcn:m_1", "CNY"), "mcn:m_1", "CNY", 720, 0, None, "wechat", "r"],
    ]  # fmt: skip
    digests = [sha256(json.dumps(row, separators=(",", ":")).encode()) for row in rows]
    expected = sha256(b"koc-payouts-1", sha256(*sorted(digests[:2])), sha256(*sorted(digests[2:])))
    assert batch_sha256("b", nets, plans) == expected
    assert batch_sha256("b", nets[::-1], plans[::-1]) == expected
    assert batch_sha256("b", [], []) == sha256(b"koc-payouts-1", sha256(), sha256())
    assert batch_sha256("c", nets, plans) != expected


@pytest.mark.parametrize(
    ("party", "decided"),
    [
        pytest.param(PARTY, PayoutPlan("koc:k_7", "CNY", 2_520, NOTHING_WITHHELD, BANK), id="all that is payable"),
        pytest.param(PARTY._replace(held_minor=5), PayoutPlan("koc:k_7", "CNY", 2_520, NOTHING_WITHHELD, BANK),
                     id="beside what is held"),
        pytest.param(PARTY._replace(payable_minor=0), None, id="nothing"),
        pytest.param(PARTY._replace(payee=None), SkippedParty("no_payee", "koc:k_7", "CNY", 2_520), id="no payee"),
        pytest.param(PARTY._replace(minimum_minor=2_521), SkippedParty("below_minimum", "koc:k_7", "CNY", 2_520),
                     id="below"),
        pytest.param(PARTY._replace(minimum_minor=2_520), PayoutPlan("koc:k_7", "CNY", 2_520, NOTHING_WITHHELD, BANK),
                     id="exactly the minimum"),
        pytest.param(PARTY._replace(payable_minor=0, held_minor=9), SkippedParty("held", "koc:k_7", "CNY", 9),
                     id="all held"),
        pytest.param(PARTY._replace(payable_minor=0, held_minor=9, refused_minor=4),
                     SkippedParty("payout_refused", "koc:k_7", "CNY", 9), id="refused"),
        pytest.param(PARTY._replace(payable_minor=0, held_minor=9, refused_minor=4, is_owner_held=True),
                     SkippedParty("owner_held", "koc:k_7", "CNY", 9), id="owner held"),
    ],
)  # fmt: skip
def test_who_is_paid(party: PayableParty, decided: object) -> None:
    assert decide_payout(party, NO_TAX) == decided


def test_a_tax_table_takes_its_part_of_what_is_payable() -> None:
    seen: list[Earning] = []

    def tenth(earning: Earning) -> Withholding:
        seen.append(earning)
        return Withholding("cn", earning.gross_minor // 10)

    assert decide_payout(PARTY._replace(paid_this_year_minor=77), TaxTable("tenth", tenth)) == PLAN
    assert seen == [Earning("koc:k_7", "CNY", 2_520, 77)]
    assert PLAN.gross_minor == 2_520


def test_a_payout_moves_its_amount_and_a_cancellation_is_its_mirror() -> None:
    rows = [*tax_rows(PLAN, WHEN), *instruction_rows(PLAN, WHEN)]
    assert [(row.kind.text, row.step, row.legs) for row in rows] == [
        ("tax.withheld", "withheld", {"koc:k_7:payable": 252, "tax:cn:withheld": -252}),
        ("payout.instructed", "instructed", {"koc:k_7:payable": 2_268, "payout:bank:in_transit": -2_268}),
    ]
    back = cancellation_rows(PLAN, WHEN)
    assert {row.kind.text for row in back} == {"payout.cancelled"}
    assert len({row.step for row in back}) == 2
    sums: dict[str, int] = {}
    for row in (*rows, *back):
        for account, amount in row.legs.items():
            sums[account] = sums.get(account, 0) + amount
    assert set(sums.values()) == {0}


def test_a_payout_over_the_limit_of_one_entry_takes_several() -> None:
    rows = instruction_rows(PLAN._replace(amount_minor=MAX_AMOUNT_MINOR + 1), WHEN)
    assert [row.step for row in rows] == ["instructed", "instructed|2"]
    assert tax_rows(PLAN._replace(withheld=NOTHING_WITHHELD), WHEN) == []


def test_what_a_net_leaves() -> None:
    given = NetInput(100, 50, 30)
    assert left_by(given, NetResult(0, 7, 20, 10, 5)) == (82, 45)


def test_the_registry_says_where_a_party_is_paid_and_who_has_left() -> None:
    assert payee_of({"owner": "koc:k_7", "rail": "bank", "ref": "r"}) == Payee("bank", "r")
    assert departure_of({"koc_id": "k_7", "left_at": "2026-11-25T00:00:00Z"}) == Departure(
        "koc:k_7", parse_rfc3339("2026-11-25T00:00:00Z")
    )
