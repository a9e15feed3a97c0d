"""Faults of the books: rows changed by hand, events that nobody can book as they stand, a month that nobody settles."""

from collections.abc import Iterator

from services.demo.events import Event
from services.kernel.time import format_rfc3339
from tests.kit.command import output_of
from tests.kit.poster_process import send_facts
from tests.kit.settlement_facts import Fact, FactStep, FactVersion
from tests.ops.alerts.fault import Round, fault
from tests.ops.alerts.site import Site
from tests.ops.alerts.world import CALM_BRAND, bought, priced

BOOKS: Round = []
_MOVE = """
UPDATE balance SET amount_minor = amount_minor + %s FROM account
WHERE account.id = account_id AND key = %s AND currency = 'CNY'
"""
_HALF_OF_TOO_MUCH = 600_000_000_000
"""The journal takes no amount over 10^12, the contract no order line."""


@fault(BOOKS, "KocTrialBalanceBroken", what="the superuser adds a fen to a balance", labels={"currency": "CNY"})
def a_balance_is_changed(site: Site) -> Iterator[None]:
    site.tamper(_MOVE, 1, "brand:br_payout:accrued")
    yield
    site.tamper(_MOVE, -1, "brand:br_payout:accrued")


@fault(BOOKS, "KocAccountInDebit", what="the superuser moves 50.00 from a KOC's pending account to its brand's")
def an_account_is_in_debit(site: Site) -> Iterator[None]:
    site.tamper(_MOVE, 5_000, "koc:k_debit:pending")
    site.tamper(_MOVE, -5_000, "brand:br_debit:accrued")
    yield
    site.tamper(_MOVE, -5_000, "koc:k_debit:pending")
    site.tamper(_MOVE, 5_000, "brand:br_debit:accrued")


@fault(BOOKS, "KocLinesOwnedTwice", what="two buyers claim one order line", clears_within=240,
       lasts=("KocLinesOwnedTwice",))  # fmt: skip
def two_buyers_claim_a_line(site: Site) -> Iterator[None]:
    site.publish(priced(site, "claimed"))
    site.publish(*bought(site, "claimed", 1, "b_one"), *bought(site, "claimed", 1.1, "b_two"))
    yield


@fault(BOOKS, "KocLinesBelowJoin", what="of three assertions of a line the last one is missing")
def an_assertion_is_missing(site: Site) -> Iterator[None]:
    at = site.before(1)
    fact = Fact("o_joined", brand_id=CALM_BRAND, paid_at=at, as_of=at, steps=(FactStep("o_joined_paid", at),))
    send_facts(fact.but(version=FactVersion(touch=touch, order=order)) for touch, order in ((2, 1), (1, 2)))
    yield
    send_facts([fact.but(version=FactVersion(touch=2, order=2))])


@fault(BOOKS, "KocLinesSetAside", what="an order's commission is over the journal's limit")
def a_line_is_set_aside(site: Site) -> Iterator[None]:
    everything = {"base": "before_platform_discount"}
    click, order = bought(site, "absurd", 1, minor=_HALF_OF_TOO_MUCH)
    order["lines"][0]["platform_discount_minor"] = _HALF_OF_TOO_MUCH
    site.publish(priced(site, "absurd", 1_000_000) | everything, click, order)
    yield
    site.publish(priced(site, "absurd", 10_000, version=2) | everything)


@fault(BOOKS, "KocLinesQuarantined", what="an operator freezes a line")
def a_line_is_quarantined(site: Site) -> Iterator[None]:
    del site
    line = "o_debit/1/b_debit"
    output_of("settlement", "quarantine", line, "--reason", "the buyer's bank asks")
    yield
    output_of("settlement", "release", line, "--reason", "the bank has answered")


@fault(BOOKS, "KocLinesUnpriced", what="an order comes without a plan")
def a_line_has_no_plan(site: Site) -> Iterator[None]:
    site.publish(*bought(site, "planless", 1))
    yield
    site.publish(priced(site, "planless"))


@fault(BOOKS, "KocContentUnregistered", what="a script fee is accepted for a content that nobody registered")
def a_content_is_not_registered(site: Site) -> Iterator[None]:
    site.publish(_of_content(site, "script_fee.accepted"))
    yield
    fee = {"koc_id": "k_payout", "platform": "douyin", "brand_id": "br_payout", "script_fee_minor": 30_000}
    site.publish(_of_content(site, "content.registered", **fee, currency="CNY"))


def _of_content(site: Site, kind: str, **fields: object) -> Event:
    at = format_rfc3339(site.before(1))
    return {"event_id": f"{kind}_v_lost", "event_type": kind, "occurred_at": at, "content_id": "v_lost", **fields}
