"""What the domain needs to know of a credit assertion; any object with these attributes will do. Times: microseconds.

The wire's decoder makes such objects; the rules read them and never change them.
"""

# ruff: noqa: D102 - what each field means stands once, in the public contract (schemas)

from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

from services.settlement.domain.lines.vectors import Vector


class AssertedCredit(Protocol):
    """A content that a line is credited to, with its share of 1,000,000."""

    @property
    def content_id(self) -> str: ...
    @property
    def koc_id(self) -> str: ...
    @property
    def campaign_id(self) -> str | None: ...
    @property
    def traffic(self) -> str: ...
    @property
    def weight_ppm(self) -> int: ...


class AssertedStep(Protocol):
    """The line's amounts after one order event: the sum refunded so far, and whether it is cancelled."""

    @property
    def event_id(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def refunded_minor(self) -> int: ...
    @property
    def cancelled(self) -> bool: ...


class AssertedVersion(Protocol):
    """The four components of a line's version vector."""

    @property
    def log(self) -> int: ...
    @property
    def rules(self) -> int: ...
    @property
    def touch(self) -> int: ...
    @property
    def order(self) -> int: ...


class LineAssertion(Protocol):
    """The whole current truth of one order line, as attribution publishes it."""

    @property
    def order_id(self) -> str: ...
    @property
    def line_id(self) -> str: ...
    @property
    def buyer_id(self) -> str: ...
    @property
    def platform(self) -> str: ...
    @property
    def brand_id(self) -> str: ...
    @property
    def product_id(self) -> str: ...
    @property
    def category_id(self) -> str | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def new_customer(self) -> bool: ...
    @property
    def goods_paid_minor(self) -> int: ...
    @property
    def platform_discount_minor(self) -> int: ...
    @property
    def refunded_minor(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def paid_at(self) -> int: ...
    @property
    def received_at(self) -> int | None: ...
    @property
    def completed_at(self) -> int | None: ...
    @property
    def as_of(self) -> int: ...
    @property
    def steps(self) -> Sequence[AssertedStep]: ...
    @property
    def policy(self) -> str: ...
    @property
    def credits(self) -> Sequence[AssertedCredit]: ...
    @property
    def version(self) -> AssertedVersion: ...


def is_cancelled(assertion: LineAssertion) -> bool:
    """Whether nothing is owed for the line any more, whatever was refunded."""
    return assertion.status == "cancelled"


def vector_of(assertion: LineAssertion) -> Vector:
    """Its version vector."""
    version = assertion.version
    return version.log, version.rules, version.touch, version.order


def content_hash(assertion: LineAssertion) -> bytes:
    """16 bytes over the fields that decide money: two assertions with equal vectors must agree on them."""
    content = (
        assertion.buyer_id,
        assertion.platform,
        assertion.brand_id,
        assertion.product_id,
        assertion.category_id,
        assertion.currency,
        assertion.goods_paid_minor,
        assertion.platform_discount_minor,
        assertion.refunded_minor,
        assertion.status,
        assertion.paid_at,
        assertion.received_at,
        assertion.completed_at,
        assertion.policy,
        assertion.new_customer,
        [(step.event_id, step.at, step.refunded_minor, step.cancelled) for step in assertion.steps],
        [(c.content_id, c.koc_id, c.campaign_id, c.traffic, c.weight_ppm) for c in assertion.credits],
    )
    return blake2b(repr(content).encode(), digest_size=16).digest()
