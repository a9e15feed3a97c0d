"""What runs have settled and granted, as columns: account ids and amounts, and a JSON object of grants."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from services.settlement.books.account_ids import AccountIds
from services.settlement.books.copy_format import NULL, integers
from services.settlement.domain.book.chart import claimant_of_settled, settled_of
from services.settlement.domain.lines.terms import NO_GRANTS, Grant, LineGrants
from services.settlement.domain.settling.shares import Shares


def read_shares(ids: Collection[int], amounts: Collection[int], accounts: AccountIds) -> Shares:
    """Stored shares by claimant."""
    return {claimant_of_settled(key): amount for key, amount in accounts.position(ids, amounts).items()}


def shares_accounts(shares: Iterable[str]) -> list[str]:
    """The accounts that stored shares of these claimants name, in their order."""
    return [settled_of(claimant) for claimant in shares]


def shares_texts(shares: Shares, of: Mapping[str, int]) -> str:
    """Two columns of a row of COPY: ids and amounts.

    Args:
        shares: by claimant.
        of: ids by account key of their currency.

    Raises:
        KeyError: an account is unknown.
    """
    return f"{integers([of[key] for key in shares_accounts(shares)])}\t{integers(shares.values())}"


def grants_body(grants: LineGrants) -> dict[str, Any] | None:
    """Grants as they are stored; None = nothing is granted."""
    if grants == NO_GRANTS:
        return None
    return {"credits": {name: list(grant) for name, grant in grants.credits.items()}, "bonus": grants.bonus_minor}


def grants_text(grants: LineGrants) -> str:
    """A column of a row of COPY. Names of credits are identifiers, which nothing in it escapes."""
    body = grants_body(grants)
    return NULL if body is None else json.dumps(body, separators=(",", ":"))


def read_grants(body: Mapping[str, Any] | None) -> LineGrants:
    """Stored grants."""
    if body is None:
        return NO_GRANTS
    return LineGrants({name: Grant(*grant) for name, grant in body["credits"].items()}, body["bonus"])
