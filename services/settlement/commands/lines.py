"""Freeze an order line at what is booked, also one that is still to come, and let it go again."""

import re
from collections.abc import Sequence

from schemas.fields import IDENTIFIER_PATTERN
from schemas.partitioning import partition_of
from schemas.topics import CREDITS
from services.kernel.errors import InputRefused, StartRefused
from services.kernel.identifiers import line_key
from services.settlement.books.command_transaction import command_transaction
from services.settlement.books.ports import LineChange
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, entry_ids, execute
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.lines.booking import book_demotion, book_reprice
from services.settlement.domain.lines.line import Key, Line, owner
from services.settlement.domain.pricing.reference import Reference

NO_CURRENCY = "XXX"
"""ISO 4217's code for no currency: of a line that is frozen before its first assertion."""


def quarantine(book: BookConnections, name: str, reason: str, command_id: str | None) -> CommandOutcome:
    """Freeze a line: its assertions are still folded and kept, but nothing of it is booked any more.

    A line that the books do not know yet will be frozen, at nothing, when it comes; the result says so (`is_known`).

    Args:
        book: of a login in koc_operator.
        name: ORDER/LINE/BUYER.
        reason: for a person; it is stored with the line too.
        command_id: None = one is made.

    Raises:
        InputRefused: the name is not one of a line.
    """
    key = read_key(name)
    partition = partition_of(key[2].encode(), CREDITS.partitions)

    def rule(scene: CommandScene) -> CommandEffect:
        claimants = scene.transaction.read_lines([key[:2]])
        known = next((line for line in claimants if line.key == key), None)
        line = known or Line(key, partition, 0, NO_CURRENCY, "", standing=not any(one.standing for one in claimants))
        line.quarantined = reason
        return CommandEffect({"is_known": known is not None}, [LineChange((), line)])

    draft = make_draft(CommandKind.LINE_QUARANTINED, reason, {"line": name}, command_id)
    return execute(book, draft, rule, partitions=[partition])


def release(book: BookConnections, name: str, reason: str, command_id: str | None) -> CommandOutcome:
    """Let a frozen line go: it is booked at what it is worth by the assertion that it accepted last.

    A frozen line keeps its place, whoever else claims the order line. So its owner is decided again.

    Args:
        book: of a login in koc_operator.
        name: ORDER/LINE/BUYER.
        reason: for a person.
        command_id: None = one is made.

    Raises:
        InputRefused: the name is not one of a line, or the line is not frozen.
    """
    key = read_key(name)
    partitions = _partitions_of(book, key)
    draft = make_draft(CommandKind.LINE_RELEASED, reason, {"line": name}, command_id)
    return execute(book, draft, lambda scene: _release(scene, key), partitions=partitions)


def read_key(name: str) -> Key:
    """The key of a line by its name.

    Raises:
        InputRefused: it is not one of a line.
    """
    parts = name.split("/")
    if len(parts) != 3 or not all(re.match(IDENTIFIER_PATTERN, part) for part in parts):
        raise InputRefused(f"{name!r} names no line: LINE is ORDER/LINE/BUYER, as in `koc explain` and idem_key")
    return parts[0], parts[1], parts[2]


def _partitions_of(book: BookConnections, key: Key) -> set[int]:
    """The partitions of all who claim the order line by now."""
    with command_transaction(book) as transaction:
        return transaction.partitions_of(*key[:2])


def _release(scene: CommandScene, key: Key) -> CommandEffect:
    """Let it go, decide who owns the order line, and book whoever loses it, then whoever has it now."""
    transaction = scene.transaction
    claimants = transaction.read_lines([key[:2]])
    released = _frozen(claimants, key)
    if not {line.partition for line in claimants} <= scene.builder.writers.keys():
        raise StartRefused(f"another buyer has just claimed {key[0]}/{key[1]}: nothing was done, so try again")
    reference = Reference()
    transaction.moment(reference)
    # the line takes the time of payment of the assertion that it stands on, so that a repeat does not freeze it again
    assertion = transaction.read_assertion(key)
    if assertion is None:
        raise InputRefused(f"{line_key(*key)} has not come yet: it stays frozen until it does")
    released.quarantined, released.paid_at = None, assertion.paid_at
    # whoever stands and should not gives all back
    winner = owner(claimants)
    losers = [line for line in claimants if line.standing and line is not winner]
    changes = [_demote(scene, line, reference) for line in losers]
    # the line that stands now, and the released one, are booked at what they are worth
    promoted = None if winner.standing else winner
    winner.standing = True
    gainers = {line.key: line for line in (released, promoted) if line is not None and line not in losers}
    changes += [_book(scene, line, reference) for line in gainers.values()]
    entries = [entry for change in changes for entry in change.entries]
    result = {"entries": entry_ids(entries), "owner": winner.key[2]}
    return CommandEffect(result, changes, losers, promoted)


def _frozen(claimants: Sequence[Line], key: Key) -> Line:
    """The line of this key.

    Raises:
        InputRefused: it is not frozen.
    """
    found = next((line for line in claimants if line.key == key), None)
    if found is None or found.quarantined is None:
        raise InputRefused(f"{line_key(*key)} is not frozen: `koc ledger lines --quarantined` lists the lines that are")
    return found


def _demote(scene: CommandScene, line: Line, reference: Reference) -> LineChange:
    """Take all back from a line that stood only because it was frozen."""
    cause = f"the order line belongs to another buyer, by command {scene.draft.id}"
    return scene.change(line, book_demotion(line, reference, scene.time.now, cause))


def _book(scene: CommandScene, line: Line, reference: Reference) -> LineChange:
    """Bring a line to what its accepted assertion is worth."""
    assertion = scene.transaction.read_assertion(line.key)
    if assertion is None:
        return LineChange((), line)
    rows = book_reprice(line, assertion, reference, f"command {scene.draft.id}", scene.time.now)
    return scene.change(line, rows)
