"""Issue the statements of a close: all parties in one pass, sealed by one root, numbered without a gap.

Statements are a function of the close. A process that ended in the middle left the first so many of them; the next one
makes all anew, finds those to be the same, and goes on behind them.
"""

import tempfile
from collections.abc import Callable, Iterator
from itertools import groupby, islice
from typing import IO, NamedTuple

from services.kernel.errors import InvariantBroken
from services.settlement.books.statement_facts import ClosedPeriod
from services.settlement.books.statement_store import IssuedName, MadeStatement, StatementBooks
from services.settlement.domain.statements.facts import StatementScope
from services.settlement.domain.statements.merkle import MerkleTree
from services.settlement.domain.statements.statement import build_statement, digest_of

CHUNK = 500
"""Statements a transaction: their numbers are given under writer N, which runs' ends and commands wait for."""

_SAY_EVERY = 1_000

StatementProgress = Callable[[str], None]
"""Told in words what is done, a line at a time."""


class IssuedPeriod(NamedTuple):
    """How many statements a close has, and the root over them."""

    statements: int
    root: bytes


def issue_statements(
    store: StatementBooks, period: str, revision: int, progress: StatementProgress, chunk: int = CHUNK
) -> IssuedPeriod:
    """Issue all statements of a close; those that are issued stay as they are.

    Args:
        store: of a login in koc_operator.
        period: YYYY-MM.
        revision: of the close.
        progress: told how far it is.
        chunk: statements a transaction.

    Raises:
        InputRefused: the period has no such close.
        InvariantBroken: what is stored is not what the close leads to; a person must look.
    """
    close = store.find_close(period, revision)
    if close.root is not None:
        return IssuedPeriod(len(store.issued(close)), close.root)
    with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n") as bodies:
        # every body once, to a file: the tree needs the hashes of all before it can prove one
        names = _make(store, close, bodies, progress)
        tree = MerkleTree([digest for *_, digest in names])
        # what an earlier process left is the beginning of the same
        there = store.issued(close)
        if there != names[: len(there)]:
            raise InvariantBroken(
                f"the statements of {period} revision {revision} are not those that its close leads to"
            )
        # the rest, in their order
        bodies.seek(0)
        made = _made(names, bodies, tree)
        for _ in range(len(there)):
            next(made)
        done = len(there)
        while some := list(islice(made, chunk)):
            store.add(close, done, some)
            done += len(some)
            progress(f"{done:,} of {len(names):,} statements issued")
    store.complete(close, tree.root)
    return IssuedPeriod(len(names), tree.root)


def _make(store: StatementBooks, close: ClosedPeriod, bodies: IO[str], progress: StatementProgress) -> list[IssuedName]:
    """Write every body, a line each, by party and currency; returns whose they are and their hashes."""
    names: list[IssuedName] = []
    with store.facts(close) as facts:
        for (party, currency), mine in groupby(facts, lambda fact: fact[:2]):
            scope = StatementScope(
                party, currency, close.period, close.revision, close.zone_minutes, close.closed_at, close.seal
            )
            body = build_statement(scope, (fact for *_, fact in mine))
            names.append((party, currency, digest_of(body)))
            bodies.write(f"{body}\n")
            if len(names) % _SAY_EVERY == 0:
                progress(f"{len(names):,} statements made")
    return names


def _made(names: list[IssuedName], bodies: IO[str], tree: MerkleTree) -> Iterator[MadeStatement]:
    """The statements as they were written, each with its path."""
    for index, ((party, currency, digest), line) in enumerate(zip(names, bodies, strict=True)):
        yield MadeStatement(party, currency, digest, line.removesuffix("\n"), tree.path(index))
