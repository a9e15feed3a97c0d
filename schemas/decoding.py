"""Read an event's bytes, or say in one word of schemas.reasons and one line for a person what is wrong with them.

Unknown fields are ignored. Of a field that stands twice in one object the last counts (ADR 0004); the test kit and
`koc publish` refuse it. NaN and Infinity are not JSON.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from schemas.clicks import Click
from schemas.commands import Command
from schemas.credits import CreditAssertion
from schemas.fields import MAX_EVENT_BYTES
from schemas.ledger import LedgerEntry
from schemas.orders import ORDER_EVENT
from schemas.reasons import Reason
from schemas.registry import REGISTRY_EVENT
from schemas.statements import IssuedStatement
from schemas.topics import CLICKS, COMMANDS, CREDITS, LEDGER, ORDERS, REGISTRY, STATEMENTS
from schemas.wording import json_problem, path_of, sentence_of

MODELS: dict[str, TypeAdapter[Any]] = {
    CLICKS.name: TypeAdapter(Click),
    ORDERS.name: ORDER_EVENT,
    REGISTRY.name: REGISTRY_EVENT,
    CREDITS.name: TypeAdapter(CreditAssertion),
    LEDGER.name: TypeAdapter(LedgerEntry),
    COMMANDS.name: TypeAdapter(Command),
    STATEMENTS.name: TypeAdapter(IssuedStatement),
}
_DETAIL_LENGTH = 500


class InvalidEvent(ValueError):  # noqa: N818 - what the event is, not a failure of ours
    """Bytes that are no event of their topic.

    Args:
        reason: a word of schemas.reasons.
        detail: where and what, one line.
        field: the field's path, `lines.0.quantity`; empty where it is no field's fault.
    """

    def __init__(self, reason: Reason, detail: str, field: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:_DETAIL_LENGTH]
        self.field = field


def read(topic: str, raw: bytes | None) -> Any:
    """The model of a record of this topic.

    Raises:
        InvalidEvent: the bytes are no event of the topic.
    """
    if raw is None:
        raise InvalidEvent(Reason.INVALID_JSON, "the record has no value")
    read_object(raw)
    try:
        return MODELS[topic].validate_json(raw, extra="ignore")
    except ValidationError as error:
        raise _explained(error)[0] from None


def problems(topic: str, raw: bytes) -> list[InvalidEvent]:
    """All that is wrong with the bytes of a record, the first as `read` raises it; none = an event of the topic."""
    try:
        read_object(raw)
        MODELS[topic].validate_json(raw, extra="ignore")
    except InvalidEvent as invalid:
        return [invalid]
    except ValidationError as error:
        return _explained(error)
    return []


def unknown_fields(topic: str, raw: bytes) -> list[str]:
    """Paths of the fields of a valid event that the contract does not know."""
    try:
        MODELS[topic].validate_json(raw)
    except ValidationError as error:
        return [path_of(one) for one in _found(error) if one["type"] == "extra_forbidden"]
    return []


def repeated_fields(raw: bytes) -> list[str]:
    """Paths of the fields that stand twice in one object of a JSON text; every reader would take the last alone."""
    repeating: list[tuple[dict[str, Any], set[str]]] = []

    def built(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            repeating.append((found, {name for name in found if names.count(name) > 1}))
        return found

    whole = json.loads(raw, object_pairs_hook=built, parse_int=str, parse_float=str)
    names_in = {id(found): names for found, names in repeating}
    return list(_paths(whole, names_in, "")) if repeating else []


def _paths(node: Any, names_in: dict[int, set[str]], path: str) -> Iterator[str]:
    """Path of every name of every object of a tree, by the object's id."""
    yield from (f"{path}{name}" for name in sorted(names_in.get(id(node), ())))
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in inner:
        yield from _paths(value, names_in, f"{path}{name}.")


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that a record is.

    Raises:
        InvalidEvent: the bytes are none, or too many.
    """
    if len(raw) > MAX_EVENT_BYTES:
        raise InvalidEvent(Reason.INVALID_SIZE, f"the record has {len(raw):,} bytes, more than {MAX_EVENT_BYTES:,}")
    try:
        found = from_json(raw, allow_inf_nan=False)
    except ValueError as problem:
        raise InvalidEvent(Reason.INVALID_JSON, json_problem(str(problem))) from None
    if not isinstance(found, dict):
        raise InvalidEvent(Reason.INVALID_JSON, "not one JSON object in UTF-8: it is another kind of value")
    return found


def _found(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False)


def _explained(error: ValidationError) -> list[InvalidEvent]:
    """pydantic's findings, each as a reason and a line."""
    explained = []
    for found in _found(error):
        path = path_of(found)
        reason = Reason.INVALID_TYPE if path == "event_type" else Reason.INVALID_FIELD
        explained.append(InvalidEvent(reason, sentence_of(found), path))
    return explained
