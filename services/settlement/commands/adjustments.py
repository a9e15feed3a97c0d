"""Entries that no rule makes: proposed by one person, approved and so posted by another."""

from collections.abc import Mapping, Sequence

from services.kernel.errors import InputRefused, StartRefused
from services.settlement.books.command_rows import find_approval, find_command
from services.settlement.books.ports import LineChange
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import Money, check_account, make_draft, read_signed_money
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, entry_ids, execute
from services.settlement.domain.book.chart import Nature, nature
from services.settlement.domain.book.commands import Command, CommandKind
from services.settlement.domain.book.positions import Position


def read_legs(texts: Sequence[str], currency: str) -> Position:
    """The legs of an entry as a person writes them: ACCOUNT=AMOUNT each, debit positive, credit negative.

    Raises:
        InputRefused: an account or an amount is none, or they do not add up to zero.
    """
    legs: dict[str, int] = {}
    for text in texts:
        account, _, amount = text.rpartition("=")
        money = read_signed_money(amount, currency)
        if check_account(account) in legs:
            raise InputRefused(f"{account} has two legs: give it one")
        legs[account] = money.minor
    if len(legs) < 2:
        raise InputRefused("an adjustment has at least two legs: ACCOUNT=AMOUNT ACCOUNT=-AMOUNT")
    if rest := sum(legs.values()):
        raise InputRefused(f"the legs add up to {Money(rest, currency)}: they must add up to zero")
    return legs


def propose(
    book: BookConnections, legs: Position, currency: str, reason: str, command_id: str | None, *, is_trial: bool
) -> CommandOutcome:
    """Record an entry that somebody else is to approve; nothing is booked yet."""

    def rule(scene: CommandScene) -> CommandEffect:
        _check_signs(scene, legs, currency)
        return CommandEffect({})

    draft = make_draft(CommandKind.ADJUSTMENT_PROPOSED, reason, {"currency": currency, "legs": legs}, command_id)
    return execute(book, draft, rule, is_trial=is_trial)


def approve(book: BookConnections, proposal_id: str, reason: str, command_id: str | None) -> CommandOutcome:
    """Post what another login has proposed.

    Raises:
        InputRefused: no proposal has this id, it is posted already, or an account would end on its wrong side.
        StartRefused: this login proposed it.
    """
    proposal = _find_proposal(book, proposal_id)
    legs, currency = _legs_of(proposal)

    def rule(scene: CommandScene) -> CommandEffect:
        connection = scene.transaction.connection
        if posted := find_approval(connection, proposal_id):
            raise InputRefused(f"{proposal_id} was posted by command {posted.seq}, approved by {posted.command.by}")
        if connection.exec_driver_sql("SELECT session_user").scalar_one() == proposal.by:
            raise StartRefused(f"{proposal.by} proposed {proposal_id}: somebody else must approve it")
        _check_signs(scene, legs, currency)
        entries = scene.post_own()
        return CommandEffect({"entries": entry_ids(entries)}, [LineChange(entries)])

    body = {"proposal": proposal_id, "currency": currency, "legs": legs}
    draft = make_draft(CommandKind.ADJUSTMENT_POSTED, reason, body, command_id)
    return execute(book, draft, rule)


def _find_proposal(book: BookConnections, proposal_id: str) -> Command:
    connection = book.connection()
    with connection.begin():
        found = find_command(connection, proposal_id)
    if found is None or found.command.kind != CommandKind.ADJUSTMENT_PROPOSED:
        raise InputRefused(f"{proposal_id} is no proposal: `koc commands list --kind adjustment.proposed` lists them")
    return found.command


def _legs_of(proposal: Command) -> tuple[Position, str]:
    """Legs and currency of a recorded proposal, checked again: JSON says nothing of their types."""
    legs, currency = proposal.body["legs"], proposal.body["currency"]
    if not isinstance(legs, Mapping) or not isinstance(currency, str):
        raise InputRefused(f"{proposal.id} is damaged: `koc ledger verify` says more")
    return {check_account(account): int(amount) for account, amount in legs.items()}, currency


def _check_signs(scene: CommandScene, legs: Position, currency: str) -> None:
    """No liability may end in debit: nobody has less than nothing to get."""
    for account, before in scene.transaction.lock_balances(sorted(legs), currency).items():
        after = before + legs[account]
        if nature(account) is Nature.LIABILITY and after > 0:
            raise InputRefused(f"{account} would be {Money(after, currency)} in debit: it holds what we owe")
