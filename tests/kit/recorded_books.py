"""Books in PostgreSQL that keep what was published of them: credits, registry and commands, as topics in memory."""

import json
from collections.abc import Mapping
from typing import Any

from schemas.topics import COMMANDS, CREDITS, LEDGER, REGISTRY, STATEMENTS
from services.settlement.books.entry_builder import PostingCounts
from services.settlement.books.journal_entry import message
from services.settlement.domain.book.commands import command_message
from services.settlement.domain.book.entries import GENESIS
from services.settlement.domain.statements.statement import NumberedStatement, statement_message
from tests.kit.audit_world import MemoryTopics
from tests.kit.books import Books
from tests.kit.settlement_facts import Fact

_STATEMENTS = """
SELECT seq, period, revision, party, currency, sha256, body, path, root, closed_at
FROM statement JOIN period_close USING (period, revision) ORDER BY seq
"""


class RecordedBooks(Books):
    """A driver of books in PostgreSQL that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[tuple[str, int], list[bytes]] = {(REGISTRY.name, 0): []}
        self._relayed: dict[tuple[str, int], list[bytes]] = {}

    def assert_lines(self, *facts: Fact, partition: int = 3) -> PostingCounts:
        counts = super().assert_lines(*facts, partition=partition)
        self._logs.setdefault((CREDITS.name, partition), []).extend(fact.wire() for fact in facts)
        return counts

    def take_registry(self, *bodies: Mapping[str, Any]) -> PostingCounts:
        self._logs[REGISTRY.name, 0].extend(json.dumps(body).encode() for body in bodies)
        return super().take_registry(*bodies)

    def relay(self) -> None:
        """Publish entries and commands now: what is changed in the books later stays in the topics as it was."""
        relayed = (COMMANDS.name, LEDGER.name)
        logs = self.topics().logs
        self._relayed = {place: log for place, log in logs.items() if place[0] in relayed}

    def topics(self) -> MemoryTopics:
        """All that is published by now, with what the relay would have published."""
        logs = {place: list(log) for place, log in self._logs.items()}
        with self.store.snapshot() as books:
            logs[COMMANDS.name, 0] = [json.dumps(command_message(one)).encode() for one in books.commands()]
        heads: dict[int, bytes] = {}
        for entry in self.journal():
            raw = json.dumps(message(entry, heads.get(entry.writer, GENESIS.head))).encode()
            logs.setdefault((LEDGER.name, entry.writer), []).append(raw)
            heads[entry.writer] = entry.link.head
        logs[STATEMENTS.name, 0] = [
            statement_message(NumberedStatement(*row)).encode() for row in self.rows(_STATEMENTS)
        ]
        for place, log in self._relayed.items():
            logs[place] = [*log, *logs[place][len(log) :]]
        return MemoryTopics(logs)
