"""A history lived through the product's own code on books in memory, and the four topics that come of it.

Topics can be changed and chained anew, as somebody would who has the keys: only the audit's rules then notice.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.topics import COMMANDS, CREDITS, LEDGER, REGISTRY
from services.kernel.identifiers import line_key
from services.kernel.time import format_rfc3339
from services.operations.audit.chains import command_hash, entry_hash, read_command, read_entry
from services.settlement.books.decode_credits import decode_credit
from services.settlement.books.entry_builder import EntryBuilder, PostingCounts
from services.settlement.books.journal_entry import message
from services.settlement.books.ports import LineChange
from services.settlement.domain.book.commands import Command, chain_command, command_message
from services.settlement.domain.book.drafts import ONLY, EntryDraft
from services.settlement.domain.book.entries import GENESIS, Kind, Link
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.booking import book_demotion, book_reprice
from services.settlement.domain.lines.line import Key, Line, owner
from services.settlement.domain.lines.rerating import book_rerate
from services.settlement.domain.lines.terms import Terms
from tests.kit.book_driver import WRITER_N, ZONE_MINUTES, BookDriver, MemoryStore
from tests.kit.runs import apply, plan
from tests.kit.settlement_facts import PAID_AT, Fact

Record = dict[str, Any]


@dataclass
class MemoryTopics:
    """The audit's topics in memory: (topic, partition) -> values; the first of them may be past retention."""

    logs: dict[tuple[str, int], list[bytes]]
    begins: dict[tuple[str, int], int] = field(default_factory=dict)

    def begin(self, topic: str, partition: int) -> int:
        return self.begins.get((topic, partition), 0)

    def end(self, topic: str, partition: int) -> int:
        return len(self.logs.get((topic, partition), ()))

    def records(self, topic: str, partition: int, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        assert first >= self.begin(topic, partition)
        log = self.logs.get((topic, partition), [])
        yield from ((offset, log[offset]) for offset in range(first, min(end, len(log))))

    def ledger(self, partition: int) -> list[Record]:
        """The entries of a partition, to be changed and given back to `chain_ledger`."""
        return [json.loads(raw) for raw in self.logs.get((LEDGER.name, partition), ())]

    def chain_ledger(self, partition: int, entries: list[Record]) -> None:
        """Number and chain these entries, each of them sound in itself."""
        head, log = "0" * 64, []
        for seq, entry in enumerate(entries, 1):
            entry |= {"seq": seq, "entry_id": f"{partition}-{seq}", "prev_hash": head}
            entry["hash"] = head = entry_hash(read_entry(json.dumps(entry).encode()))
            log.append(json.dumps(entry).encode())
        self.logs[LEDGER.name, partition] = log

    def commands(self) -> list[Record]:
        """The commands, to be changed and given back to `chain_commands`."""
        return [json.loads(raw) for raw in self.logs[COMMANDS.name, 0]]

    def chain_commands(self, commands: list[Record]) -> None:
        """Number and chain these commands."""
        head, log = "0" * 64, []
        for seq, command in enumerate(commands, 1):
            command |= {"seq": seq, "prev_hash": head}
            command["hash"] = head = command_hash(read_command(json.dumps(command).encode()))
            log.append(json.dumps(command).encode())
        self.logs[COMMANDS.name, 0] = log


class AuditWorld(BookDriver):
    """A driver of books that keeps what is published."""

    store: MemoryStore

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.pass_to(PAID_AT)
        self._logs: dict[tuple[str, int], list[bytes]] = {(COMMANDS.name, 0): []}
        self._last = GENESIS

    def pass_to(self, moment: int) -> None:
        """Let it be at least this moment, microseconds."""
        self.store.state.now = max(self.store.state.now, moment)

    def assert_lines(self, *facts: Fact, partition: int = 3) -> PostingCounts:
        self._logs.setdefault((CREDITS.name, partition), []).extend(fact.wire() for fact in facts)
        return super().assert_lines(*facts, partition=partition)

    def take_registry(self, *bodies: Mapping[str, Any]) -> PostingCounts:
        self._logs.setdefault((REGISTRY.name, 0), []).extend(json.dumps(body).encode() for body in bodies)
        return super().take_registry(*bodies)

    def run(self, as_of: int, between: Callable[[], object] = lambda: None, run_id: str = "") -> None:
        """A run; something may happen between its plan and its end."""
        name, point = run_id or f"run-{self._last.seq + 1}", self._point()
        planned = plan(self, as_of, name)
        result = {"plan_sha256": planned.plan_sha256.hex(), **planned.counts}
        self._record("settlement.run", name, {"as_of": format_rfc3339(as_of)}, result, point)
        between()
        apply(self, planned)

    def command(self, kind: Kind, legs: dict[str, int], currency: str = "CNY", **body: Any) -> None:
        """A command that books money under writer N."""
        name, point = f"command-{self._last.seq + 1}", self._point()
        with self.store.transaction() as transaction:
            writers = transaction.lock_writers({WRITER_N})
            moment = transaction.moment(self.reference)
            builder = EntryBuilder(writers, moment, ZONE_MINUTES, PostingCounts())
            row = EntryDraft(kind, ONLY, f"command {name}", moment.now, legs)
            entries = builder.build(WRITER_N, f"command|{name}", [row], currency, None)
            transaction.write([LineChange(entries)], [], writers, moment.now)
        self._record(kind.text, name, {"currency": currency, **body}, {}, point)

    def freeze(self, fact: Fact) -> None:
        """Quarantine a line that has come."""
        point = self._point()
        with self.store.transaction() as transaction:
            (line,) = (one for one in transaction.read_lines([_key(fact)[:2]]) if one.key == _key(fact))
            line.quarantined = "a test"
            transaction.write([LineChange((), line)], [], {}, 0)
        self._record("line.quarantined", f"command-{self._last.seq + 1}", {"line": line_key(*_key(fact))}, {}, point)

    def release(self, fact: Fact) -> None:
        """Let a line go: who owns the order line is decided again, and both are booked at what they are worth."""
        key, name, point = _key(fact), f"command-{self._last.seq + 1}", self._point()
        with self.store.transaction() as transaction:
            claimants = transaction.read_lines([key[:2]])
            (released,) = (one for one in claimants if one.key == key)
            released.quarantined, released.paid_at = None, self._assertion(released).paid_at
            winner = owner(claimants)
            losers = [line for line in claimants if line.standing and line is not winner]
            writers = transaction.lock_writers({line.partition for line in claimants})
            moment = transaction.moment(self.reference)
            builder = EntryBuilder(writers, moment, ZONE_MINUTES, PostingCounts())
            changes = []
            for line in losers:
                rows = book_demotion(line, self.reference, moment.now, "released")
                changes.append(self._rows_of(line, rows, builder, name))
            promoted = None if winner.standing else winner
            winner.standing = True
            for line in {id(line): line for line in (released, promoted) if line and line not in losers}.values():
                rows = book_reprice(line, self._assertion(line), self.reference, "released", moment.now)
                changes.append(self._rows_of(line, rows, builder, name))
            transaction.write(changes, losers, writers, moment.now)
        if promoted is not None:
            stored = self.store.state.lines
            stored[promoted.key] = replace(stored[promoted.key], standing=True)
        self._record("line.released", name, {"line": line_key(*key)}, {}, point)

    def rerate(self, order_id: str, at: int) -> None:
        """Give the settled lines of an order, none of them frozen, the terms of a moment (microseconds)."""
        self.pass_to(at)
        name, point = f"command-{self._last.seq + 1}", self._point()
        with self.store.transaction() as transaction:
            stored = self.store.state.lines
            names = {key[:2] for key in stored if key[0] == order_id}
            lines = [line for line in transaction.read_lines(names) if line.terms is not None]
            if not lines or any(line.quarantined is not None for line in lines):
                return
            writers = transaction.lock_writers({line.partition for line in lines})
            moment = transaction.moment(self.reference)
            builder = EntryBuilder(writers, moment, ZONE_MINUTES, PostingCounts())
            terms = Terms(0, self.registry_offset, moment.now)
            changes = []
            for line in lines:
                rows = book_rerate(line, self._assertion(line), self.reference, terms, f"command {name}")
                changes.append(self._rows_of(line, rows, builder, name))
            transaction.write(changes, [], writers, moment.now)
        taken = self.store.state.budget_lines
        rerated = {line.key for line in lines}
        taken.update({place: one._replace(vector=()) for place, one in taken.items() if place[1] in rerated})
        self._record("lines.rerated", name, {"scope": order_id}, {}, point)

    def topics(self) -> MemoryTopics:
        """All that is published."""
        logs = {place: list(log) for place, log in self._logs.items()}
        heads: dict[int, Link] = {}
        for entry in self.journal():
            before = heads.get(entry.writer, GENESIS)
            raw = json.dumps(message(entry, before.head)).encode()
            logs.setdefault((LEDGER.name, entry.writer), []).append(raw)
            heads[entry.writer] = entry.link
        return MemoryTopics(logs)

    def _assertion(self, line: Line) -> LineAssertion:
        return decode_credit(self.store.state.kept[line.key].raw)

    def _rows_of(self, line: Line, rows: list[EntryDraft], builder: EntryBuilder, name: str) -> LineChange:
        idem = f"command|{name}|{line_key(*line.key)}"
        return LineChange(builder.build(line.partition, idem, rows, line.currency, line), line)

    def _point(self) -> Record:
        writers = [writer for _, writer in sorted(self.store.state.writers.items())]
        return {
            "generation": 0,
            "credits": [writer.next_offset for writer in writers[:-1]],
            "registry": self.registry_offset,
            "commands": self._last.seq,
            "seqs": [writer.last.seq for writer in writers],
        }

    def _record(self, kind: str, name: str, body: Record, result: Record, point: Record, by: str = "ann") -> None:
        command = Command(name, kind, by, "a test", self.store.state.now, body, point, result)
        chained = chain_command(command, self._last)
        self._last = chained.link
        self._logs[COMMANDS.name, 0].append(json.dumps(command_message(chained)).encode())


def _key(fact: Fact) -> Key:
    return fact.order_id, fact.line_id, fact.buyer_id
