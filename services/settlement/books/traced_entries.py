"""The traces that led to entries, kept beside the journal until the relay has published these entries."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import psycopg

from services.settlement.books.ports import LineChange

_FORGET = """
DELETE FROM traced_entry USING relay WHERE traced_entry.writer = relay.writer AND traced_entry.seq <= relay.seq
"""
_KEEP = "INSERT INTO traced_entry (writer, seq, carrier) VALUES (%s, %s, %s::json) ON CONFLICT DO NOTHING"
TRACED = "SELECT seq, carrier::text FROM traced_entry WHERE writer = %s AND seq > %s AND seq <= %s"


class TracedEntry(NamedTuple):
    """An entry's place in the journal, and the trace that led to it, by header."""

    writer: int
    seq: int
    carrier: Mapping[str, str]


class TracedEntries:
    """The entries of one batch that follow from assertions with a trace.

    Args:
        carriers: of the assertions, by (partition, offset).
    """

    def __init__(self, carriers: Mapping[tuple[int, int], Mapping[str, str]]) -> None:
        self._carriers = carriers
        self._entries: list[TracedEntry] = []

    def note(self, changes: Iterable[LineChange]) -> Iterator[LineChange]:
        """The same changes; where they go by, the traced entries among them are noted."""
        for change in changes:
            kept = change.kept
            carrier = None if kept is None else self._carriers.get((kept.partition, kept.position))
            if carrier is not None:
                self._entries += [TracedEntry(entry.writer, entry.link.seq, carrier) for entry in change.entries]
            yield change

    def keep(self, cursor: psycopg.Cursor[Any]) -> None:
        """Store what was noted in the entries' own transaction; forget what is published."""
        if self._entries:
            cursor.execute(_FORGET)
            cursor.executemany(_KEEP, [(writer, seq, json.dumps(carrier)) for writer, seq, carrier in self._entries])


def read_traced(rows: Collection[tuple[Any, ...]]) -> dict[int, dict[str, str]]:
    """The traces in rows of TRACED, by the entry's number."""
    return {seq: json.loads(carrier) for seq, carrier in rows}
