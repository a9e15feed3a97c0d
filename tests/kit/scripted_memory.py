"""Scripts of settling told to books in memory, each happening through the use case that books it for real."""

import dataclasses
from typing import TYPE_CHECKING

from schemas.topics import CREDITS
from services.kernel.time import DAY
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.ports import LineChange
from services.settlement.domain.book import chart
from services.settlement.domain.book.drafts import EntryDraft
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.paying.payouts import INSTRUCTED, cancellation_rows
from services.settlement.domain.remittance.replies import (
    AwaitedPayout,
    PayoutOutcome,
    ReplyMove,
    ReplyRow,
    judge_reply,
)
from services.settlement.domain.settling.transfers import Occasion, transfer
from services.settlement.verify.verify import verify
from tests.kit import runs
from tests.kit.book_driver import ZONE_MINUTES, BookDriver, MemoryStore
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settling_rules import ZERO
from tests.reference import settling_script as script

if TYPE_CHECKING:
    from services.settlement.books.memory_state import MemoryState
    from services.settlement.books.payout_ports import StoredPayout
    from services.settlement.books.run_ports import StoredRun

_WRITER_N = CREDITS.partitions


class ScriptedMemory(ScriptedBooks):
    """Books in memory in which a script happens. Nobody commands there, so that commands leave their entries alone."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        super().__init__(BookDriver(self._store))
        self._commands = 0
        self._run: StoredRun | None = None

    @property
    def state(self) -> "MemoryState":
        """What is committed, for tests that change it."""
        return self._store.state

    def check(self) -> None:
        """The books are what they rest on, but for the commands, which are not kept."""
        with self.books.store.snapshot() as books:
            differences = [one for one in verify(books).differences if one.check != "command"]
        assert differences == []

    def _on_Spent(self, event: script.Spent) -> None:  # noqa: N802
        """A script may name one content for several KOCs: each spend has a content of its own here."""
        content_id = f"content_of_{event.spend_id}"
        self.register("content.registered", content_id=content_id, koc_id=event.koc_id, platform="douyin")
        super()._on_Spent(dataclasses.replace(event, content_id=content_id))

    def _on_WrittenOff(self, event: script.WrittenOff) -> None:  # noqa: N802
        accounts = chart.write_off(event.party), chart.clawback(event.party)
        self._move(Kind.CLAWBACK_WRITTEN_OFF, *accounts, event.amount_minor, event.currency)

    def _on_BrandPaid(self, event: script.BrandPaid) -> None:  # noqa: N802
        accounts = chart.BANK, chart.brand_receivable(event.brand_id)
        self._move(Kind.BRAND_PAID, *accounts, event.amount_minor, event.currency)

    def _on_Replied(self, event: script.Replied) -> None:  # noqa: N802
        for payout in self._payouts(event.batch, event.party):
            plan = payout.plan
            awaited = AwaitedPayout(
                payout.id, plan.party, plan.currency, plan.amount_minor, plan.payee.rail, payout.status
            )
            row = ReplyRow(payout.id, PayoutOutcome(event.outcome), None, None, None, 0)
            if isinstance(move := judge_reply(row, awaited), ReplyMove):
                draft = EntryDraft(move.kind, "", "a test", ZERO, move.legs)
                self._book(f"payout|{payout.id}|{event.outcome}", [draft], plan.currency)
                kept = payout._replace(status=event.outcome)
                came_back = {"is_refused": True, "refused_at": self.books.registry_offset}
                self._keep(kept if event.outcome == "confirmed" else kept._replace(**came_back))

    def _on_Released(self, event: script.Released) -> None:  # noqa: N802
        for payout in self._payouts(event.batch, event.party):
            if not payout.is_refused:
                continue
            self._keep(payout._replace(is_refused=False))
            self._store.state.released[payout.id] = self._command()

    def _on_PayoutCancelled(self, event: script.PayoutCancelled) -> None:  # noqa: N802
        for payout in self._payouts(event.batch, event.party):
            if payout.status != INSTRUCTED:
                continue
            rows = cancellation_rows(payout.plan, Occasion("a test", ZERO))
            self._book(f"payout|{payout.id}", rows, payout.plan.currency)
            self._keep(payout._replace(status="cancelled"))
            self._store.state.cancelled[payout.id] = self._command()

    def _command(self) -> int:
        """The number of one more command."""
        self._store.state.commands += 1
        return self._store.state.commands

    def _keep(self, payout: "StoredPayout") -> None:
        self._store.state.payouts[payout.id] = payout

    def _move(self, kind: Kind, debit: str, credit: str, amount_minor: int, currency: str) -> None:
        """What a command books."""
        self._commands += 1
        rows = transfer(kind, "", debit, credit, amount_minor, Occasion("a test", ZERO))
        self._book(f"command|c{self._commands}", rows, currency)

    def _book(self, idem: str, rows: list[EntryDraft], currency: str) -> None:
        """Entries of writer N."""
        with self.books.store.transaction() as transaction:
            writers = transaction.lock_writers({_WRITER_N})
            moment = transaction.moment(self.books.reference)
            builder = EntryBuilder(writers, moment, ZONE_MINUTES, PostingCounts())
            entries = builder.build(_WRITER_N, idem, rows, currency, None)
            transaction.write([LineChange(entries)], [], writers, moment.now)

    def _on_RunPlanned(self, event: script.RunPlanned) -> None:  # noqa: N802
        self._commands += 1
        self._run = runs.plan(self.books, ZERO + event.day * DAY, f"run-{self._commands}")

    def _on_RunApplied(self, _: script.RunApplied) -> None:  # noqa: N802
        assert self._run is not None
        runs.apply(self.books, self._run)
