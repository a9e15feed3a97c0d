"""Read an event's bytes, or say in one word of schemas.reasons and one line for a person what is wrong with them."""

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from schemas.clicks import Click
from schemas.credits import CreditAssertion
from schemas.fields import MAX_EVENT_BYTES
from schemas.ledger import LedgerEntry
from schemas.orders import ORDER_EVENT
from schemas.reasons import Reason
from schemas.registry import REGISTRY_EVENT
from schemas.topics import CLICKS, CREDITS, LEDGER, ORDERS, REGISTRY

MODELS: dict[str, TypeAdapter[Any]] = {
    CLICKS.name: TypeAdapter(Click),
    ORDERS.name: ORDER_EVENT,
    REGISTRY.name: REGISTRY_EVENT,
    CREDITS.name: TypeAdapter(CreditAssertion),
    LEDGER.name: TypeAdapter(LedgerEntry),
}
_DETAIL_LENGTH = 300


class InvalidEvent(ValueError):  # noqa: N818 - what the event is, not a failure of ours
    """Bytes that are no event of their topic.

    Args:
        reason: a word of schemas.reasons.
        detail: where and what, one line.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:_DETAIL_LENGTH]


def read(topic: str, raw: bytes | None) -> Any:
    """The model of a record of this topic.

    Raises:
        InvalidEvent: the bytes are no event of the topic.
    """
    if raw is None:
        raise InvalidEvent(Reason.INVALID_JSON, "the record has no value")
    if len(raw) > MAX_EVENT_BYTES:
        raise InvalidEvent(Reason.INVALID_SIZE, f"{len(raw)} bytes, at most {MAX_EVENT_BYTES}")
    try:
        return MODELS[topic].validate_json(raw, extra="ignore")
    except ValidationError as error:
        raise _explained(raw, error) from None


def _explained(raw: bytes, error: ValidationError) -> InvalidEvent:
    """The first of pydantic's findings, as a reason and a line."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, found["loc"])) or "the record"
    detail = f"{where}: {found['msg']}"
    if found["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return InvalidEvent(Reason.INVALID_TYPE, detail)
    if found["type"] == "json_invalid" or not _is_object(raw):
        return InvalidEvent(Reason.INVALID_JSON, detail)
    reason = Reason.INVALID_TYPE if found["loc"][-1:] == ("event_type",) else Reason.INVALID_FIELD
    return InvalidEvent(reason, detail)


def _is_object(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except ValueError:
        return False
