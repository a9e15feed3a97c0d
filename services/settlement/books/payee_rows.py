"""Rows of the table `payee`: only a login in koc_payer may see or add any. No error says a value."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError

from services.kernel.errors import InputRefused
from services.runtime.database import engine, refusals_as_sentences
from services.settlement.books.migrations import check_revision
from services.settlement.books.payout_tables import payee
from services.settlement.domain.remittance.payee_accounts import PayeeAccount

_COLUMNS = (payee.c.ref, payee.c.rail, payee.c.name, payee.c.account, payee.c.bank)
_AT_ONCE = 5_000


@contextmanager
def payer_engine() -> Iterator[Engine]:
    """The engine of a login in koc_payer, for as long as the block lasts.

    Raises:
        StartRefused: no address is set, the schema is another one, or the login may not see payees.
    """
    payer = engine("payer")
    try:
        with refusals_as_sentences():
            with payer.connect() as connection:
                check_revision(connection)
            yield payer
    finally:
        payer.dispose()


def find_payees(connection: Connection, refs: Collection[str]) -> dict[str, PayeeAccount]:
    """Payees by ref, of those refs that are known."""
    found: dict[str, PayeeAccount] = {}
    ordered = sorted(refs)
    for first in range(0, len(ordered), _AT_ONCE):
        wanted = select(*_COLUMNS).where(payee.c.ref.in_(ordered[first : first + _AT_ONCE]))
        found |= {row.ref: PayeeAccount(*row) for row in connection.execute(wanted)}
    return found


def list_payees(connection: Connection) -> list[tuple[str, str]]:
    """Ref and rail of every payee, and no more."""
    return [(row.ref, row.rail) for row in connection.execute(select(payee.c.ref, payee.c.rail).order_by(payee.c.ref))]


def add_payees(connection: Connection, payees: Sequence[PayeeAccount]) -> None:
    """Add rows; a ref that somebody else has added meanwhile keeps its row.

    Raises:
        InputRefused: the database takes one of them not.
    """
    try:
        for first in range(0, len(payees), _AT_ONCE):
            rows = [one._asdict() for one in payees[first : first + _AT_ONCE]]
            connection.execute(insert(payee).on_conflict_do_nothing(), rows)
    except (IntegrityError, DataError):
        raise InputRefused("the database does not take a row: nothing was imported") from None
