"""What a party owes back: given up, or repaid by it outside a payout."""

from services.kernel.errors import InputRefused
from services.settlement.books.ports import LineChange
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import Money, check_party, make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, entry_ids, execute
from services.settlement.domain.book import chart
from services.settlement.domain.book.commands import CommandKind


def write_off(
    book: BookConnections, party: str, money: Money, reason: str, command_id: str | None, *, is_trial: bool
) -> CommandOutcome:
    """Give up a part of what a party owes back; what comes of it later is written back first.

    Raises:
        InputRefused: it owes less.
    """

    def rule(scene: CommandScene) -> CommandEffect:
        owed, _ = _debt(scene, party, money.currency)
        if money.minor > owed.minor:
            raise InputRefused(f"{party} owes {owed}, so {money} cannot be written off")
        posted = scene.post_own()
        result = {"entries": entry_ids(posted), "owed_minor": owed.minor - money.minor}
        return CommandEffect(result, [LineChange(posted)])

    draft = make_draft(CommandKind.CLAWBACK_WRITTEN_OFF, reason, _body(party, money), command_id)
    return execute(book, draft, rule, is_trial=is_trial)


def repay(
    book: BookConnections, party: str, money: Money, reason: str, command_id: str | None, *, is_trial: bool
) -> CommandOutcome:
    """A party has paid to our bank what it owes back. What was written off of its debt it may pay too.

    Raises:
        InputRefused: it owes less, what was written off included.
    """

    def rule(scene: CommandScene) -> CommandEffect:
        owed, lost = _debt(scene, party, money.currency)
        if money.minor > owed.minor + lost.minor:
            raise InputRefused(f"{party} owes {owed}, and {lost} are written off, so it cannot have repaid {money}")
        posted = scene.post_own()
        result = {"entries": entry_ids(posted), "owed_minor": owed.minor - money.minor}
        return CommandEffect(result, [LineChange(posted)])

    draft = make_draft(CommandKind.CLAWBACK_REPAID, reason, _body(party, money), command_id)
    return execute(book, draft, rule, is_trial=is_trial)


def _body(party: str, money: Money) -> dict[str, object]:
    return {"party": check_party(party), "amount_minor": money.minor, "currency": money.currency}


def _debt(scene: CommandScene, party: str, currency: str) -> tuple[Money, Money]:
    """What a party owes back, and what of it was written off."""
    accounts = chart.clawback(party), chart.write_off(party)
    balances = scene.transaction.lock_balances(accounts, currency)
    owed, lost = (Money(balances[account], currency) for account in accounts)
    return owed, lost
