"""The labels of our metrics, each with all the values that it may take: never an order, buyer, KOC or content."""

from dataclasses import dataclass

from schemas.reasons import Reason
from schemas.topics import BY_NAME


@dataclass(frozen=True, slots=True)
class MetricLabel:
    """A label of a metric.

    Attributes:
        name: as Prometheus shows it.
        meaning: what a value is; empty where the values say it.
        values: every value, where they are a fixed list of words; empty where `like` describes them.
        like: a regular expression for the values, where their number depends on what is configured.
    """

    name: str
    meaning: str = ""
    values: tuple[str, ...] = ()
    like: str = ""


_WORD = r"[a-z][a-z0-9_]{0,31}"

TOPIC = MetricLabel("topic", "a topic of schemas/topics.py", tuple(BY_NAME))
PARTITION = MetricLabel("partition", "a partition number", like="[0-9]{1,3}")
VERSION = MetricLabel("version", "the version of koc-settlement", like=r"[0-9][0-9A-Za-z.+-]*")
PROCESS = MetricLabel("process", "its KOC_INSTANCE_ID", like=r"[A-Za-z0-9._-]+")
CURRENCY = MetricLabel("currency", "an ISO 4217 code", like="[A-Z]{3}")
REASON = MetricLabel("reason", "a word of schemas/reasons.py", tuple(Reason))
INVARIANT = MetricLabel(
    "invariant",
    values=(
        "command_chain", "input_log", "journal_chain", "liability_in_debit", "other", "poison_credit", "seal",
        "statement_root", "trial_balance",
    ),
)  # fmt: skip
VOLUME = MetricLabel("volume", values=("state", "snapshots"))
SOURCE = MetricLabel("source", values=("disk", "snapshot", "nothing"))
SNAPSHOT_OUTCOME = MetricLabel("outcome", values=("taken", "unchanged", "failed"))
VERDICT = MetricLabel(
    "outcome",
    values=(
        "accepted", "same", "dominated", "incomparable", "quarantined", "second_owner", "repriced",
    ),
)  # fmt: skip
INTAKE = MetricLabel("outcome", values=("accepted", "refused"))
KIND = MetricLabel("kind", "the kind of a ledger entry, as in docs/finance.md", like=r"[a-z_]+\.[a-z_]+")
RETRY_CAUSE = MetricLabel(
    "cause",
    values=(
        "claimed_by_another", "connection", "deadlock", "fenced", "owned_elsewhere", "serialization", "stalled",
        "timeout",
    ),
)  # fmt: skip
UNPRICED = MetricLabel("reason", values=("no_plan",))
FACT = MetricLabel("kind", values=("script_fee.accepted", "spend.reported"))
ROLE = MetricLabel("role", "the first word of an account: brand, bank, tax …, or a role that a plan names", like=_WORD)
PURPOSE = MetricLabel(
    "purpose",
    values=(
        "accrued", "available", "committed", "fee", "fee_deferred", "held", "in_transit", "limit", "lost", "main",
        "output", "owed", "payable", "payout_fee", "pending", "prepaid", "receivable", "traffic", "withheld",
    ),
)  # fmt: skip
DEBT_DAYS = MetricLabel("days", "where the age begins", ("0", "30", "60", "90"))
TRANSIT_DAYS = MetricLabel("days", "where the age begins", ("0", "1", "3", "7"))
RUN_STATE = MetricLabel("state", values=("planned", "applied", "done"))
LINE_RESULT = MetricLabel(
    "result",
    "settled, or why a due line was left out",
    (
        "settled", "not_standing", "below_join", "unpriced", "set_aside", "quarantined", "not_due", "disputed",
        "order_held", "line_held", "content_held",
    ),
)  # fmt: skip
PAGE = MetricLabel(
    "page",
    "which page of the console; `other` is no page of ours",
    (
        "batch", "brand", "command", "content", "dead_letter", "enter", "entry", "health", "home", "order", "other",
        "party", "payout", "reply", "report", "run", "search", "statement", "static",
    ),
)  # fmt: skip
HTTP_STATUS = MetricLabel("status", "of the answer", like="[1-5][0-9]{2}")
SIGN_IN = MetricLabel("outcome", values=("reader", "person", "refused", "too_many"))
PAYOUT_STATE = MetricLabel("state", values=("instructed", "cancelled", "confirmed", "rejected", "returned"))
