"""Credit assertions as they come over the wire, decoded with msgspec. Times become integer microseconds.

Closed and fast; what it does not accept is put before the public model (schemas), which has the last word.
"""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from schemas import decoding
from schemas.currencies import CURRENCIES
from schemas.fields import MAX_AMOUNT_MINOR, MAX_EVENT_BYTES, MAX_QUANTITY, MILLION
from schemas.topics import CREDITS
from services.kernel.errors import Refused
from services.runtime.wire import UNDECODABLE, Moment, read_moment
from services.settlement.domain.lines.assertions import LineAssertion

Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT_MINOR)]
Offset = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_ID = r"[A-Za-z0-9._~=+@:-]{1,128}"
_WORD = r"[a-z][a-z0-9_]{0,31}"


def _check(pattern: re.Pattern[str], *names: str | None) -> None:
    """Match all names of a struct at once; an absent one counts as a dash."""
    if pattern.fullmatch("|".join(["-" if name is None else name for name in names])) is None:
        raise ValueError("not an identifier")


class _Wire(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What all our wire structs are: closed and immutable."""


_ONE = re.compile(_ID).fullmatch


class WireStep(_Wire, frozen=True, gc=False):
    """The line's amounts after one order event."""

    event_id: str
    at: Moment
    refunded_minor: Amount
    cancelled: bool

    def __post_init__(self) -> None:
        if _ONE(self.event_id) is None:
            raise ValueError("not an identifier")


_CREDIT = re.compile(rf"{_ID}\|{_ID}\|{_ID}\|{_ID}")


class WireCredit(_Wire, frozen=True, gc=False):
    """A content that the line is credited to; a declaration has no touch."""

    content_id: str
    koc_id: str
    traffic: Literal["natural", "boosted", "paid"]
    weight_ppm: Annotated[int, Meta(ge=1, le=MILLION)]
    campaign_id: str | None = None
    touch_id: str | None = None
    touched_at: Moment | None = None

    def __post_init__(self) -> None:
        _check(_CREDIT, self.content_id, self.koc_id, self.campaign_id, self.touch_id)


_CONSIDERED = re.compile(rf"{_ID}\|{_ID}\|{_ID}\|{_WORD}")


class WireConsidered(_Wire, frozen=True, gc=False):
    """A candidate and what became of it; a declaration has no touch."""

    content_id: str
    koc_id: str
    verdict: str
    touch_id: str | None = None
    touched_at: Moment | None = None

    def __post_init__(self) -> None:
        _check(_CONSIDERED, self.touch_id, self.content_id, self.koc_id, self.verdict)


class WireVersion(_Wire, frozen=True, gc=False):
    """The version vector."""

    log: Offset
    rules: Offset
    touch: Offset
    order: Offset


_NAMES = re.compile(r"\|".join([_ID] * 8 + [_WORD, "[a-z0-9_]{1,64}"]))


class _WireLine(_Wire, frozen=True, gc=False):
    """One assertion, but for the touches that were considered: the whole current truth of an order line."""

    order_id: str
    line_id: str
    buyer_id: str
    platform: str
    shop_id: str
    brand_id: str
    product_id: str
    currency: str
    quantity: Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
    new_customer: bool
    goods_paid_minor: Amount
    platform_discount_minor: Amount
    shop_discount_minor: Amount
    refunded_minor: Amount
    status: Literal["paid", "received", "completed", "cancelled"]
    paid_at: Moment
    as_of: Moment
    steps: Annotated[tuple[WireStep, ...], Meta(min_length=1, max_length=50)]
    policy: str
    credits: Annotated[tuple[WireCredit, ...], Meta(max_length=200)]
    version: WireVersion
    source_partition: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    sku_id: str | None = None
    category_id: str | None = None
    received_at: Moment | None = None
    completed_at: Moment | None = None

    def __post_init__(self) -> None:
        _check(
            _NAMES, self.order_id, self.line_id, self.buyer_id, self.shop_id, self.brand_id, self.product_id,
            self.sku_id, self.category_id, self.platform, self.policy,
        )  # fmt: skip
        if self.currency not in CURRENCIES:
            raise ValueError("not a currency")


class WireAssertion(_WireLine, frozen=True, gc=False, kw_only=True):
    """One assertion, whole."""

    considered: Annotated[tuple[WireConsidered, ...], Meta(max_length=100)]


class _PricedAssertion(_WireLine, frozen=True, gc=False, kw_only=True):
    """One assertion as far as its price needs it. `considered` is half of its bytes, and explains it to people."""

    considered: msgspec.Raw


_KNOWN_MOMENTS: dict[str, Moment] = {}
_MOMENTS_KEPT = 10_000


def _read_moment(kind: type, value: object) -> Any:
    """msgspec's hook for a moment: an assertion says the same few times again and again."""
    known = _KNOWN_MOMENTS.get(value) if isinstance(value, str) else None
    if known is None:
        known = read_moment(kind, value)
        if len(_KNOWN_MOMENTS) >= _MOMENTS_KEPT:
            _KNOWN_MOMENTS.clear()
        _KNOWN_MOMENTS[str(value)] = known
    return known


_DECODER = msgspec.json.Decoder(WireAssertion, dec_hook=_read_moment)
_PRICED_DECODER = msgspec.json.Decoder(_PricedAssertion, dec_hook=_read_moment)


def decode_assertion(raw: bytes | None) -> LineAssertion:
    """A record of attribution.credits.v1, as far as the books need it.

    The touches that were considered are not looked at: attribution proves what it writes of them (a property test),
    and `decode_credit` checks them where they are read.

    Raises:
        Refused: the bytes are no such message.
    """
    try:
        if raw is not None and len(raw) <= MAX_EVENT_BYTES:
            return _PRICED_DECODER.decode(raw)
    except UNDECODABLE:
        pass
    return decode_credit(raw)


def decode_credit(raw: bytes | None) -> WireAssertion:
    """A record of attribution.credits.v1, whole.

    Raises:
        Refused: the bytes are no such message.
    """
    try:
        if raw is not None and len(raw) <= MAX_EVENT_BYTES:
            return _DECODER.decode(raw)
    except UNDECODABLE:
        pass
    try:
        model = decoding.read(CREDITS.name, raw)
    except decoding.InvalidEvent as invalid:
        raise Refused(invalid.reason, invalid.detail) from None
    return msgspec.convert(model.model_dump(), WireAssertion, dec_hook=read_moment)


def under_buyer(raw: bytes, buyer_id: str) -> bytes:
    """An assertion, whole and valid, as bytes that say the same of another buyer."""
    said: dict[str, object] = msgspec.json.decode(raw)
    return msgspec.json.encode({**said, "buyer_id": buyer_id})
