"""What a report is asked for, as it stands in an address."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple, Self

from services.kernel.errors import InputRefused
from services.kernel.sentences import Sentence
from services.kernel.time import to_micros
from services.settlement.domain.reporting.grouping import SalesBy, Selection

_LONGEST = 256


class ReportQuestion(NamedTuple):
    """What a sales report is about; None = everything.

    Attributes:
        by: what a row stands for.
        month: `YYYY-MM` in the settlement zone.
    """

    by: SalesBy
    month: str | None = None
    brand_id: str | None = None
    campaign_id: str | None = None
    koc_id: str | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Self:
        """The question of an address's parameters; a field that is left empty chooses nothing.

        Raises:
            InputRefused: a field holds what no report can be asked for.
        """
        texts = {name: given.get(name, "").strip() for name in cls._fields}
        for name, text in texts.items():
            if len(text) > _LONGEST or not text.isprintable():
                raise InputRefused(
                    Sentence("{name} may have {longest} printable signs at most", name=name, longest=_LONGEST)
                )
        try:
            by = SalesBy(texts.pop("by") or SalesBy.CONTENT)
        except ValueError:
            raise InputRefused("there is no report of this name") from None
        question = cls(by, **{name: text or None for name, text in texts.items()})
        if question.month is not None:
            _first_day(question.month)
        return question

    def parameters(self) -> dict[str, str]:
        """As parameters of an address."""
        return {name: str(value) for name, value in self._asdict().items() if value is not None}

    @property
    def text(self) -> str:
        """A name of the question, unique."""
        return "&".join(f"{name}={value}" for name, value in self.parameters().items())

    def selection(self, zone_minutes: int) -> Selection:
        """What counts.

        Args:
            zone_minutes: the settlement zone, minutes east of UTC.
        """
        since, until = None, None
        if self.month is not None:
            first = _first_day(self.month).replace(tzinfo=timezone(timedelta(minutes=zone_minutes)))
            days = timedelta(days=monthrange(first.year, first.month)[1])
            since, until = to_micros(first), to_micros(first + days)
        return Selection(since, until, self.brand_id, self.campaign_id, self.koc_id)


EVERY_CONTENT = ReportQuestion(SalesBy.CONTENT)
"""All contents of all brands at all times: what pages of KOCs, brands and contents take their figures from."""


def _first_day(month: str) -> datetime:
    try:
        return datetime.strptime(month, "%Y-%m")  # noqa: DTZ007 - a month has no zone of its own
    except ValueError:
        raise InputRefused("write the month as 2026-11") from None
