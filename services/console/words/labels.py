"""Short names, in English, for the words of the books: a page shows them by `t`, and a word that has none as it is."""

from collections.abc import Mapping

from schemas.reasons import Reason
from services.kernel.sentences import Sentence
from services.operations.explain.inquiry import AbsenceReason, ClaimOutcome
from services.operations.explain.left_out import LATER, UNKNOWN
from services.settlement.domain.book import chart
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.lines.stage import LineStage
from services.settlement.domain.paying import payouts
from services.settlement.domain.settling import candidates
from services.settlement.statements import labels

ENTRY_KINDS: Mapping[str, str] = {kind.text: label.english for kind, label in labels.KINDS.items()}
PAYOUT_STATES: Mapping[str, str] = {state: label.english for state, label in labels.STATES.items()}
BATCH_STATES: Mapping[str, str] = {"proposed": "waits for approval", "approved": "approved", "cancelled": "cancelled"}
RUN_STATES: Mapping[str, str] = {"planned": "planned", "applied": "being booked", "done": "done"}
LINE_STAGES: Mapping[str, str] = {
    LineStage.QUARANTINED: "quarantined",
    LineStage.DISPLACED: "another buyer's",
    LineStage.DISPUTED: "disputed",
    LineStage.FROZEN: "on hold",
    LineStage.REVERSED: "worth nothing",
    LineStage.CLAWED_BACK: "clawed back",
    LineStage.ESTIMATED: "not received yet",
    LineStage.CONFIRMED: "received",
    LineStage.SETTLEABLE: "ready to settle",
    LineStage.SETTLED: "settled",
    LineStage.PAID: "paid out",
}
ORDER_STATES: Mapping[str, str] = {
    "paid": "paid by the buyer", "received": "received", "completed": "completed", "cancelled": "cancelled",
}  # fmt: skip
VERDICTS: Mapping[str, str] = {
    "wider_scope": "too far from the goods",
    "outside_window": "too long before",
    "same_account": "own purchase",
    "weaker_evidence": "weaker evidence",
    "farther_scope": "farther from the goods",
    "not_last": "not the last touch",
    "not_first": "not the first touch",
    "negligible": "share too small",
    "beyond_limit": "too many parties",
    "credited": "credited",
    AbsenceReason.AFTER_PAYMENT: "after the payment",
    AbsenceReason.BEFORE_WINDOW: "before the window",
    AbsenceReason.ON_ITS_WAY: "on its way",
    AbsenceReason.NOT_LISTED: "not listed",
}
"""What became of a touch: the verdicts of attribution, and why it was no candidate."""
OUTCOMES: Mapping[str, str] = {
    ClaimOutcome.CREDITED: "credited", ClaimOutcome.LOST: "lost", ClaimOutcome.NO_CANDIDATE: "no candidate",
}  # fmt: skip
SKIPPED_LINES: Mapping[str, str] = {
    candidates.NOT_STANDING: "another buyer's",
    candidates.BELOW_JOIN: "incomplete",
    candidates.UNPRICED: "without a plan",
    candidates.SET_ASIDE: "over a limit",
    candidates.QUARANTINED: "quarantined",
    candidates.NOT_DUE: "not due yet",
    candidates.DISPUTED: "disputed",
    candidates.ORDER_HELD: "order on hold",
    candidates.LINE_HELD: "line on hold",
    candidates.CONTENT_HELD: "content on hold",
    LATER: "changed later",
    UNKNOWN: "no trace left",
}
"""Why a run left a line out; `candidates.MEANING` says it in a sentence."""
SKIPPED_PARTIES: Mapping[str, str] = {
    payouts.OWNER_HELD: "party on hold",
    payouts.PAYOUT_REFUSED: "payout came back",
    payouts.HELD: "all of it is held",
    payouts.NO_PAYEE: "no account to pay to",
    payouts.BELOW_MINIMUM: "below the minimum",
}
"""Why a party gets no payout; `payouts.MEANING` says it in a sentence."""
REFUSALS: Mapping[str, str] = {
    Reason.INVALID_JSON: "not JSON",
    Reason.INVALID_FIELD: "invalid field",
    Reason.INVALID_TYPE: "unknown event type",
    Reason.INVALID_SIZE: "too large",
    Reason.ID_CONFLICT: "id used twice",
    Reason.TOO_LATE: "too late",
    Reason.TOO_MANY: "too many",
    Reason.IN_FUTURE: "in the future",
    Reason.UNKNOWN_ORDER: "unknown order",
    Reason.UNKNOWN_LINE: "unknown line",
    Reason.MISROUTED: "wrong partition",
}
"""Why an event was refused; `schemas.reasons.MEANING` says it in a sentence."""
COMMANDS: Mapping[str, str] = {
    CommandKind.SETTLEMENT_RUN: "Settlement run",
    CommandKind.LINES_RERATED: "Lines priced again",
    CommandKind.LINE_QUARANTINED: "Line quarantined",
    CommandKind.LINE_RELEASED: "Line released",
    CommandKind.CLAWBACK_WRITTEN_OFF: "Debt given up",
    CommandKind.CLAWBACK_REPAID: "Repayment of a debt recorded",
    CommandKind.BRAND_PAID: "Brand's payment recorded",
    CommandKind.TRAFFIC_BOUGHT: "Purchase of traffic recorded",
    CommandKind.ADJUSTMENT_PROPOSED: "Adjustment proposed",
    CommandKind.ADJUSTMENT_POSTED: "Adjustment approved",
    CommandKind.PAYOUT_PROPOSED: "Payouts proposed",
    CommandKind.PAYOUT_APPROVED: "Payouts approved",
    CommandKind.PAYOUT_CANCELLED: "Payouts cancelled",
    CommandKind.PAYOUT_EXPORTED: "Payment files written",
    CommandKind.PAYOUT_REPLIED: "Reply of a bank booked",
    CommandKind.PAYOUT_RELEASED: "Refused payout released",
    CommandKind.PERIOD_CLOSED: "Month closed",
    CommandKind.PERIOD_REOPEN_PROPOSED: "Reopening of a month proposed",
    CommandKind.PERIOD_REOPENED: "Month reopened",
    CommandKind.BUYER_SEVERED: "Buyer forgotten",
}
ACCOUNTS: Mapping[tuple[str, str], str] = {
    ("brand", "accrued"): "charged, not billed yet",
    ("brand", "receivable"): "billed, not paid yet",
    ("bank", "main"): "our bank account",
    ("traffic", "prepaid"): "traffic bought, not used yet",
    ("clawback", "owed"): "owed back",
    ("budget", "available"): "budget left",
    ("budget", "committed"): "budget committed",
    ("budget", "limit"): "whole budget",
    (chart.ROLE, "pending"): "earned, not settled yet",
    (chart.ROLE, "payable"): "settled, not paid out yet",
    (chart.ROLE, "held"): "settled, kept back",
    ("platform", "fee_deferred"): "our fee, not settled yet",
    ("platform", "fee"): "our fee",
    ("platform", "traffic"): "traffic that we bear",
    ("platform", "payout_fee"): "bank charges for payouts",
    ("payout", "in_transit"): "payouts under way",
    ("tax", "withheld"): "tax kept back",
    ("vat", "output"): "VAT within our fee",
    ("writeoff", "lost"): "debt given up",
}
"""What an account is for, by owner and purpose of its template in the chart."""
ROLES: Mapping[str, str] = {
    "koc": "KOC",
    "mcn": "agency",
    "recruiter": "recruiter",
    "platform": "platform",
    "brand": "brand",
}
TRAFFIC: Mapping[str, str] = {"natural": "natural traffic", "paid": "paid traffic", "boosted": "boosted traffic"}
_PARTY_ID = frozenset({"clawback", "writeoff"})
"""Owners of accounts whose id is the party, `ROLE:ID`."""


def account_sentence(key: str) -> str:
    """Whose an account is and what for, as in `KOC k_7: settled, not paid out yet`.

    Raises:
        InvariantBroken: the key follows no template of the chart.
    """
    owner, identity, purpose = chart.parts_of(key)
    what = Sentence(ACCOUNTS.get((owner, purpose)) or ACCOUNTS[chart.ROLE, purpose])
    if not identity:
        return what
    if owner in _PARTY_ID:
        whose = party_sentence(identity)
    elif owner in chart.RESERVED - {"brand"}:
        whose = identity
    else:
        whose = party_sentence(f"{owner}:{identity}")
    return Sentence("{whose}: {what}", whose=whose, what=what)


def party_sentence(party: str) -> str:
    """A party's role and id: `koc:k_7` is `KOC k_7`, and `platform` is the platform."""
    role, _, identity = party.partition(":")
    name = Sentence(ROLES[role]) if role in ROLES else role
    return Sentence("{role} {id}", role=name, id=identity) if identity else name
