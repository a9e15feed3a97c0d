"""Assertions as records of the credits topic: JSON value, line key, CloudEvents headers.

The books store `considered` unread, so that an invalid one would be found only when a person asks for it. A property
test holds every encoded assertion to the public model in schemas/credits.py.
"""

from typing import NamedTuple

import msgspec

from services.attribution.domain.assertion import MAX_CONSIDERED, Assertion
from services.attribution.domain.credits import Credit
from services.attribution.domain.fold import LineStep
from services.attribution.domain.verdicts import Verdict
from services.kernel.time import format_rfc3339

CE_TYPE = "attribution.credits.v1"
CE_SOURCE = "/koc/attribution"
_CONSTANT_HEADERS = [("ce_specversion", b"1.0"), ("ce_type", CE_TYPE.encode()), ("ce_source", CE_SOURCE.encode())]

_text = format_rfc3339


class OutRecord(NamedTuple):
    """A record for a batch."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class _Step(msgspec.Struct, gc=False):
    event_id: str
    at: str
    refunded_minor: int
    cancelled: bool


class _Credit(msgspec.Struct, gc=False):
    content_id: str
    koc_id: str
    campaign_id: str | None
    traffic: str
    touch_id: str | None
    touched_at: str | None
    weight_ppm: int


class _Considered(msgspec.Struct, gc=False):
    touch_id: str | None
    content_id: str
    koc_id: str
    touched_at: str | None
    verdict: Verdict


class _Version(msgspec.Struct, gc=False):
    log: int
    rules: int
    touch: int
    order: int


class _Message(msgspec.Struct, gc=False):
    order_id: str
    line_id: str
    buyer_id: str
    platform: str
    shop_id: str
    brand_id: str
    product_id: str
    sku_id: str | None
    category_id: str | None
    currency: str
    quantity: int
    new_customer: bool
    goods_paid_minor: int
    platform_discount_minor: int
    shop_discount_minor: int
    refunded_minor: int
    status: str
    paid_at: str
    received_at: str | None
    completed_at: str | None
    as_of: str
    steps: list[_Step]
    policy: str
    credits: list[_Credit]
    considered: list[_Considered]
    version: _Version
    source_partition: int


_encode = msgspec.json.Encoder().encode


def encode_assertion(assertion: Assertion, partition: int) -> OutRecord:
    """The record of an assertion: the same bytes on every worker.

    Args:
        partition: the buyer's partition number, the same in the input topics and in the credits topic.
    """
    # Positional arguments: keywords would take a microsecond more for each record.
    _, payment, line, state, as_of, policy, judgement, _, vector = assertion
    as_of_text = _text(as_of)
    message = _Message(
        payment.order_id,
        line.line_id,
        assertion.buyer_id,
        payment.platform,
        payment.shop_id,
        line.brand_id,
        line.product_id,
        line.sku_id,
        line.category_id,
        payment.currency,
        line.quantity,
        payment.new_customer,
        line.goods_paid_minor,
        line.platform_discount_minor,
        line.shop_discount_minor,
        state.refunded_minor,
        state.status,
        _text(payment.paid_at),
        _optional(state.received_at),
        _optional(state.completed_at),
        as_of_text,
        [_step(step) for step in state.steps],
        policy,
        [_credit(credit) for credit in judgement.credits],
        _considered(assertion),
        _Version(*vector),
        partition,
    )
    # The CloudEvents id names the line and the events behind its truth, so that a repeated record has the same id.
    key = f"{payment.order_id}/{line.line_id}"
    ce_id = f"{key}/{assertion.buyer_id}@{vector.log}.{vector.rules}.{vector.touch}.{vector.order}"
    headers = [*_CONSTANT_HEADERS, ("ce_id", ce_id.encode()), ("ce_time", as_of_text.encode())]
    return OutRecord(key.encode(), _encode(message), headers)


def _optional(at: int | None) -> str | None:
    return None if at is None else _text(at)


def _step(step: LineStep) -> _Step:
    return _Step(step.event_id, _text(step.at), step.refunded_minor, step.cancelled)


def _credit(credit: Credit) -> _Credit:
    content_id, koc_id, campaign_id, traffic, touch_id, touched_at, weight_ppm = credit
    return _Credit(content_id, koc_id, campaign_id, traffic, touch_id, _optional(touched_at), weight_ppm)


def _considered(assertion: Assertion) -> list[_Considered]:
    """The platform's declaration, then the latest touches, each with its verdict: MAX_CONSIDERED in all."""
    declared, verdict = assertion.payment.declared, assertion.judgement.declared
    candidates, verdicts = assertion.candidates, assertion.judgement.verdicts
    if len(candidates) > MAX_CONSIDERED:
        candidates, verdicts = candidates[:MAX_CONSIDERED], verdicts[:MAX_CONSIDERED]
    found = [
        _Considered(touch.event_id, touch.content_id, touch.koc_id, _text(touch.occurred_at), verdict)
        for touch, verdict in zip(candidates, verdicts, strict=True)
    ]
    if declared is None or verdict is None:
        return found
    return [_Considered(None, declared.content_id, declared.koc_id, None, verdict), *found[: MAX_CONSIDERED - 1]]
