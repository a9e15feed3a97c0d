"""What a row of a report stands for, and which shares, script fees and spend are its own."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from services.settlement.domain.pricing.facts import Body
from services.settlement.domain.reporting.line_shares import LineShare, SoldLine

GroupKey = tuple[str | None, ...]
"""The values of a row's names, in their order."""


class SalesBy(StrEnum):
    """What the rows of a report stand for."""

    CONTENT = "content"
    FAMILY = "family"
    KOC = "koc"
    CAMPAIGN = "campaign"
    PRODUCT = "product"


NAMES: dict[SalesBy, tuple[str, ...]] = {
    SalesBy.CONTENT: ("content_id",),
    SalesBy.FAMILY: ("content_family_id", "platform"),
    SalesBy.KOC: ("koc_id",),
    SalesBy.CAMPAIGN: ("campaign_id",),
    SalesBy.PRODUCT: ("brand_id", "product_id"),
}
"""The fields that name a row."""


class RegisteredContent(NamedTuple):
    """What the registry says of a content; None = it says nothing."""

    koc_id: str | None = None
    platform: str | None = None
    brand_id: str | None = None
    campaign_id: str | None = None
    content_family_id: str | None = None


UNREGISTERED = RegisteredContent()


def registered_content(body: Body) -> RegisteredContent:
    """The content of a content.registered."""
    return RegisteredContent(*(body.get(field) for field in RegisteredContent._fields))


class Selection(NamedTuple):
    """What a report counts; None = everything. Moments are microseconds: from `since` on and before `until`."""

    since: int | None = None
    until: int | None = None
    brand_id: str | None = None
    campaign_id: str | None = None
    koc_id: str | None = None

    def has_moment(self, at: int) -> bool:
        """Whether a moment is in the range."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)

    def has_content(self, content: RegisteredContent) -> bool:
        """Whether script fees and spend of a content count."""
        return (
            self.brand_id in (None, content.brand_id)
            and self.campaign_id in (None, content.campaign_id)
            and self.koc_id in (None, content.koc_id)
        )


class Grouping:
    """The rows of one kind of report.

    Args:
        by: what a row stands for.
        contents: all that are registered.
    """

    def __init__(self, by: SalesBy, contents: Mapping[str, RegisteredContent]) -> None:
        self.by = by
        self._contents = contents

    def content(self, content_id: str | None) -> RegisteredContent:
        """What is known of a content."""
        return self._contents.get(content_id or "", UNREGISTERED)

    def has_share(self, selection: Selection, share: LineShare) -> bool:
        """Whether a share of a selected line counts."""
        if selection.koc_id not in (None, share.koc_id):
            return False
        return selection.campaign_id is None or selection.campaign_id == self.campaign_of(share)

    def campaign_of(self, share: LineShare) -> str | None:
        """That of the credit; of what is claimed back through another content, that of the content."""
        if share.campaign_id is None and not share.is_sale:
            return self.content(share.content_id).campaign_id
        return share.campaign_id

    def of_share(self, line: SoldLine, share: LineShare) -> GroupKey:
        """The row of a share."""
        match self.by:
            case SalesBy.CONTENT:
                return (share.content_id,)
            case SalesBy.KOC:
                return (share.koc_id,)
            case SalesBy.CAMPAIGN:
                return (self.campaign_of(share),)
            case SalesBy.FAMILY:
                return self._family(self.content(share.content_id))
            case SalesBy.PRODUCT:
                return (line.brand_id, line.assertion.product_id)

    def of_content(self, content_id: str) -> GroupKey | None:
        """The row of a content's script fee and spend; None: the report has none, as they are of no product."""
        content = self.content(content_id)
        match self.by:
            case SalesBy.CONTENT:
                return (content_id,)
            case SalesBy.KOC:
                return (content.koc_id,)
            case SalesBy.CAMPAIGN:
                return (content.campaign_id,)
            case SalesBy.FAMILY:
                return self._family(content)
            case SalesBy.PRODUCT:
                return None

    @staticmethod
    def _family(content: RegisteredContent) -> GroupKey:
        return content.content_family_id, content.platform
