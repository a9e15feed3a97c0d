"""What lines are worth as of a point of the registry: a settled line by its frozen terms, denials by the newest."""

from services.operations.audit.line_book import AuditedLine
from services.operations.audit.line_facts import LineFacts
from services.operations.audit.pricing import Amounts, LineWorth, worth_of_facts
from services.operations.audit.registry_log import RegistryLog
from services.operations.audit.registry_view import RegistryView


class Worths:
    """Prices lines.

    Args:
        registry: whole.
        offset: how far it is read.
    """

    def __init__(self, registry: RegistryLog, offset: int) -> None:
        self._registry = registry
        self.view = registry.as_of(offset)

    def view_of(self, line: AuditedLine) -> RegistryView:
        """The registry that prices a line."""
        return self.view if line.terms is None else self._registry.as_of(line.terms[0])

    def price(self, line: AuditedLine, facts: LineFacts) -> LineWorth:
        """The worth of a line that stands and lost no dispute."""
        return worth_of_facts(facts, self.view_of(line), line.grants, line.bonus_minor)

    def owed(self, line: AuditedLine) -> Amounts:
        """T of a line that is not frozen."""
        if not line.standing or not line.packed:
            return {}
        facts = line.facts
        if self.view.is_denied(facts.order_id, facts.line_id):
            return {}
        return self.price(line, facts).owed

    def charged(self, line: AuditedLine, budget: tuple[str, str]) -> int:
        """What the granted credits of a line take of a budget (campaign_id, currency), also where it is frozen."""
        facts = line.facts
        if not line.standing or self.view.is_denied(facts.order_id, facts.line_id) or line.currency != budget[1]:
            return 0
        priced = self.price(line, facts).credits
        return sum(one.charged() for one in priced if one.grant is not None and one.credit.campaign_id == budget[0])

    def vat_ppm(self, line: AuditedLine) -> int:
        """The VAT rate within our fee of a line."""
        if line.terms is None:
            return 0
        return self.view_of(line).house_at(line.terms[1]).vat_ppm.get(line.currency, 0)
