"""What commands and readers look up of payouts: batches, their rows, and the legs that a payout covers."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from services.kernel.errors import InputRefused
from services.kernel.sentences import Sentence
from services.kernel.time import to_micros
from services.settlement.books.net_snapshot import WRITER_N
from services.settlement.books.payout_ports import StoredBatch, StoredPayout
from services.settlement.books.payout_rows import BATCHES, NETS, PAYOUTS, read_batch, read_net, read_payout
from services.settlement.books.posting_transaction import psycopg_of
from services.settlement.domain.book import chart
from services.settlement.domain.book.entries import KIND_BY_CODE
from services.settlement.domain.paying.batch_hash import BatchNet
from services.settlement.domain.paying.entry_sets import NOT_COVERED

_COVERED = f"""
WITH one AS (
  SELECT p.party, p.currency, batch.cut FROM payout p JOIN payout_batch batch ON batch.id = p.batch WHERE p.id = %s
), before AS (
  SELECT batch.cut FROM payout p JOIN payout_batch batch ON batch.id = p.batch JOIN one USING (party, currency)
  WHERE p.status <> 'cancelled' AND batch.cut[{WRITER_N + 1}] < one.cut[{WRITER_N + 1}]
  ORDER BY batch.cut[{WRITER_N + 1}] DESC LIMIT 1
)
SELECT leg.writer, leg.seq, leg.kind, leg.amount_minor, leg.effective_at, leg.order_id, leg.line_id
FROM one LEFT JOIN before ON true
JOIN account ON account.key = %s AND account.currency = one.currency
JOIN party_leg leg ON leg.account_id = account.id
WHERE leg.seq > coalesce(before.cut[leg.writer + 1], 0) AND leg.seq <= one.cut[leg.writer + 1] AND leg.kind <> ALL(%s)
  AND (leg.writer, leg.seq) > (%s, %s)
ORDER BY leg.writer, leg.seq LIMIT %s
"""  # noqa: S608 - numbers of ours
_LATER = f"""
SELECT later.id, later.batch FROM payout one JOIN payout_batch own ON own.id = one.batch
JOIN payout later ON later.party = one.party AND later.currency = one.currency AND later.status <> 'cancelled'
JOIN payout_batch batch ON batch.id = later.batch AND batch.cut[{WRITER_N + 1}] > own.cut[{WRITER_N + 1}]
WHERE one.id = ANY(%s) ORDER BY later.id LIMIT 1
"""  # noqa: S608 - numbers of ours
_STATES = """
SELECT batch, status, currency, count(*), sum(amount_minor)::bigint FROM payout GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


class CoveredLeg(NamedTuple):
    """A leg that a payout covers: a credit is negative. `effective_at` is microseconds."""

    entry_id: str
    kind: str
    amount_minor: int
    effective_at: int
    order_id: str | None
    line_id: str | None


class PayoutsInState(NamedTuple):
    """How many payouts of a batch are in a state, and their sum in minor units."""

    status: str
    currency: str
    payouts: int
    amount_minor: int


def find_batch(connection: Connection, batch_id: str) -> StoredBatch | None:
    """The batch of this id."""
    found = _all(connection, f"{BATCHES} WHERE id = %s", (batch_id,))
    return read_batch(found[0]) if found else None


def list_batches(connection: Connection) -> list[tuple[StoredBatch, list[PayoutsInState]]]:
    """All batches in the order in which they were proposed, each with the states of its payouts."""
    states: dict[str, list[PayoutsInState]] = {}
    for batch, *state in _all(connection, _STATES):
        states.setdefault(batch, []).append(PayoutsInState(*state))
    batches = map(read_batch, _all(connection, f"{BATCHES} ORDER BY proposed_at, id"))
    return [(batch, states.get(batch.id, [])) for batch in batches]


def nets_of(connection: Connection, batch_id: str) -> list[BatchNet]:
    """What a batch nets, by party and currency."""
    return [read_net(row) for row in _all(connection, NETS, (batch_id,))]


def payouts_of(connection: Connection, batch_id: str) -> list[StoredPayout]:
    """The payouts of a batch, by party and currency."""
    rows = _all(connection, f"{PAYOUTS} WHERE batch = %s ORDER BY party, currency", (batch_id,))
    return [read_payout(row) for row in rows]


def find_payout(connection: Connection, payout_id: str) -> StoredPayout | None:
    """The payout of this id."""
    found = _all(connection, f"{PAYOUTS} WHERE id = %s", (payout_id,))
    return read_payout(found[0]) if found else None


def known_batch(connection: Connection, batch_id: str) -> StoredBatch:
    """The batch of this id.

    Raises:
        InputRefused: there is none.
    """
    batch = find_batch(connection, batch_id)
    if batch is None:
        raise InputRefused(
            Sentence("no batch of payouts is called {batch}: `koc payout list` lists them", batch=batch_id)
        )
    return batch


def known_payout(connection: Connection, payout_id: str) -> StoredPayout:
    """The payout of this id.

    Raises:
        InputRefused: there is none.
    """
    payout = find_payout(connection, payout_id)
    if payout is None:
        raise InputRefused(
            Sentence("no payout is called {payout}: `koc payout show BATCH` lists those of a batch", payout=payout_id)
        )
    return payout


def covered_legs(
    connection: Connection, payout: StoredPayout, after: tuple[int, int] = (-1, -1), limit: int | None = None
) -> Iterator[CoveredLeg]:
    """The legs that a payout covers, in the order of its proof; of one that was cancelled, those that it would.

    Args:
        connection: of the reader role.
        payout: whose.
        after: writer and number of the entry behind which to begin.
        limit: how many at most; None = all.
    """
    wanted = (payout.id, chart.payable(payout.plan.party), [kind.code for kind in NOT_COVERED], *after, limit)
    for writer, seq, kind, amount, effective_at, order_id, line_id in _all(connection, _COVERED, wanted):
        name = KIND_BY_CODE[kind].text
        yield CoveredLeg(f"{writer}-{seq}", name, amount, to_micros(effective_at), order_id, line_id)


def later_payout(connection: Connection, payout_ids: Sequence[str]) -> tuple[str, str] | None:
    """A later payout of the same party and currency as one of these, and its batch; one that was cancelled is none."""
    found = _all(connection, _LATER, (list(payout_ids),))
    return (found[0][0], found[0][1]) if found else None


def is_exported(connection: Connection, batch_id: str) -> bool:
    """Whether a payment file of a batch was made."""
    return bool(_all(connection, "SELECT FROM payout_file WHERE batch = %s LIMIT 1", (batch_id,)))


def _all(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> list[Sequence[Any]]:
    found: list[Sequence[Any]] = psycopg_of(connection).execute(statement, parameters).fetchall()
    return found
