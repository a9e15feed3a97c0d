"""A fault of each kind, in topics that are otherwise as the product writes them: the audit finds it and says where."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schemas.topics import COMMANDS, CREDITS, LEDGER, REGISTRY
from services.operations.audit.audit import audit
from services.operations.audit.comparison import LEDGER_ONLY
from services.operations.audit.report import AuditReport
from services.settlement.books.memory_run_snapshot import MemoryRunSnapshot
from services.settlement.books.memory_runs import MemoryRunTransaction
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.settling.netting import NetInput, NetResult
from services.settlement.netting import nets
from services.settlement.runs import planning
from tests.kit.audit_world import AuditWorld, MemoryTopics, Record
from tests.kit.book_driver import WRITER_N, ZONE_MINUTES
from tests.kit.registry_events import PLAN, RELATION
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit

LINES = 3
"""The partition of all lines."""
TIERED = PLAN | {
    "tiers": [{"from_minor": 30_000, "rate_ppm": 300_000}], "new_customer_bonus_minor": 1_000, "return_window_days": 7,
}  # fmt: skip
PLAIN = PLAN | {"event_id": "r6", "plan_id": "pl_5", "brand_id": "br_5"}
BUDGET = {
    "event_id": "r7", "event_type": "campaign.budget_set", "occurred_at": "2026-10-01T00:00:00Z", "campaign_id": "c_2",
    "currency": "CNY", "amount_minor": 5_000,
}  # fmt: skip
VAT = {
    "event_id": "r8", "event_type": "house.set", "occurred_at": "2026-10-01T00:00:00Z",
    "effective_from": "2026-10-01T00:00:00Z", "vat_ppm": {"CNY": 60_000},
}  # fmt: skip


def sale(order_id: str, **changes: Any) -> Fact:
    fact = Fact(order_id=order_id, new_customer=True, status="received", received_at=PAID_AT + DAY)
    return fact.but(**changes)


def live() -> AuditWorld:
    """Two runs: tiers, a bonus for a buyer's first line, a budget that does not reach, a refund and new plans between.

    The lines o_3 and o_5 are refunded after the second run; o_9 is not due in any.
    """
    world = AuditWorld()
    world.register(TIERED, PLAIN, RELATION, BUDGET, VAT)
    first, in_campaign = sale("o_1"), sale("o_2", credits=(FactCredit(campaign_id="c_2"),))
    plain = sale("o_5", brand_id="br_5", buyer_id="b_5")
    world.assert_lines(first, in_campaign, plain, sale("o_9", received_at=PAID_AT + 30 * DAY), partition=LINES)
    world.run(PAID_AT + 9 * DAY)
    world.assert_lines(first.refunded(5_000), sale("o_3"), partition=LINES)
    later = sale("o_4", credits=(FactCredit(campaign_id="c_2"),), buyer_id="b_2")
    world.assert_lines(later, partition=LINES)
    world.command(Kind.BRAND_PAID, {"bank:main": 500, "brand:br_2:receivable": -500}, amount_minor=500, brand_id="br_2")
    better = {"version": 2, "rate_ppm": 100_000}
    world.register(PLAIN | better | {"event_id": "r10"}, TIERED | better | {"event_id": "r9"})
    world.run(PAID_AT + 10 * DAY)
    world.assert_lines(sale("o_3").refunded(1_000), plain.refunded(1_000), partition=LINES)
    return world


def audited(topics: MemoryTopics) -> AuditReport:
    return audit(topics, ZONE_MINUTES, lambda _line: None)


def found(topics: MemoryTopics) -> set[str]:
    """The checks that a fault breaks."""
    return set(audited(topics).found)


def test_without_a_fault_the_topics_agree() -> None:
    report = audited(live().topics())
    assert report.page().splitlines()[-1] == "the topics agree"
    assert {name: report.checked[name] for name in ("runs", "lines in runs", "commands", "credits", "lines")} == {
        "runs": 2, "lines in runs": 5, "commands": 3, "credits": 9, "lines": 6,
    }  # fmt: skip


# In the ledger topic, chained anew


def entry_of(entries: list[Record], kind: str) -> Record:
    return next(entry for entry in entries if entry["kind"] == kind)


def wrong_amount(entries: list[Record]) -> None:
    legs = entry_of(entries, "commission.settled")["legs"]
    legs[0]["amount_minor"] += 1
    legs[1]["amount_minor"] -= 1


def wrong_account(entries: list[Record]) -> None:
    legs = entry_of(entries, "commission.settled")["legs"]
    leg = next(leg for leg in legs if leg["account"] == "koc:k_7:payable")
    leg["account"] = "koc:k_8:payable"


def missing_entry(entries: list[Record]) -> None:
    entries.remove(entry_of(entries, "commission.settled"))


def doubled_entry(entries: list[Record]) -> None:
    entries.append(dict(entry_of(entries, "commission.settled")))


@pytest.mark.parametrize("plant", [wrong_amount, wrong_account, missing_entry, doubled_entry])
def test_a_wrong_row_of_a_line_is_found_although_the_chain_holds(plant: Callable[[list[Record]], None]) -> None:
    topics = live().topics()
    entries = topics.ledger(LINES)
    plant(entries)
    topics.chain_ledger(LINES, entries)
    assert {"line account", "account"} <= found(topics) <= {"line account", "settled", "account"}


def test_an_entry_of_no_known_line_is_found() -> None:
    topics = live().topics()
    entries = topics.ledger(LINES)
    entries.append(entries[0] | {"order_id": "o_unheard"})
    topics.chain_ledger(LINES, entries)
    assert "unknown line" in found(topics)


@pytest.mark.parametrize("kind", ["clawback.netted", "budget.committed", "brand.paid"])
def test_a_missing_row_of_writer_n_is_found(kind: str) -> None:
    topics = live().topics()
    entries = topics.ledger(WRITER_N)
    entries.remove(entry_of(entries, kind))
    topics.chain_ledger(WRITER_N, entries)
    assert {"cause", "account"} <= found(topics) <= {"cause", "account", "ledger end"}


def test_legs_that_do_not_add_up_are_found() -> None:
    topics = live().topics()
    entries = topics.ledger(LINES)
    entries[0]["legs"][0]["amount_minor"] += 1
    topics.chain_ledger(LINES, entries)
    assert "ledger legs" in found(topics)


def test_an_entry_that_was_changed_and_not_chained_is_found() -> None:
    topics = live().topics()
    log = next(log for (_, partition), log in topics.logs.items() if partition == WRITER_N)
    log[0] = log[0].replace(b"2026-", b"2027-", 1)
    assert found(topics) == {"ledger chain", "period"}


def test_a_lost_end_of_the_ledger_is_found() -> None:
    topics = live().topics()
    entries = topics.ledger(LINES)
    topics.chain_ledger(LINES, entries[:2])
    assert "ledger end" in found(topics)


def test_an_entry_that_comes_twice_in_the_topic_counts_once() -> None:
    topics = live().topics()
    log = next(log for (_, partition), log in topics.logs.items() if partition == WRITER_N)
    log.append(log[-1])
    assert audited(topics).is_clean


# In the commands topic


def test_a_changed_command_is_found() -> None:
    topics = live().topics()
    log = topics.logs[COMMANDS.name, 0]
    log[1] = log[1].replace(b'"amount_minor": 500', b'"amount_minor": 400')
    assert {"command chain", "cause"} <= found(topics)


def changed_plan(command: Record) -> None:
    command["result"]["plan_sha256"] = "0" * 64


def changed_point(command: Record) -> None:
    command["point"]["credits"][LINES] = 1


def changed_registry_point(command: Record) -> None:
    command["point"]["registry"] = 2


def changed_moment(command: Record) -> None:
    command["body"]["as_of"] = "2027-11-30T00:00:00Z"


@pytest.mark.parametrize("plant", [changed_plan, changed_point, changed_registry_point, changed_moment])
def test_a_changed_run_is_found_although_the_chain_holds(plant: Callable[[Record], None]) -> None:
    topics = live().topics()
    commands = topics.commands()
    plant(commands[0])
    topics.chain_commands(commands)
    assert "plan" in found(topics)


def test_a_command_that_was_left_out_is_found() -> None:
    topics = live().topics()
    commands = topics.commands()
    topics.chain_commands([commands[0], commands[2]])
    assert "cause" in found(topics)


def test_who_proposed_an_adjustment_may_not_post_it() -> None:
    topics = live().topics()
    legs = {"currency": "CNY", "legs": {"bank:main": 5, "koc:k_7:payable": -5}}
    proposed = topics.commands()[1] | {"command_id": "c-8", "kind": "adjustment.proposed", "body": legs}
    posted = proposed | {"command_id": "c-9", "kind": "adjustment.posted", "body": legs | {"proposal": "c-8"}}
    topics.chain_commands([*topics.commands(), proposed, posted])
    assert "approval" in found(topics)


# In the code that planned and applied


def a_wrong_plan(monkeypatch: pytest.MonkeyPatch, where: object, name: str, mistake: object) -> set[str]:
    """What is found in the topics of code with a mistake."""
    monkeypatch.setattr(where, name, mistake)
    return found(live().topics())


def test_a_due_line_that_a_run_skipped_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = MemoryRunSnapshot.due_lines

    def skipping(self: MemoryRunSnapshot, as_of: int) -> Iterator[Any]:
        yield from list(right(self, as_of))[1:]

    assert {"plan", "settled", "line account"} <= a_wrong_plan(monkeypatch, MemoryRunSnapshot, "due_lines", skipping)


def test_a_line_that_was_settled_too_early_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryRunSnapshot, "due_lines", lambda self, _as_of: map(self._due, self._state.lines))
    assert {"plan", "settled"} <= a_wrong_plan(monkeypatch, planning, "blocking_reason", lambda *_: None)


def test_a_bonus_that_was_paid_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = a_wrong_plan(monkeypatch, MemoryRunSnapshot, "taken_slots", lambda *_: set())
    assert {"plan", "settled", "line account"} <= taken


def test_a_tier_counter_that_was_lost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = a_wrong_plan(monkeypatch, MemoryRunTransaction, "put_counters", lambda *_: None)
    assert {"plan", "settled", "line account"} <= lost


def test_a_budget_that_was_exceeded_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = MemoryRunSnapshot.budgets

    def generous(self: MemoryRunSnapshot) -> dict[Any, Any]:
        return {key: (limit + 1_000, committed) for key, (limit, committed) in right(self).items()}

    assert {"plan", "settled", "cause"} <= a_wrong_plan(monkeypatch, MemoryRunSnapshot, "budgets", generous)


def test_a_net_that_is_not_to_target_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(party: NetInput) -> NetResult:
        return NetResult(0, 0, party.clawback // 2, 0, 0)

    assert a_wrong_plan(monkeypatch, nets, "net_party", half) == {"plan", "cause", "account"}


def test_terms_that_leak_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = MemoryRunTransaction.terms_of

    def newest(self: MemoryRunTransaction, registry_offset: int, as_of: int) -> Any:
        return right(self, registry_offset, as_of)._replace(registry_offset=registry_offset + 1)

    assert "line account" in a_wrong_plan(monkeypatch, MemoryRunTransaction, "terms_of", newest)


# Records that cannot be read


@pytest.mark.parametrize(("topic", "partition"), [(COMMANDS.name, 0), (CREDITS.name, LINES), (LEDGER.name, WRITER_N)])
def test_a_record_that_cannot_be_read_is_found(topic: str, partition: int) -> None:
    topics = live().topics()
    topics.logs[topic, partition].append(b"not JSON")
    assert found(topics) == {"unreadable"}


def test_a_command_without_what_its_kind_needs_is_found() -> None:
    topics = live().topics()
    commands = topics.commands()
    del commands[0]["body"]["as_of"]
    topics.chain_commands(commands)
    assert "command body" in found(topics)


# What the topics no longer hold


def test_lines_whose_credits_are_past_retention_count_from_the_ledger_topic_only() -> None:
    topics = live().topics()
    topics.begins[CREDITS.name, LINES] = 2
    report = audited(topics)
    assert report.is_clean
    assert report.checked[LEDGER_ONLY] == 5
    assert report.checked["runs"] == 0
    (note,) = report.notes
    assert note.startswith(
        f"{CREDITS.name} no longer begins at offset 0 in partitions {LINES}: no run or payout could be"
    )


def test_an_unsettled_line_is_checked_also_where_other_credits_are_past_retention() -> None:
    topics = live().topics()
    topics.begins[CREDITS.name, LINES] = 2
    entries = topics.ledger(LINES)
    entry = next(entry for entry in entries if entry["order_id"] == "o_9")
    entry["legs"][0]["amount_minor"] += 1
    entry["legs"][1]["amount_minor"] -= 1
    topics.chain_ledger(LINES, entries)
    assert found(topics) == {"line account", "account"}


def test_runs_of_an_older_credits_topic_cannot_be_planned_again() -> None:
    topics = live().topics()
    commands = topics.commands()
    commands[2]["point"]["generation"] = 1
    topics.chain_commands(commands)
    report = audited(topics)
    assert report.checked["runs"] == 0
    assert report.notes[0].startswith(f"{CREDITS.name} was made again after run-1: ")


def test_without_the_registrys_beginning_only_chains_and_legs_are_checked() -> None:
    topics = live().topics()
    topics.begins[REGISTRY.name, 0] = 1
    report = audited(topics)
    assert report.is_clean
    assert report.checked["lines"] == 0
    assert "no longer begins at offset 0" in report.notes[0]
    assert report.checked["ledger entries"] > 0
