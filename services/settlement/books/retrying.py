"""Transactions that are tried again: another one may be in the way, a connection may break."""

from collections.abc import Callable
from typing import TypeVar

import stamina
import structlog

from services.settlement.books.failures import retry_cause

RETRY_SECONDS = 90.0
"""How long a transaction is tried again before its process gives up: well below Kafka's max.poll.interval (300 s)."""

Done = TypeVar("Done")
log = structlog.get_logger(__name__)

stamina.instrumentation.set_on_retry_hooks(())  # it would log and count each retry once more, by names of its own


def retried(attempt: Callable[[], Done], rolled_back: Callable[[str], None] = lambda _: None) -> Done:
    """Try a transaction until it passes or cannot; a connection that broke is made anew.

    Whether a commit whose answer was lost took place shows at the next try: positions or progress have moved then.

    Args:
        attempt: the transaction.
        rolled_back: told after each failure what it counts as.
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
                    rolled_back(cause)
                raise
    raise AssertionError("a retry context ends with a value or an error")
