"""A fault of each kind in payouts, months and statements: the audit finds it and says where."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.topics import CREDITS, STATEMENTS
from services.kernel.time import HOUR
from services.operations.audit.audit import audit
from services.operations.audit.report import AuditReport
from services.settlement.books.memory_net_snapshot import MemoryNetSnapshot
from services.settlement.domain.paying.payouts import SkippedParty
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from services.settlement.payouts import propose
from tests.kit.audit_world import MemoryTopics, Record
from tests.kit.book_driver import WRITER_N, ZONE_MINUTES
from tests.kit.paid_world import PaidWorld
from tests.kit.payouts import payout_name
from tests.kit.registry_events import ACCEPTED, CONTENT, PLAN, RELATION
from tests.kit.settlement_facts import DAY, PAID_AT, Fact

LINES = 3
"""The partition of all lines."""
AT = {"occurred_at": "2026-10-01T00:00:00Z"}
PAYEES = [
    AT | {"event_id": f"e{owner}", "event_type": "payee.set", "owner": owner, "rail": "bank", "ref": f"r{number}"}
    for number, owner in enumerate(("koc:k_7", "mcn:m_1"))
]
"""The recruiter has none."""
SHARED = AT | {
    "event_id": "h1", "event_type": "house.set", "effective_from": "2026-10-01T00:00:00Z",
    "netting_share_ppm": 500_000, "payout_minimum_minor": {"CNY": 1_000},
}  # fmt: skip
K7, M1 = payout_name("p2", "koc:k_7"), payout_name("p2", "mcn:m_1")


def line(number: int, **changes: Any) -> Fact:
    fact = Fact(f"o_{number}", status="received", received_at=PAID_AT + DAY)
    return fact.but(**changes)


def live() -> PaidWorld:
    """Two batches, one of them cancelled; a rejected payout that is paid anew; a month closed, reopened and closed."""
    world = PaidWorld()
    world.register(PLAN, RELATION, SHARED, *PAYEES)
    world.assert_lines(line(1), line(2), partition=LINES)
    world.run(PAID_AT + 9 * DAY)
    world.propose("p1", PAID_AT + 9 * DAY)
    world.cancel("p1")
    world.propose("p2", PAID_AT + 10 * DAY)
    world.approve("p2")
    world.export("p2")
    rows = [
        ReplyRow(M1, PayoutOutcome.CONFIRMED, 1_440, "CNY", "ref", 7),
        ReplyRow("?", PayoutOutcome.CONFIRMED, *NONE),
    ]
    world.reply("f1", [ReplyRow(K7, PayoutOutcome.REJECTED, *NONE), *rows])
    world.pass_to(PAID_AT + 40 * DAY)
    world.close("2026-11")
    world.assert_lines(line(1).refunded(20_000), line(2).refunded(20_000), line(3), partition=LINES)
    world.pass_to(PAID_AT + 40 * DAY + HOUR)
    world.reopen("2026-11")
    world.pass_to(PAID_AT + 41 * DAY)
    world.assert_lines(line(4, received_at=None, status="paid"), partition=LINES)
    world.close("2026-11")
    world.assert_lines(line(5, received_at=None, status="paid"), partition=LINES)
    world.run(PAID_AT + 41 * DAY)
    world.release_payout(K7)
    world.propose("p3", PAID_AT + 42 * DAY)
    world.pass_to(PAID_AT + 70 * DAY)
    world.close("2026-12")
    return world


NONE = (None, None, None, 0)


def audited(topics: MemoryTopics) -> AuditReport:
    return audit(topics, ZONE_MINUTES, lambda _line: None)


def found(topics: MemoryTopics) -> set[str]:
    """The checks that a fault breaks."""
    return set(audited(topics).found)


def test_without_a_fault_the_topics_agree() -> None:
    report = audited(live().topics())
    assert (report.differences, report.notes) == ([], [])
    counted = ("payout batches", "payouts", "payout sets", "closes", "statements")
    assert {name: report.checked[name] for name in counted} == {
        "payout batches": 3, "payouts": 5, "payout sets": 3, "closes": 3, "statements": 15,
    }  # fmt: skip


# In the code that proposed


@pytest.mark.parametrize(
    ("where", "name", "mistake", "checks"),
    [
        # older debts are netted whole although the party was paid
        (MemoryNetSnapshot, "unpaid", lambda _self, claims: set(claims), {"plan"}),
        # what a run has netted since does not count against the share
        (MemoryNetSnapshot, "netted_since", lambda *_: {}, {"plan", "payout sums", "cause"}),
        # what the bank sent back may be paid again at once
        (MemoryNetSnapshot, "refused", lambda _self: {}, {"plan", "cause"}),
        # nobody is left out
        (propose, "decide_payout", None, {"plan", "payout sums", "skipped", "cause"}),
    ],
)
def test_a_wrong_proposal_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, mistake: Any, checks: set[str]
) -> None:
    right = propose.decide_payout

    def generous(party: Any, tax: Any) -> Any:
        decided = right(party._replace(minimum_minor=0), tax)
        return None if isinstance(decided, SkippedParty) else decided

    monkeypatch.setattr(where, name, mistake or generous)
    assert checks <= found(live().topics())


# In the commands topic, chained anew


def changed(kind: str, plant: Callable[[Record], object], number: int = 0) -> set[str]:
    """What is found where the so manieth command of a kind is another one."""
    topics = live().topics()
    commands = topics.commands()
    plant([command for command in commands if command["kind"] == kind][number])
    topics.chain_commands(commands)
    return found(topics)


def put(part: str, **fields: Any) -> Callable[[Record], object]:
    return lambda command: command[part].update(fields)


@pytest.mark.parametrize(
    ("kind", "number", "plant", "checks"),
    [
        ("payout.proposed", 1, put("result", plan_sha256="0" * 64), {"plan"}),
        ("payout.proposed", 1, put("result", payouts=3), {"payout sums"}),
        ("payout.proposed", 1, put("result", amounts={"CNY": 1}), {"payout sums"}),
        ("payout.proposed", 1, put("result", skipped=[]), {"skipped"}),
        ("payout.proposed", 2, put("body", as_of="2026-09-01T00:00:00Z"), {"plan"}),
        ("payout.proposed", 1, put("point", seqs=[0] * 13), {"payout set"}),
        ("payout.approved", 0, lambda command: command.update(by="ann"), {"approval"}),
        ("payout.approved", 0, put("body", batch="p1"), {"payout state"}),
        ("payout.cancelled", 0, put("body", payout=M1), {"payout state", "payout sums", "cause"}),
        ("payout.cancelled", 0, put("result", payouts=1), {"payout sums"}),
        ("payout.exported", 0, put("body", batch="p3"), {"payout state"}),
        ("payout.exported", 0, put("result", files=[]), {"payment files"}),
        ("payout.replied", 0, put("result", booked=3), {"reply"}),
        ("payout.replied", 0, put("result", findings=[]), {"reply"}),
        ("payout.released", 0, put("body", payout=M1), {"payout state", "plan"}),
        ("payout.replied", 0, put("body", rows=[["?"]]), {"command body"}),
        ("period.closed", 0, put("result", seal="0" * 64), {"seal", "statement head"}),
        ("period.closed", 0, put("result", revision=2), {"close"}),
        ("period.closed", 0, put("result", cut=[0] * 13), {"close", "seal", "period"}),
        ("period.closed", 0, put("result", cut=[99] * 13), {"close"}),
        ("period.closed", 0, lambda command: command.update(at="2026-11-30T15:00:00Z"), {"close"}),
        ("period.closed", 0, put("body", period="2026-10"), {"close", "seal", "period"}),
        ("period.closed", 2, put("body", period="2027-01"), {"close", "seal", "statement"}),
        ("period.closed", 0, put("result", cut=[1]), {"command body"}),
        ("period.reopened", 0, lambda command: command.update(by="ann"), {"approval"}),
        ("period.reopened", 0, put("body", proposal="unheard"), {"approval"}),
        ("period.reopened", 0, put("body", period="2026-10"), {"reopening", "approval"}),
    ],
)
def test_a_changed_command_is_found_although_the_chain_holds(
    kind: str, number: int, plant: Callable[[Record], object], checks: set[str]
) -> None:
    assert checks <= changed(kind, plant, number)


def test_a_reply_that_was_left_out_is_found() -> None:
    topics = live().topics()
    commands = [command for command in topics.commands() if command["kind"] != "payout.replied"]
    topics.chain_commands(commands)
    assert {"cause", "payout state"} <= found(topics)


# In the ledger topic, chained anew


def ledger_with(plant: Callable[[list[Record]], object], partition: int = WRITER_N) -> set[str]:
    topics = live().topics()
    entries = topics.ledger(partition)
    plant(entries)
    topics.chain_ledger(partition, entries)
    return found(topics)


def entry_of(entries: list[Record], kind: str) -> Record:
    return next(entry for entry in entries if entry["kind"] == kind)


@pytest.mark.parametrize(
    "kind", ["payout.instructed", "payout.cancelled", "payout.confirmed", "payout.rejected", "hold.released"]
)
def test_a_missing_row_of_a_payout_is_found(kind: str) -> None:
    assert {"cause", "account"} <= ledger_with(lambda entries: entries.remove(entry_of(entries, kind)))


def test_a_payout_to_another_party_is_found() -> None:
    def plant(entries: list[Record]) -> None:
        entry_of(entries, "payout.instructed")["legs"][0]["account"] = "koc:k_8:payable"

    assert {"cause", "account"} <= ledger_with(plant)


def test_a_row_of_a_line_behind_the_cut_is_not_in_the_payouts_set() -> None:
    def late(entries: list[Record]) -> None:
        settled = entry_of(entries, "commission.settled")
        entries.remove(settled)
        entries.append(settled)

    assert "payout set" in ledger_with(late, LINES)


@pytest.mark.parametrize("period", ["2026-10", "2026-12", "2027-03"])
def test_a_row_in_another_month_is_found(period: str) -> None:
    def plant(entries: list[Record]) -> None:
        entries[0]["period"] = period

    assert {"period", "seal"} <= ledger_with(plant, LINES)


@pytest.mark.parametrize("order_id", ["o_3", "o_5"])
def test_a_row_of_november_that_came_after_a_close_is_of_the_next_month(order_id: str) -> None:
    """The first came before the month was opened again, the other after it was closed for good."""

    def plant(entries: list[Record]) -> None:
        late = next(entry for entry in entries if entry["order_id"] == order_id)
        assert (late["effective_at"][:7], late["period"]) == ("2026-11", "2026-12")
        late["period"] = "2026-11"

    assert {"period", "seal"} <= ledger_with(plant, LINES)


def test_a_late_row_in_a_closed_month_is_found() -> None:
    def plant(entries: list[Record]) -> None:
        late = next(entry for entry in entries if entry["kind"] == "payout.instructed" and "p3" in entry["idem_key"])
        assert late["period"] == "2026-12"
        late["period"] = "2026-11"

    assert {"period", "seal"} <= ledger_with(plant)


# In the statements topic


def statements_with(plant: Callable[[list[Any]], object]) -> set[str]:
    topics = live().topics()
    found_ones = [json.loads(raw) for raw in topics.logs[STATEMENTS.name, 0]]
    plant(found_ones)
    topics.logs[STATEMENTS.name, 0] = [json.dumps(one).encode() for one in found_ones]
    return found(topics)


def of(statements: list[Any], party: str) -> Any:
    return next(one for one in statements if one["party"] == party)


def balance(part: str, minor: int) -> Callable[[list[Any]], object]:
    def plant(statements: list[Any]) -> None:
        of(statements, "koc:k_7")["statement"]["balance"][part]["payable_minor"] += minor

    return plant


def fee(statements: list[Any]) -> None:
    accounts = of(statements, "platform")["statement"]["accounts"]
    for part in ("opening", "closing"):
        next(one for one in accounts if one["account"] == "platform:fee")[part]["amount_minor"] += 1


@pytest.mark.parametrize(
    ("plant", "checks"),
    [
        (balance("closing", 1), {"statement hash", "statement path", "statement sum", "statement balance"}),
        (balance("opening", 1), {"statement sum", "statement balance"}),
        (fee, {"statement hash", "statement balance"}),
        (lambda some: of(some, "brand:br_2")["statement"].update(revision=7), {"statement head"}),
        (lambda some: of(some, "brand:br_2").update(sha256="0" * 64), {"statement hash"}),
        (lambda some: of(some, "brand:br_2")["path"].pop(), {"statement path"}),
        (lambda some: [one.update(root="0" * 64) for one in some], {"statement path", "statement root"}),
        (lambda some: some.pop(), {"statement missing", "statement root"}),
        (lambda some: some.pop(0), {"statement number", "statement missing", "statement root"}),
        (lambda some: of(some, "brand:br_2").update(period="2020-01"), {"statement", "statement missing"}),
        (lambda some: some.append(7), {"unreadable"}),
    ],
)
def test_a_changed_statement_is_found(plant: Callable[[list[Any]], object], checks: set[str]) -> None:
    assert checks <= statements_with(plant)


def test_a_statement_that_comes_twice_in_the_topic_counts_once() -> None:
    assert statements_with(lambda some: some.append(some[-1])) == set()


# What is right, and easily taken for wrong


def amounts_of(topics: MemoryTopics, batch: str) -> dict[str, int]:
    """What a proposal pays, by what its command says."""
    (command,) = [one for one in topics.commands() if one["command_id"] == batch]
    return dict(command["result"]["amounts"])


def test_a_newer_payee_lets_go_of_what_came_back() -> None:
    world = PaidWorld()
    world.register(PLAN, RELATION, *PAYEES)
    world.assert_lines(line(1), partition=LINES)
    world.run(PAID_AT + 9 * DAY)
    world.propose("p2", PAID_AT + 9 * DAY)
    world.reply("f1", [ReplyRow(K7, PayoutOutcome.REJECTED, *NONE)])
    world.register(PAYEES[0] | {"event_id": "newer", "ref": "r9"})
    world.propose("p3", PAID_AT + 10 * DAY)
    topics = world.topics()
    assert amounts_of(topics, "p3") == {"CNY": 2_520}
    assert audited(topics).differences == []


def test_a_script_fee_that_is_taken_back_after_it_was_paid_is_an_older_debt() -> None:
    removed = AT | {"event_id": "gone", "event_type": "content.removed", "content_id": CONTENT["content_id"]}
    world = PaidWorld()
    world.register(PLAN, RELATION, SHARED, CONTENT, ACCEPTED, *PAYEES)
    world.run(PAID_AT + 9 * DAY)
    world.propose("p1", PAID_AT + 9 * DAY)
    world.register(removed)
    world.assert_lines(line(1), line(2), partition=LINES)
    world.run(PAID_AT + 10 * DAY)
    world.propose("p2", PAID_AT + 10 * DAY)
    topics = world.topics()
    koc_gets, agency_gets = 2 * 2_520 // 2, 2 * 720
    assert amounts_of(topics, "p2") == {"CNY": koc_gets + agency_gets}
    assert audited(topics).differences == []


# What the topics no longer hold


def test_payouts_whose_credits_are_past_retention_count_from_the_ledger_topic_only() -> None:
    topics = live().topics()
    topics.begins[CREDITS.name, LINES] = 1
    report = audited(topics)
    assert report.is_clean
    counted = {name: report.checked[name] for name in ("payout batches", "closes", "statements")}
    assert counted == {"payout batches": 0, "closes": 3, "statements": 15}


def test_statements_whose_topic_lost_its_beginning_are_not_checked() -> None:
    topics = live().topics()
    topics.begins[STATEMENTS.name, 0] = 1
    report = audited(topics)
    assert report.is_clean
    assert report.notes == [f"{STATEMENTS.name} no longer begins at offset 0: no statement was checked"]
    assert {name: report.checked[name] for name in ("payouts", "statements")} == {"payouts": 5, "statements": 0}
