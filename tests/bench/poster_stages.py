"""Where a poster's time goes: the process with a clock around its stages; `python -m tests.bench.poster_stages FILE`.

A stage is charged with its own time only, without the stages that it calls. `fetch` and `decode` run beside the others.
"""

import functools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.settlement.books.entry_builder import EntryBuilder
from services.settlement.books.posting_transaction import PostingTransaction
from services.settlement.posting import post_credits, process, transactions
from services.settlement.posting.fetching import Fetcher
from services.settlement.posting.read_credits import CreditReader

STAGES: tuple[tuple[str, Any, str], ...] = (
    ("fetch", Fetcher, "fetch"),
    ("decode", CreditReader, "add"),
    ("read", PostingTransaction, "read_lines"),
    ("fold", post_credits, "_fold"),
    ("price", post_credits, "book_assertion"),
    ("chain", EntryBuilder, "build"),
    ("copy", PostingTransaction, "write"),
    ("commit", transactions.Transactions, "_post_once"),
)
"""Name of a stage, and the function that it is: `copy` makes rows and sends them, `commit` is what is left."""

_current = threading.local()
_wall: defaultdict[str, float] = defaultdict(float)
_cpu: defaultdict[str, float] = defaultdict(float)


def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; its time goes to the stage, and is taken from the stage that called it."""

    @functools.wraps(function)
    def clocked(*args: Any, **kwargs: Any) -> Any:
        caller = getattr(_current, "stage", None)
        _current.stage = stage
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            _current.stage = caller
            for name, sign in ((stage, 1), (caller, -1)):
                if name is not None:
                    _wall[name] += sign * wall
                    _cpu[name] += sign * cpu

    return clocked


def main() -> None:
    """Run a poster until SIGTERM, then write seconds by stage."""
    for stage, owner, name in STAGES:
        setattr(owner, name, timed(stage, getattr(owner, name)))
    process.run()
    names = [stage for stage, _, _ in STAGES]
    figures = {name: {"wall_seconds": _wall[name], "cpu_seconds": _cpu[name]} for name in names}
    Path(sys.argv[1]).write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
