"""Those who get something of an order line, as pages name them: `koc:k_7` is "KOC k_7"."""

from services.console.values import LinkCell, MoneyCell, WordsCell, path
from services.console.words.labels import party_sentence
from services.kernel.sentences import Sentence
from services.settlement.domain.book.chart import OURSELVES

KNOWN_ROLES = ("koc", "mcn", "recruiter")
"""Roles with a word and a colour of their own, in the order in which they are shown; the platform comes last."""


def claimant_name(claimant: str) -> str:
    """A party (`ROLE:ID`) or `platform` in words."""
    return Sentence("the platform") if claimant == OURSELVES else party_sentence(claimant)


def claimant_cell(claimant: str) -> LinkCell | WordsCell:
    """The same in a table: a party leads to its page."""
    return WordsCell(claimant_name(claimant)) if claimant == OURSELVES else LinkCell(claimant, path("party", claimant))


def share_link(party: str, amount: MoneyCell) -> LinkCell:
    """What a party has of something, beside its name: `koc:k_7 1,234.50`; programs get `koc:k_7 1234.50`."""
    return LinkCell(f"{party} {amount}", path("party", party), f"{party} {amount.exact}")


def claimant_href(claimant: str) -> str | None:
    """The page of a party; the platform has none."""
    return None if claimant == OURSELVES else path("party", claimant)


def role_class(claimant: str) -> str:
    """The class of the stylesheet by which a claimant is coloured."""
    role = claimant.partition(":")[0]
    return role if role in (*KNOWN_ROLES, OURSELVES) else "other"


def claimant_rank(claimant: str) -> tuple[int, str]:
    """Sorts the KOC first and the platform last."""
    role = claimant.partition(":")[0]
    if role == OURSELVES:
        return len(KNOWN_ROLES) + 1, claimant
    return KNOWN_ROLES.index(role) if role in KNOWN_ROLES else len(KNOWN_ROLES), claimant


def amount_text(amount_minor: int, currency: str) -> str:
    """An amount within a sentence: `1,234.50 CNY`."""
    return f"{MoneyCell(amount_minor, currency)} {currency}"
