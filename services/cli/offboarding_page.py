"""The offboarding report for a person: a block a KOC."""

from typing import TYPE_CHECKING

from services.kernel.time import format_to_second
from services.settlement.domain.book.currencies import decimal_text
from services.settlement.domain.settling.ageing import AGES_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.settlement.reports.offboarding import DepartedKoc, DueMoney

_CONTENTS_SHOWN = 10


def print_offboarding(kocs: "Sequence[DepartedKoc]") -> None:
    """Print what each of them is due and owes."""
    if not kocs:
        print("no KOC has left")
    for koc in kocs:
        print(f"{koc.koc_id} · left {format_to_second(koc.left_at)}")
        for due in koc.money:
            print("\n".join(_money_lines(due)))
        if not koc.money:
            print("  nothing is due, and nothing is owed")
        if koc.holds:
            print(f"  holds: {', '.join(hold.hold_id for hold in koc.holds)}")
        print(f"  contents still live: {_contents(koc.live_contents)}")


def _money_lines(due: "DueMoney") -> "Iterator[str]":
    """What is due first, then what is owed, then what both come to."""
    stored, held, of = due.stored, due.held, due.currency

    def line(what: str, amount: int, why: str = "") -> str:
        return f"  {decimal_text(amount, of):>14} {of}  {what}{f': {why}' if why else ''}"

    def listed(parts: dict[str, int]) -> str:
        return ", ".join(f"{decimal_text(amount, of)} {name}" for name, amount in parts.items() if amount)

    months = {
        f"due from {month}" if month else "without a date yet": n for month, n in sorted(stored.pending_months.items())
    }
    until = "" if held.reserve_until is None else f" until {format_to_second(held.reserve_until)}"
    if stored.pending_minor:
        yield line("pending", stored.pending_minor, listed({**months, "for scripts": due.script_fee_minor}))
    if stored.payable_minor:
        yield line("payable", stored.payable_minor)
    if stored.held_minor:
        reasons = {
            f"in reserve{until}": held.reserve_minor,
            "of refused payouts": held.refused_minor,
            "in holds and disputes": held.on_hold_minor,
        }
        yield line("held", stored.held_minor, listed(reasons))
    for payout in stored.payouts:
        yield line(f"on its way in payout {payout.payout}", payout.amount_minor)
    if stored.owed_minor:
        ages = {f"for {days} days or more" if days else f"for less than {AGES_DAYS[1]} days": amount
                for days, amount in zip(AGES_DAYS, due.debt.open_minor, strict=True)}  # fmt: skip
        yield line("owed back", -stored.owed_minor, listed(ages))
    yield line("in all" + (", and what is on its way" if stored.payouts else ""), due.net_minor)


def _contents(names: "Sequence[str]") -> str:
    if not names:
        return "none"
    rest = len(names) - _CONTENTS_SHOWN
    return ", ".join(names[:_CONTENTS_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
