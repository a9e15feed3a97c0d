"""What a run fixes of a line: the reference data it is priced by from then on, and what was granted to its credits."""

from collections.abc import Mapping
from typing import NamedTuple

from services.settlement.domain.lines.assertions import AssertedCredit


class Terms(NamedTuple):
    """The registry as of which a settled line is priced: all events below `registry_offset`.

    `as_of` (microseconds) is the moment of the run; it chooses the house settings, as the VAT rate. `id` is the row in
    the books.
    """

    id: int
    registry_offset: int
    as_of: int


class Grant(NamedTuple):
    """What a run granted to one credit: of base `base_minor` the commission `commission_minor`, times num / den.

    num / den is below one where the campaign's budget did not reach.
    """

    base_minor: int
    commission_minor: int
    num: int
    den: int


class LineGrants(NamedTuple):
    """The grants of a line by credit name, and the new-customer bonus in minor units (0 = none)."""

    credits: Mapping[str, Grant]
    bonus_minor: int


NO_GRANTS = LineGrants({}, 0)


def credit_name(credit: AssertedCredit) -> str:
    """`CONTENT|KOC|CAMPAIGN|TRAFFIC`: tells the credits of one line apart; no campaign = empty."""
    return f"{credit.content_id}|{credit.koc_id}|{credit.campaign_id or ''}|{credit.traffic}"
