"""The whole current truth of an order line, with the version vector that names the events it is made of."""

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import PaidLine, Payment, Touch
from services.attribution.domain.fold import LineState, fold_line, in_fold_order
from services.attribution.domain.policy import Rules
from services.attribution.domain.rule import Judgement, judge

MAX_CONSIDERED = 100
"""Candidates that an assertion names: the declaration, then touches by (occurred_at descending, event_id)."""
_event_id, _occurred_at = itemgetter(Touch._fields.index("event_id")), itemgetter(Touch._fields.index("occurred_at"))
"""By place: half the time of a look-up by name."""


class VersionVector(NamedTuple):
    """Which events a result is made of, comparable across workers, replays and rules.

    Attributes:
        log: generation of the input topics.
        rules: revision of the policy file.
        touch: greatest offset + 1 of a touch among the line's candidates; 0 = none of this `log`.
        order: greatest offset + 1 of an event of the order.
    """

    log: int
    rules: int
    touch: int
    order: int


class Assertion(NamedTuple):
    """What is published of a line.

    Attributes:
        as_of: the greatest occurred_at among the events it is made of.
        policy: the name of the policy that was applied; its revision is `vector.rules`.
        candidates: the touches behind `judgement.verdicts`, by (occurred_at descending, event_id).
    """

    buyer_id: str
    payment: Payment
    line: PaidLine
    state: LineState
    as_of: int
    policy: str
    judgement: Judgement
    candidates: list[Touch]
    vector: VersionVector


def assertions(buyer_id: str, buyer: Buyer, order: Order, rules: Rules, log: int) -> Iterator[Assertion]:
    """The truth of each line of an order; nothing while there is neither a candidate nor a declaration."""
    if not order.is_published():
        return
    payment = order.payment
    facts = in_fold_order(order.facts.values()) if order.facts else []
    as_of = max(payment.paid_at, facts[-1].occurred_at) if facts else payment.paid_at
    candidates = [buyer.touches[offset] for offset in order.candidates]
    if len(candidates) > 1:
        candidates.sort(key=_event_id)
        candidates.sort(key=_occurred_at, reverse=True)
    touch = max(0, order.candidates[-1] + 1) if order.candidates else 0
    vector = VersionVector(log, rules.revision, touch, order.next_offset)
    policy = rules.policy_of(payment)
    for line in payment.lines:
        yield Assertion(
            buyer_id,
            payment,
            line,
            fold_line(order, line, facts),
            as_of,
            policy.name,
            judge(buyer_id, payment, line, candidates, policy),
            candidates,
            vector,
        )
