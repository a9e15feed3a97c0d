"""Random histories with all that settling knows, lived by the product's code: what the audit must find nothing in."""

import random
from typing import Any

from services.kernel.time import format_rfc3339, month_of
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.remittance.replies import PayoutOutcome, ReplyRow
from tests.kit.book_driver import ZONE_MINUTES
from tests.kit.paid_world import PaidWorld
from tests.kit.registry_events import PLAN
from tests.kit.settlement_facts import DAY, PAID_AT, Fact, FactCredit, FactStep, FactVersion

KOCS, CONTENTS, CAMPAIGNS = ("k_1", "k_2", "k_3"), ("v_1", "v_2", "v_3", "v_4"), ("c_1", "c_2", None)
PAYEES = (*(f"koc:{koc}" for koc in KOCS), "mcn:m_1", "mcn:m_2", "recruiter:r_1")
CURRENCIES = ("CNY", "CNY", "CNY", "JPY")
_SPLITS = (
    (("platform", "commission", 100_000), ("mcn", "koc", 333_333)),
    (("recruiter", "base", 50_001), ("platform", "koc", 1)),
    (),
)
"""Role, what it is a share of, ppm."""


class RandomHistory:
    """A world and what happens in it; every choice is from the seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = PaidWorld()
        self.now = PAID_AT
        self._facts: dict[tuple[str, str], tuple[int, Fact]] = {}
        self._frozen: list[tuple[str, str]] = []
        self._number = 0
        self._batches: list[str] = []
        self._months = [f"{2026 + number // 12}-{number % 12 + 1:02d}" for number in range(8, 40)]
        self._register_first()

    def live(self, steps: int) -> PaidWorld:
        """So many happenings, with runs between them."""
        for _ in range(steps):
            self.now += self.rng.randrange(3 * DAY)
            self.world.pass_to(self.now)
            happening = self.rng.choices(
                [self._sell, self._change, self._register, self._run, self._freeze, self._pay, self._rerate,
                 self._propose, self._go_on_with_a_batch, self._close],
                [8, 12, 4, 2, 1, 1, 1, 1, 4, 1],
            )[0]  # fmt: skip
            happening()
        self._run()
        self._propose()
        return self.world

    # the registry

    def _event(self, kind: str, **body: Any) -> dict[str, Any]:
        self._number += 1
        return {"event_id": f"r{self._number}", "event_type": kind, "occurred_at": format_rfc3339(self.now), **body}

    def _register_first(self) -> None:
        any_line = {"brand_id": None, "koc_ids": None, "campaign_id": None, "currency": None, "tiers": []}
        every = self._plan("pl_0") | any_line | {"new_customer_bonus_minor": None}
        contents = map(self._content, CONTENTS)
        self.world.register(every, self._plan("pl_1"), self._relation("k_1"), self._house(), *contents)

    def _plan(self, plan_id: str) -> dict[str, Any]:
        rng, currency = self.rng, self.rng.choice([None, "CNY"])
        money: dict[str, Any] = {}
        if currency:
            money = {
                "new_customer_bonus_minor": rng.choice([0, 700]),
                "tiers": rng.choice([[], [{"from_minor": 9_999, "rate_ppm": 250_000}]]),
            }
        self._number += 1
        return PLAN | {
            "event_id": f"r{self._number}", "occurred_at": format_rfc3339(self.now), "plan_id": plan_id,
            "version": rng.randrange(1, 4), "brand_id": rng.choice(["br_1", None, None]), "currency": currency,
            "rate_ppm": rng.choice([200_000, 100_001]), **money,
            "splits": [{"role": role, "of": of, "share_ppm": ppm} for role, of, ppm in rng.choice(_SPLITS)],
            "base": rng.choice(["goods_paid", "before_platform_discount"]),
            "koc_ids": rng.choice([None, None, ["k_1", "k_2"]]), "campaign_id": rng.choice([None, None, "c_1"]),
            "kind": rng.choice(["open", "targeted"]), "paid_traffic_rate_ppm": rng.choice([None, 50_000]),
            "return_window_days": rng.choice([None, 0, 3]), "auto_receive_days": rng.choice([None, None, 5]),
            "zone_minutes": rng.choice([None, -300]),
        }  # fmt: skip

    def _relation(self, koc_id: str) -> dict[str, Any]:
        since = format_rfc3339(PAID_AT - self.rng.randrange(9) * DAY)
        parties = self.rng.choice([{"mcn": "m_1"}, {"mcn": "m_2", "recruiter": "r_1"}, {}])
        return self._event("relation.set", koc_id=koc_id, parties=parties, effective_from=since)

    def _house(self) -> dict[str, Any]:
        rng = self.rng
        return self._event(
            "house.set", effective_from=format_rfc3339(PAID_AT + rng.randrange(-9, 30) * DAY),
            vat_ppm={"CNY": rng.choice([0, 60_000])}, netting_share_ppm=rng.choice([None, 1_000_000, 300_000]),
            reserve_ppm=rng.choice([0, 100_000]), reserve_days=rng.choice([0, 9]),
            return_window_days=rng.choice([0, 7]), payout_minimum_minor=rng.choice([None, {"CNY": 500}]),
        )  # fmt: skip

    def _content(self, content_id: str) -> dict[str, Any]:
        fee = self.rng.choice([0, 500, 30_000])
        brand, currency = self.rng.choice(["br_1", "br_2"]), self.rng.choice(CURRENCIES)
        return self._event("content.registered", content_id=content_id, koc_id=self.rng.choice(KOCS), platform="douyin",
                           brand_id=brand, script_fee_minor=fee, currency=currency)  # fmt: skip

    def _register(self) -> None:
        """One to three events; sometimes a run comes before lines are priced by them again."""
        rng = self.rng
        order_id, name = f"o_{rng.randrange(25)}", f"n_{rng.randrange(4)}"
        line_id = rng.choice([None, "1"])
        held = rng.choice([{"order_id": order_id, "line_id": line_id}, {"content_id": rng.choice(CONTENTS)},
                           {"owner": f"koc:{rng.choice(KOCS)}"}])  # fmt: skip
        events = [
            self._plan(rng.choice(["pl_1", "pl_2", "pl_3"])), self._relation(rng.choice(KOCS)), self._house(),
            self._content(rng.choice(CONTENTS)), self._event("script_fee.accepted", content_id=rng.choice(CONTENTS)),
            self._event("content.removed", content_id=rng.choice(CONTENTS),
                        cancels_script_fee=rng.choice([True, False])),
            self._event("dispute.opened", dispute_id=f"d_{order_id}_{line_id}", order_id=order_id, line_id=line_id),
            self._event("dispute.decided", dispute_id=f"d_{order_id}_{line_id}", order_id=order_id, line_id=line_id,
                        outcome=rng.choice(["allowed", "denied"])),
            self._event("hold.placed", hold_id=name, **held), self._event("hold.released", hold_id=name),
            self._event("campaign.budget_set", campaign_id=rng.choice(["c_1", "c_2"]), currency=rng.choice(CURRENCIES),
                        amount_minor=rng.choice([1, 900, 3_000])),
            self._event("spend.reported", content_id=rng.choice(CONTENTS), spend_id=name,
                        amount_minor=rng.randrange(900), currency=rng.choice(CURRENCIES),
                        paid_by=rng.choice(["brand", "platform", "koc"])),
            *(self._event("payee.set", owner=rng.choice(PAYEES), rail=rng.choice(["bank", "wechat"]), ref=name)
              for _ in range(3)),
            self._event("koc.left", koc_id=rng.choice(KOCS), left_at=format_rfc3339(self.now)),
        ]  # fmt: skip
        self.world.register(*rng.sample(events, rng.randrange(1, 4)))

    # orders

    def _sell(self) -> None:
        rng = self.rng
        order_id, buyer = f"o_{rng.randrange(25)}", rng.randrange(8)
        if (order_id, f"b_{buyer}") in self._facts:
            return
        goods = rng.choice([1, 99, 5_000, 20_001])
        paid_at = self.now - rng.randrange(2 * DAY)
        fact = Fact(
            order_id=order_id, buyer_id=f"b_{buyer}", brand_id=rng.choice(["br_1", "br_2"]), goods_paid_minor=goods,
            platform_discount_minor=goods // 7, currency=rng.choice(CURRENCIES), new_customer=rng.random() < 0.5,
            paid_at=paid_at, as_of=paid_at, steps=(FactStep(f"{order_id}_paid", paid_at),), credits=self._credits(),
        )  # fmt: skip
        self._assert(buyer % 3, fact)

    def _credits(self) -> tuple[FactCredit, ...]:
        rng = self.rng
        weights = rng.choice([[1_000_000], [500_000, 500_000], [333_333, 333_333, 333_334]])
        contents = rng.sample(CONTENTS, len(weights))
        return tuple(
            FactCredit(content, rng.choice(KOCS), rng.choice(CAMPAIGNS), self._traffic(), weight_ppm=ppm)
            for content, ppm in zip(contents, weights, strict=True)
        )

    def _traffic(self) -> str:
        return self.rng.choice(["natural", "paid"])

    def _change(self) -> None:
        """The next assertion of a line, perhaps one that does not know all, perhaps an old one again."""
        rng = self.rng
        if not self._facts:
            return
        partition, fact = rng.choice(list(self._facts.values()))
        version = fact.version
        order = FactVersion(version.log, version.rules, version.touch, version.order + 1)
        touch = FactVersion(version.log, version.rules, version.touch + 1, version.order)
        refunded = min(fact.goods_paid_minor, fact.refunded_minor + rng.randrange(fact.goods_paid_minor + 1))
        name = f"{fact.order_id}_{order.order}"
        steps = (*fact.steps, FactStep(name, self.now, refunded, fact.status == "cancelled"))[-50:]
        back = (*fact.steps, FactStep(name, self.now, 0, fact.status == "cancelled"))[-50:]
        gone = (*fact.steps, FactStep(name, self.now, fact.refunded_minor, cancelled=True))[-50:]
        received: dict[str, Any] = {"received_at": fact.received_at or self.now, "as_of": self.now, "version": order}
        if fact.status == "paid":
            received["status"] = "received"
        changed = rng.choices(
            [
                fact.but(**received),
                fact.but(refunded_minor=refunded, steps=steps, version=order, as_of=self.now),
                fact.but(refunded_minor=0, steps=back, version=order, as_of=self.now),
                fact.but(status="cancelled", steps=gone, version=order, as_of=self.now),
                fact.but(credits=self._credits(), version=touch, as_of=self.now),
                fact,
            ],
            [8, 3, 1, 1, 2, 1],
        )[0]
        self._assert(partition, changed)

    def _assert(self, partition: int, fact: Fact) -> None:
        self._facts[fact.order_id, fact.buyer_id] = partition, fact
        self.world.assert_lines(fact, partition=partition)

    # decisions

    def _run(self) -> None:
        """A run; often something happens before it is applied."""
        between = [self._change, self._sell, self._register, lambda: None]
        self.world.run(self.now, self.rng.choice(between))

    def _freeze(self) -> None:
        """Freeze a line, or release a frozen one."""
        if not self._facts:
            return
        key = self.rng.choice(list(self._facts))
        fact = self._facts[key][1]
        if key in self._frozen:
            self._frozen.remove(key)
            self.world.release(fact)
        elif self.world.store.state.lines[fact.order_id, fact.line_id, fact.buyer_id].quarantined is None:
            self._frozen.append(key)
            self.world.freeze(fact)

    def _rerate(self) -> None:
        """Newer terms for an order, if something of it is settled."""
        self.world.rerate(f"o_{self.rng.randrange(25)}", self.now)

    def _pay(self) -> None:
        """A command that moves money."""
        minor, party = self.rng.randrange(1, 400), f"koc:{self.rng.choice(KOCS)}"
        legs, body = self.rng.choice([
            ((Kind.BRAND_PAID, {"bank:main": minor, "brand:br_1:receivable": -minor}), {"brand_id": "br_1"}),
            ((Kind.TRAFFIC_BOUGHT, {"traffic:douyin:prepaid": minor, "bank:main": -minor}), {"platform": "douyin"}),
            ((Kind.CLAWBACK_WRITTEN_OFF, {f"writeoff:{party}": minor, f"clawback:{party}": -minor}), {"party": party}),
            ((Kind.CLAWBACK_REPAID, {"bank:main": minor, f"clawback:{party}": -minor}), {"party": party}),
        ])  # fmt: skip
        self.world.command(*legs, amount_minor=minor, **body)

    # payouts and months

    def _propose(self) -> None:
        name = f"p{len(self._batches)}"
        self._batches.append(name)
        self.world.propose(name, self.now)

    def _go_on_with_a_batch(self) -> None:
        """What may come next of a batch: approval, cancellation, export, replies, or a release."""
        if not self._batches:
            return
        rng, name = self.rng, self.rng.choice(self._batches)
        state = self.world.store.state
        batch, mine = state.batches[name][0], self.world.store.stored_payouts(name)
        instructed = [one for one in mine if one.status == "instructed"]
        refused = [one for one in mine if one.is_refused]
        if batch.status == "proposed" and instructed:
            self._decide_on(name, [one.id for one in instructed])
        elif batch.status == "approved" and refused and rng.random() < 0.5:
            self.world.release_payout(rng.choice(refused).id)
        elif batch.status == "approved" and mine:
            some = rng.sample(mine, rng.randrange(1, len(mine) + 1))
            outcome = rng.choice(["confirmed", "confirmed", "rejected", "returned"])
            rows = [self._reply_row(one.id, outcome, one.plan.amount_minor) for one in some]
            self._number += 1
            self.world.reply(f"f{self._number}", rows)

    def _reply_row(self, payout: str, outcome: str, minor: int) -> ReplyRow:
        """A row; some are about another amount, some have a fee."""
        amount = self.rng.choice([None, minor, minor, minor, minor + 1])
        return ReplyRow(payout, PayoutOutcome(outcome), amount, None, None, self.rng.choice([0, 0, 3]))

    def _decide_on(self, name: str, payouts: list[str]) -> None:
        """Approve and export a proposal, or cancel something of it that no later payout rests on."""
        later = {(one.plan.party, one.plan.currency) for other in self._batches[self._batches.index(name) + 1 :]
                 for one in self.world.store.stored_payouts(other) if one.status != "cancelled"}  # fmt: skip
        free = [one for one in payouts if self._whose(one) not in later]
        if free and self.rng.random() < 0.4:
            self.world.cancel(name, self.rng.choice(free) if len(free) < len(payouts) else None)
        else:
            self.world.approve(name)
            self.world.export(name)

    def _whose(self, payout: str) -> tuple[str, str]:
        plan = self.world.store.state.payouts[payout].plan
        return plan.party, plan.currency

    def _close(self) -> None:
        """Close the next month that is over, or open the last closed one again."""
        closed = [month for month, is_closed in self.world.store.state.periods.items() if is_closed]
        if closed and self.rng.random() < 0.2:
            self.world.reopen(max(closed))
            return
        booked = min((row.entry.period for row in self.world.journal()), default=None)
        following = [month for month in self._months if month > max(closed, default="")]
        month = following[0] if self.world.store.state.periods else booked
        if month is not None and month < month_of(self.now, ZONE_MINUTES):
            self.world.close(month)
