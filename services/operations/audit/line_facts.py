"""What a record of attribution.credits.v1 says, as far as money depends on it; amounts in minor units."""

from typing import NamedTuple

import msgspec

from services.kernel.time import parse_rfc3339

LineVector = tuple[int, int, int, int]
"""(log, rules, touch, order)."""

LARGE_MINOR = 10**8
"""Below this sum a line's past amounts cannot be over the journal's limit; they are not kept."""


class CreditFacts(NamedTuple):
    """A content that a line is credited to; weights of a line add up to 1,000,000."""

    content_id: str
    koc_id: str
    campaign_id: str | None
    traffic: str
    weight_ppm: int

    @property
    def name(self) -> str:
        """Tells the credits of one line apart, also in grants."""
        return f"{self.content_id}|{self.koc_id}|{self.campaign_id or ''}|{self.traffic}"


class LineFacts(NamedTuple):
    """An assertion; times are microseconds. `past` holds (refunded, is cancelled) after each event of a large line."""

    order_id: str
    line_id: str
    buyer_id: str
    platform: str
    brand_id: str
    product_id: str
    category_id: str | None
    currency: str
    is_new_customer: bool
    goods_minor: int
    discount_minor: int
    refunded_minor: int
    is_cancelled: bool
    paid_at: int
    received_at: int | None
    credits: tuple[CreditFacts, ...]
    past: tuple[tuple[int, bool], ...]


class _Credit(msgspec.Struct, gc=False):
    content_id: str
    koc_id: str
    traffic: str
    weight_ppm: int
    campaign_id: str | None = None


class _Step(msgspec.Struct, gc=False):
    refunded_minor: int
    cancelled: bool


class _Version(msgspec.Struct, gc=False):
    log: int
    rules: int
    touch: int
    order: int


class _Record(msgspec.Struct, gc=False):
    order_id: str
    line_id: str
    buyer_id: str
    platform: str
    brand_id: str
    product_id: str
    currency: str
    new_customer: bool
    goods_paid_minor: int
    platform_discount_minor: int
    refunded_minor: int
    status: str
    paid_at: str
    credits: list[_Credit]
    steps: list[_Step]
    version: _Version
    category_id: str | None = None
    received_at: str | None = None


_DECODER = msgspec.json.Decoder(_Record)
_PACKER = msgspec.msgpack.Encoder()
_UNPACKER = msgspec.msgpack.Decoder(LineFacts)


def read_line(raw: bytes) -> tuple[LineFacts, LineVector]:
    """An assertion and its version vector.

    Raises:
        ValueError: the bytes are no assertion.
    """
    said = _DECODER.decode(raw)
    is_large = said.goods_paid_minor + said.platform_discount_minor > LARGE_MINOR
    facts = LineFacts(
        said.order_id, said.line_id, said.buyer_id, said.platform, said.brand_id, said.product_id, said.category_id,
        said.currency, said.new_customer, said.goods_paid_minor, said.platform_discount_minor, said.refunded_minor,
        said.status == "cancelled", parse_rfc3339(said.paid_at),
        None if said.received_at is None else parse_rfc3339(said.received_at),
        tuple([CreditFacts(c.content_id, c.koc_id, c.campaign_id, c.traffic, c.weight_ppm) for c in said.credits]),
        tuple([(step.refunded_minor, step.cancelled) for step in said.steps]) if is_large else (),
    )  # fmt: skip
    version = said.version
    return facts, (version.log, version.rules, version.touch, version.order)


def pack(facts: LineFacts) -> bytes:
    """Facts in a third of the memory."""
    return _PACKER.encode(facts)


def unpack(packed: bytes) -> LineFacts:
    """What `pack` made."""
    return _UNPACKER.decode(packed)
