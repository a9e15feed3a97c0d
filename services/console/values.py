"""Values of pages that are written one way for a person and another way for a program: money, moments, links."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import quote

from services.kernel.time import format_rfc3339, to_datetime
from services.settlement.domain.book.currencies import decimal_text


class MoneyCell(NamedTuple):
    """An amount in minor units of its currency."""

    amount_minor: int
    currency: str

    @property
    def exact(self) -> str:
        """All decimals, no thousands: for programs."""
        return decimal_text(self.amount_minor, self.currency)

    def __str__(self) -> str:
        """All decimals, with thousands: `-1,234.50`."""
        whole, point, part = self.exact.partition(".")
        sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
        return f"{sign}{int(digits):,}{point}{part}"


class MomentCell(NamedTuple):
    """A moment, microseconds; shown in the settlement zone, minutes east of UTC."""

    micros: int
    zone_minutes: int

    @property
    def exact(self) -> str:
        """RFC 3339 in UTC: for programs, and for <time>."""
        return format_rfc3339(self.micros)

    @property
    def day(self) -> str:
        """`2026-09-17` in the zone."""
        return self._there().strftime("%Y-%m-%d")

    def __str__(self) -> str:
        """`2026-09-17 08:15:02` in the zone."""
        return self._there().strftime("%Y-%m-%d %H:%M:%S")

    def _there(self) -> datetime:
        return to_datetime(self.micros).astimezone(timezone(timedelta(minutes=self.zone_minutes)))


class LinkCell(NamedTuple):
    """A text that leads to a page: a name, which is the same in every language, or a sentence.

    `code` is what programs get in its place; None = the text alone.
    """

    text: str
    href: str
    code: str | None = None

    @property
    def exact(self) -> str:
        """For programs."""
        return self.text if self.code is None else self.code

    def __str__(self) -> str:
        """The text alone."""
        return self.text


class WordsCell(NamedTuple):
    """A word or a sentence of ours, which is shown in the reader's language; `tone` colours it as a state.

    `code` is what programs get in its place; None = the text in English.
    """

    text: str
    tone: str = ""
    code: str | None = None

    @property
    def exact(self) -> str:
        """For programs."""
        return self.text if self.code is None else self.code


def path(*parts: str) -> str:
    """An address of ours from parts that may hold any sign: `path("order", "o/1")` is `/order/o%2F1`."""
    return "".join(f"/{quote(part, safe=':')}" for part in parts)


CellValue = str | int | MoneyCell | MomentCell | LinkCell | WordsCell | Sequence[LinkCell] | None
"""What a cell of a table may hold; None is empty."""
