"""Cut the link of one buyer to order lines: a surrogate takes the buyer's place, and no amount changes."""

import re
import secrets
from base64 import b32encode
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from schemas.fields import IDENTIFIER_PATTERN
from schemas.partitioning import partition_of
from schemas.topics import CREDITS
from services.kernel.errors import InputRefused, StartRefused
from services.settlement.books.command_rows import find_command
from services.settlement.books.command_transaction import command_transaction
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.books.severing_rows import BuyerRows, OrderLineKey
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, execute
from services.settlement.domain.book.commands import Command, CommandDraft, CommandKind
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.surrogates import SURROGATE_LETTERS, beginning_of, is_surrogate

MAX_LINES = 2_000
"""What a command says of so many lines is still a message that Kafka takes."""

SEVERING_SESSION = "-c jit=off -c lock_timeout=20s -c transaction_timeout=120s"


def sever(
    book: BookConnections, buyer_id: str, reason: str, command_id: str | None, *, is_trial: bool
) -> CommandOutcome:
    """Cut the link of a buyer to all order lines that the books have under this id.

    Args:
        book: of a login in koc_operator.
        buyer_id: stands in no record, and in no sentence of ours, afterwards.
        reason: for a person; it must not name the buyer.
        command_id: None = one is made.
        is_trial: say what it would do, and change nothing.

    Raises:
        InputRefused: the books have no line of this buyer, or too many; the id belongs to another command.
        StartRefused: somebody else holds RUN, or a run is not applied to its end.
    """
    if not re.match(IDENTIFIER_PATTERN, buyer_id) or is_surrogate(buyer_id):
        raise InputRefused("this is no buyer's id: BUYER is a buyer_id as backends publish it")
    draft = make_draft(CommandKind.BUYER_SEVERED, reason, {}, command_id)
    if buyer_id in reason or buyer_id == draft.id:
        raise InputRefused("the reason and the id of the command must not name the buyer: they are published")
    partition = partition_of(buyer_id.encode(), CREDITS.partitions)
    _refuse_used_id(book, draft, partition, buyer_id)

    def rule(scene: CommandScene) -> CommandEffect:
        return _sever(scene, partition, buyer_id, is_trial=is_trial)

    return execute(book, draft, rule, partitions=[partition], is_trial=is_trial)


def sever_again(book: BookConnections, draft: CommandDraft, recorded: Command) -> CommandOutcome:
    """Let a recorded command take effect in books that were made again from the topics, so the buyer is in them.

    Raises:
        InputRefused: the lines that it names are not those of one buyer.
    """
    result: Any = recorded.result
    with command_transaction(book) as transaction:
        found = {
            sorted(transaction.read_lines([(order_id, line_id)]), key=attrgetter("rank"))[place].key[2]
            for order_id, line_id, place in result["lines"]
        } - {result["surrogate"]}  # a line that a command names by it before it came
    if len(found) != 1:
        raise InputRefused(f"its lines are of {len(found)} buyers")
    (buyer_id,) = found
    partition = partition_of(buyer_id.encode(), CREDITS.partitions)

    def rule(scene: CommandScene) -> CommandEffect:
        return _sever(scene, partition, buyer_id, result["surrogate"], is_trial=False)

    return execute(book, draft, rule, partitions=[partition])


def _refuse_used_id(book: BookConnections, draft: CommandDraft, partition: int, buyer_id: str) -> None:
    """A command does not say whom it severed. So if lines are left, its id is taken for another buyer's.

    Raises:
        InputRefused: the id was used, and lines of this buyer are not severed.
    """
    with command_transaction(book) as transaction:
        earlier = find_command(transaction.connection, draft.id)
        if earlier and BuyerRows(transaction, partition, buyer_id).order_lines():
            raise InputRefused(
                f"the id {draft.id} belongs to command {earlier.seq}, and the books have lines of this buyer that are "
                "not severed: choose another id"
            )


def _sever(
    scene: CommandScene, partition: int, buyer_id: str, surrogate: str | None = None, *, is_trial: bool
) -> CommandEffect:
    """Find the lines, choose a surrogate, and put it in the buyer's place wherever the books have one."""
    rows = BuyerRows(scene.transaction, partition, buyer_id)
    if run := scene.transaction.unfinished_run():
        raise StartRefused(f"run {run} is not applied to its end: `koc settlement run` finishes it first")
    order_lines = rows.order_lines()
    if not order_lines:
        raise InputRefused("the books have no line of this buyer: nothing was done")
    if len(order_lines) > MAX_LINES:
        raise InputRefused(
            f"this buyer has {len(order_lines):,} order lines; at most {MAX_LINES:,} are severed at once"
        )
    # whose each order line is must not change, so the surrogate may have to be smaller or greater than other buyers
    claimants = scene.transaction.read_lines(order_lines)
    surrogate = surrogate or _surrogate(partition, buyer_id, claimants)
    places = [[*one, _place(one, buyer_id, claimants)] for one in order_lines]
    if is_trial:
        return CommandEffect({"lines": places, "surrogate": surrogate, "entries": {}, "commands": {}, "plan_lines": {}})
    marks = rows.sever(order_lines, surrogate)
    return CommandEffect({"lines": places, "surrogate": surrogate, **marks})


def _place(order_line: OrderLineKey, buyer_id: str, claimants: Sequence[Line]) -> int:
    """Which of an order line's claimants a buyer's line is, by rank, from 0."""
    ranked = sorted((line for line in claimants if line.key[:2] == order_line), key=attrgetter("rank"))
    return next(place for place, line in enumerate(ranked) if line.key[2] == buyer_id)


def _surrogate(partition: int, buyer_id: str, claimants: Sequence[Line]) -> str:
    """A name by chance, of the buyer's partition.

    Raises:
        InputRefused: no name would leave every order line with its owner.
    """
    beginning = beginning_of([line for line in claimants if line.key[2] == buyer_id], claimants)
    if beginning is None:
        raise InputRefused(
            "other buyers claim order lines of this buyer with the same time of payment, some before it by their id "
            "and some after it: no surrogate would leave every line with its owner, so nothing was done"
        )
    while True:
        letters = b32encode(secrets.token_bytes(20)).decode().lower()[:SURROGATE_LETTERS]
        name = f"{beginning}{letters}"
        if partition_of(name.encode(), CREDITS.partitions) == partition:
            return name
