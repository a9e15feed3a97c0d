"""Account ids: a cache of what is committed, and creation on a connection of its own.

Accounts are created outside the batch's transaction, in one autocommitted statement: an id of a transaction that
rolled back never was, and a batch that waits for another batch's new account would hold its locks meanwhile.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from services.kernel.errors import InvariantBroken
from services.settlement.books.copy_format import literal
from services.settlement.domain.book.chart import is_of_a_party
from services.settlement.domain.book.positions import Position

AccountName = tuple[str, str]
"""Key and currency."""

_NONE: Mapping[str, int] = {}
_CREATE = """
WITH wanted AS (
  SELECT key, currency FROM unnest(%s::text[], %s::text[]) AS w (key, currency)
  WHERE NOT EXISTS (SELECT FROM account a WHERE a.key = w.key AND a.currency = w.currency)
  ORDER BY key, currency
), made AS (INSERT INTO account (key, currency) SELECT * FROM wanted ON CONFLICT DO NOTHING RETURNING id)
INSERT INTO balance (account_id) SELECT id FROM made ORDER BY id
"""
_KNOWN = "SELECT id, key, currency FROM account WHERE %(keys)s::text[] IS NULL OR key = ANY(%(keys)s)"
_FIND = """
SELECT a.id, a.key, a.currency FROM unnest(%s::text[], %s::text[]) AS w (key, currency)
JOIN account a ON a.key = w.key AND a.currency = w.currency
"""


class AccountIds:
    """Ids by account name and names by id.

    Args:
        connection: autocommitting psycopg connection that no transaction of the poster uses.
        keys: those that are known from the start; None = all. Others are learnt when a position names them.
    """

    def __init__(self, connection: Any, keys: Sequence[str] | None = None) -> None:
        self._connection = connection
        self._ids: dict[str, dict[str, int]] = {}
        self._names: dict[int, AccountName] = {}
        self.of_parties: set[int] = set()
        """Ids of the payable, held and clawback accounts among the known ones."""
        self._learn(connection.execute(_KNOWN, {"keys": None if keys is None else list(keys)}).fetchall())

    @property
    def names(self) -> Mapping[int, AccountName]:
        """Key and currency by id, of what is known."""
        return self._names

    def ensure(self, wanted: Iterable[AccountName]) -> None:
        """Make sure that these accounts exist, each with its balance row, and are known."""
        missing = sorted({(key, currency) for key, currency in wanted if key not in self.of(currency)})
        if not missing:
            return
        parameters = literal(key for key, _ in missing), literal(currency for _, currency in missing)
        self._connection.execute(_CREATE, parameters)
        self._learn(self._connection.execute(_FIND, parameters).fetchall())

    def of(self, currency: str) -> Mapping[str, int]:
        """Ids by key of a currency's accounts that `ensure` has seen."""
        return self._ids.get(currency, _NONE)

    def id(self, key: str, currency: str) -> int:
        """The id of an account that `ensure` has seen."""
        return self._ids[currency][key]

    def position(self, ids: Collection[int], amounts: Collection[int]) -> Position:
        """A stored position by account key."""
        names = self._names
        try:
            return {names[i][0]: amount for i, amount in zip(ids, amounts, strict=True)}
        except KeyError:
            self._load(ids)
            return {names[i][0]: amount for i, amount in zip(ids, amounts, strict=True)}

    def _load(self, ids: Collection[int]) -> None:
        """Learn accounts that another poster created."""
        found = self._connection.execute("SELECT id, key, currency FROM account WHERE id = ANY(%s)", (list(ids),))
        self._learn(found.fetchall())
        if unknown := [account_id for account_id in ids if account_id not in self._names]:
            raise InvariantBroken(f"lines are booked on accounts that do not exist: {unknown}")

    def _learn(self, rows: Iterable[tuple[int, str, str]]) -> None:
        for account_id, key, currency in rows:
            self._ids.setdefault(currency, {})[key] = account_id
            self._names[account_id] = key, currency
            if is_of_a_party(key):
                self.of_parties.add(account_id)
