"""When a run may settle a line: after receipt and the return window of what it was sold under."""

from services.kernel.time import DAY
from services.settlement.domain.lines.assertions import LineAssertion
from services.settlement.domain.lines.worth import Worth
from services.settlement.domain.pricing.house import HouseSettings
from services.settlement.domain.settling.place import owed_of
from services.settlement.domain.settling.shares import Shares


def settle_at_of(assertion: LineAssertion, worth: Worth, houses: HouseSettings, settled: Shares) -> int | None:
    """Microseconds from which on a run may settle the line; None where nothing of it waits for that.

    Receipt (or payment and the greatest `auto_receive_days` of its plans, for shops that never report receipt), plus
    the greatest return window of its plans; a plan without one has the house's at the time of the payment.
    """
    if not worth.target or worth.unpriced is not None:
        return None
    received = received_at_of(assertion, worth)
    if received is None or (settled and not settled_less(settled, owed_of(worth.target))):
        return None
    return received + window_days_of(assertion, worth, houses) * DAY


def received_at_of(assertion: LineAssertion, worth: Worth) -> int | None:
    """When the goods count as received, microseconds; None = not yet known."""
    if assertion.received_at is not None:
        return assertion.received_at
    days = [
        term.plan.auto_receive_days for term in worth.terms if term.plan and term.plan.auto_receive_days is not None
    ]
    return assertion.paid_at + max(days) * DAY if days else None


def window_days_of(assertion: LineAssertion, worth: Worth, houses: HouseSettings) -> int:
    """The greatest return window of the line's plans, in days of 24 hours."""
    windows = [term.plan.return_window_days for term in worth.terms if term.plan]
    return max(houses.at(assertion.paid_at).return_window_days if days is None else days for days in windows)


def settled_less(settled: Shares, owed: Shares) -> bool:
    """Whether some claimant is owed more than runs have settled."""
    return any(amount > settled.get(claimant, 0) for claimant, amount in owed.items())
