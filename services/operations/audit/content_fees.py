"""Script fees and paid traffic, by the facts that stand: what is owed for a content, and who bears what was spent."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.operations.audit.places import Accounts, is_more_owed, position, raised
from services.operations.audit.pricing import Amounts
from services.operations.audit.registry_view import RegistryView

AccountOf = tuple[str, str]
"""Account, currency."""

NOTHING: Amounts = {}


class ScriptFee(NamedTuple):
    """A content's fee in one currency: the brand that bears it, and what is owed."""

    content_id: str
    currency: str
    brand_id: str
    owed: Amounts


def script_fees(view: RegistryView) -> Iterator[ScriptFee]:
    """Fees of registered contents: owed to the KOC once accepted, until a removal takes the fee back."""
    accepted, removed = view.standing("script_fee.accepted"), view.standing("content.removed")
    for name, content in view.standing("content.registered").items():
        if content.brand_id is None or content.currency is None:
            continue
        is_cancelled = name in removed and removed[name].cancels_script_fee is not False
        is_owed = name in accepted and not is_cancelled and content.script_fee_minor
        owed = {f"koc:{content.koc_id}": content.script_fee_minor} if is_owed else NOTHING
        yield ScriptFee(name, content.currency, content.brand_id, owed)


class FeeBook:
    """What runs have settled of script fees, by (content_id, currency), and the last decision that raised it."""

    def __init__(self) -> None:
        self._settled: dict[tuple[str, str], Amounts] = {}
        self._raised_by: dict[tuple[str, str, str], int] = {}

    def settle(self, view: RegistryView, decision: int) -> Iterator[tuple[ScriptFee, Amounts, Amounts]]:
        """The fees that a run settles, each with S before and after; a hold on a content stops its fee.

        Args:
            view: the registry at the run's point.
            decision: the run's number among runs and proposals.
        """
        for fee in script_fees(view):
            before = self._settled.get(fee[:2], NOTHING)
            if fee.content_id not in view.open.contents and is_more_owed(before, fee.owed):
                after = self._settled[fee[:2]] = raised(before, fee.owed)
                for party in after:
                    if after[party] != before.get(party, 0):
                        self._raised_by[*fee[:2], party] = decision
                yield fee, before, after

    def positions(self, view: RegistryView) -> Iterator[tuple[str, Accounts]]:
        """Currency and accounts of every fee, also of one that has another currency now."""
        yield from ((currency, accounts) for currency, _, accounts in self._by_content(view))

    def clawed_back(self, view: RegistryView) -> Iterator[tuple[str, str, int, int]]:
        """Party, currency, what is clawed back of a fee, and the last decision that settled some of it."""
        for currency, content_id, accounts in self._by_content(view):
            for account, amount in accounts.items():
                if account.startswith("clawback:"):
                    party = account.removeprefix("clawback:")
                    yield party, currency, amount, self._raised_by[content_id, currency, party]

    def _by_content(self, view: RegistryView) -> Iterator[tuple[str, str, Accounts]]:
        fees = {fee[:2]: fee for fee in script_fees(view)}
        for key in {**fees, **self._settled}:
            fee = fees.get(key, ScriptFee(*key, "", NOTHING))
            yield fee.currency, fee.content_id, position(self._settled.get(key, NOTHING), fee.owed, fee.brand_id, 0)


def booked_by_registry(view: RegistryView) -> Counter[AccountOf]:
    """Paid traffic that others than brands paid, and budgets' limits."""
    contents: Mapping[str, object] = view.standing("content.registered")
    booked: Counter[AccountOf] = Counter()
    for spend in view.standing("spend.reported").values():
        content = contents.get(spend.content_id)
        if content is None or spend.paid_by not in ("platform", "koc"):
            continue
        koc, platform = content.koc_id, content.platform  # type: ignore[attr-defined] # a model of the contract
        bearer = "platform:traffic" if spend.paid_by == "platform" else f"clawback:koc:{koc}"
        booked[bearer, spend.currency] += spend.amount_minor
        booked[f"traffic:{platform}:prepaid", spend.currency] -= spend.amount_minor
    for budget in view.standing("campaign.budget_set").values():
        booked[f"budget:{budget.campaign_id}:available", budget.currency] += budget.amount_minor
        booked[f"budget:{budget.campaign_id}:limit", budget.currency] -= budget.amount_minor
    return booked
