"""Payouts: each covers exactly the entries between two cuts, has moved its amount once, and lies where its state says.

The cuts of a party's payouts follow one another, so nothing is in two of them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

from schemas.topics import CREDITS
from services.settlement.books.journal_rows import JournalRow, Names
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.payout_records_port import PayoutRecords
from services.settlement.books.snapshot_port import Balance
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import Kind
from services.settlement.domain.paying.batch_hash import batch_sha256
from services.settlement.domain.paying.entry_sets import NOT_COVERED, EntrySetBuilder
from services.settlement.domain.paying.payouts import CANCELLED, INSTRUCTED, REFUSED, payout_id
from services.settlement.domain.settling.netting import net_rows
from services.settlement.domain.settling.transfers import Occasion
from services.settlement.verify.findings import Difference

_OF_PAYOUT = "payout|"
_PARTS_OF_BATCH = 5
"""payout|BATCH|PARTY|CURRENCY|STEP; what a reply or a cancellation books is payout|ID|OUTCOME."""
_WRITER_N = CREDITS.partitions
_NOT_COVERED = frozenset(kind.code for kind in NOT_COVERED)
_BEFORE_ALL = (0,) * (_WRITER_N + 1)
_IN_TRANSIT = ("payout:", ":in_transit")


class PayoutCheck:
    """Takes all journal rows by writer and number, then the balances.

    Args:
        records: of payouts.
        names: account id -> (key, currency).
    """

    def __init__(self, records: PayoutRecords, names: Names) -> None:
        self._records, self._names = records, names
        self._batches = {batch.id: batch for batch in records.batches()}
        self._payouts = {payout.id: payout for payout in records.payouts()}
        self._covered: dict[str, EntrySetBuilder] = {name: EntrySetBuilder() for name in self._payouts}
        self._of_account = self._by_account()
        self._moved: Counter[tuple[str, str]] = Counter()
        self._nets: Counter[tuple[str, str, str]] = Counter()
        self._in_transit: Counter[tuple[str, str]] = Counter()
        self._wrong: list[Difference] = []

    def _by_account(self) -> dict[tuple[str, str], list[StoredPayout]]:
        """The payouts of each payable account that count, by their cuts."""
        found: dict[tuple[str, str], list[StoredPayout]] = {}
        for one in self._payouts.values():
            if one.status != CANCELLED and one.batch in self._batches:
                found.setdefault((chart.payable(one.plan.party), one.plan.currency), []).append(one)
        for some in found.values():
            some.sort(key=lambda one: self._batches[one.batch].cut[_WRITER_N])
        return found

    def watched(self, rows: Iterable[JournalRow]) -> Iterator[JournalRow]:
        """The rows as they come."""
        for row in rows:
            for account, amount in zip(row.accounts, row.amounts, strict=False):
                name = self._names.get(account, ("", row.currency))
                if row.kind not in _NOT_COVERED and (payouts := self._of_account.get(name)):
                    self._cover(payouts, row, amount)
            if row.idem_key.startswith(_OF_PAYOUT):
                self._add(row)
            yield row

    def _cover(self, payouts: list[StoredPayout], row: JournalRow, amount: int) -> None:
        """Count a leg in the payout that covers it; what comes after the last one waits for the next."""
        place = bisect_left(payouts, row.seq, key=lambda one: self._batches[one.batch].cut[row.writer])
        if place < len(payouts):
            self._covered[payouts[place].id].add(row.entry_id, amount)

    def _add(self, row: JournalRow) -> None:
        """Add up what a row of payouts moves, by the batch or the payout that its key names."""
        _, name, *rest = row.idem_key.split("|")
        if len(rest) < _PARTS_OF_BATCH - 2:
            self._add_move(name, row)
            return
        party, currency = rest[:2]
        batch = self._batches.get(name)
        if batch is None:
            self._wrong.append(Difference("payout", f"row {row.entry_id}", f"of batch {name}", "one that is recorded"))
            return
        is_payout = row.kind in _NOT_COVERED
        if is_payout:
            self._add_move(payout_id(name, party, currency), row)
        else:
            for account, amount in zip(row.accounts, row.amounts, strict=False):
                self._nets[(name, *self._names.get(account, ("", currency)))] += amount
        if (row.seq > batch.cut[_WRITER_N]) is not (row.kind == Kind.PAYOUT_INSTRUCTED.code):
            where = f"row {row.entry_id}, {row.idem_key}"
            side = "after" if row.kind == Kind.PAYOUT_INSTRUCTED.code else "up to"
            stored = f"the cut {batch.cut[_WRITER_N]}"
            self._wrong.append(Difference("payout cut", where, stored, f"a cut that has it {side} it"))

    def _add_move(self, payout: str, row: JournalRow) -> None:
        """What a row moves of a payout: what is payable, in transit or held."""
        if payout not in self._payouts:
            self._wrong.append(
                Difference("payout", f"row {row.entry_id}", f"of payout {payout}", "one that is recorded")
            )
        for account, amount in zip(row.accounts, row.amounts, strict=False):
            key, _ = self._names.get(account, ("", ""))
            self._moved[payout, key.rpartition(":")[2]] += amount

    def balances(self, rows: Iterable[tuple[int, Balance]]) -> Iterator[tuple[int, Balance]]:
        """The balances as they come."""
        for number, balance in rows:
            if balance.account.startswith(_IN_TRANSIT[0]) and balance.account.endswith(_IN_TRANSIT[1]):
                self._in_transit[balance.account, balance.currency] = balance.amount_minor
            yield number, balance

    def end(self) -> Iterator[Difference]:
        """What is stored of batches and payouts, against what the journal has."""
        yield from self._wrong
        for batch in self._batches.values():
            yield from self._batch(batch)
        for payout in self._payouts.values():
            yield from self._payout(payout)
        for (account, currency), payouts in self._of_account.items():
            yield from self._cuts(f"{account} {currency}", payouts)
        yield from self._accounts()

    def _batch(self, batch: StoredBatch) -> Iterator[Difference]:
        """A batch's proof, its cut, its sums, and what it netted."""
        where, nets = f"batch {batch.id}", self._records.nets(batch.id)
        own = [one for one in self._payouts.values() if one.batch == batch.id]
        derived = batch_sha256(batch.id, nets, [one.plan for one in own])
        if batch.plan_sha256 != derived:
            yield Difference("payout plan", where, batch.plan_sha256.hex(), derived.hex())
        if tuple(batch.cut[:_WRITER_N]) != tuple(batch.point.seqs[:_WRITER_N]):
            yield Difference("payout cut", where, str(list(batch.cut)), f"the point's {list(batch.point.seqs)}")
        amounts: Counter[str] = Counter()
        for one in own:
            amounts[one.plan.currency] += one.plan.amount_minor
        said = batch.counts["payouts"], batch.counts["amounts"]
        if said != (len(own), dict(amounts)):
            yield Difference("payout batch", where, str(said), str((len(own), dict(sorted(amounts.items())))))
        for net in nets:
            for row in net_rows(net.party, net.net, Occasion("", 0)):
                for account, amount in row.legs.items():
                    self._nets[batch.id, account, net.currency] -= amount
        for (name, account, currency), amount in sorted(self._nets.items()):
            if name == batch.id and amount:
                yield Difference("payout net", f"{where}, {account} {currency}", f"{amount} more", "what it netted")

    def _payout(self, payout: StoredPayout) -> Iterator[Difference]:
        """A payout's id, what it covers, and where its money lies."""
        plan, where = payout.plan, f"payout {payout.id}"
        name = payout_id(payout.batch, plan.party, plan.currency)
        if payout.id != name or payout.batch not in self._batches:
            yield Difference("payout", where, f"of batch {payout.batch}", f"{name} of a batch that is recorded")
        is_cancelled = payout.status == CANCELLED
        stored, covered = payout.covered._replace(sum_minor=-plan.gross_minor), self._covered[payout.id].built()
        if not is_cancelled and covered != stored:
            yield Difference("payout set", where, str(stored), str(covered))
        expected = {
            "payable": 0 if is_cancelled else plan.gross_minor,
            "in_transit": -plan.amount_minor if payout.status == INSTRUCTED else 0,
            "held": -plan.amount_minor if payout.status in REFUSED else 0,
            "withheld": 0 if is_cancelled else -plan.withheld.amount_minor,
        }
        moved = {purpose: self._moved[payout.id, purpose] for purpose in expected}
        if moved != expected:
            yield Difference("payout", where, f"{payout.status}, moved {moved}", str(expected))
        if payout.is_refused and payout.status not in REFUSED:
            yield Difference("payout", where, f"{payout.status} and refused", "refused only where it came back")

    def _cuts(self, where: str, payouts: list[StoredPayout]) -> Iterator[Difference]:
        """Each payout of an account begins where the one before it ended."""
        before = _BEFORE_ALL
        for one in payouts:
            cut = tuple(self._batches[one.batch].cut)
            if any(here < last for here, last in zip(cut, before, strict=True)):
                yield Difference("payout cut", f"{where}, payout {one.id}", str(cut), f"none before {before}")
            before = cut

    def _accounts(self) -> Iterator[Difference]:
        """The accounts in transit hold the open payouts."""
        open_ones: Counter[tuple[str, str]] = Counter()
        for one in self._payouts.values():
            if one.status == INSTRUCTED:
                open_ones[chart.in_transit(one.plan.payee.rail), one.plan.currency] -= one.plan.amount_minor
        for name in sorted(open_ones.keys() | self._in_transit.keys()):
            if self._in_transit[name] != open_ones[name]:
                where = f"account {' '.join(name)}"
                yield Difference(
                    "in transit", where, str(self._in_transit[name]), f"{open_ones[name]}, the open payouts"
                )
