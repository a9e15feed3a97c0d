"""The journal's legs on payable, held and clawback accounts: a projection by account, written with the journal."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from services.kernel.time import format_repeated_rfc3339
from services.settlement.books.copy_format import NULL
from services.settlement.books.ports import PostedEntry
from services.settlement.books.tables import party_leg

PARTY_LEG_COLUMNS = ", ".join(party_leg.columns.keys())


def party_leg_rows(
    posted: PostedEntry, ids: Sequence[int], amounts: Sequence[int], of_parties: AbstractSet[int]
) -> list[str]:
    """Rows of COPY in the order of PARTY_LEG_COLUMNS.

    Args:
        posted: the entry.
        ids: the accounts of its legs.
        amounts: in minor units, of the same legs.
        of_parties: the accounts that count.
    """
    entry, writer, link = posted
    what = (
        f"{format_repeated_rfc3339(entry.effective_at)}\t{entry.order_id or NULL}\t{entry.line_id or NULL}\t"
        f"{entry.kind.code}"
    )
    return [
        f"{account_id}\t{writer}\t{link.seq}\t{amount}\t{what}"
        for account_id, amount in zip(ids, amounts, strict=True)
        if account_id in of_parties
    ]
