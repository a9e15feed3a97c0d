"""Price settled lines by the registry of now: their terms become newer, and what runs granted to credits is cleared."""

from services.kernel.errors import InputRefused, InvariantBroken, StartRefused
from services.kernel.identifiers import line_key
from services.settlement.books.command_transaction import command_transaction
from services.settlement.books.ports import LineChange
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import check_identifier, make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, entry_ids, execute
from services.settlement.commands.lines import read_key
from services.settlement.domain.book.commands import CommandKind
from services.settlement.domain.lines.line import Line
from services.settlement.domain.lines.rerating import book_rerate, is_in_scope
from services.settlement.domain.lines.terms import Terms
from services.settlement.domain.pricing.reference import Reference


def rerate(book: BookConnections, scope: str, reason: str, command_id: str | None, *, is_trial: bool) -> CommandOutcome:
    """Give the settled lines of a scope newer terms, and book the difference. What runs have settled of them stays.

    Lines that no run has settled follow the registry by themselves: they are left out, and counted.

    Args:
        book: of a login in koc_operator.
        scope: ORDER/LINE/BUYER, or the id of an order for all its lines.
        reason: for a person.
        command_id: None = one is made.
        is_trial: say what it would do, and change nothing.

    Raises:
        InputRefused: the scope is none, none of its lines is settled, or one of them is frozen.
        StartRefused: somebody else holds RUN, or a run is not applied to its end.
    """
    order_id = read_key(scope)[0] if "/" in scope else check_identifier("order", scope)
    with command_transaction(book) as transaction:
        partitions = {line.partition for line in transaction.lines_of(order_id) if is_in_scope(scope, line.key)}

    def rule(scene: CommandScene) -> CommandEffect:
        found = [line for line in scene.transaction.lines_of(order_id) if is_in_scope(scope, line.key)]
        settled = [line for line in found if line.terms is not None]
        _check(scene, scope, found, settled)
        changes = _changes(scene, settled, is_trial=is_trial)
        entries = [entry for change in changes for entry in change.entries]
        result = {"entries": entry_ids(entries), "rerated": len(settled), "left_out": len(found) - len(settled)}
        return CommandEffect(result, changes, rerated=settled)

    draft = make_draft(CommandKind.LINES_RERATED, reason, {"scope": scope}, command_id)
    return execute(book, draft, rule, partitions=partitions, is_trial=is_trial)


def _check(scene: CommandScene, scope: str, found: list[Line], settled: list[Line]) -> None:
    """Refuse what would have no effect, or would meet a run halfway."""
    if not found:
        raise InputRefused(f"the books know no line of {scope}: SCOPE is ORDER/LINE/BUYER or an order's id")
    if not settled:
        raise InputRefused(f"no run has settled any line of {scope}: such lines follow the registry by themselves")
    if frozen := next((line for line in settled if line.quarantined is not None), None):
        raise InputRefused(f"{line_key(*frozen.key)} is frozen: let it go first, with `koc settlement release`")
    if run := scene.transaction.unfinished_run():
        raise StartRefused(f"run {run} is not applied to its end: `koc settlement run` finishes it first")
    if not {line.partition for line in settled} <= scene.builder.writers.keys():
        raise StartRefused(f"lines of {scope} have just been settled: nothing was done, so try again")


def _changes(scene: CommandScene, settled: list[Line], *, is_trial: bool) -> list[LineChange]:
    """The lines under terms of the registry at the command's point and of its moment."""
    transaction, reference = scene.transaction, Reference()
    now = transaction.moment(reference).now
    registry_offset = scene.point["registry"]
    # terms are stored outside the transaction, so a trial makes some that are not stored
    terms = Terms(0, registry_offset, now) if is_trial else transaction.terms.ensure(registry_offset, now)
    changes = []
    for line in settled:
        assertion = transaction.read_assertion(line.key)
        if assertion is None:
            raise InvariantBroken(f"{line_key(*line.key)} is settled and has no assertion")
        rows = book_rerate(line, assertion, reference, terms, f"command {scene.draft.id}")
        changes.append(scene.change(line, rows))
    return changes
