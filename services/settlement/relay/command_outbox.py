"""Commands to their topic: in order and without a gap, a batch at a time, as the relay publishes entries."""

from typing import Any

from schemas.topics import COMMANDS
from services.kernel.errors import InvariantBroken
from services.runtime import metrics
from services.runtime.record_batch import RecordBatch
from services.settlement.domain.book.commands import chain_command
from services.settlement.relay.ledger_record import encode_command
from services.settlement.relay.store import RelayStore

BATCH_COMMANDS = 100


async def publish_commands(store: RelayStore, producer: Any) -> int:
    """Send at most one batch, await its acknowledgement, store the position; how many commands.

    Raises:
        InvariantBroken: the table has a gap, or a row is not what its hash covers; nothing was sent.
        KafkaError: the send failed.
        ElectionLost: another relay is at work.
    """
    published, recorded = await store.command_positions()
    metrics.relay().command_lag.set(recorded - published)
    if published == recorded:
        return 0
    if published > recorded:
        raise InvariantBroken(f"{published} commands are published, {recorded} are recorded", "command_chain")
    batch, last = RecordBatch(producer), await store.command_head(published)
    for command in await store.commands(published, BATCH_COMMANDS):
        derived = chain_command(command.command, last)
        if derived != command and not (await store.severed_rows()).has_command(command, derived):
            raise InvariantBroken(f"command {command.seq} does not follow command {last.seq}", "command_chain")
        if not batch.add(*encode_command(command)):
            break
        last = command.link
    if last.seq == published:
        raise InvariantBroken(f"command {published + 1} is missing", "command_chain")
    await (await batch.send(COMMANDS.name, 0))
    await store.advance_commands(published, last.seq)
    metrics.relay().commands.inc(last.seq - published)
    return last.seq - published
