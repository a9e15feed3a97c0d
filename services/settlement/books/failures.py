"""Which database failures a transaction may be tried again after, by what they are counted as."""

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError

_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (errors.TransactionTimeout, "timeout"),  # an InternalError, not an OperationalError
    (errors.DeadlockDetected, "deadlock"),
    (errors.SerializationFailure, "serialization"),
    (errors.LockNotAvailable, "timeout"),
    (errors.QueryCanceled, "timeout"),
    (errors.UniqueViolation, "claimed_by_another"),
    (errors.ReadOnlySqlTransaction, "connection"),  # an InternalError: a primary that became a standby says it
    (psycopg.OperationalError, "connection"),
    (psycopg.InterfaceError, "connection"),
)


def retry_cause(error: BaseException) -> str | None:
    """What to count a retry as; None where trying again cannot help."""
    found = error.orig if isinstance(error, DBAPIError) else error
    for kind, cause in _CAUSES:
        if isinstance(found, kind):
            return cause
    return None
