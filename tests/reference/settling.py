"""What settling comes to, written independently of the product: plain dictionaries, one rule after the other.

It imports nothing of the services. `Model.tell` takes one happening of a script after the other; `Model.balances` is
what the books then hold. Debit positive, minor units. A run is planned at one point and applied later, so that
anything may happen in between.
"""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.reference import settling_script as script
from tests.reference.settling_payments import PaymentModel
from tests.reference.settling_prices import Knowledge, is_tiered, rank, rate_of
from tests.reference.settling_script import MILLION, CreditOf, Happening, PlanOf

DAY = 24 * 60
"""Times are minutes since DAY_ZERO."""

Shares = dict[str, int]
"""Minor units by claimant, `ROLE:ID` or `platform`."""


class Model(PaymentModel):
    """The books of a script.

    Attributes:
        accounts: balance by (account, currency).
        lines: by (order_id, buyer_id): what was paid, what is owed (T) and settled (S), and what runs fixed.
        fees: script fees by (content_id, currency).
        known: the registry.
        tiers: base counted by (plan_id, koc_id, month, currency).
        slots: (brand_id, buyer_id) -> the order that took the bonus.
        skipped: of the last planned run, why which line was left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.accounts: Counter[tuple[str, str]] = Counter()
        self.lines: dict[tuple[str, str], dict[str, Any]] = {}
        self.fees: dict[tuple[str, str], dict[str, Any]] = {}
        self.tiers: Counter[tuple[str, str, str, str]] = Counter()
        self.slots: dict[tuple[str, str], str] = {}
        self.skipped: dict[tuple[str, str], str] = {}
        self.limits: dict[tuple[str, str], int] = {}
        self.committed: Counter[tuple[str, str]] = Counter()
        self.known = Knowledge()
        self._holds: dict[str, script.HoldPlaced] = {}
        self._disputes: dict[str, str] = {}
        self._denied: set[str] = set()
        self._reserves: list[tuple[str, str, int, int]] = []
        self._planned: dict[str, Any] = {}

    def balances(self, currency: str) -> dict[str, int]:
        """All balances of a currency that are not zero."""
        return {account: amount for (account, of), amount in sorted(self.accounts.items()) if of == currency and amount}

    # What happens

    def tell(self, event: Happening) -> None:
        """Take in what happens next."""
        match event:
            case script.Published(what):
                self.known.facts.append(what)
                self._reprice()
            case script.Related():
                self.known.facts.append(event)
                self._reprice()
            case script.Paid():
                self._pay(event)
            case script.Run(day):
                self.plan_run(day)
                self.apply_run()
            case script.RunPlanned(day):
                self.plan_run(day)
            case script.RunApplied():
                self.apply_run()
            case _:
                self._tell_of_orders(event)

    def _tell_of_orders(self, event: Happening) -> None:
        match event:
            case script.Received(order, day, buyer):
                self._change(order, buyer, received=day * DAY)
            case script.Refunded(order, total, buyer):
                self._change(order, buyer, refunded=total)
            case script.Cancelled(order, buyer):
                self._change(order, buyer, cancelled=True)
            case script.Credited(order, credits, buyer):
                self._change(order, buyer, credits=credits)
            case _:
                self._tell_of_money(event)

    def _tell_of_money(self, event: Happening) -> None:
        match event:
            case script.FeeAccepted(content, koc, fee, currency, brand):
                new = {"key": (content, currency), "brand": brand, "koc": koc, "S": {}, "T": {}}
                entry = self.fees.setdefault((content, currency), new)
                self._owe(entry, {f"koc:{koc}": fee}, currency)
            case script.ContentRemoved(content):
                for (name, currency), entry in self.fees.items():
                    if name == content:
                        self._owe(entry, {}, currency)
            case script.Spent(_, _, koc, amount, currency):
                self._move({f"clawback:koc:{koc}": amount, "traffic:douyin:prepaid": -amount}, currency)
            case script.BudgetSet(campaign, amount, currency):
                raised = amount - self.limits.get((campaign, currency), 0)
                self.limits[campaign, currency] = amount
                self._move({f"budget:{campaign}:available": raised, f"budget:{campaign}:limit": -raised}, currency)
            case script.WrittenOff(party, amount, currency):
                self._move({f"writeoff:{party}": amount, f"clawback:{party}": -amount}, currency)
            case script.BrandPaid(brand, amount, currency):
                self._move({"bank:main": amount, f"brand:{brand}:receivable": -amount}, currency)
            case _:
                self._tell_of_cases(event)

    def _tell_of_cases(self, event: Happening) -> None:
        match event:
            case script.HoldPlaced(hold):
                self._holds[hold] = event
            case script.HoldReleased(hold):
                del self._holds[hold]
            case script.DisputeOpened(dispute, order):
                self._disputes[dispute] = order
            case script.DisputeDecided(dispute, order, denied):
                self._disputes.pop(dispute, None)
                if denied:
                    self._denied.add(order)
                self._reprice()
            case _:
                self._tell_of_payouts(event)

    def _tell_of_payouts(self, event: Happening) -> None:
        match event:
            case script.PayeeSet(owner, rail):
                self.payees[owner] = rail
                self.release(lambda key: key[1] == owner)
            case script.KocLeft(koc, day):
                self.left[f"koc:{koc}"] = day * DAY
            case script.Proposed(batch, day):
                self._propose(batch, day * DAY)
            case script.Replied(batch, outcome, party):
                self.reply(batch, outcome, party)
            case script.Released(batch, party):
                self.release(lambda key: key[0] == batch and party in (None, key[1]))
            case script.PayoutCancelled(batch, party):
                self.cancel_payouts(batch, party)
            case _:
                raise AssertionError(f"nobody knows {event}")

    def _pay(self, event: script.Paid) -> None:
        key = event.order_id, event.buyer_id
        paid = event.day * DAY + event.minutes
        self.lines[key] = {
            "key": key, "order": event.order_id, "buyer": event.buyer_id, "brand": event.brand_id,
            "cur": event.currency, "goods": event.goods_minor, "discount": event.discount_minor, "refunded": 0,
            "cancelled": False, "credits": event.credits, "paid": paid, "received": paid if event.received else None,
            "new": event.new_customer, "S": {}, "T": {}, "grants": {}, "bonus": 0, "terms": None, "budgets": set(),
            "contents": set(),
        }  # fmt: skip
        self._reprice()

    def _change(self, order: str, buyer: str, **changes: Any) -> None:
        self.lines[order, buyer].update(changes)
        self._reprice()

    def _reprice(self) -> None:
        """Every line at what it is worth now."""
        for line in self.lines.values():
            self._owe(line, self.worth(line), line["cur"])

    # What a line is worth

    def stands(self, line: dict[str, Any]) -> bool:
        """Of several buyers of one order line the earliest stands, of equal ones the smallest."""
        rivals = [one for one in self.lines.values() if one["order"] == line["order"]]
        return bool(min(rivals, key=lambda one: (one["paid"], one["buyer"]))["key"] == line["key"])

    def worth(self, line: dict[str, Any]) -> Shares:
        """T: what each claimant is owed of a line."""
        if line["cancelled"] or line["order"] in self._denied or not self.stands(line):
            return {}
        owed: Counter[str] = Counter()
        for part in self.known.parts(line).values():
            owed.update(part["shares"])
        return {claimant: amount for claimant, amount in owed.items() if amount}

    # Where money lies

    def place(self, entry: dict[str, Any], settled: Shares, owed: Shares, currency: str) -> Counter[str]:
        """f(S, T): what is settled and what is owed say where each claimant's money lies."""
        position: Counter[str] = Counter()
        for who in {*settled, *owed}:
            s, t = settled.get(who, 0), owed.get(who, 0)
            position[f"brand:{entry['brand']}:accrued"] += max(0, t - s)
            position[f"brand:{entry['brand']}:receivable"] += min(s, t)
            if who == "platform":
                vat = self.vat_of(entry, min(s, t), currency)
                position["platform:fee_deferred"] -= max(0, t - s)
                position["platform:fee"] -= min(s, t) - vat
                position["vat:output"] -= vat
            else:
                position[f"{who}:pending"] -= max(0, t - s)
                position[f"{who}:payable"] -= s
                position[f"clawback:{who}"] += max(0, s - t)
        return position

    def vat_of(self, entry: dict[str, Any], fee: int, currency: str) -> int:
        """The VAT within a fee, half up, at the rate when its terms froze."""
        if not fee:
            return 0
        count, as_of = entry["terms"]
        ppm = self.known.house(as_of, count).vat_ppm.get(currency, 0)
        return (2 * fee * ppm + MILLION + ppm) // (2 * (MILLION + ppm))

    def _owe(self, entry: dict[str, Any], owed: Shares, currency: str) -> None:
        """T becomes this; what is settled stays."""
        self._shift(entry, entry["S"], owed, currency)

    def _shift(self, entry: dict[str, Any], settled: Shares, owed: Shares, currency: str) -> None:
        before = self.place(entry, entry["S"], entry["T"], currency)
        after = self.place(entry, settled, owed, currency)
        after.subtract(before)
        entry["S"], entry["T"] = settled, owed
        self._move(after, currency, of=entry["key"])

    def _move(self, legs: dict[str, int], currency: str, what: str = "", of: object = None) -> None:
        """Book legs; `what` says which step of a net or a payout it is, `of` which line or script fee it is about."""
        assert sum(legs.values()) == 0, legs
        for account, amount in legs.items():
            self.accounts[account, currency] += amount
            self.remember(account, currency, amount, what, of)
            if account.endswith((":pending", ":payable", ":held", "fee_deferred")):
                assert self.accounts[account, currency] <= 0, (account, self.accounts[account, currency])

    # A run: the plan

    def plan_run(self, day: int) -> None:
        """Decide at this point what is settled; nothing is booked."""
        as_of = day * DAY
        committed = self._true_up()
        left = {key: limit - committed[key] for key, limit in self.limits.items()}
        lines, fees, self.skipped = [], [], {}
        for line in sorted(self.lines.values(), key=lambda line: (line["paid"], line["key"])):
            if not exceeds(line["T"], line["S"]):
                continue
            if reason := self.reason_against(line, as_of):
                self.skipped[line["key"]] = reason
            else:
                lines.append(self._settle_line(line, left, committed))
        held = {hold.content_id for hold in self._holds.values()}
        for name, fee in self.fees.items():
            if exceeds(fee["T"], fee["S"]) and name[0] not in held:
                fees.append((name, greater(fee["S"], fee["T"])))
        plan = {"as_of": as_of, "lines": lines, "fees": fees, "registry": len(self.known.facts)}
        self._planned = plan | {"budgets": committed, "nets": self._nets(plan)}

    def reason_against(self, line: dict[str, Any], as_of: int) -> str | None:
        """Why a line is not settled yet; the order and the words are the product's promise."""
        order = line["order"]
        contents = {credit.content_id for credit in line["credits"]}
        plans = [self.known.plan_of(line, credit) for credit in line["credits"]]
        if not self.stands(line):
            return "not_standing"
        if None in plans:
            return "unpriced"
        due = self.due_at(line, [plan for plan in plans if plan])
        if due is None or due > as_of:
            return "not_due"
        if order in self._disputes.values():
            return "disputed"
        if order in {hold.order_id for hold in self._holds.values()}:
            return "order_held"
        return "content_held" if contents & {hold.content_id for hold in self._holds.values()} else None

    def due_at(self, line: dict[str, Any], plans: list[PlanOf]) -> int | None:
        """Receipt and the longest return window; None = not received."""
        received = line["received"]
        if received is None:
            auto = [plan.auto_receive_days for plan in plans if plan.auto_receive_days is not None]
            if not auto:
                return None
            received = line["paid"] + max(auto) * DAY
        windows = [script.WINDOW_DAYS if plan.window_days is None else plan.window_days for plan in plans]
        return int(received + max(windows) * DAY)

    def _true_up(self) -> Counter[tuple[str, str]]:
        """What the granted credits of each budget are worth now."""
        worth: Counter[tuple[str, str]] = Counter()
        for line in self.lines.values():
            for campaign in line["budgets"] if self.worth(line) else ():
                for i, part in self.known.parts(line).items():
                    credit = line["credits"][i]
                    if credit.campaign_id == campaign and credit.name in line["grants"]:
                        worth[campaign, line["cur"]] += sum(part["shares"].values())
        return worth

    def _settle_line(
        self, line: dict[str, Any], left: dict[tuple[str, str], int], committed: Counter[tuple[str, str]]
    ) -> dict[str, Any]:
        """Grant what has no grant yet, credit by credit, on a copy of the line; then what is settled of it."""
        trial = line | {"grants": dict(line["grants"]), "budgets": set(line["budgets"])}
        greatest = min(range(len(line["credits"])), key=lambda i: (-line["credits"][i].weight_ppm, rank(line, i)))
        for i in sorted(range(len(line["credits"])), key=lambda i: rank(line, i)):
            credit, part = line["credits"][i], self.known.parts(line)[i]
            budget = credit.campaign_id, line["cur"]
            if credit.name in line["grants"] or not part["base"]:
                continue
            if is_tiered(part["plan"], credit) or budget in left:
                trial["grants"][credit.name] = (part["base"], self._commission(line, credit, part), 1, 1)
            slot = line["brand"], line["buyer"]
            if i == greatest and line["new"] and part["plan"].bonus_minor and not line["bonus"] and (
                slot not in self.slots
            ):  # fmt: skip
                trial["bonus"] = part["plan"].bonus_minor
                if budget in left and self._charge(trial, i) > left[budget]:
                    trial["bonus"] = 0
                else:
                    self.slots[slot] = line["order"]
            if budget in left:
                # A bonus that an earlier run gave the line is not cut; all else shares what it leaves.
                bonus = trial["bonus"] if i == greatest else 0
                cut, room = self._charge(trial, i) - bonus, max(0, left[budget] - bonus)
                if cut > room:
                    trial["grants"][credit.name] = (*trial["grants"][credit.name][:2], room, cut)
                taken = self._charge(trial, i)
                left[budget] -= taken
                committed[budget] += taken
                trial["budgets"].add(credit.campaign_id)
        settled = greater(line["S"], self.worth(trial))
        contents = line["contents"] | {credit.content_id for credit in line["credits"]}
        return {"key": line["key"], "S": settled, "contents": contents} | {
            name: trial[name] for name in ("grants", "bonus", "budgets")
        }

    def _charge(self, line: dict[str, Any], i: int) -> int:
        """What the brand is charged for one credit."""
        return sum(self.known.parts(line)[i]["shares"].values())

    def _commission(self, line: dict[str, Any], credit: CreditOf, part: dict[str, Any]) -> int:
        """By tiers, each unit at the rate of the slice that it falls into, one floor; or at the plan's rate."""
        plan, base = part["plan"], part["base"]
        if not is_tiered(plan, credit):
            return int(base * rate_of(plan, credit) // MILLION)
        key = plan.plan_id, credit.koc_id, month(line["paid"], plan.zone_minutes), line["cur"]
        start = self.tiers[key]
        self.tiers[key] += base
        edges = sorted({start, start + base, *(edge for edge, _ in plan.tiers if start < edge < start + base)})
        total = 0
        for low, high in pairwise(edges):
            rate = ([plan.rate_ppm] + [rate for edge, rate in plan.tiers if edge <= low])[-1]
            total += (high - low) * rate
        return total // MILLION

    # A run: nets

    def _nets(self, plan: dict[str, Any]) -> list[dict[str, Any]]:
        """Each party's money to target, all of it as it is at this point, with what the plan settles."""
        earned: Counter[tuple[str, str]] = Counter()
        for one in plan["lines"]:
            self._earn(earned, self.lines[one["key"]], one["S"], self.lines[one["key"]]["cur"])
        for name, settled in plan["fees"]:
            self._earn(earned, self.fees[name], settled, name[1])
        parties = {(a.removeprefix("clawback:"), cur) for a, cur in self.accounts if a.startswith("clawback:")}
        parties |= {(a.rpartition(":")[0], cur) for a, cur in self.accounts if a.endswith((":payable", ":held"))}
        return [self._net(party, cur, earned[party, cur], plan["as_of"]) for party, cur in sorted(parties | {*earned})]

    def _earn(self, earned: Counter[tuple[str, str]], entry: dict[str, Any], settled: Shares, currency: str) -> None:
        for who, amount in settled.items():
            if who != "platform":
                earned[who, currency] += amount - entry["S"].get(who, 0)

    def _net(self, party: str, cur: str, earned: int, as_of: int) -> dict[str, Any]:
        house = self.known.house(as_of)
        payable, held = earned - self.accounts[f"{party}:payable", cur], -self.accounts[f"{party}:held", cur]
        owes, lost = self.accounts[f"clawback:{party}", cur], self.accounts[f"writeoff:{party}", cur]
        back = max(0, -owes)
        written_back = min(back, lost)
        released = back - written_back
        payable += released
        since, unpaid = self.netted_since(party, cur), self._clawed_back_unpaid(party, cur)
        older = house.share_ppm * (payable + held + since - unpaid) // MILLION
        netted = max(0, min(owes, payable + held, unpaid + older - since))
        from_payable = min(netted, payable)
        payable, held = payable - from_payable, held - (netted - from_payable)
        reserve, until = earned * house.reserve_ppm // MILLION, as_of + house.reserve_days * DAY
        kept = sum(n for who, of, n, end in [*self._reserves, (party, cur, reserve, until)]
                   if (who, of) == (party, cur) and end > as_of)  # fmt: skip
        kept += self._on_hold(party, cur) + self.refused(party, cur)
        target = payable + held if party in {h.owner for h in self._holds.values()} else min(payable + held, kept)
        moves = {"written_back": written_back, "released": released, "pay": from_payable, "held": netted - from_payable}
        return moves | {"party": party, "cur": cur, "hold": target - held, "reserve": (party, cur, reserve, until)}

    def _clawed_back_unpaid(self, party: str, cur: str) -> int:
        """What is clawed back of what no payout took yet; all else, as spend, is an older debt."""
        unpaid, account = self.unpaid(party, cur), (f"clawback:{party}", cur)
        return max(0, sum(leg["amount"] for leg in self.legs if leg["account"] == account and leg["of"] in unpaid))

    def _on_hold(self, party: str, cur: str) -> int:
        """What of unpaid lines in an open dispute or hold, also of a content they were settled for, is still owed."""
        held = self._held_lines(party, cur)
        return sum(min(line["S"].get(party, 0), line["T"].get(party, 0)) for line in held)

    def _held_lines(self, party: str, cur: str) -> list[dict[str, Any]]:
        orders = {*self._disputes.values(), *(hold.order_id for hold in self._holds.values())}
        contents = {hold.content_id for hold in self._holds.values()}
        lines = [self.lines[key] for key in self.unpaid(party, cur) & self.lines.keys()]
        return [line for line in lines if line["order"] in orders or contents & line["contents"]]

    # A proposal

    def _propose(self, batch: str, as_of: int) -> None:
        """Every party's net, then all that is payable to it, if it reaches the minimum and somebody said where to."""
        minima = self.known.house(as_of).minimum
        for net in self._nets({"lines": [], "fees": [], "as_of": as_of}):
            self._book_net(net)
            party, cur = net["party"], net["cur"]
            amount = -self.accounts[f"{party}:payable", cur]
            has_left = self.left.get(party, as_of + 1) <= as_of
            if amount <= 0 or party not in self.payees or (amount < minima.get(cur, 0) and not has_left):
                continue
            covered = sum(leg["amount"] for leg in self.since(party, cur, "payable") if leg["what"] != "payout")
            assert covered == -amount, "a payout covers its amount"
            self.instruct((batch, party, cur), amount, {line["key"] for line in self._held_lines(party, cur)})

    # A run: what it books

    def apply_run(self) -> None:
        """Book the plan; its lines may come in any order."""
        for one in self._planned["lines"]:
            self.apply_line(one)
        self.finish_run()

    def apply_line(self, one: dict[str, Any]) -> None:
        """What is settled is the plan's; what is owed is what the line is worth now, under the plan's terms."""
        line = self.lines[one["key"]]
        line["terms"] = line["terms"] or (self._planned["registry"], self._planned["as_of"])
        line.update({name: one[name] for name in ("grants", "bonus", "budgets", "contents")})
        self._shift(line, one["S"], self.worth(line), line["cur"])

    def finish_run(self) -> None:
        """Script fees, budgets and nets."""
        for name, settled in self._planned["fees"]:
            self._shift(self.fees[name], settled, self.fees[name]["T"], name[1])
        for key in self.limits:
            more = self._planned["budgets"][key] - self.committed[key]
            self.committed[key] += more
            self._move({f"budget:{key[0]}:committed": more, f"budget:{key[0]}:available": -more}, key[1])
        for net in self._planned["nets"]:
            self._book_net(net)

    def _book_net(self, net: dict[str, Any]) -> None:
        party, cur = net["party"], net["cur"]
        pay, held, claw = f"{party}:payable", f"{party}:held", f"clawback:{party}"
        self._move({claw: net["written_back"], f"writeoff:{party}": -net["written_back"]}, cur)
        self._move({claw: net["released"], pay: -net["released"]}, cur)
        self._move({pay: net["pay"], held: net["held"], claw: -net["pay"] - net["held"]}, cur, "netted")
        self._move({pay: net["hold"], held: -net["hold"]}, cur)
        if net["reserve"][2]:
            self._reserves.append(net["reserve"])


def month(minutes: int, zone_minutes: int) -> str:
    """YYYY-MM of a time, in a zone so many minutes east of UTC."""
    zero = datetime.fromisoformat(script.DAY_ZERO)
    return (zero + timedelta(minutes=minutes + zone_minutes)).strftime("%Y-%m")


def exceeds(owed: Shares, settled: Shares) -> bool:
    """Whether anybody is owed more than is settled."""
    return any(amount > settled.get(who, 0) for who, amount in owed.items())


def greater(settled: Shares, owed: Shares) -> Shares:
    """S' = max(S, T) by claimant."""
    return {who: max(settled.get(who, 0), owed.get(who, 0)) for who in {*settled, *owed}}


def balances_after(events: list[Happening]) -> Model:
    """A model to which a script was told."""
    model = Model()
    for event in events:
        model.tell(event)
    return model
