"""What explain says of settlement: the clock, the state, which run took a line or left it, grants and nets."""

from typing import Any

import pytest

from services.operations.explain.explain import OrderExplanation, explained_lines
from services.operations.explain.explanation_json import order_json
from services.operations.explain.explanation_text import order_text
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.booked_orders import booked_order
from tests.kit.registry_events import PLAN
from tests.kit.runs import apply, plan, settle
from tests.kit.settled_book import DISPUTE, FIRST, SECOND, fill_before, fill_settled, received
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactVersion


def text_of(book: BookDriver, order_id: str, now: int = SECOND + DAY) -> str:
    return "\n".join(order_text(explained(book, order_id, now)))


def line_of(book: BookDriver, order_id: str, now: int = SECOND + DAY) -> dict[str, Any]:
    (line,) = order_json(explained(book, order_id, now))["lines"]
    return dict(line)


def explained(book: BookDriver, order_id: str, now: int) -> OrderExplanation:
    return OrderExplanation(order_id, explained_lines(booked_order(book, order_id, now), None), [], [])


@pytest.fixture(scope="module")
def settled() -> BookDriver:
    book = BookDriver(MemoryStore())
    fill_settled(book)
    return book


@pytest.fixture
def fresh() -> BookDriver:
    return BookDriver(MemoryStore())


@pytest.mark.parametrize(
    ("order_id", "state"),
    [
        ("o_0", "clawed_back"),
        ("o_2", "settled"),
        ("o_3", "clawed_back"),
        ("o_5", "disputed"),
        ("o_9", "frozen"),
    ],
)
def test_each_line_has_its_state(settled: BookDriver, order_id: str, state: str) -> None:
    assert line_of(settled, order_id)["state"] == state
    assert f"\n  state {state}: " in text_of(settled, order_id)


def test_the_clock_says_from_when_on_and_why(fresh: BookDriver) -> None:
    fill_before(fresh)
    text = text_of(fresh, "o_1", PAID_AT + 2 * DAY)
    assert "  state confirmed: settleable from 2026-11-09T09:00:00Z: received + 7 d" in text
    clock = line_of(fresh, "o_1", PAID_AT + 9 * DAY)["clock"]
    assert (clock["settle_at"], clock["received_at"], clock["return_window_days"]) == (
        "2026-11-09T09:00:00Z", "2026-11-02T09:00:00Z", 7,
    )  # fmt: skip
    assert line_of(fresh, "o_1", PAID_AT + 9 * DAY)["state"] == "settleable"
    assert "state estimated: not settleable yet: its goods are not received (status paid)" in text_of(fresh, "o_13")


def test_goods_that_no_shop_reports_as_received_count_as_received_by_the_plan(fresh: BookDriver) -> None:
    fresh.register(PLAN | {"auto_receive_days": 10})
    fresh.assert_lines(Fact())
    text = text_of(fresh, "o_1", PAID_AT + 9 * DAY)
    assert "state estimated: settleable from 2026-11-18T09:00:00Z: paid + 10 d" in text
    assert line_of(fresh, "o_1", PAID_AT + 11 * DAY)["state"] == "confirmed"


def test_a_line_that_runs_left_names_the_dispute_and_the_holds_of_each_runs_point(settled: BookDriver) -> None:
    text = text_of(settled, "o_5")
    assert "not in run run-1 (as of 2026-11-21T09:00:00Z): dispute d_1\n" in text
    assert "not in run run-2 (as of 2026-12-11T09:00:00Z): dispute d_1, hold h_2 of content v_1\n" in text
    assert [run["left_out"] for run in line_of(settled, "o_5")["runs"]] == ["disputed", "disputed"]
    released = text_of(settled, "o_6")
    assert "not in run run-1 (as of 2026-11-21T09:00:00Z): hold h_1 of the line\n" in released
    assert "in run run-2 (as of 2026-12-11T09:00:00Z): koc:k_0 22.00 CNY, platform 2.44 CNY; priced as of" in released


def test_a_run_before_a_lines_day_is_not_named(settled: BookDriver) -> None:
    assert [run["run"] for run in line_of(settled, "o_12")["runs"]] == ["run-2"]
    assert line_of(settled, "o_13")["runs"] == []


def test_a_clawback_is_told_by_claimant_and_its_net_by_run(settled: BookDriver) -> None:
    text = text_of(settled, "o_0")
    assert "koc:k_0: owed 0.00 CNY; 18.00 CNY settled, 18.00 CNY is claimed back" in text
    assert "platform: owed 0.00 CNY; 2.00 CNY settled, 2.00 CNY is given up" in text
    later = text_of(settled, "o_6")
    assert "net of koc:k_0 over all its lines: 38.00 CNY netted against what it owes" in later
    assert "commission.clawed_back" in text


def test_a_lost_dispute_makes_a_line_worth_nothing_and_is_named(settled: BookDriver) -> None:
    text = text_of(settled, "o_3")
    assert "! a dispute of the line is lost: this line is worth 0.00 CNY" in text
    assert "! dispute d_2 is lost: nothing is owed" in text
    assert "earns 0.00 CNY: a dispute of the line is lost" in text


def test_a_hold_of_an_owner_is_told_and_freezes_no_line(settled: BookDriver) -> None:
    line = line_of(settled, "o_2")
    assert line["state"] == "settled"
    assert line["cases"] == ["hold h_3 of koc:k_2: what is settled for it is kept back"]


def test_tiers_budget_and_bonus_are_told_as_granted(settled: BookDriver) -> None:
    assert (
        "granted by a run 39.98 CNY on 144.40 CNY, for 144.40 CNY (goods_paid) that remains, cut because its "
        "campaign's budget had 23.90 CNY left of the 39.98 CNY that it needed = 23.90 CNY"
    ) in text_of(settled, "o_12")
    assert "(goods_paid) that remains + 5.00 CNY for a new customer = 31.66 CNY" in text_of(settled, "o_9")
    (credit,) = line_of(settled, "o_12")["credits"]
    assert credit["grant"] == {"base_minor": 14_440, "commission_minor": 3_998, "num": 2_390, "den": 3_998}


def test_what_is_told_of_credits_adds_up_to_what_is_owed(settled: BookDriver) -> None:
    for number in range(14):
        line = line_of(settled, f"o_{number}")
        kept = sum(keep["amount_minor"] for credit in line["credits"] for keep in credit["keeps"])
        assert kept == sum(one["owed_minor"] for one in line["claimants"]), number
        assert line["target"] == line["booked"], number


def test_a_line_that_came_after_a_runs_point_says_so(fresh: BookDriver) -> None:
    fresh.register(PLAN)
    settle(fresh, FIRST, "run-1")
    fresh.assert_lines(received(1), partition=1)
    assert "not in run run-1 (as of 2026-11-21T09:00:00Z): what it is now came to the books later" in text_of(
        fresh, "o_1"
    )


def test_a_line_that_no_plan_priced_then_says_so(fresh: BookDriver) -> None:
    fresh.assert_lines(received(1), partition=1)
    settle(fresh, FIRST, "run-1")
    fresh.register(PLAN)
    assert "not in run run-1 (as of 2026-11-21T09:00:00Z): no plan priced it" in text_of(fresh, "o_1")


def test_an_incomplete_line_leaves_no_trace_and_the_answer_admits_it(fresh: BookDriver) -> None:
    fresh.register(PLAN)
    partial = received(1, version=FactVersion(touch=1, order=3))
    fresh.assert_lines(partial, partial.but(version=FactVersion(touch=0, order=9)), partition=1)
    settle(fresh, FIRST, "run-1")
    assert "not in run run-1 (as of 2026-11-21T09:00:00Z): it was incomplete" in text_of(fresh, "o_1")


def test_a_planned_line_that_is_not_booked_yet_says_so(fresh: BookDriver) -> None:
    fresh.register(PLAN)
    fresh.assert_lines(received(1), partition=1)
    run = plan(fresh, FIRST)
    assert "planned, and not booked yet: the next run finishes it" in text_of(fresh, "o_1")
    apply(fresh, run)
    assert "priced as of registry offset 1 from then on" in text_of(fresh, "o_1")


def test_a_settled_line_keeps_its_terms_whatever_is_published_later(fresh: BookDriver) -> None:
    fresh.register(PLAN)
    fresh.assert_lines(received(1), partition=1)
    settle(fresh, FIRST)
    before = line_of(fresh, "o_1")["claimants"]
    fresh.register(PLAN | {"version": 2, "rate_ppm": 900_000}, DISPUTE)
    line = line_of(fresh, "o_1")
    assert (line["claimants"], line["remarks"]) == (before, [])
    assert line["terms"] == {"registry_offset": 1, "as_of": "2026-11-21T09:00:00Z"}
