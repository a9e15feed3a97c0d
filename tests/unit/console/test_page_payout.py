"""How far batches and payouts are, what a person may do with them now, and how pages write them."""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from services.console.access.people import OPERATOR, PAYER, Person
from services.console.jobs import Job
from services.console.keyset_rows import sums_cell, sums_text
from services.console.pages.batch import skip_rows
from services.console.pages.payout import batch_cells, job_view, payout_steps
from services.console.pages.payout_actions import ProposalResult, new_command_id
from services.console.pages.payout_stages import (
    NO_PAYER,
    SIGN_IN,
    batch_doors,
    batch_stage,
    batch_steps,
    open_sums,
    seen_sums,
    state_words,
)
from services.console.values import LinkCell, MoneyCell, WordsCell
from services.console.words.catalogue import Language, say
from services.kernel.sentences import Sentence
from services.runtime.database import PersonalLogin
from services.settlement.books.lookups.batches import ListedBatch
from services.settlement.books.lookups.replies import BankReplyRow, PayoutDecision, effective_decisions
from services.settlement.books.net_ports import RunPoint
from services.settlement.books.payout_ports import StoredBatch
from services.settlement.books.payout_reads import PayoutsInState

POINT = RunPoint(0, (1,), 2, 3, (4, 5))
UNDER_WAY, PAID, REJECTED = (
    PayoutsInState("instructed", "CNY", 2, 3240),
    PayoutsInState("confirmed", "CNY", 1, 2520),
    PayoutsInState("rejected", "CNY", 1, 720),
)


def person(name: str, *roles: str) -> Person:
    return Person(PersonalLogin(name, SecretStr("secret")), frozenset(roles))


def batch(status: str = "proposed", *states: PayoutsInState, is_exported: bool = False) -> ListedBatch:
    approved = {"approved_by": "eve", "approved_at": 60_000_000} if status == "approved" else {}
    counts = {"payouts": 2, "amounts": {"CNY": 3240}, "withheld": {}, "skipped": []}
    one = StoredBatch("p1", 0, status, POINT, (4, 5), b"\1" * 32, counts, "ann", 0, **approved)  # type: ignore[arg-type]
    return ListedBatch(one, states, is_exported)


@pytest.mark.parametrize(
    ("found", "words", "tone"),
    [
        (batch("proposed", UNDER_WAY), "waits for approval", "wait"),
        (batch("proposed"), "pays nobody", ""),
        (batch("cancelled", PayoutsInState("cancelled", "CNY", 2, 3240)), "cancelled", ""),
        (batch("approved", UNDER_WAY), "to be exported", "wait"),
        (batch("approved", UNDER_WAY, PAID, is_exported=True), "waits for the bank's reply", "wait"),
        (batch("approved", PAID, is_exported=True), "paid", "good"),
        (batch("approved", PAID, REJECTED, is_exported=True), "some came back", "bad"),
    ],
)
def test_a_batch_says_what_it_waits_for(found: ListedBatch, words: str, tone: str) -> None:
    assert batch_stage(found) == WordsCell(words, tone)


def test_a_proposer_may_cancel_and_somebody_else_may_approve() -> None:
    found = batch("proposed", UNDER_WAY)
    own = batch_doors(found, person("ann", PAYER))
    assert (own.approve, own.cancel, own.export) == (False, True, False)
    assert (own.closed_because or "").endswith("somebody else in the role koc_payer must approve it.")
    other = batch_doors(found, person("eve", PAYER))
    assert (other.approve, other.cancel, other.closed_because) == (True, True, None)


def test_an_approved_batch_is_exported_and_then_only_downloaded() -> None:
    eve = person("eve", PAYER)
    assert batch_doors(batch("approved", UNDER_WAY), eve)[:4] == (False, True, True, False)
    assert batch_doors(batch("approved", UNDER_WAY, is_exported=True), eve)[:4] == (False, False, True, True)
    assert batch_doors(batch("approved", PAID, is_exported=True), eve)[:4] == (False, False, False, True)
    assert not any(batch_doors(batch("cancelled"), eve)[:4])


def test_who_is_no_payer_is_told_who_must_do_it() -> None:
    found = batch("proposed", UNDER_WAY)
    assert batch_doors(found, None) == (False, False, False, False, SIGN_IN)
    assert batch_doors(found, person("bob", OPERATOR)) == (False, False, False, False, NO_PAYER)


def test_the_steps_of_a_batch_say_who_did_them_and_which_is_next() -> None:
    def told(found: ListedBatch) -> list[tuple[str, str, str | None, bool]]:
        return [(step.name, step.tone, step.by, step.is_next) for step in batch_steps(found, [])]

    assert told(batch("proposed", UNDER_WAY)) == [
        ("Proposed", "good", "ann", False), ("Approved", "", None, True), ("Exported", "", None, False),
        ("Answered by the bank", "", None, False),
    ]  # fmt: skip
    assert told(batch("approved", UNDER_WAY))[1:3] == [("Approved", "good", "eve", False), ("Exported", "", None, True)]
    assert told(batch("cancelled"))[-1] == ("Cancelled", "bad", None, False)
    assert told(batch("approved", PAID, is_exported=True))[3] == ("Answered by the bank", "good", None, False)


def test_states_are_words_in_both_languages() -> None:
    words = state_words([PAID, REJECTED, PayoutsInState("confirmed", "JPY", 3, 51)])
    assert words == "4 paid, 1 rejected"
    assert say(words, Language.ZH) == "4 笔已付款、1 笔被拒绝"
    assert state_words([]) == ""


def test_what_is_seen_and_approved_is_what_is_under_way() -> None:
    states = [PAID, UNDER_WAY, PayoutsInState("instructed", "JPY", 1, 51)]
    assert open_sums(states) == {"CNY": 3240, "JPY": 51}
    assert seen_sums(states) == "CNY=2:3240 JPY=1:51"
    assert sums_text(open_sums(states)) == "32.40 CNY, 51 JPY"


def test_a_batch_is_a_row_with_its_link() -> None:
    cells = batch_cells(batch("approved", PAID, is_exported=True))
    assert cells[0] == LinkCell("p1", "/batch/p1")
    assert (cells[2], str(cells[3].text), cells[3].exact) == (2, "32.40 CNY", "32.40 CNY")  # type: ignore[union-attr]


def test_programs_get_sums_without_thousands_and_nothing_for_no_sum() -> None:
    cell = sums_cell({"JPY": 51, "CNY": 16_331_668})
    assert (cell.text, cell.exact) == ("163,316.68 CNY, 51 JPY", "163316.68 CNY, 51 JPY")
    assert (sums_cell({}).text, sums_cell({}).exact) == ("-", "")


def test_who_gets_none_is_told_why_and_the_greatest_are_links() -> None:
    skip = {
        "reason": "no_payee", "currency": "CNY", "parties": 2, "amount_minor": 300,
        "greatest": [["koc:k_1", 200], ["koc:k_2", 100]],
    }  # fmt: skip
    ((why, parties, amount, currency, greatest),) = skip_rows([skip])
    assert (parties, amount, currency) == (2, MoneyCell(300, "CNY"), "CNY")
    assert greatest == [
        LinkCell(f"{party} {amount}", f"/party/{party}", f"{party} {amount}")
        for party, amount in (("koc:k_1", "2.00"), ("koc:k_2", "1.00"))
    ]
    assert say(why.text, Language.ZH) == "未登记收款账户（payee.set）"  # type: ignore[union-attr]


def row(at: int, outcome: str, finding: str | None = None) -> BankReplyRow:
    return BankReplyRow("ab" * 32, 1, "P", outcome, 2520, "CNY", None, 0, finding, "c", "eve", at)


@pytest.mark.parametrize(
    ("decisions", "replies", "status", "names"),
    [
        ([], [], "instructed", ["Proposed", "The next step"]),
        (["payout.approved", "payout.exported"], [], "instructed",
         ["Proposed", "Approved", "Exported", "The bank's reply"]),
        (["payout.approved", "payout.exported"], [row(5, "confirmed"), row(6, "rejected", "it was paid"),
         row(7, "returned")], "returned", ["Proposed", "Approved", "Exported", "Paid out by the bank", "Returned"]),
        (["payout.cancelled"], [], "cancelled", ["Proposed", "Cancelled"]),
    ],
)  # fmt: skip
def test_a_payout_tells_what_it_went_through(
    decisions: Sequence[str], replies: Sequence[BankReplyRow], status: str, names: list[str]
) -> None:
    decided = [PayoutDecision(kind, f"c-{at}", "eve", at) for at, kind in enumerate(decisions, start=1)]
    assert [step.name for step in payout_steps(batch().batch, decided, replies, status)] == names


def test_a_payout_that_was_cancelled_alone_was_neither_approved_nor_exported_later() -> None:
    told = [PayoutDecision(kind, kind, "eve", 0) for kind in ("payout.cancelled", "payout.approved", "payout.exported")]
    assert [one.kind for one in effective_decisions("bank", told)] == ["payout.cancelled"]


def test_an_export_for_another_rail_is_none_of_a_payout() -> None:
    told = [PayoutDecision("payout.exported", f"as {form}", "eve", 0, form) for form in (None, "csv", "wechat")]
    assert [one.command for one in effective_decisions("bank", told)] == ["as None", "as csv"]
    assert [one.command for one in effective_decisions("wechat", told)] == ["as None", "as wechat"]


def test_a_job_shows_its_trial_or_its_batch() -> None:
    counts: dict[str, Any] = {"payouts": 2, "amounts": {"CNY": 3240}, "skipped": []}
    done = Job("payouts", "trial p1", "ann", 0, ended_at=1, result=ProposalResult("p1", True, True, counts))
    view = job_view(done)
    assert (view["is_trial"], view["batch"], view["payouts"], view["sums"]) == (True, "p1", 2, "32.40 CNY")
    at_work = job_view(Job("payouts", "p1", "ann", 0))
    assert (at_work["is_trial"], at_work["ended_at"], at_work["payouts"]) == (False, None, None)


def test_a_job_that_ends_while_its_page_is_made_is_shown_as_it_was() -> None:
    job = Job("payouts", "p1", "ann", 0)
    view = job_view(job)
    job.problem, job.ended_at = "p1 is cancelled", 1
    assert (view["is_at_work"], view["problem"], view["line"]) == (True, None, None)


def test_each_form_has_an_id_of_its_own() -> None:
    assert new_command_id("approve") != new_command_id("approve")
    assert isinstance(Sentence("{count} payouts, {sums}", count=1, sums="x"), str)
