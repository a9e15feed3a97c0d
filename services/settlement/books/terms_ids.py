"""Terms by their id in the books: a cache of what is committed, and creation on a connection of its own."""

from typing import Any

from services.kernel.errors import InvariantBroken
from services.kernel.time import to_datetime, to_micros
from services.settlement.domain.lines.terms import Terms

_READ = "SELECT id, registry_offset, as_of FROM terms WHERE id = %s"
_CREATE = "INSERT INTO terms (registry_offset, as_of) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_FIND = "SELECT id, registry_offset, as_of FROM terms WHERE registry_offset = %s AND as_of = %s"


class TermsIds:
    """Terms that lines name.

    Args:
        connection: psycopg connection; autocommitting where terms are created.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._known: dict[int, Terms] = {}

    def get(self, terms_id: int) -> Terms:
        """The terms of an id.

        Raises:
            InvariantBroken: there are none.
        """
        known = self._known.get(terms_id)
        if known is None:
            row = self._connection.execute(_READ, (terms_id,)).fetchone()
            if row is None:
                raise InvariantBroken(f"a line has terms {terms_id}, which do not exist")
            known = self._known[terms_id] = _terms(row)
        return known

    def ensure(self, registry_offset: int, as_of: int) -> Terms:
        """The terms of a registry offset and a run's moment (microseconds); they exist from now on."""
        wanted = registry_offset, to_datetime(as_of)
        self._connection.execute(_CREATE, wanted)
        found = _terms(self._connection.execute(_FIND, wanted).fetchone())
        return self._known.setdefault(found.id, found)


def _terms(row: Any) -> Terms:
    return Terms(row[0], row[1], to_micros(row[2]))
