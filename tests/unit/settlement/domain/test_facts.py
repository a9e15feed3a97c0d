"""Registry events as the domain's objects: every field, the defaults, and which disputes and holds are open."""

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.house import HouseSet
from schemas.specimens import VALID
from services.kernel.time import parse_rfc3339
from services.settlement.books.ports import ReferenceEvent
from services.settlement.domain.pricing.facts import house_of, plan_of
from services.settlement.domain.pricing.house import DEFAULT_HOUSE, House
from services.settlement.domain.pricing.plans import DEFAULT_ZONE_MINUTES, Tier
from services.settlement.domain.settling.facts import (
    BudgetLimit,
    Dispute,
    Hold,
    Removal,
    budget_of,
    dispute_of,
    hold_of,
    open_disputes,
    open_holds,
    removed_of,
)
from services.settlement.posting.read_registry import read_event


def stored(name: str, /, position: int = 0, **changed: Any) -> ReferenceEvent:
    """A valid event as the books keep it."""
    return read_event(position, json.dumps(VALID[name] | changed).encode())


def test_a_plan_has_its_tiers_bonus_zone_and_days() -> None:
    plan = plan_of(stored("plan.published", zone_minutes=-180).body)
    assert plan.tiers == (Tier(1_000_000, 220_000), Tier(5_000_000, 250_000))
    assert (plan.bonus_minor, plan.zone_minutes, plan.auto_receive_days) == (1_000, -180, 14)


def test_a_plan_without_them_has_none_and_the_house_zone() -> None:
    without = dict.fromkeys(("tiers", "new_customer_bonus_minor", "zone_minutes", "auto_receive_days"))
    plan = plan_of(stored("plan.published", **without).body)
    assert (plan.tiers, plan.bonus_minor, plan.auto_receive_days) == ((), 0, None)
    assert plan.zone_minutes == DEFAULT_ZONE_MINUTES
    assert plan_of(stored("plan.published", zone_minutes=0, auto_receive_days=0).body).zone_minutes == 0


def test_sums_of_a_plan_without_a_currency_that_books_hold_from_before_count_for_nothing() -> None:
    body = stored("plan.published").body
    del body["currency"]
    assert (plan_of(body).tiers, plan_of(body).bonus_minor) == ((), 0)


def test_house_settings_are_what_the_event_says() -> None:
    assert house_of(stored("house.set").body) == House(
        effective_from=parse_rfc3339("2026-09-30T16:00:00Z"),
        vat_ppm={"CNY": 60_000},
        netting_share_ppm=500_000,
        reserve_ppm=100_000,
        reserve_days=30,
        payout_minimum_minor={"CNY": 10_000, "JPY": 2_000},
        return_window_days=7,
    )


HOUSE_DEFAULTED = [name for name, field in HouseSet.model_fields.items() if not field.is_required()]


def test_house_settings_that_are_left_out_or_null_have_their_defaults() -> None:
    begins = parse_rfc3339(VALID["house.set"]["effective_from"])
    nulls = stored("house.set", **dict.fromkeys(HOUSE_DEFAULTED)).body
    absent = {name: value for name, value in VALID["house.set"].items() if name not in HOUSE_DEFAULTED}
    for body in (nulls, absent, read_event(0, json.dumps(absent).encode()).body):
        assert house_of(body) == replace(DEFAULT_HOUSE, effective_from=begins)


def test_nothing_of_the_house_is_a_value_and_no_default() -> None:
    body = stored("house.set", netting_share_ppm=0, return_window_days=0, vat_ppm={}).body
    house = house_of(body)
    assert (house.netting_share_ppm, house.return_window_days, house.vat_ppm) == (0, 0, {})


def test_the_facts_of_settling_are_what_the_events_say() -> None:
    assert dispute_of(stored("dispute.opened").body) == Dispute("d_1", "o_1", "1", None)
    assert dispute_of(stored("dispute.decided", line_id=None).body) == Dispute("d_1", "o_1", None, "denied")
    assert hold_of(stored("hold.placed").body) == Hold("h_1", "o_1", "1", None, None)
    none = {"order_id": None, "line_id": None}
    assert hold_of(stored("hold.placed", **none, content_id="v_1").body) == Hold("h_1", None, None, "v_1", None)
    assert hold_of(stored("hold.placed", **none, owner="mcn:m_1").body) == Hold("h_1", None, None, None, "mcn:m_1")
    assert budget_of(stored("campaign.budget_set").body) == BudgetLimit("c_1111", "CNY", 12_000)


def test_a_removal_takes_the_script_fee_back_unless_it_says_no() -> None:
    told = {
        value: removed_of(stored("content.removed", cancels_script_fee=value).body) for value in (True, False, None)
    }
    assert told == {True: Removal("v_93", True), False: Removal("v_93", False), None: Removal("v_93", True)}
    body = stored("content.removed").body
    del body["cancels_script_fee"]
    assert removed_of(body).cancels_script_fee


OPENED = stored("dispute.opened", 3)
DENIED = stored("dispute.decided", 5)
OTHER = stored("dispute.opened", 4, dispute_id="d_2", line_id=None)


def names(found: list[Any]) -> list[str]:
    return [getattr(one, "dispute_id", None) or one.hold_id for one in found]


@pytest.mark.parametrize("facts", itertools.permutations([OPENED, DENIED, OTHER]))
def test_a_dispute_is_open_until_it_is_decided(facts: list[ReferenceEvent]) -> None:
    assert names(open_disputes(facts)) == ["d_2"]
    assert names(open_disputes([fact for fact in facts if fact is not DENIED])) == ["d_1", "d_2"]


def test_a_dispute_that_was_decided_before_it_was_opened_is_not_open() -> None:
    assert open_disputes([DENIED, stored("dispute.opened", 9)]) == []


def test_of_a_dispute_that_is_opened_twice_the_newest_stands() -> None:
    (found,) = open_disputes([stored("dispute.opened", 9, line_id=None), OPENED])
    assert found.line_id is None


PLACED, RELEASED = stored("hold.placed", 3), stored("hold.released", 5)
AGAIN = stored("hold.placed", 7, order_id="o_2", line_id=None)


@pytest.mark.parametrize("facts", itertools.permutations([PLACED, RELEASED, AGAIN, OPENED]))
def test_of_a_holds_two_facts_the_newest_offset_decides(facts: list[ReferenceEvent]) -> None:
    assert open_holds(facts) == [Hold("h_1", "o_2", None, None, None)]
    assert open_holds([fact for fact in facts if fact is not AGAIN]) == []
    assert names(open_holds([fact for fact in facts if fact not in (AGAIN, RELEASED)])) == ["h_1"]
    assert open_holds([RELEASED]) == []
