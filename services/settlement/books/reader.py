"""The books for commands that only read them: the reader role's engine, after a look at the schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from services.runtime.database import engine, refusals_as_sentences
from services.settlement.books.migrations import check_revision


@contextmanager
def books_reader(**connect_options: Any) -> Iterator[Engine]:
    """The reader role's engine, for as long as the block lasts.

    Args:
        connect_options: as of `runtime.database.engine`.

    Raises:
        StartRefused: the database has another schema, or refuses the role a statement; with the way out.
    """
    reader = engine("reader", **connect_options)
    try:
        with refusals_as_sentences():
            with reader.connect() as connection:
                check_revision(connection)
            yield reader
    finally:
        reader.dispose()
