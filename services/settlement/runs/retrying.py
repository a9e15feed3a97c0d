"""Transactions of a run that are tried again: a poster's batch may be in the way, a connection may break."""

from collections.abc import Callable
from typing import TypeVar

import stamina
import structlog

from services.settlement.books.failures import retry_cause

RETRY_SECONDS = 90.0
Done = TypeVar("Done")
log = structlog.get_logger(__name__)


def retried(attempt: Callable[[], Done]) -> Done:
    """Try a transaction until it passes or cannot; a connection that broke is made anew.

    Whether a commit whose answer was lost took place shows at the next try: the run's progress has moved then.
    """
    for tried in stamina.retry_context(
        on=lambda error: retry_cause(error) is not None,
        attempts=None,
        timeout=RETRY_SECONDS,
        wait_initial=0.05,
        wait_max=3.0,
        wait_jitter=0.2,
    ):
        with tried:
            try:
                return attempt()
            except Exception as error:
                if cause := retry_cause(error):
                    log.warning("transaction rolled back", cause=cause, error=str(error).partition("\n")[0])
                raise
    raise AssertionError("a retry context ends with a value or an error")
