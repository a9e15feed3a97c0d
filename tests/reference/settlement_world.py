"""One truth of orders, plans and contents in every way it can be told, and what the books must come to: each line's
final assertion, priced once by all reference data."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from services.kernel.money import MAX_AMOUNT_MINOR
from services.kernel.time import format_rfc3339
from services.settlement.domain.lines.worth import worth_of
from services.settlement.domain.pricing.facts import (
    ACCEPTED,
    CONTENT,
    PLAN,
    RELATION,
    SPEND,
    content_of,
    plan_of,
    relation_of,
    spend_of,
)
from services.settlement.domain.pricing.reference import Reference
from services.settlement.domain.settling.contents import script_fee_worth, spend_target
from services.settlement.domain.settling.place import place
from services.settlement.posting.read_registry import read_event
from tests.kit.book_driver import BookDriver, MemoryStore
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, FactStep, FactVersion, reference

PARTITIONS = 3
"""Credits partitions that the world's buyers belong to."""

Net = dict[tuple[str | None, str | None, str, str], int]
"""(order_id, line_id, account, currency) -> amount in minor units, without zeros."""

_PLATFORM = {"role": "platform", "of": "commission", "share_ppm": 100_000}
_AGENCY = {"role": "mcn", "of": "koc", "share_ppm": 333_333}
_RECRUITER = {"role": "recruiter", "of": "base", "share_ppm": 20_001}
_GOODS_MINOR = [0, 1, 99, 101, 9_999, 20_001, 20_002, *[MAX_AMOUNT_MINOR] * 5]
"""What was paid for a line's goods; the last is too much for the journal with a discount or a share of the base."""


def net_of_lines(final: Iterable[Fact], known: Reference) -> Net:
    """What lines come to: of each order line the final assertion of its owner, priced once.

    Args:
        final: the last assertion of each line under each buyer.
        known: all plans and relations.
    """
    owners: dict[tuple[str, str], Fact] = {}
    for fact in final:
        rival = owners.setdefault((fact.order_id, fact.line_id), fact)
        if (fact.paid_at, fact.buyer_id) < (rival.paid_at, rival.buyer_id):
            owners[fact.order_id, fact.line_id] = fact
    return {
        (fact.order_id, fact.line_id, account, fact.currency): amount
        for fact in owners.values()
        for account, amount in worth_of(fact, known).target.items()
    }


def identity_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """What a registry event is the newest of: its type and identity."""
    event = read_event(0, json.dumps(body).encode())
    return event.kind, event.identity


class Told(Protocol):
    """What is to be said in some order: assertions by partition, and bodies of registry events."""

    @property
    def logs(self) -> Sequence[Sequence[Fact]]: ...
    @property
    def registry(self) -> Sequence[Mapping[str, Any]]: ...


class World:
    """What every line, plan, relation and content finally is, and all that is said on the way there.

    Attributes:
        final: (partition, last assertion) of every line.
        logs: all assertions by partition; every line's last one is among them.
        registry: bodies of registry events, one of each identity.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.final: list[tuple[int, Fact]] = []
        self.logs: list[list[Fact]] = [[] for _ in range(PARTITIONS)]
        for order in range(self.rng.randint(1, 5)):
            buyers = self.rng.sample(range(9), 2 if self.rng.random() < 0.4 else 1)
            for buyer in buyers:
                self._line(f"o_{order}", buyer)
        self.registry = list({identity_of(body): body for body in self._facts()}.values())

    def _line(self, order_id: str, buyer: int) -> None:
        """A line with its order events and touches; what is asserted of it knows some of both, the last one all."""
        rng = self.rng
        goods, brand = rng.choice(_GOODS_MINOR), f"br_{rng.randrange(2)}"
        discount = goods if goods == MAX_AMOUNT_MINOR else goods // 10
        paid_at = PAID_AT + rng.randrange(3) * DAY
        events = [FactStep(f"{order_id}_paid", paid_at)]
        for number in range(rng.randrange(4)):
            refunded = min(goods, events[-1].refunded_minor + rng.randrange(goods + 1))
            cancelled = events[-1].cancelled or rng.random() < 0.2
            events.append(FactStep(f"{order_id}_{number}", paid_at + rng.randrange(1, 40) * DAY, refunded, cancelled))
        touches = [self._credits() for _ in range(rng.randint(1, 3))]

        def at(touch: int, order: int) -> Fact:
            steps = tuple(events[:order])
            return Fact(
                order_id=order_id, buyer_id=f"b_{buyer}", brand_id=brand, goods_paid_minor=goods,
                platform_discount_minor=discount, paid_at=paid_at, as_of=max(step.at for step in steps),
                refunded_minor=steps[-1].refunded_minor, status="cancelled" if steps[-1].cancelled else "paid",
                steps=steps, credits=touches[touch - 1], version=FactVersion(0, 1, touch, order),
            )  # fmt: skip

        top = (len(touches), len(events))
        partial = [(rng.randint(1, top[0]), rng.randint(1, top[1])) for _ in range(rng.randrange(5))]
        self.logs[buyer % PARTITIONS] += [at(*version) for version in [*partial, top]]
        self.final.append((buyer % PARTITIONS, at(*top)))

    def _credits(self) -> tuple[FactCredit, ...]:
        """Up to three contents that share a line."""
        rng = self.rng
        count = rng.choice([0, 1, 1, 1, 2, 3])
        weights = [1_000_000 // count] * count if count else []
        if weights:
            weights[0] += 1_000_000 - sum(weights)
        kinds = [rng.choice(["natural", "paid"]) for _ in weights]
        return tuple(FactCredit(f"v_{i}", f"k_{rng.randrange(3)}", None, kind, weight_ppm=weight)
                     for i, (weight, kind) in enumerate(zip(weights, kinds, strict=True)))  # fmt: skip

    def _facts(self) -> list[dict[str, Any]]:
        """Plans that overlap and hide each other, relations that begin and end, a content with its fee and spend."""
        rng = self.rng
        events: list[dict[str, Any]] = []
        for _ in range(rng.randrange(1, 6)):
            since = PAID_AT + rng.randrange(-3, 4) * DAY
            until = None if rng.random() < 0.6 else format_rfc3339(since + 2 * DAY)
            events.append({
                "event_type": PLAN, "plan_id": f"pl_{rng.randrange(2)}", "version": rng.randint(1, 3), "kind": "open",
                "rate_ppm": rng.choice([0, 70_001, 333_333, 1_000_000, 1_000_000]),
                "splits": rng.sample([_PLATFORM, _AGENCY, _RECRUITER], 2),
                "base": rng.choice(["goods_paid", "before_platform_discount"]),
                "paid_traffic_rate_ppm": rng.choice([None, 50_000]), "brand_id": rng.choice([None, "br_0", "br_1"]),
                "effective_from": format_rfc3339(since), "effective_to": until,
            })  # fmt: skip
        for _ in range(rng.randrange(4)):
            since_text = format_rfc3339(PAID_AT + rng.randrange(-2, 3) * DAY)
            roles = rng.sample(["mcn", "recruiter"], rng.randrange(3))
            events.append({
                "event_type": RELATION, "koc_id": f"k_{rng.randrange(3)}", "effective_from": since_text,
                "parties": {role: f"{role}_{rng.randrange(2)}" for role in roles},
            })  # fmt: skip
        events.append({"event_type": CONTENT, "content_id": "v_0", "koc_id": "k_0", "platform": "douyin",
                       "brand_id": "br_0", "script_fee_minor": rng.randrange(300), "currency": "CNY"})  # fmt: skip
        events.append({"event_type": ACCEPTED, "content_id": "v_0"})
        events.append({"event_type": SPEND, "content_id": "v_0", "spend_id": "sp_1", "amount_minor": 700,
                       "currency": "CNY", "paid_by": rng.choice(["brand", "koc", "platform"])})  # fmt: skip
        at = {"occurred_at": format_rfc3339(PAID_AT)}
        return [body | at | {"event_id": f"r_{number}"} for number, body in enumerate(events)]

    def expected(self) -> Net:
        """The net positions of the journal in the end."""
        bodies = {kind: [body for body in self.registry if body["event_type"] == kind] for kind in (PLAN, RELATION)}
        known = reference(*map(plan_of, bodies[PLAN]), *map(relation_of, bodies[RELATION]))
        net = net_of_lines((fact for _, fact in self.final), known)
        alone = {body["event_type"]: body for body in self.registry}
        content = content_of(alone[CONTENT])
        fee = script_fee_worth(content, accepted=True, cancelled=False)
        owed = {} if fee is None else place({}, fee.owed, fee.brand_id, 0)
        for target in (owed, spend_target(spend_of(alone[SPEND]), content)):
            for key, amount in target.items():
                net[None, None, key, "CNY"] = net.get((None, None, key, "CNY"), 0) + amount
        return net


def live(told: Told, history: random.Random) -> BookDriver:
    """One history: disorder, duplicates, batches of any size, registry and reprice jobs anywhere in between."""
    book = BookDriver(MemoryStore())
    logs = [history.sample(log, len(log)) + history.choices(log, k=2 if log else 0) for log in told.logs]
    registry = history.sample(told.registry, len(told.registry))
    while any(logs) or registry:
        which, size = history.randrange(PARTITIONS + 2), history.randint(1, 4)
        if which < PARTITIONS and logs[which]:
            batch, logs[which] = logs[which][:size], logs[which][size:]
            book.assert_lines(*batch, partition=which)
        elif which == PARTITIONS and registry:
            taken, registry = registry[:size], registry[size:]
            book.take_registry(*taken)
        elif which > PARTITIONS:
            book.reprice(limit=size)
    book.reprice()
    return book
