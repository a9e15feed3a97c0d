"""RUN, the session lock of everybody who moves money by decision: runs and commands, one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from services.kernel.errors import StartRefused
from services.kernel.sentences import Sentence

RUN = 4_715_012
"""Key of the session advisory lock."""

_SAY_WHO = text("""
SELECT set_config('application_name', left(split_part(current_setting('application_name'), ': ', 1), 16) || ': '
  || left(:what, 20) || ' since ' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), false)
""")
"""A login may see another one's application_name in pg_stat_activity, and no time of its session."""

_SAY_NOTHING = text(
    "SELECT set_config('application_name', split_part(current_setting('application_name'), ': ', 1), false)"
)
_TRY = text("SELECT pg_try_advisory_lock(:key)")
_UNLOCK = text("SELECT pg_advisory_unlock(:key)")
_HOLDER = text("""
SELECT activity.application_name, activity.usename FROM pg_locks JOIN pg_stat_activity activity USING (pid)
WHERE pg_locks.locktype = 'advisory' AND pg_locks.classid = 0 AND pg_locks.objid = :key AND pg_locks.objsubid = 1
  AND pg_locks.granted AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


@contextmanager
def run_lock(connection: Connection, what: str) -> Iterator[None]:
    """Hold RUN for as long as the block lasts, or until the connection ends.

    Whoever writes on the same connection cannot go on without the lock.

    Args:
        connection: in no transaction.
        what: is being done, for whoever finds the lock taken; at most 20 characters are told.

    Raises:
        StartRefused: somebody else holds it; says who, since when and for what.
    """
    _take(connection, what)
    try:
        yield
    finally:
        with suppress(DBAPIError):  # a connection that broke holds nothing any more
            _execute(connection, _UNLOCK)
            _execute(connection, _SAY_NOTHING)


def _take(connection: Connection, what: str) -> None:
    """Take the lock, with a name that tells others who holds it."""
    _execute(connection, _SAY_WHO, what=what)
    while not _execute(connection, _TRY):
        holder = _execute(connection, _HOLDER, is_row=True)
        if holder is not None:  # else it has just been given back
            _execute(connection, _SAY_NOTHING)
            raise StartRefused(
                Sentence(
                    "{who} is at work ({what}): wait for it to end", who=holder.usename, what=holder.application_name
                )
            )


def _execute(connection: Connection, statement: Any, *, is_row: bool = False, what: str | None = None) -> Any:
    """What a statement gives, in a transaction of its own."""
    values = {} if what is None else {"what": what}
    with connection.begin():
        found = connection.execute(statement, {"key": RUN} | values)
        return found.first() if is_row else found.scalar()
