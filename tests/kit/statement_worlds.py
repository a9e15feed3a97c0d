"""Random worlds of settling told to books in PostgreSQL, whose months are closed on the way."""

from services.kernel.time import DAY
from services.settlement.books.command_transaction import operator_books
from services.settlement.commands.clawbacks import write_off
from services.settlement.commands.drafts import Money
from services.settlement.commands.payments import record_brand_payment
from tests.kit import runs
from tests.kit.books import Books
from tests.kit.scripted_books import ScriptedBooks
from tests.kit.settling_rules import ZERO
from tests.reference import settling_script as script


class ManyRunsBooks(ScriptedBooks):
    """Books in which a script happens that runs twice on a day, and in which the same command comes twice."""

    def __init__(self, books: Books) -> None:
        super().__init__(books)
        self._decisions = 0

    def _name(self) -> str:
        self._decisions += 1
        return f"decision-{self._decisions}"

    def _on_Spent(self, event: script.Spent) -> None:  # noqa: N802
        """A script may name one content for several KOCs: each spend has a content of its own here."""
        content_id = f"content_of_{event.spend_id}"
        self.register("content.registered", content_id=content_id, koc_id=event.koc_id, platform="douyin")
        self.register(
            "spend.reported", spend_id=event.spend_id, content_id=content_id, amount_minor=event.amount_minor,
            currency=event.currency, paid_by="koc",
        )  # fmt: skip

    def _on_WrittenOff(self, event: script.WrittenOff) -> None:  # noqa: N802
        money = Money(event.amount_minor, event.currency)
        with operator_books() as book:
            write_off(book, event.party, money, "a test", self._name(), is_trial=False)

    def _on_BrandPaid(self, event: script.BrandPaid) -> None:  # noqa: N802
        money = Money(event.amount_minor, event.currency)
        with operator_books() as book:
            record_brand_payment(book, event.brand_id, money, "a test", self._name(), is_trial=False)

    def _on_RunPlanned(self, event: script.RunPlanned) -> None:  # noqa: N802
        runs.plan(self.books, ZERO + event.day * DAY, self._name())
