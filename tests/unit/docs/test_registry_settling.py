"""docs/registry.md on settling: its worked figures are what the rules of runs and nets give."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.specimens import VALID
from services.kernel.time import DAY, format_rfc3339, parse_rfc3339
from services.settlement.domain.book import chart
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.lines.clock import received_at_of, window_days_of
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.lines.worth import worth_of_line
from services.settlement.domain.pricing.facts import content_of, house_of, plan_of, relation_of
from services.settlement.domain.pricing.plans import Split
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.budgets import BudgetKey
from services.settlement.domain.settling.candidates import Candidate
from services.settlement.domain.settling.contents import script_fee_worth
from services.settlement.domain.settling.facts import budget_of
from services.settlement.domain.settling.granting import Allowances, LineSettlement, settle_line
from services.settlement.domain.settling.netting import NetInput, net_party, reserve_of
from services.settlement.domain.settling.place import owed_of, place, vat_within
from services.settlement.domain.settling.tiers import tiered_commission
from tests.kit.pages import json_of, rows_of, section_of
from tests.kit.settlement_facts import Fact, FactCredit, FactVersion

PAGE = (Path(__file__).parents[3] / "docs/registry.md").read_text()
WORDS = " ".join(PAGE.split())
"""The page in one line: a sentence may be wrapped anywhere."""
ORDER = Fact(paid_at=parse_rfc3339("2026-11-11T09:00:00Z"), goods_paid_minor=20_000)
SHARES = {"koc:k_7": 2_520, "mcn:m_1": 720, "recruiter:r_1": 360, "platform": 400}
"""The worked order of the page: 200.00 at 20 %."""


def examples(text: str) -> dict[str, dict[str, Any]]:
    """event_id -> the example, of JSON objects one after the other."""
    found = {}
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        body, end = decoder.raw_decode(text)
        found[body["event_id"]], text = body, text[end:]
    return found


BODIES = examples(json_of(PAGE))


def minor(text: str) -> int:
    """`9,900.00` in minor units."""
    return int(text.replace(",", "").replace(".", ""))


def money(amount_minor: int) -> str:
    return decimal_text(amount_minor, "CNY")


def known(*names: str) -> Reference:
    """The reference data of some examples of the page."""
    decoders = {"plan.published": plan_of, "relation.set": relation_of}
    found = Reference()
    found.learn([(at, decoders[BODIES[name]["event_type"]](BODIES[name])) for at, name in enumerate(names)])
    return found


def line_of(fact: Fact) -> Line:
    return Line((fact.order_id, fact.line_id, fact.buyer_id), 3, fact.paid_at, fact.currency, fact.brand_id)


def settled(fact: Fact, reference: Reference, allowances: Allowances) -> LineSettlement:
    """What a run settles of a line."""
    line = line_of(fact)
    found = settle_line(Candidate(line, fact, worth_of_line(line, fact, reference), 0), allowances)
    assert found is not None
    return found


def test_the_worked_shares_are_those_of_the_page() -> None:
    worth = worth_of_line(line_of(ORDER), ORDER, known("r1", "r3"))
    assert owed_of(worth.target) == SHARES


def test_tiers_give_the_commissions_of_the_table() -> None:
    table = rows_of(section_of(PAGE, "Tiers and the bonus"), "sold before")
    assert len(table) == 4
    plan = plan_of(BODIES["r1t"])
    for before, sale, commission in table:
        assert money(tiered_commission(plan, minor(before), minor(sale))) == commission


def test_the_bonus_is_shared_and_goes_back_as_the_table_says() -> None:
    reference = known("r1t")
    sold = replace(ORDER, brand_id="br_3", new_customer=True)
    line = line_of(sold)
    before = owed_of(worth_of_line(line, sold, reference).target)
    assert before == {"platform": 400, "koc:k_7": 3_600}
    granted = settled(sold, reference, Allowances())
    assert granted.slot == ("br_3", "b_1")
    line.terms, line.settled, line.grants = Terms(1, 1_000, line.paid_at), granted.settled, granted.grants
    told = []
    for refunded in (0, 10_000, 20_000):
        fact = sold.refunded(refunded) if refunded else sold
        owed = owed_of(worth_of_line(line, fact, reference).target)
        amounts = (refunded, sum(owed.values()), owed.get("platform", 0), owed.get("koc:k_7", 0))
        told.append([money(amount) for amount in amounts])
    assert rows_of(section_of(PAGE, "Tiers and the bonus"), "refunded after") == told


def test_the_clock_of_a_line_without_a_receipt_is_what_the_page_says() -> None:
    fact = replace(ORDER, paid_at=parse_rfc3339("2026-11-01T09:00:00Z"), brand_id="br_3")
    reference = known("r1t")
    worth = worth_of_line(line_of(fact), fact, reference)
    received = received_at_of(fact, worth)
    assert received is not None
    at = received + window_days_of(fact, worth, reference.houses) * DAY
    assert format_rfc3339(at) == "2026-11-22T09:00:00Z"
    assert "paid on 1 November at 09:00" in WORDS
    assert "may settle on 22 November at 09:00" in WORDS


def test_a_removed_content_leaves_the_debt_of_the_page() -> None:
    content = content_of(BODIES["r4"])
    owed, removed = (script_fee_worth(content, accepted=True, cancelled=cancelled) for cancelled in (False, True))
    assert owed is not None
    assert removed is not None
    assert place({}, removed.owed, "br_2", 0) == {}
    position = place(owed.owed, removed.owed, "br_2", 0)
    assert position == {chart.payable("koc:k_7"): -30_000, chart.clawback("koc:k_7"): 30_000}
    net = net_party(NetInput(payable=SHARES["koc:k_7"], held=0, clawback=30_000))
    told = re.search(r"a line that earns the KOC ([\d.]+), the KOC still owes ([\d.]+)\.", WORDS)
    assert told is not None
    assert told.groups() == (money(SHARES["koc:k_7"]), money(30_000 - net.netted_payable))


def test_a_denial_leaves_what_the_table_says() -> None:
    reference = known("r1", "r3")
    reference.denied = {("o_1", "1")}
    owed = owed_of(worth_of_line(line_of(ORDER), ORDER, reference).target)
    accounts = (
        chart.brand_receivable("br_2"), chart.pending("koc", "k_7"), chart.payable("koc:k_7"), chart.clawback("koc:k_7")
    )  # fmt: skip
    told = []
    for when, settled_before in (("before the run", {}), ("after the run", SHARES)):
        position = place(settled_before, owed, "br_2", 60_000)
        told.append([when, *(money(abs(position.get(account, 0))) for account in accounts)])
    assert rows_of(section_of(PAGE, "dispute.decided"), "denied") == told


def test_a_hold_holds_what_the_table_says() -> None:
    earned = SHARES["koc:k_7"]
    none = net_party(NetInput(payable=earned, held=0, clawback=0))
    placed = net_party(NetInput(payable=earned, held=0, clawback=0, on_hold=earned))
    released = net_party(NetInput(payable=0, held=earned, clawback=0))
    held = (none.held_delta, placed.held_delta, earned + released.held_delta)
    table = [row[1:] for row in rows_of(section_of(PAGE, "hold.placed"), "hold on the order")]
    assert table == [[money(earned - amount), money(amount)] for amount in held]


def test_a_budget_cuts_the_line_of_the_table() -> None:
    limit = budget_of(BODIES["r13"])
    reference = known("r3")
    reference.learn([(9, replace(plan_of(BODIES["r1"]), splits=(Split("recruiter", "base", 50_000),)))])
    credit = FactCredit(campaign_id=limit.campaign_id)
    free = Allowances()
    bounded = Allowances(budgets={BudgetKey(limit.campaign_id, limit.currency): limit.amount_minor})
    told = []
    for number in (1, 2, 3):
        fact = replace(ORDER, order_id=f"o_{number}", credits=(credit,), version=FactVersion(order=number))
        charged = [sum(settled(fact, reference, allowances).settled.values()) for allowances in (free, bounded)]
        told.append([str(number), *map(money, (fact.goods_paid_minor, *charged))])
    assert rows_of(section_of(PAGE, "campaign.budget_set"), "line") == told


def test_the_house_settings_give_the_figures_of_the_table() -> None:
    house = house_of(BODIES["r16"])
    fee, commission = SHARES["platform"], sum(SHARES.values())
    reserve = reserve_of(commission, house, house.effective_from)
    assert reserve.until == house.effective_from + 30 * DAY
    net = net_party(NetInput(payable=9_000, held=0, clawback=6_000, share_ppm=house.netting_share_ppm))
    vat = vat_within(fee, house.vat_ppm["CNY"])
    computed = ((fee, vat), (commission, reserve.amount_minor), (9_000, net.netted_payable))
    table = [row[1:] for row in rows_of(section_of(PAGE, "house.set"), "what")]
    assert table == [[money(whole), money(part), money(whole - part)] for whole, part in computed]
    assert "owes 60.00 from before" in WORDS


@pytest.mark.parametrize("name", ["house.set", "campaign.budget_set", "payee.set", "koc.left"])
def test_the_examples_of_the_page_are_those_of_the_contract(name: str) -> None:
    (body,) = [body for body in BODIES.values() if body["event_type"] == name]
    same = body.keys() - {"event_id", "occurred_at"}
    assert {field: body[field] for field in same} == {field: VALID[name][field] for field in same}
