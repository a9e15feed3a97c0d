"""The books as pages read them: one pool of read-only connections of the role reader, each page in one snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from starlette.requests import Request

from services.console.state import console_of
from services.runtime.database import engine, refusals_as_sentences
from services.runtime.settings import settings
from services.settlement.books.migrations import check_revision
from services.settlement.books.positions import check_stored_zone

_SESSION = (
    "-c default_transaction_read_only=on -c statement_timeout=10s -c jit=off -c plan_cache_mode=force_custom_plan"
)
"""A page that takes longer than this helps nobody, and must not hold up the books."""


def open_reader() -> Engine:
    """The engine of all pages, after a look at the schema.

    Raises:
        StartRefused: no address is set, or the database has another schema, or months in another zone.
    """
    reader = engine("reader", options=_SESSION).execution_options(isolation_level="REPEATABLE READ")
    with refusals_as_sentences(), reader.connect() as connection:
        check_revision(connection)
        check_stored_zone(connection, settings().settlement_zone_minutes)
    return reader


@contextmanager
def reading(request: Request) -> Iterator[Connection]:
    """One snapshot of the books for a page.

    Raises:
        StartRefused: a table or a right is missing.
        readiness.DATABASE_AWAY: the database went away, or took too long.
    """
    with refusals_as_sentences(), console_of(request).reader.connect() as connection:
        yield connection
