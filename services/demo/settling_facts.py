"""What the back office says of a shop week beside its prices: disputes, holds, budgets, removals, payees, settings.

Each thing is said of a few orders or contents, so that a run shows it once. The facts come in two parts: what is known
before the first run, and what is decided between the first run and the second.
"""

from collections.abc import Iterator, Sequence
from itertools import count, cycle
from typing import Any

from services.demo.events import Event
from services.kernel.time import DAY, format_rfc3339

APART, EACH = 40, 5
"""A case is made of every so many orders that are due, from a place of its own on; of facts it is made so often."""
FULLY_REFUNDED, HALF_REFUNDED, REVERSED, CANCELLED = range(4)
"""Places of the cases that the second wave of order events makes."""
LOST, STILL_DISPUTED, WON, LOST_BEFORE, HELD = range(4, 9)
"""Places of the cases that disputes and holds make: LOST and STILL_DISPUTED begin after the first run."""
PAID_PARTIES = (
    *(f"koc:k_{number}" for number in range(60) if number % 20 != 13),
    *(f"mcn:m_{number}" for number in range(8)),
    *(f"recruiter:r_{number}" for number in range(15)),
)
"""Who has said where to be paid: all but three KOCs."""

RAILS = ("bank", "wechat", "alipay")
HELD_OWNER = "koc:k_7"
HELD_CONTENT, REMOVED_BEFORE, REMOVED_AFTER, REMOVED_AND_PAID = "v_36", "v_60", "v_12", "v_24"
BUDGETS = {"c_0": 10_000_000, "c_3": 300_000}
"""By campaign, CNY in minor units; that of c_3 runs out in the first run."""


def cases(due: Sequence[str], place: int) -> Sequence[str]:
    """The orders of a case, of those that are due before the first run."""
    return due[place::APART]


def first_facts(begin: int, due: Sequence[str]) -> Iterator[Event]:
    """What is known before the first run of a week that begins at `begin` (microseconds); `due` as in `cases`."""
    yield from _house(begin)
    for party, rail in zip(PAID_PARTIES, cycle(RAILS), strict=False):
        name = party.replace(":", "_")
        yield _fact("payee.set", name, begin, owner=party, rail=rail, ref=f"ref_{name}")
    for campaign, amount in BUDGETS.items():
        budget = {"campaign_id": campaign, "currency": "CNY", "amount_minor": amount}
        yield _fact("campaign.budget_set", campaign, begin - DAY, **budget)
    yield _removed(REMOVED_BEFORE, begin + 8 * DAY, cancels=True)
    for order in _few(due, WON):
        yield _dispute("opened", order, begin + 8 * DAY)
    for order in _few(due, LOST_BEFORE):
        yield _dispute("opened", order, begin + 8 * DAY)
        yield _dispute("decided", order, begin + 11 * DAY, outcome="denied")
    for number, held in zip(count(), _held(due), strict=False):
        yield _fact("hold.placed", f"{number}", begin + 8 * DAY, hold_id=f"h_{number}", **held)


def later_facts(begin: int, due: Sequence[str]) -> Iterator[Event]:
    """What is decided between the two runs."""
    at = begin + 16 * DAY
    for order in _few(due, WON):
        yield _dispute("decided", order, at, outcome="allowed")
    for order in _few(due, LOST):
        yield _dispute("opened", order, at)
        yield _dispute("decided", order, at + 4 * DAY, outcome="denied")
    for order in _few(due, STILL_DISPUTED):
        yield _dispute("opened", order, at)
    for number, held in zip(count(), _held(due), strict=False):
        if "content_id" not in held:
            yield _fact("hold.released", f"{number}", at, hold_id=f"h_{number}")
    yield _removed(REMOVED_AFTER, at, cancels=True)
    yield _removed(REMOVED_AND_PAID, at, cancels=False)
    yield _fact("koc.left", "k_59", at, koc_id="k_59", left_at=format_rfc3339(at))


def _house(begin: int) -> Iterator[Event]:
    """VAT of 6 % within our fee, and from the week's middle on a reserve of 5 % for 30 days."""
    for since, reserve in ((begin - 30 * DAY, {}), (begin + 3 * DAY, {"reserve_ppm": 50_000, "reserve_days": 30})):
        settings = {"vat_ppm": {"CNY": 60_000}, "payout_minimum_minor": {"CNY": 1_000}, **reserve}
        yield _fact("house.set", f"{since}", since, effective_from=format_rfc3339(since), **settings)


def _held(due: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What the holds name, one a hold: an owner, a content, orders. The content's is never released."""
    yield {"owner": HELD_OWNER}
    yield {"content_id": HELD_CONTENT}
    for order in _few(due, HELD):
        yield {"order_id": order}


def _few(due: Sequence[str], place: int) -> Sequence[str]:
    return cases(due, place)[:EACH]


def _dispute(step: str, order: str, at: int, **outcome: str) -> Event:
    return _fact(f"dispute.{step}", order, at, dispute_id=f"d_{order}", order_id=order, **outcome)


def _removed(content: str, at: int, *, cancels: bool) -> Event:
    return _fact("content.removed", content, at, content_id=content, cancels_script_fee=cancels)


def _fact(kind: str, name: str, at: int, /, **fields: Any) -> Event:
    return {"event_id": f"{kind}_{name}", "event_type": kind, "occurred_at": format_rfc3339(at), **fields}
