"""The audit's rules against numbers worked out by hand, those of the documentation first."""

import json
from collections import Counter
from typing import Any

import pytest

from services.operations.audit.chains import BEGINNING, break_in
from services.operations.audit.content_fees import script_fees
from services.operations.audit.line_book import AuditedLine, LineBook
from services.operations.audit.line_facts import LineFacts, pack, read_line, unpack
from services.operations.audit.party_nets import NetBook, NetOccasion, PartyBalances, PartyMoney, PartyNet
from services.operations.audit.places import owed_by_accounts, position, raised
from services.operations.audit.pricing import LIMIT_MINOR, LineWorth, worth_of_facts
from services.operations.audit.registry_log import RegistryLog
from services.operations.audit.registry_view import HouseRules, RegistryView
from services.operations.audit.run_plan import settle_at_of
from tests.kit.registry_events import ACCEPTED, ANY_CURRENCY, CONTENT, RELATION
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, FactStep, FactVersion

OWED = {"koc:k_7": 2520, "mcn:m_1": 720, "recruiter:r_1": 360, "platform": 400}
"""The page's example: 200.00 at 20 %, platform 10 %, agency 20 % of the KOC's, recruiter 12.5 % of the rest."""
VAT_PPM = 60_000


def view(*bodies: dict[str, Any]) -> RegistryView:
    log = RegistryLog()
    for offset, body in enumerate(bodies):
        log.add(offset, json.dumps(body).encode())
    assert log.refused == 0
    return log.as_of(len(bodies))


def facts(fact: Fact) -> LineFacts:
    return read_line(fact.wire())[0]


def worth(fact: Fact, *bodies: dict[str, Any], grants: dict[str, Any] | None = None, bonus_minor: int = 0) -> LineWorth:
    return worth_of_facts(facts(fact), view(*bodies or (ANY_CURRENCY, RELATION)), grants or {}, bonus_minor)


def test_packed_facts_are_the_facts() -> None:
    large = facts(Fact(goods_paid_minor=10**9).refunded(5))
    assert unpack(pack(large)) == large
    assert large.past == ((0, False), (5, False))


# Prices


def test_the_worked_order() -> None:
    assert worth(Fact()).owed == OWED
    assert worth(Fact().refunded(5_000)).owed == {
        "koc:k_7": 1890, "mcn:m_1": 540, "recruiter:r_1": 270, "platform": 300,
    }  # fmt: skip
    assert worth(Fact().refunded(20_000)).owed == {}
    assert worth(Fact(status="cancelled")).owed == {}


def test_a_role_that_nobody_fills_takes_nothing() -> None:
    assert worth(Fact(), ANY_CURRENCY).owed == {"koc:k_7": 3600, "platform": 400}


def test_three_credits_share_a_line_by_largest_remainder() -> None:
    weights = {"v_1": 333_334, "v_2": 333_333, "v_3": 333_333}
    credited = tuple(FactCredit(name, f"k_{name}", weight_ppm=ppm) for name, ppm in weights.items())
    found = worth(Fact(goods_paid_minor=10_000, credits=credited), ANY_CURRENCY | {"rate_ppm": 100_000, "splits": []})
    assert [one.base_minor for one in found.credits] == [3_334, 3_333, 3_333]
    assert found.owed == {"koc:k_v_1": 333, "koc:k_v_2": 333, "koc:k_v_3": 333}


def test_a_share_of_the_base_comes_on_top_and_is_clamped_with_its_credit() -> None:
    on_top = ANY_CURRENCY | {"splits": [{"role": "recruiter", "of": "base", "share_ppm": 50_000}]}
    name = "v_93|k_7|c_1111|natural"
    fact = Fact(goods_paid_minor=5_000)
    assert worth(fact, on_top, RELATION).owed == {"koc:k_7": 1_000, "recruiter:r_1": 250}
    clamped = worth(fact, on_top, RELATION, grants={name: (5_000, 1_000, 2_000, 5_000)})
    assert clamped.owed == {"koc:k_7": 400, "recruiter:r_1": 100}


def test_a_bonus_is_paid_while_any_base_remains() -> None:
    alone = ANY_CURRENCY | {"splits": []}
    assert worth(Fact().refunded(19_999), alone, bonus_minor=1_000).owed == {"koc:k_7": 1_000}
    assert worth(Fact().refunded(20_000), alone, bonus_minor=1_000).owed == {}


def test_a_line_over_the_journals_limit_is_worth_nothing_and_not_priced() -> None:
    every = ANY_CURRENCY | {"rate_ppm": 1_000_000, "base": "before_platform_discount", "splits": []}
    large = Fact(goods_paid_minor=LIMIT_MINOR, platform_discount_minor=1)
    assert worth(large, every)[1:] == ({}, False)
    later = large.refunded(10)
    assert worth(later, every)[1:] == ({}, False), "its first event is over the limit still"


def test_paid_traffic_has_a_rate_of_its_own() -> None:
    plan = ANY_CURRENCY | {"paid_traffic_rate_ppm": 50_000, "splits": []}
    assert worth(Fact(credits=(FactCredit(traffic="paid"),)), plan).owed == {"koc:k_7": 1_000}


def test_the_most_specific_plan_of_the_greatest_version_wins() -> None:
    targeted = ANY_CURRENCY | {"plan_id": "pl_2", "kind": "targeted", "koc_ids": ["k_7"], "rate_ppm": 10, "splits": []}
    newer = targeted | {"version": 2, "rate_ppm": 300_000}
    assert worth(Fact(), ANY_CURRENCY, newer, targeted).owed == {"koc:k_7": 6_000}


# The clock


def test_a_line_may_be_settled_after_receipt_and_the_greatest_window() -> None:
    received = Fact(received_at=PAID_AT + DAY)
    known = view(ANY_CURRENCY)
    assert settle_at_of(facts(received), worth(received, ANY_CURRENCY), known) == PAID_AT + 8 * DAY
    assert settle_at_of(facts(Fact()), worth(Fact(), ANY_CURRENCY), known) is None
    automatic = ANY_CURRENCY | {"auto_receive_days": 15, "return_window_days": None}
    assert settle_at_of(facts(Fact()), worth(Fact(), automatic), view(automatic)) == PAID_AT + 22 * DAY


# Where money lies


def test_a_settled_line_of_which_a_quarter_is_refunded() -> None:
    left = {"koc:k_7": 1890, "mcn:m_1": 540, "recruiter:r_1": 270, "platform": 300}
    assert position(OWED, left, "br_2", VAT_PPM) == {
        "brand:br_2:receivable": 3000, "koc:k_7:payable": -2520, "mcn:m_1:payable": -720, "recruiter:r_1:payable": -360,
        "clawback:koc:k_7": 630, "clawback:mcn:m_1": 180, "clawback:recruiter:r_1": 90,
        "platform:fee": -283, "vat:output": -17,
    }  # fmt: skip


def test_what_is_owed_above_what_is_settled_waits() -> None:
    assert position({"koc:k_7": 5}, {"koc:k_7": 7, "platform": 2}, "br_2", 0) == {
        "koc:k_7:pending": -2, "koc:k_7:payable": -5, "platform:fee_deferred": -2,
        "brand:br_2:accrued": 4, "brand:br_2:receivable": 5,
    }  # fmt: skip


@pytest.mark.parametrize("owed", [OWED, {}, {"koc:k_7": 1, "mcn:m_9": 7}, {"platform": 401, "koc:k_7": 2520}])
def test_t_is_read_back_from_accounts(owed: dict[str, int]) -> None:
    assert owed_by_accounts(position(OWED, owed, "br_2", VAT_PPM), OWED) == owed


def test_settled_shares_only_rise() -> None:
    assert raised({"a:1": 5, "b:1": 2}, {"a:1": 3, "b:1": 4, "c:1": 1}) == {"a:1": 5, "b:1": 4, "c:1": 1}


# Folding


def book() -> LineBook:
    return LineBook(lambda _line: None, lambda _line: None)


def take(lines: LineBook, offset: int, fact: Fact) -> None:
    lines.take(3, offset, *read_line(fact.wire()))


def stands(lines: LineBook) -> list[str]:
    return [line.buyer_id for line in lines.claimants("o_1/1") if line.standing]


def line(lines: LineBook) -> AuditedLine:
    return lines.claimants("o_1/1")[0]


def test_only_what_knows_all_that_stands_is_accepted_and_the_rest_is_remembered() -> None:
    lines = book()
    take(lines, 0, Fact(version=FactVersion(touch=5, order=1)))
    take(lines, 1, Fact(version=FactVersion(touch=4, order=2)).but(goods_paid_minor=1))
    assert (line(lines).offset, line(lines).is_complete) == (0, False)
    take(lines, 2, Fact(version=FactVersion(touch=4, order=1)))
    take(lines, 3, Fact(version=FactVersion(touch=5, order=2)))
    assert (line(lines).offset, line(lines).is_complete) == (3, True)


def test_the_earliest_payment_has_the_order_line_unless_another_buyers_line_is_frozen() -> None:
    lines = book()
    take(lines, 0, Fact(buyer_id="b_2"))
    take(lines, 1, Fact(buyer_id="b_1"))
    assert stands(lines) == ["b_1"]
    lines.freeze("o_1/1", "b_1", 3)
    take(lines, 2, Fact(buyer_id="b_0"))
    assert stands(lines) == ["b_1"]
    lines.release("o_1/1", "b_1")
    assert stands(lines) == ["b_0"]


def test_another_time_of_payment_freezes_a_line() -> None:
    lines = book()
    take(lines, 0, Fact())
    take(lines, 1, Fact(paid_at=PAID_AT + 1, version=FactVersion(order=2)))
    assert line(lines).frozen


# Contents


def test_a_script_fee_is_owed_once_accepted_and_until_it_is_removed() -> None:
    removed = ACCEPTED | {"event_type": "content.removed"}
    assert [fee.owed for fee in script_fees(view(CONTENT))] == [{}]
    assert [fee.owed for fee in script_fees(view(CONTENT, ACCEPTED))] == [{"koc:k_7": 30_000}]
    assert [fee.owed for fee in script_fees(view(CONTENT, ACCEPTED, removed))] == [{}]
    stays = removed | {"cancels_script_fee": False}
    assert [fee.owed for fee in script_fees(view(CONTENT, ACCEPTED, removed, stays))] == [{"koc:k_7": 30_000}]


# Nets

KOC: PartyMoney = ("koc:k_7", "CNY")


def balances(**given: int) -> PartyBalances:
    return PartyBalances(*(Counter({KOC: given.get(name, 0)}) for name in PartyBalances._fields))


PLAIN = HouseRules()


def net_book(last_payout: int = 0) -> NetBook:
    """Nets of which every party's last payout has this number."""
    return NetBook(lambda _party: last_payout)


def at(moment: int, house: HouseRules, number: int = 1, owners: frozenset[str] = frozenset()) -> NetOccasion:
    return NetOccasion(number, moment, house, owners)


def net(house: HouseRules = PLAIN, settled: int = 0, **given: int) -> list[PartyNet]:
    outcomes = net_book().plan(at(PAID_AT, house), balances(**given), {KOC: settled}, {})
    return [outcome.net for outcome in outcomes]


def test_a_debt_is_netted_from_what_is_payable_and_then_from_what_is_held() -> None:
    assert net(settled=2520, clawback=630)[0][5:] == (0, 0, 630, 0, 0)
    assert net(payable=100, held=400, clawback=630)[0][5:] == (0, 0, 100, 400, 0)


def test_what_came_back_first_takes_back_what_was_written_off() -> None:
    assert net(clawback=-630, written_off=200)[0][5:] == (200, 430, 0, 0, 0)


def test_older_debts_take_a_share() -> None:
    shared = HouseRules(netting_share_ppm=300_000)
    assert net(shared, payable=1_000, clawback=900)[0].netted_payable == 300
    assert net(shared, payable=1_000, clawback=900, from_lines=200)[0].netted_payable == 200 + 240


def test_what_was_netted_since_the_last_payout_counts_against_the_share() -> None:
    shared, given = HouseRules(netting_share_ppm=300_000), balances(payable=1_000, clawback=900)

    def netted_twice(last_payout: int) -> list[int]:
        nets = net_book(last_payout)
        planned = [nets.plan(at(PAID_AT, shared, number), given, {KOC: 0}, {})[0] for number in (1, 2)]
        return [outcome.net.netted_payable for outcome in planned]

    assert netted_twice(last_payout=0) == [300, (1_000 + 300) * 3 // 10 - 300]
    assert netted_twice(last_payout=1) == [300, 300]


def test_a_reserve_is_held_until_its_days_are_over() -> None:
    nets, house = net_book(), HouseRules(reserve_ppm=100_000, reserve_days=30)
    first = nets.plan(at(PAID_AT, house), balances(), {KOC: 4_000}, {})[0]
    assert (first.net.reserve_minor, first.net.reserve_until, first.net.held_delta) == (400, PAID_AT + 30 * DAY, 400)
    assert (first.payable_minor, first.held_minor) == (3_600, 400)
    later = balances(payable=3_600, held=400)
    day_29 = nets.plan(at(PAID_AT + 29 * DAY, house), later, {}, {})
    day_30 = nets.plan(at(PAID_AT + 30 * DAY, house), later, {}, {})
    assert (day_29[0].net.amounts, day_30[0].net.held_delta) == ((0, 0, 0, 0, 0), -400)


def test_what_came_back_from_the_bank_is_held() -> None:
    assert net(payable=700, refused=300)[0].held_delta == 300


def test_a_hold_on_an_owner_keeps_everything_back() -> None:
    held = net_book().plan(at(PAID_AT, PLAIN, owners=frozenset({"koc:k_7"})), balances(payable=700), {KOC: 50}, {})
    assert held[0].net.held_delta == 750


# Chains


def test_a_gap_another_head_and_another_hash_break_a_chain() -> None:
    assert break_in(BEGINNING, 1, "0" * 64, "a", "a") is None
    assert break_in(BEGINNING, 2, "0" * 64, "a", "a") == ("number 1", "number 2")
    assert break_in(BEGINNING, 1, "f", "a", "a") == (f"prev_hash {'0' * 64}", "prev_hash f")
    assert break_in(BEGINNING, 1, "0" * 64, "a", "b") == ("hash b", "hash a")


def test_steps_of_a_small_line_are_not_kept() -> None:
    assert facts(Fact(steps=(FactStep(), FactStep("o1_ref", refunded_minor=1)))).past == ()
