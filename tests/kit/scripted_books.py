"""Scripts of settling told to books in PostgreSQL, each happening through the transaction that books it for real."""

from typing import Any

from schemas.partitioning import partition_of
from schemas.topics import CREDITS
from services.kernel.time import DAY, format_rfc3339
from services.settlement.books.command_transaction import operator_books
from services.settlement.books.payout_ports import StoredPayout
from services.settlement.commands.clawbacks import write_off
from services.settlement.commands.drafts import Money
from services.settlement.commands.payments import record_brand_payment
from services.settlement.payment_files.book_replies import book_replies
from services.settlement.payouts.cancel import cancel
from services.settlement.payouts.release import release
from services.settlement.verify.verify import verify
from tests.kit import payouts, runs
from tests.kit.books import Books
from tests.kit.settlement_facts import Fact
from tests.kit.settling_rules import ALWAYS, ZERO, changed_fact, credits_of, paid_fact
from tests.reference import settling_script as script


class ScriptedBooks:
    """Books in which a script happens: assertions and registry events by the poster's transactions, runs by theirs.

    Attributes:
        books: where it happens.
        facts: by line, its newest assertion.
    """

    def __init__(self, books: Books) -> None:
        self.books = books
        self.facts: dict[tuple[str, str, str], Fact] = {}
        self._events = 0

    def balances(self, currency: str) -> dict[str, int]:
        """All balances of a currency that are not zero."""
        with self.books.store.snapshot() as books:
            named = ((books.names[account], balance.amount_minor) for account, balance in books.balances())
            return {key: amount for (key, of), amount in sorted(named) if of == currency and amount}

    def check(self) -> None:
        """The books are what they rest on."""
        with self.books.store.snapshot() as books:
            differences = verify(books).differences
        assert differences == []

    def tell(self, event: script.Happening) -> None:
        """Take in what happens next."""
        getattr(self, "_on_" + type(event).__name__)(event)

    # The registry

    def register(self, event_type: str, **body: Any) -> None:
        """One registry event, and all that it leaves to be priced again."""
        self._events += 1
        known = {"event_id": f"r{self._events}", "event_type": event_type, "occurred_at": script.DAY_ZERO}
        self.books.register(known | body)

    def _on_Published(self, event: script.Published) -> None:  # noqa: N802
        what = event.what
        if isinstance(what, script.HouseOf):
            self.register("house.set", **_house_body(what))
        else:
            self.register("plan.published", **_plan_body(what))

    def _on_Related(self, event: script.Related) -> None:  # noqa: N802
        self.register("relation.set", koc_id=event.koc_id, parties=event.parties, effective_from=_moment(ALWAYS))

    def _on_FeeAccepted(self, event: script.FeeAccepted) -> None:  # noqa: N802
        self.register(
            "content.registered", content_id=event.content_id, koc_id=event.koc_id, platform="douyin",
            brand_id=event.brand_id, script_fee_minor=event.fee_minor, currency=event.currency,
        )  # fmt: skip
        self.register("script_fee.accepted", content_id=event.content_id)

    def _on_ContentRemoved(self, event: script.ContentRemoved) -> None:  # noqa: N802
        self.register("content.removed", content_id=event.content_id)

    def _on_Spent(self, event: script.Spent) -> None:  # noqa: N802
        self.register(
            "spend.reported", spend_id=event.spend_id, content_id=event.content_id, amount_minor=event.amount_minor,
            currency=event.currency, paid_by="koc",
        )  # fmt: skip

    def _on_BudgetSet(self, event: script.BudgetSet) -> None:  # noqa: N802
        self.register("campaign.budget_set", **vars(event))

    def _on_HoldPlaced(self, event: script.HoldPlaced) -> None:  # noqa: N802
        self.register("hold.placed", **{name: value for name, value in vars(event).items() if value is not None})

    def _on_HoldReleased(self, event: script.HoldReleased) -> None:  # noqa: N802
        self.register("hold.released", hold_id=event.hold_id)

    def _on_DisputeOpened(self, event: script.DisputeOpened) -> None:  # noqa: N802
        self.register("dispute.opened", dispute_id=event.dispute_id, order_id=event.order_id)

    def _on_DisputeDecided(self, event: script.DisputeDecided) -> None:  # noqa: N802
        outcome = "denied" if event.denied else "allowed"
        self.register("dispute.decided", dispute_id=event.dispute_id, order_id=event.order_id, outcome=outcome)

    # Orders

    def _on_Paid(self, event: script.Paid) -> None:  # noqa: N802
        self._assert(paid_fact(event))

    def _on_Received(self, event: script.Received) -> None:  # noqa: N802
        self._change(event.order_id, event.buyer_id, received_at=ZERO + event.day * DAY)

    def _on_Refunded(self, event: script.Refunded) -> None:  # noqa: N802
        self._change(event.order_id, event.buyer_id, refunded_minor=event.total_minor)

    def _on_Cancelled(self, event: script.Cancelled) -> None:  # noqa: N802
        self._change(event.order_id, event.buyer_id, status="cancelled")

    def _on_Credited(self, event: script.Credited) -> None:  # noqa: N802
        self._change(event.order_id, event.buyer_id, credits=credits_of(event.credits))

    def _change(self, order_id: str, buyer_id: str, **changes: Any) -> None:
        self._assert(changed_fact(self.facts[order_id, "1", buyer_id], **changes))

    def _assert(self, fact: Fact) -> None:
        self.facts[fact.order_id, fact.line_id, fact.buyer_id] = fact
        self.books.assert_lines(fact, partition=partition_of(fact.buyer_id.encode(), CREDITS.partitions))

    # Decisions

    def _on_WrittenOff(self, event: script.WrittenOff) -> None:  # noqa: N802
        with operator_books() as book:
            write_off(book, event.party, Money(event.amount_minor, event.currency), "a test", None, is_trial=False)

    def _on_BrandPaid(self, event: script.BrandPaid) -> None:  # noqa: N802
        money = Money(event.amount_minor, event.currency)
        with operator_books() as book:
            record_brand_payment(book, event.brand_id, money, "a test", None, is_trial=False)

    # Payouts

    def _on_PayeeSet(self, event: script.PayeeSet) -> None:  # noqa: N802
        self.register("payee.set", owner=event.owner, rail=event.rail, ref=f"ref_{event.owner}")

    def _on_KocLeft(self, event: script.KocLeft) -> None:  # noqa: N802
        self.register("koc.left", koc_id=event.koc_id, left_at=_moment(ZERO + event.day * DAY))

    def _on_Proposed(self, event: script.Proposed) -> None:  # noqa: N802
        payouts.propose(self.books, ZERO + event.day * DAY, event.batch)

    def _on_Replied(self, event: script.Replied) -> None:  # noqa: N802
        meant = self._payouts(event.batch, event.party)
        with operator_books() as book:
            book_replies(book, payouts.reply_of(meant, event.outcome, f"{event.file} of {event.batch}"))

    def _on_Released(self, event: script.Released) -> None:  # noqa: N802
        with operator_books() as book:
            for payout in self._payouts(event.batch, event.party):
                if payout.is_refused:
                    release(book, payout.id, "a test", None)

    def _on_PayoutCancelled(self, event: script.PayoutCancelled) -> None:  # noqa: N802
        (named, *_) = self._payouts(event.batch, event.party)
        with operator_books() as book:
            cancel(book, event.batch, named.id if event.party else None, "a test", None)

    def _payouts(self, batch: str, party: str | None) -> list[StoredPayout]:
        """Those of a batch, or of one party in it."""
        return [one for one in self.books.store.stored_payouts(batch) if party in (None, one.plan.party)]

    def _on_RunPlanned(self, event: script.RunPlanned) -> None:  # noqa: N802
        runs.plan(self.books, ZERO + event.day * DAY, f"run-{event.day}")

    def _on_RunApplied(self, _: script.RunApplied) -> None:  # noqa: N802
        runs.finish(self.books)

    def _on_Run(self, event: script.Run) -> None:  # noqa: N802
        self._on_RunPlanned(script.RunPlanned(event.day))
        self._on_RunApplied(script.RunApplied())


def _moment(at: int) -> str:
    return format_rfc3339(at)


def _plan_body(what: script.PlanOf) -> dict[str, Any]:
    return {
        "plan_id": what.plan_id, "version": what.version, "kind": "open", "brand_id": None,
        "koc_ids": None if what.koc_ids is None else list(what.koc_ids), "rate_ppm": what.rate_ppm,
        "paid_traffic_rate_ppm": what.paid_traffic_rate_ppm, "currency": what.currency, "base": what.base,
        "splits": [{"role": role, "of": of, "share_ppm": share_ppm} for role, of, share_ppm in what.splits],
        "tiers": [{"from_minor": start, "rate_ppm": rate_ppm} for start, rate_ppm in what.tiers],
        "new_customer_bonus_minor": what.bonus_minor, "zone_minutes": what.zone_minutes,
        "auto_receive_days": what.auto_receive_days, "return_window_days": what.window_days,
        "effective_from": _moment(ALWAYS), "effective_to": None,
    }  # fmt: skip


def _house_body(what: script.HouseOf) -> dict[str, Any]:
    return {
        "effective_from": _moment(ZERO + what.day * DAY), "vat_ppm": what.vat_ppm, "netting_share_ppm": what.share_ppm,
        "reserve_ppm": what.reserve_ppm, "reserve_days": what.reserve_days, "payout_minimum_minor": what.minimum,
    }  # fmt: skip
