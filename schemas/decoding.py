"""Read an event's bytes, or say in one word of schemas.reasons and one line for a person what is wrong with them.

Unknown fields are ignored. Of a name that stands twice in one object the last counts. NaN and Infinity are not JSON.
"""

from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

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
        is_object = isinstance(from_json(raw, allow_inf_nan=False), dict)
    except ValueError as problem:
        raise InvalidEvent(Reason.INVALID_JSON, str(problem)) from None
    if not is_object:
        raise InvalidEvent(Reason.INVALID_JSON, "the record is not an object")
    try:
        return MODELS[topic].validate_json(raw, extra="ignore")
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> InvalidEvent:
    """The first of pydantic's findings, as a reason and a line."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    detail = f"{'.'.join(map(str, found['loc'])) or 'the record'}: {found['msg']}"
    if found["type"].startswith("union_tag_") or found["loc"][-1:] == ("event_type",):
        return InvalidEvent(Reason.INVALID_TYPE, detail)
    return InvalidEvent(Reason.INVALID_FIELD, detail)
