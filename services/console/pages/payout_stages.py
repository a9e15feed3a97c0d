"""How far batches and payouts are, and what a person may do with them now: rules of pages, without a database."""

from collections.abc import Sequence
from typing import NamedTuple

from services.console.access.people import PAYER, Person
from services.console.render import moment
from services.console.values import MomentCell, WordsCell
from services.console.words.labels import PAYOUT_STATES
from services.kernel.sentences import Sentence, with_commas
from services.settlement.books.lookups.batches import ExportedFile, ListedBatch
from services.settlement.books.payout_reads import PayoutsInState
from services.settlement.domain.paying.payouts import CANCELLED, CONFIRMED, INSTRUCTED, REFUSED

PROPOSED, APPROVED = "proposed", "approved"
SIGN_IN = "People in the role koc_payer may do this. Sign in first."
NO_PAYER = "Your login is not in the role koc_payer, so you may look and do nothing."
_TONES = {INSTRUCTED: "wait", CONFIRMED: "good", **dict.fromkeys(REFUSED, "bad")}


class PayoutStep(NamedTuple):
    """A step of a batch or a payout: done by somebody at a moment, next, or still to come."""

    name: str
    tone: str = ""
    by: str | None = None
    at: MomentCell | None = None
    note: str | None = None
    is_next: bool = False


class BatchDoors(NamedTuple):
    """What the person who looks may do now. Each text says who must do it where this person may not."""

    approve: bool = False
    cancel: bool = False
    export: bool = False
    download: bool = False
    closed_because: str | None = None


def payout_state(status: str) -> WordsCell:
    """A payout's state in the words of statements."""
    return WordsCell(PAYOUT_STATES[status], _TONES.get(status, ""))


def batch_stage(found: ListedBatch) -> WordsCell:
    """How far a batch is, in words: what it waits for."""
    status, statuses = found.batch.status, {state.status for state in found.states}
    if status == CANCELLED:
        return WordsCell("cancelled")
    if not found.states:
        return WordsCell("pays nobody")
    if status == PROPOSED:
        return WordsCell("waits for approval", "wait")
    if not found.is_exported:
        return WordsCell("to be exported", "wait")
    if INSTRUCTED in statuses:
        return WordsCell("waits for the bank's reply", "wait")
    return WordsCell("some came back", "bad") if statuses & set(REFUSED) else WordsCell("paid", "good")


def state_words(states: Sequence[PayoutsInState]) -> str:
    """How many payouts are in each state: `70 paid, 2 rejected`."""
    counts: dict[str, int] = {}
    for state in states:
        counts[state.status] = counts.get(state.status, 0) + state.payouts
    return with_commas(
        [
            Sentence("{count} {state}", count=f"{count:,}", state=Sentence(PAYOUT_STATES[status]))
            for status, count in counts.items()
        ]
    )


def open_sums(states: Sequence[PayoutsInState]) -> dict[str, int]:
    """What is under way by currency, minor units."""
    sums: dict[str, int] = {}
    for state in states:
        if state.status == INSTRUCTED:
            sums[state.currency] = sums.get(state.currency, 0) + state.amount_minor
    return sums


def seen_sums(states: Sequence[PayoutsInState]) -> str:
    """What a person sees before approving, so that nobody approves other sums than were shown."""
    return " ".join(
        f"{state.currency}={state.payouts}:{state.amount_minor}" for state in states if state.status == INSTRUCTED
    )


def batch_doors(found: ListedBatch, person: Person | None) -> BatchDoors:
    """What a person may do with a batch now."""
    if person is None or PAYER not in person.roles:
        return BatchDoors(closed_because=SIGN_IN if person is None else NO_PAYER)
    batch, has_open = found.batch, any(state.status == INSTRUCTED for state in found.states)
    is_own = batch.by == person.name
    waits = batch.status == PROPOSED and has_open
    why = (
        "You proposed this batch, so somebody else in the role koc_payer must approve it." if waits and is_own else None
    )
    return BatchDoors(
        approve=waits and not is_own,
        cancel=batch.status != CANCELLED and not found.is_exported and has_open,
        export=batch.status == APPROVED and has_open,
        download=found.is_exported,
        closed_because=why,
    )


def batch_steps(found: ListedBatch, files: Sequence[ExportedFile]) -> list[PayoutStep]:
    """Proposed, approved, exported, answered; or cancelled on the way."""
    batch = found.batch
    proposed = PayoutStep("Proposed", "good", batch.by, moment(batch.proposed_at))
    approved = PayoutStep("Approved", note="by somebody else", is_next=batch.status == PROPOSED)
    if batch.approved_by is not None and batch.approved_at is not None:
        approved = PayoutStep("Approved", "good", batch.approved_by, moment(batch.approved_at))
    if batch.status == CANCELLED:
        return [proposed, *([approved] if batch.approved_by else []), PayoutStep("Cancelled", "bad")]
    exported = PayoutStep("Exported", note="files for the bank", is_next=batch.status == APPROVED and not files)
    if files:
        exported = PayoutStep("Exported", "good", files[0].by, moment(files[0].at))
    return [proposed, approved, exported, _answered(found)]


def _answered(found: ListedBatch) -> PayoutStep:
    """What banks have said so far."""
    statuses = {state.status for state in found.states} - {CANCELLED}
    is_over = found.is_exported and INSTRUCTED not in statuses
    tone = "" if not is_over else "bad" if statuses & set(REFUSED) else "good"
    return PayoutStep(
        "Answered by the bank", tone, note=state_words(found.states) or None, is_next=found.is_exported and not is_over
    )
