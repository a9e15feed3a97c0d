"""Statements to their topic: in order and without a gap, once their close is complete."""

from typing import Any

from schemas.topics import STATEMENTS
from services.kernel.errors import InvariantBroken
from services.runtime import metrics
from services.runtime.record_batch import RecordBatch
from services.settlement.domain.statements.merkle import root_by_path
from services.settlement.domain.statements.statement import NumberedStatement, digest_of
from services.settlement.relay.ledger_record import encode_statement
from services.settlement.relay.store import RelayStore

BATCH_STATEMENTS = 100
STATEMENT_BATCH_BYTES = 8_000_000
"""What the producer takes for one statement with all its lists; packed, it is far below the broker's limit."""

_FULL_BYTES = 900_000


async def publish_statements(store: RelayStore, producer: Any) -> int:
    """Send at most one batch, await its acknowledgement, store the position; how many statements.

    Args:
        store: of the relay.
        producer: whose batches take STATEMENT_BATCH_BYTES.

    Raises:
        InvariantBroken: the table has a gap, or a statement does not lead to its root; nothing was sent.
        KafkaError: the send failed.
        ElectionLost: another relay is at work.
    """
    published, issued = await store.statement_positions()
    metrics.relay().statement_lag.set(issued - published)
    if published == issued:
        return 0
    if published > issued:
        raise InvariantBroken(f"{published} statements are published, {issued} are issued", "statement_root")
    if not await store.has_statement(published + 1):
        raise InvariantBroken(f"statement {published + 1} is missing", "statement_root")
    # what follows without a gap, as long as closes are complete
    batch, last, size = RecordBatch(producer), published, 0
    for one in await store.statements(published, BATCH_STATEMENTS):
        record = encode_statement(one)
        size += len(record.value)
        if one.seq != last + 1 or (batch.count and size > _FULL_BYTES):
            break
        _check(one)
        if not batch.add(*record):
            break
        last = one.seq
    if last == published:
        return 0
    await (await batch.send(STATEMENTS.name, 0))
    await store.advance_statements(published, last)
    metrics.relay().statements.inc(last - published)
    return last - published


def _check(one: NumberedStatement) -> None:
    if digest_of(one.body) != one.sha256 or root_by_path(one.sha256, one.path) != one.root:
        raise InvariantBroken(
            f"statement {one.seq} does not lead to the root of {one.period} revision {one.revision}", "statement_root"
        )
