"""Money that passes our bank: a brand has paid us, or we have bought traffic on a platform."""

from schemas.fields import WORD_PATTERN
from services.settlement.books.ports import LineChange
from services.settlement.books.posting_transaction import BookConnections
from services.settlement.commands.drafts import Money, check_identifier, make_draft
from services.settlement.commands.execute import CommandEffect, CommandOutcome, CommandScene, entry_ids, execute
from services.settlement.domain.book import chart
from services.settlement.domain.book.commands import CommandKind


def record_brand_payment(
    book: BookConnections, brand_id: str, money: Money, reason: str, command_id: str | None, *, is_trial: bool
) -> CommandOutcome:
    """A brand has paid to our bank; what is over its bills is prepaid."""
    body = {"brand_id": check_identifier("brand", brand_id), "amount_minor": money.minor, "currency": money.currency}
    draft = make_draft(CommandKind.BRAND_PAID, reason, body, command_id)
    other = chart.brand_receivable(brand_id)

    def rule(scene: CommandScene) -> CommandEffect:
        owed = scene.transaction.lock_balances([other], money.currency)[other] - money.minor
        posted = scene.post_own()
        return CommandEffect({"entries": entry_ids(posted), "receivable_minor": owed}, [LineChange(posted)])

    return execute(book, draft, rule, is_trial=is_trial)


def record_traffic_bought(
    book: BookConnections, platform: str, money: Money, reason: str, command_id: str | None, *, is_trial: bool
) -> CommandOutcome:
    """Our bank has paid for traffic on a platform, to be used by contents."""
    body = {
        "platform": check_identifier("platform", platform, WORD_PATTERN),
        "amount_minor": money.minor,
        "currency": money.currency,
    }
    draft = make_draft(CommandKind.TRAFFIC_BOUGHT, reason, body, command_id)
    prepaid = chart.traffic_prepaid(platform)

    def rule(scene: CommandScene) -> CommandEffect:
        stock = scene.transaction.lock_balances([prepaid], money.currency)[prepaid] + money.minor
        posted = scene.post_own()
        return CommandEffect({"entries": entry_ids(posted), "prepaid_minor": stock}, [LineChange(posted)])

    return execute(book, draft, rule, is_trial=is_trial)
