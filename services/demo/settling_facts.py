"""What the back office says of a shop week beside its prices: disputes, holds, budgets, removals, payees, settings."""

from collections.abc import Iterator
from typing import Any

from services.demo.events import Event
from services.kernel.time import DAY, format_rfc3339

COUNT = 12
"""Of each kind, but the house's settings; two disputes and two holds stay open."""
DECIDED = COUNT - 2


def settling_facts(begin: int) -> Iterator[Event]:
    """The facts around a week that begins at `begin` (microseconds), an even number of them; the same every time."""
    yield from _house(begin)
    for number in range(COUNT):
        yield from _one_of_each(begin, number)


def _house(begin: int) -> Iterator[Event]:
    """VAT of 6 % within our fee, and from the week's middle on a reserve of 5 % for 30 days."""
    for since, reserve in ((begin - 30 * DAY, {}), (begin + 3 * DAY, {"reserve_ppm": 50_000, "reserve_days": 30})):
        settings = {"vat_ppm": {"CNY": 60_000}, "payout_minimum_minor": {"CNY": 1_000}, **reserve}
        yield _fact("house.set", f"{since}", since, effective_from=format_rfc3339(since), **settings)


def _one_of_each(begin: int, number: int) -> Iterator[Event]:
    """One fact of each kind, about orders, contents, campaigns and KOCs of the week."""
    order, other, content, koc = f"o_{17 * number + 5}", f"o_{17 * number + 9}", f"v_{12 * number}", f"k_{number}"
    dispute: dict[str, Any] = {"dispute_id": f"d_{number}", "order_id": order}
    dispute |= {"line_id": "1"} if number % 2 else {}
    held = ({"order_id": other}, {"content_id": content}, {"owner": f"koc:{koc}"})[number % 3]
    currency = ("CNY", "USD", "JPY")[number // 5]
    campaign = {"campaign_id": f"c_{number % 5}", "currency": currency}
    yield _fact("payee.set", koc, begin, owner=f"koc:{koc}", rail=("bank", "wechat")[number % 2], ref=f"ref_{koc}")
    yield _fact("campaign.budget_set", f"{number}", begin - DAY, **campaign, amount_minor=1_000_000 * (number + 1))
    yield _fact("dispute.opened", f"{number}", begin + 8 * DAY, **dispute)
    yield _fact("hold.placed", f"{number}", begin + 8 * DAY, hold_id=f"h_{number}", **held)
    if number < DECIDED:
        outcome = ("allowed", "denied")[number % 2]
        yield _fact("dispute.decided", f"{number}", begin + 11 * DAY, **dispute, outcome=outcome)
        yield _fact("hold.released", f"{number}", begin + 11 * DAY, hold_id=f"h_{number}")
        cancels = number % 2 == 0
        yield _fact("content.removed", content, begin + 12 * DAY, content_id=content, cancels_script_fee=cancels)
    left = begin + 12 * DAY
    yield _fact("koc.left", f"{number}", left, koc_id=f"k_{number + 40}", left_at=format_rfc3339(left))


def _fact(kind: str, name: str, at: int, /, **fields: Any) -> Event:
    return {"event_id": f"{kind}_{name}", "event_type": kind, "occurred_at": format_rfc3339(at), **fields}
