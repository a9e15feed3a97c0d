"""The chart of accounts as data: every account key is made from one of these templates, which are checked at start.

A key is `owner:id:purpose`, or `owner:purpose` where the owner is ourselves; balances are per (key, currency). An id
may hold colons, an owner and a purpose never do.
"""

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from services.kernel.errors import InvariantBroken


class Nature(Enum):
    """What an account is to a balance sheet; assets and expenses grow by debits."""

    ASSET = "asset"
    LIABILITY = "liability"
    REVENUE = "revenue"
    EXPENSE = "expense"


class Template(NamedTuple):
    """One kind of account. `owner` "*" is any role that a plan may name."""

    owner: str
    has_id: bool
    purpose: str
    nature: Nature


ROLE = "*"
CHART = (
    Template("brand", has_id=True, purpose="accrued", nature=Nature.ASSET),
    Template("brand", has_id=True, purpose="receivable", nature=Nature.ASSET),
    Template("bank", has_id=False, purpose="main", nature=Nature.ASSET),
    Template("traffic", has_id=True, purpose="prepaid", nature=Nature.ASSET),
    Template("clawback", has_id=True, purpose="owed", nature=Nature.ASSET),
    Template("budget", has_id=True, purpose="available", nature=Nature.ASSET),
    Template("budget", has_id=True, purpose="committed", nature=Nature.ASSET),
    Template("budget", has_id=True, purpose="limit", nature=Nature.LIABILITY),
    Template(ROLE, has_id=True, purpose="pending", nature=Nature.LIABILITY),
    Template(ROLE, has_id=True, purpose="payable", nature=Nature.LIABILITY),
    Template(ROLE, has_id=True, purpose="held", nature=Nature.LIABILITY),
    Template("platform", has_id=False, purpose="fee_deferred", nature=Nature.LIABILITY),
    Template("payout", has_id=True, purpose="in_transit", nature=Nature.LIABILITY),
    Template("tax", has_id=True, purpose="withheld", nature=Nature.LIABILITY),
    Template("vat", has_id=False, purpose="output", nature=Nature.LIABILITY),
    Template("platform", has_id=False, purpose="fee", nature=Nature.REVENUE),
    Template("writeoff", has_id=True, purpose="lost", nature=Nature.EXPENSE),
    Template("platform", has_id=False, purpose="traffic", nature=Nature.EXPENSE),
    Template("platform", has_id=False, purpose="payout_fee", nature=Nature.EXPENSE),
)
OURSELVES = "platform"
RESERVED = frozenset({"brand", "bank", "clawback", "payout", "tax", "vat", "traffic", "suspense", "writeoff", "budget"})
"""Owners of other accounts: no plan may call a role like one of them."""


_PURPOSE_OF_OWNER = {"clawback": "owed", "writeoff": "lost"}
"""Owners whose keys end with the party (`clawback:koc:k_7`): what such an account is for."""


class AccountParts(NamedTuple):
    """An account key taken apart; `id` is empty where the owner is ourselves."""

    owner: str
    id: str
    purpose: str


def nature(key: str) -> Nature:
    """What the account is to a balance sheet.

    Raises:
        InvariantBroken: the key follows no template.
    """
    return _made(key)[0].nature


def kind_of(key: str) -> str:
    """The key with a star for the id: all accounts of one kind have the same, such as `koc:*:payable`.

    Raises:
        InvariantBroken: the key follows no template.
    """
    owner, identity, purpose = _made(key)[1]
    if owner in _PURPOSE_OF_OWNER:
        return f"{owner}:*"
    return f"{owner}:*:{purpose}" if identity else f"{owner}:{purpose}"


def parts_of(key: str) -> AccountParts:
    """The key taken apart.

    Raises:
        InvariantBroken: the key follows no template.
    """
    return _made(key)[1]


def _made(key: str) -> tuple[Template, AccountParts]:
    """The template that makes a key, and the key's parts."""
    owner, _, rest = key.partition(":")
    identity, _, purpose = rest.rpartition(":")
    if owner in _PURPOSE_OF_OWNER:
        identity, purpose = rest, _PURPOSE_OF_OWNER[owner]
    for template in CHART:
        if (
            template.owner in (owner, ROLE)
            and template.purpose == purpose
            and template.has_id == bool(identity)
            and (template.owner != ROLE or owner not in RESERVED | {OURSELVES})
        ):
            return template, AccountParts(owner, identity, purpose)
    raise InvariantBroken(f"no account template makes {key!r}")


def validate_chart() -> None:
    """Check that no two templates make the same key and that our own owners are not roles.

    Raises:
        InvariantBroken: the chart contradicts itself.
    """
    shapes = [(template.owner, template.has_id, template.purpose) for template in CHART]
    if len(set(shapes)) != len(shapes):
        raise InvariantBroken("two account templates make the same key")
    for template in CHART:
        if ":" in template.owner + template.purpose or not template.purpose:
            raise InvariantBroken(f"an owner and a purpose hold no colon: {template}")
        if template.owner not in RESERVED | {ROLE, OURSELVES}:
            raise InvariantBroken(f"{template.owner} could be a role's name: reserve it")


@lru_cache(maxsize=10_000)
def brand_accrued(brand_id: str) -> str:
    """What a brand is charged and not yet billed."""
    return f"brand:{brand_id}:accrued"


@lru_cache(maxsize=10_000)
def brand_receivable(brand_id: str) -> str:
    """What a brand owes us for what is settled."""
    return f"brand:{brand_id}:receivable"


@lru_cache(maxsize=50_000)
def pending(role: str, party_id: str) -> str:
    """What a party has earned and not yet settled; our own part is the deferred fee."""
    return FEE_DEFERRED if role == OURSELVES else f"{role}:{party_id}:pending"


@lru_cache(maxsize=50_000)
def claimant_of(pending_account: str) -> str:
    """Whose a pending account is: `ROLE:ID`, or `platform` for the deferred fee."""
    return OURSELVES if pending_account == FEE_DEFERRED else pending_account.removesuffix(":pending")


def is_pending(account: str) -> bool:
    """Whether it holds what a claimant has earned and not yet settled."""
    return account.endswith(":pending") or account == FEE_DEFERRED


def pending_of(claimant: str) -> str:
    """What a claimant has earned and not yet settled."""
    return FEE_DEFERRED if claimant == OURSELVES else f"{claimant}:pending"


def payable(party: str) -> str:
    """What is settled for a party (`ROLE:ID`) and not paid out yet."""
    return f"{party}:payable"


def held(party: str) -> str:
    """What is settled for a party and kept back: reserve, refused payouts, holds."""
    return f"{party}:held"


def clawback(party: str) -> str:
    """What a party owes back to us."""
    return f"clawback:{party}"


def is_of_a_party(key: str) -> bool:
    """Whether an account says what a party can be paid or owes back: payable, held or clawback."""
    if key.startswith("clawback:"):
        return True
    owner, _, rest = key.partition(":")
    return rest.endswith((":payable", ":held")) and owner not in RESERVED | {OURSELVES}


def settled_of(claimant: str) -> str:
    """Where a claimant has what runs have settled; our own part is the fee."""
    return FEE if claimant == OURSELVES else payable(claimant)


def claimant_of_settled(key: str) -> str:
    """Whose an account of `settled_of` is."""
    return OURSELVES if key == FEE else key.removesuffix(":payable")


def party_of(key: str) -> str:
    """Whose (`ROLE:ID`) a payable, held or clawback account is."""
    return key.removeprefix("clawback:") if key.startswith("clawback:") else key.rpartition(":")[0]


def write_off(party: str) -> str:
    """What a party owed back and we gave up."""
    return f"writeoff:{party}"


def budget_available(campaign_id: str) -> str:
    """What runs may still commit of a campaign's budget."""
    return f"budget:{campaign_id}:available"


def budget_committed(campaign_id: str) -> str:
    """What runs have committed of a campaign's budget."""
    return f"budget:{campaign_id}:committed"


def budget_limit(campaign_id: str) -> str:
    """A campaign's whole budget, as a credit."""
    return f"budget:{campaign_id}:limit"


def traffic_prepaid(platform: str) -> str:
    """Paid traffic that we have bought on a platform and not yet used."""
    return f"traffic:{platform}:prepaid"


def in_transit(rail: str) -> str:
    """What payouts have taken from parties and no reply has confirmed or refused yet."""
    return f"payout:{rail}:in_transit"


def withheld(authority: str) -> str:
    """Tax that we keep back from payouts and owe to an authority."""
    return f"tax:{authority}:withheld"


BANK = "bank:main"
PAYOUT_FEE = "platform:payout_fee"
FEE_DEFERRED = "platform:fee_deferred"
FEE = "platform:fee"
VAT_OUTPUT = "vat:output"
TRAFFIC_EXPENSE = "platform:traffic"
