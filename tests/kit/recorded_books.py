"""Books in PostgreSQL that keep what was published of them: credits, registry and commands, as topics in memory."""

import json
from collections.abc import Mapping
from typing import Any

from schemas.topics import COMMANDS, CREDITS, REGISTRY
from services.settlement.books.entry_builder import PostingCounts
from services.settlement.domain.book.commands import command_message
from tests.kit.audit_world import MemoryTopics
from tests.kit.books import Books
from tests.kit.settlement_facts import Fact


class RecordedBooks(Books):
    """A driver of books in PostgreSQL that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[tuple[str, int], list[bytes]] = {(REGISTRY.name, 0): []}

    def assert_lines(self, *facts: Fact, partition: int = 3) -> PostingCounts:
        counts = super().assert_lines(*facts, partition=partition)
        self._logs.setdefault((CREDITS.name, partition), []).extend(fact.wire() for fact in facts)
        return counts

    def take_registry(self, *bodies: Mapping[str, Any]) -> PostingCounts:
        self._logs[REGISTRY.name, 0].extend(json.dumps(body).encode() for body in bodies)
        return super().take_registry(*bodies)

    def topics(self) -> MemoryTopics:
        """All that is published by now."""
        with self.store.snapshot() as books:
            commands = [json.dumps(command_message(one)).encode() for one in books.commands()]
        return MemoryTopics({place: list(log) for place, log in self._logs.items()} | {(COMMANDS.name, 0): commands})
