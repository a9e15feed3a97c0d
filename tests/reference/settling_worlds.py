"""Random scripts of settling: every kind of happening, in several currencies, with runs in between."""

import random
from collections.abc import Callable

from tests.reference.settling import Model
from tests.reference.settling_script import (
    MILLION,
    BrandPaid,
    BudgetSet,
    Cancelled,
    ContentRemoved,
    Credited,
    CreditOf,
    DisputeDecided,
    DisputeOpened,
    FeeAccepted,
    Happening,
    HoldPlaced,
    HoldReleased,
    HouseOf,
    KocLeft,
    Paid,
    PayeeSet,
    PayoutCancelled,
    PlanOf,
    Proposed,
    Published,
    Received,
    Refunded,
    Related,
    Released,
    Replied,
    Run,
    RunApplied,
    RunPlanned,
    Spent,
    WrittenOff,
)

CURRENCIES = ("CNY", "JPY", "KWD")
KOCS = ("k_1", "k_2", "k_3")
PARTIES = (*(f"koc:{koc}" for koc in KOCS), *(f"{role}:{role}_{n}" for role in ("mcn", "recruiter", "head")
           for n in (0, 1)))  # fmt: skip
SPLITS = (
    ("platform", "commission", 100_000), ("platform", "base", 10_001), ("mcn", "koc", 333_333),
    ("recruiter", "base", 20_001), ("recruiter", "koc", 125_000), ("head", "commission", 700_000),
)  # fmt: skip
AMOUNTS = (1, 2, 3, 50, 99, 777, 1_000, 9_999, 20_000, 123_457)
LATEST_DAY = 200


class World:
    """A script that makes itself up: each next happening may look at what the books hold by then.

    Attributes:
        script: what has happened.
        model: the reference model, which was told the same.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.model = Model()
        self.script: list[Happening] = []
        self._day = 0
        self._number = 0
        self._versions: dict[str, int] = {}
        self._budgeted = [(campaign, self.rng.choice(CURRENCIES)) for campaign in ("c_1", "c_2")]
        self._begin()

    def _begin(self) -> None:
        """House, plans for each KOC and currency, relations, and budgets."""
        rng = self.rng
        self._tell(Published(self._house(-1_000)))
        for koc in KOCS:
            for currency in CURRENCIES:
                if rng.random() < 0.9:  # else its lines have no price until a plan comes
                    self._publish(koc, currency)
            if rng.random() < 0.8:
                self._relate(koc)
        for owner in PARTIES:
            if rng.random() < 0.8:  # else nobody said where it is paid
                self._tell(PayeeSet(owner, rng.choice(("bank", "wechat"))))
        for campaign, currency in self._budgeted:
            self._tell(BudgetSet(campaign, rng.choice((0, 100, 3_000, 50_000)), currency))

    def run_to(self, length: int) -> list[Happening]:
        """The whole script, after so many more happenings, the last of which is a run."""
        for _ in range(length):
            self.rng.choices([self._something, self._run, self._interrupted_run], [8, 2, 1])[0]()
        self._run()
        return self.script

    def _tell(self, event: Happening) -> None:
        self.script.append(event)
        self.model.tell(event)

    def _house(self, day: int) -> HouseOf:
        rng = self.rng
        vat = {currency: rng.choice((0, 1, 60_000, 100_000)) for currency in CURRENCIES if rng.random() < 0.7}
        share = rng.choice((0, 333_333, 500_000, MILLION, MILLION))
        minimum = {currency: rng.choice((1, 100, 5_000)) for currency in CURRENCIES if rng.random() < 0.3}
        return HouseOf(day, vat, share, rng.choice((0, 0, 100_001)), rng.choice((0, 5, 30)), minimum)

    def _publish(self, koc: str, currency: str) -> None:
        rng, plan_id = self.rng, f"pl_{koc}_{currency}"
        self._versions[plan_id] = self._versions.get(plan_id, 0) + 1
        edges = sorted(rng.sample((1, 500, 1_000, 10_000, 30_001), rng.choice((0, 0, 1, 2))))
        plan = PlanOf(
            plan_id, rng.choice((0, 70_001, 200_000, 333_333)), tuple(rng.sample(SPLITS, rng.randrange(4))),
            self._versions[plan_id], (koc,), currency, rng.choice(("goods_paid", "before_platform_discount")),
            rng.choice((None, None, 50_000)), tuple((edge, rng.choice((0, 150_001, 400_000))) for edge in edges),
            rng.choice((0, 0, 500)), rng.choice((480, -180, 0)), rng.choice((None, 0, 15)), rng.choice((None, 10)),
        )  # fmt: skip
        self._tell(Published(plan))

    def _relate(self, koc: str) -> None:
        roles = self.rng.sample(("mcn", "recruiter", "head"), self.rng.randrange(4))
        self._tell(Related(koc, {role: f"{role}_{self.rng.randrange(2)}" for role in roles}))

    def _something(self, *, within_a_run: bool = False) -> None:
        ways: list[tuple[Callable[[], None], int]] = [
            (self._pay, 6), (self._refund, 5), (self._credit, 3), (self._cancel, 1), (self._receive, 1),
            (self._displace, 1), (self._fee, 1), (self._remove, 1), (self._spend, 1), (self._new_facts, 1),
            (self._case, 2),
        ]  # fmt: skip
        if not within_a_run:
            ways += [(self._money, 1), (self._budget, 1), (self._propose, 3), (self._end_payouts, 6), (self._party, 1)]
        self.rng.choices([way for way, _ in ways], [often for _, often in ways])[0]()

    def _run(self) -> None:
        self._day = min(LATEST_DAY, self._day + self.rng.choice((0, 1, 6, 9, 25)))
        self._tell(Run(self._day))

    def _interrupted_run(self) -> None:
        self._day = min(LATEST_DAY, self._day + self.rng.choice((1, 9, 25)))
        self._tell(RunPlanned(self._day))
        for _ in range(self.rng.randrange(4)):
            self._something(within_a_run=True)
        self._tell(RunApplied())

    # Orders

    def _new(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number}"

    def _credits(self) -> tuple[CreditOf, ...]:
        rng = self.rng
        count = rng.choice((1, 1, 1, 2, 3))
        weights = [MILLION // count] * count
        weights[0] += MILLION - sum(weights)
        contents = rng.sample(("v_1", "v_2", "v_3", "v_4"), count)
        return tuple(
            CreditOf(content, rng.choice(KOCS), weight, rng.choice((None, "c_1", "c_2", "c_3")),
                     rng.choice(("natural", "paid")))
            for content, weight in zip(contents, weights, strict=True)
        )  # fmt: skip

    def _pay(self) -> None:
        rng = self.rng
        self._tell(Paid(
            self._new("o"), rng.choice(AMOUNTS), self._credits(), max(0, self._day - rng.choice((0, 3, 20))),
            rng.choice((0, 7 * 60, 13 * 60)), rng.random() < 0.8, rng.choice(CURRENCIES), rng.choice(("br_1", "br_2")),
            rng.choice(("b_1", "b_2")), rng.random() < 0.5, rng.choice((0, 0, 100)),
        ))  # fmt: skip

    def _line(self) -> dict[str, object] | None:
        lines = list(self.model.lines.values())
        return self.rng.choice(lines) if lines else None

    def _refund(self) -> None:
        if line := self._line():
            goods = int(str(line["goods"]))
            total = self.rng.choice((0, goods, self.rng.randrange(goods + 1)))
            self._tell(Refunded(str(line["order"]), total, str(line["buyer"])))

    def _credit(self) -> None:
        if line := self._line():
            self._tell(Credited(str(line["order"]), self._credits(), str(line["buyer"])))

    def _cancel(self) -> None:
        if line := self._line():
            self._tell(Cancelled(str(line["order"]), str(line["buyer"])))

    def _receive(self) -> None:
        if (line := self._line()) and line["received"] is None:
            self._tell(Received(str(line["order"]), self._day + 1, str(line["buyer"])))

    def _displace(self) -> None:
        """The same order line under a buyer of whom nobody knew; the earlier one keeps it."""
        if (line := self._line()) and (line["order"], "b_3") not in self.model.lines:
            self._tell(Paid(
                str(line["order"]), self.rng.choice(AMOUNTS), self._credits(), self.rng.randrange(self._day + 2),
                currency=str(line["cur"]), brand_id=str(line["brand"]), buyer_id="b_3",
            ))  # fmt: skip

    # Contents, facts, cases, commands

    def _fee(self) -> None:
        self._tell(FeeAccepted(self._new("f"), self.rng.choice(KOCS), self.rng.choice(AMOUNTS),
                               self.rng.choice(CURRENCIES), self.rng.choice(("br_1", "br_2"))))  # fmt: skip

    def _remove(self) -> None:
        if self.model.fees:
            self._tell(ContentRemoved(self.rng.choice(list(self.model.fees))[0]))

    def _spend(self) -> None:
        self._tell(Spent(self._new("sp"), "v_1", self.rng.choice(KOCS), self.rng.choice(AMOUNTS),
                         self.rng.choice(CURRENCIES)))  # fmt: skip

    def _new_facts(self) -> None:
        rng = self.rng
        match rng.randrange(3):
            case 0:
                self._publish(rng.choice(KOCS), rng.choice(CURRENCIES))
            case 1:
                self._relate(rng.choice(KOCS))
            case _:
                self._tell(Published(self._house(rng.randrange(-5, self._day + 10))))

    def _case(self) -> None:
        """A dispute or a hold begins or ends."""
        rng, opened = self.rng, [event for event in self.script if isinstance(event, DisputeOpened | HoldPlaced)]
        ended = {event.dispute_id if isinstance(event, DisputeDecided) else event.hold_id
                 for event in self.script if isinstance(event, DisputeDecided | HoldReleased)}  # fmt: skip
        if opened and rng.random() < 0.6:
            one = rng.choice(opened)
            name = one.dispute_id if isinstance(one, DisputeOpened) else one.hold_id
            if name in ended:
                return
            decided = isinstance(one, DisputeOpened)
            self._tell(DisputeDecided(name, one.order_id or "", rng.random() < 0.3) if decided else HoldReleased(name))
        elif line := self._line():
            order = str(line["order"])
            self._tell(rng.choice((
                DisputeOpened(self._new("d"), order), HoldPlaced(self._new("h"), order_id=order),
                HoldPlaced(self._new("h"), content_id=rng.choice(("v_1", "f1"))),
                HoldPlaced(self._new("h"), owner=rng.choice(("koc:k_1", "mcn:mcn_0"))),
            )))  # fmt: skip

    def _money(self) -> None:
        """What is owed is given up, or a brand pays."""
        rng = self.rng
        owed = [(account, currency) for (account, currency), amount in sorted(self.model.accounts.items())
                if account.startswith("clawback:") and amount > 0]  # fmt: skip
        if owed and rng.random() < 0.7:
            account, currency = rng.choice(owed)
            amount = rng.randint(1, self.model.accounts[account, currency])
            self._tell(WrittenOff(account.removeprefix("clawback:"), amount, currency))
        else:
            self._tell(BrandPaid("br_1", rng.choice(AMOUNTS), rng.choice(CURRENCIES)))

    # Payouts

    def _propose(self) -> None:
        self._day = min(LATEST_DAY, self._day + self.rng.choice((0, 0, 1, 9)))
        self._tell(Proposed(self._new("p"), self._day))

    def _end_payouts(self) -> None:
        """A bank replies, as it should or not; or somebody cancels or releases."""
        rng = self.rng
        known = sorted({(batch, party) for batch, party, _ in self.model.payouts})
        if not known:
            return
        batch, one_party = rng.choice(known)
        party = rng.choice((None, one_party))
        match rng.randrange(4):
            case 0 if self._may_cancel(batch, party):
                self._tell(PayoutCancelled(batch, party))
            case 1:
                self._tell(Released(batch, party))
            case _:
                states = {one["state"] for key, one in self.model.payouts.items() if key[:2] == (batch, one_party)}
                likely = "returned" if "confirmed" in states else rng.choice(("confirmed", "rejected"))
                outcome = rng.choice((likely, likely, "confirmed", "rejected", "returned"))
                self._tell(Replied(batch, outcome, party, file=self._new("file")))

    def _may_cancel(self, batch: str, party: str | None) -> bool:
        """Whether something is open there, and nobody was paid later."""
        payouts = self.model.payouts.items()
        meant = [(key[1:], one) for key, one in payouts if key[0] == batch and party in (None, key[1])]
        meant = [(key, one) for key, one in meant if one["state"] == "instructed"]
        standing = [(key[1:], one["cut"]) for key, one in payouts if one["state"] != "cancelled"]
        return bool(meant) and all(cut <= one["cut"] for key, one in meant for who, cut in standing if who == key)

    def _party(self) -> None:
        """A party says where it is paid, or a KOC leaves."""
        rng = self.rng
        if rng.random() < 0.7:
            self._tell(PayeeSet(rng.choice(PARTIES), rng.choice(("bank", "wechat"))))
        else:
            self._tell(KocLeft(rng.choice(KOCS), self._day + rng.choice((0, 5))))

    def _budget(self) -> None:
        campaign, currency = self.rng.choice(self._budgeted)
        self._tell(BudgetSet(campaign, self.rng.choice((0, 100, 3_000, 50_000)), currency))
