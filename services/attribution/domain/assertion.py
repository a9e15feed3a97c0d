"""The whole current truth of an order line, with the version vector that names the events behind it."""

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from services.attribution.domain.buyer import Buyer, Order
from services.attribution.domain.facts import PaidLine, Payment, Touch
from services.attribution.domain.fold import LineState, fold_line, in_fold_order
from services.attribution.domain.policy import Rules
from services.attribution.domain.rule import Judgement, judge

MAX_CONSIDERED = 100
"""How many candidates an assertion names: the declaration, then touches by (occurred_at descending, event_id)."""
_event_id, _occurred_at = itemgetter(Touch._fields.index("event_id")), itemgetter(Touch._fields.index("occurred_at"))
"""Access by position takes half the time of access by name."""


class VersionVector(NamedTuple):
    """The events behind a result, comparable across workers, replays and rules.

    Attributes:
        log: generation of the input topics.
        rules: revision of the policy file.
        touch: greatest offset + 1 of a touch among the line's candidates; 0 if none of them is from this `log`.
        order: greatest offset + 1 of an event of the order.
    """

    log: int
    rules: int
    touch: int
    order: int


class Assertion(NamedTuple):
    """The published truth of a line.

    Attributes:
        as_of: the greatest occurred_at among the order's events.
        policy: the name of the applied policy; its revision is `vector.rules`.
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
    """The truth of each line of an order; nothing while the order has neither a candidate nor a declaration."""
    if not order.is_published():
        return
    # All lines share the order's events, its candidates and its vector.
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
    # Each line is folded and judged on its own.
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
