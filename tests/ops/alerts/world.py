"""The books that the faults hurt: months of orders of a shop, each order with its own brand, KOC and buyer."""

from collections.abc import Iterator

from services.demo.events import Event, click, later, line, paid, plan
from services.kernel.time import HOUR, format_rfc3339
from services.settlement.domain.book.periods import period_of
from tests.ops.alerts.site import Site

ZONE_MINUTES = 480
CALM_BRAND = "br_1"
"""Of the steady traffic."""
QUIET_PARTITION = 11
"""In it there is no steady traffic."""
ALWAYS_DAYS = 700
"""Days before the proof since when there are plans."""
MONTHS_KNOWN = 4
PAID = ("clawback", "payout", "budget")
"""Orders whose KOCs have bank accounts."""


def months(site: Site) -> list[str]:
    """The last MONTHS_KNOWN months that have ended, the oldest first."""
    found = sorted({period_of(site.before(days), ZONE_MINUTES, None) for days in range(31 * (MONTHS_KNOWN + 1))})
    return found[-MONTHS_KNOWN - 1 : -1]


def days_since(site: Site, month: str) -> int:
    """Days since the middle of a month."""
    return next(days + 14 for days in range(200) if period_of(site.before(days), ZONE_MINUTES, None) <= month)


def priced(site: Site, name: str, rate_ppm: int = 200_000, version: int = 1) -> Event:
    """The plan of a brand `br_NAME`, without splits."""
    since = site.before(ALWAYS_DAYS)
    return plan(f"pl_{name}", version, since, rate_ppm, brand_id=f"br_{name}", splits=[])


def bought(site: Site, name: str, days: float, buyer: str = "", minor: int = 20_000, **touch: object) -> list[Event]:
    """A click of KOC `k_NAME` so many days ago, and an order `o_NAME` of brand `br_NAME` an hour later."""
    at, buyer = site.before(days), buyer or f"b_{name}"
    product = {"product_id": f"p_{name}", "brand_id": f"br_{name}"}
    return [
        click(f"t_{name}_{buyer}", at - HOUR, buyer, f"v_{name}", f"k_{name}", **product, **touch),
        paid(f"o_{name}", at, buyer, [line("1", minor, **product)], event_id=f"o_{name}_{buyer}"),
    ]


def received(site: Site, name: str, days: float) -> Event:
    """The order's receipt: seven days later it is due."""
    return later("received", "received", f"o_{name}", site.before(days), f"b_{name}")


def payee(site: Site, name: str) -> Event:
    """The bank account of KOC `k_NAME`."""
    return {
        "event_id": f"payee_{name}", "event_type": "payee.set", "occurred_at": format_rfc3339(site.before(ALWAYS_DAYS)),
        "owner": f"koc:k_{name}", "rail": "bank", "ref": f"ref_{name}",
    }  # fmt: skip


def budget(site: Site, name: str, minor: int, number: int) -> Event:
    """The budget of campaign `c_NAME`, each with a number of its own."""
    at = site.before(days_since(site, months(site)[0]))
    return {
        "event_id": f"budget_{name}_{number}", "event_type": "campaign.budget_set", "occurred_at": format_rfc3339(at),
        "campaign_id": f"c_{name}", "currency": "CNY", "amount_minor": minor,
    }  # fmt: skip


def furnish(site: Site) -> None:
    """Publish plans and past orders, the oldest first: a log takes no order that comes two weeks late."""
    site.publish(plan("pl_calm", 1, site.before(ALWAYS_DAYS), 200_000, brand_id=CALM_BRAND, splits=[]))
    names = ("clawback", "budget", "due_0", "due_1", "due_2", "payout", "debit")
    site.publish(*(priced(site, name) for name in names), budget(site, "budget", 100_000, 1))
    site.publish(*(payee(site, name) for name in PAID))
    site.publish(*_past(site))
    site.drain()


def _past(site: Site) -> Iterator[Event]:
    """Orders that a run of nine days ago settles, some that the next one settles, one that stays open."""
    oldest = days_since(site, months(site)[0])
    yield from [*bought(site, "clawback", oldest), received(site, "clawback", oldest - 2)]
    yield from [*bought(site, "payout", 40), received(site, "payout", 38)]
    yield from [*bought(site, "budget", 39, campaign_id="c_budget"), received(site, "budget", 38)]
    for number in range(3):
        yield from [*bought(site, f"due_{number}", 14), received(site, f"due_{number}", 11)]
    yield from bought(site, "debit", 5)
