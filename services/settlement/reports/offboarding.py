"""What a KOC that left is still due, what of it is held and why, and what it owes back."""

from collections.abc import Mapping
from typing import NamedTuple

from services.settlement.books.departed_kocs import DepartedMoney, departures, money_of
from services.settlement.books.report_snapshot import ReportSnapshot
from services.settlement.domain.pricing.facts import CONTENT
from services.settlement.domain.settling.ageing import AgedDebt, age_debt
from services.settlement.domain.settling.facts import HOLD_PLACED, HOLD_RELEASED, REMOVED, Hold, open_holds


class HeldMoney(NamedTuple):
    """What held money waits for, minor units; the parts add up to what is held.

    `reserve_until` is microseconds, None = no reserve is open. `on_hold_minor` is the rest: holds and disputes.
    """

    reserve_minor: int
    reserve_until: int | None
    refused_minor: int
    on_hold_minor: int


class DueMoney(NamedTuple):
    """A KOC's money in one currency."""

    currency: str
    stored: DepartedMoney
    held: HeldMoney
    debt: AgedDebt

    @property
    def script_fee_minor(self) -> int:
        """Pending money of script fees: the next run settles it."""
        return self.stored.pending_minor - sum(self.stored.pending_months.values())

    @property
    def net_minor(self) -> int:
        """What the KOC still gets if everything settles: pending, payable and held, less what it owes."""
        stored = self.stored
        return stored.pending_minor + stored.payable_minor + stored.held_minor - stored.owed_minor


class DepartedKoc(NamedTuple):
    """A KOC that left. `left_at` is microseconds; `live_contents` are registered and not removed."""

    koc_id: str
    left_at: int
    holds: list[Hold]
    live_contents: list[str]
    money: list[DueMoney]


def offboarding_report(books: ReportSnapshot, koc_id: str | None, zone_minutes: int) -> list[DepartedKoc]:
    """Every KOC that left, those that left last first.

    Args:
        books: one snapshot.
        koc_id: this one alone; None = all.
        zone_minutes: the settlement zone; months are counted in it.
    """
    left = departures(books)
    if koc_id is not None:
        left = {name: at for name, at in left.items() if name == koc_id}
    money = money_of(books, left, zone_minutes)
    holds = open_holds([*books.facts(HOLD_PLACED).values(), *books.facts(HOLD_RELEASED).values()])
    live = _live_contents(books)
    report = []
    for name, at in sorted(left.items(), key=lambda one: (-one[1], one[0])):
        contents = live.get(name, [])
        about = [hold for hold in holds if _is_about(hold, name, contents)]
        due = [_due(currency, stored) for (koc, currency), stored in money.items() if koc == name]
        report.append(DepartedKoc(name, at, about, contents, sorted(due, key=lambda one: one.currency)))
    return report


def _live_contents(books: ReportSnapshot) -> Mapping[str, list[str]]:
    """koc_id -> its registered contents that were not removed, sorted."""
    removed = books.facts(REMOVED)
    live: dict[str, list[str]] = {}
    for content_id, event in sorted(books.facts(CONTENT).items()):
        if content_id not in removed:
            live.setdefault(str(event.body["koc_id"]), []).append(content_id)
    return live


def _is_about(hold: Hold, koc_id: str, contents: list[str]) -> bool:
    """Whether a hold is on the KOC or on a content of it."""
    return hold.owner == f"koc:{koc_id}" or hold.content_id in contents


def _due(currency: str, stored: DepartedMoney) -> DueMoney:
    """A currency's money, with what is held explained."""
    reserve = min(stored.held_minor, stored.reserve_minor)
    refused = min(stored.held_minor - reserve, stored.refused_minor)
    rest = stored.held_minor - reserve - refused
    held = HeldMoney(reserve, stored.reserve_until if reserve else None, refused, rest)
    return DueMoney(currency, stored, held, age_debt(stored.clawback_legs, stored.now))
