"""Why an event is refused: the fixed word list of the `reason` header in every dead-letter topic."""

from enum import StrEnum


class Reason(StrEnum):
    """One word per way in which an event can be bad."""

    INVALID_JSON = "invalid_json"
    INVALID_FIELD = "invalid_field"
    INVALID_TYPE = "invalid_type"
    INVALID_SIZE = "invalid_size"
    ID_CONFLICT = "id_conflict"
    TOO_LATE = "too_late"
    TOO_MANY = "too_many"
    IN_FUTURE = "in_future"
    UNKNOWN_ORDER = "unknown_order"
    UNKNOWN_LINE = "unknown_line"
    MISROUTED = "misrouted"


MEANING: dict[Reason, str] = {
    Reason.INVALID_JSON: "the record's bytes are not one JSON object in UTF-8",
    Reason.INVALID_FIELD: "a field is missing, has the wrong type, or a value over its limit",
    Reason.INVALID_TYPE: "the event_type is not one of this topic",
    Reason.INVALID_SIZE: "the record is larger than an event may be",
    Reason.ID_CONFLICT: "another event with this id was accepted before, with other content",
    Reason.TOO_LATE: "older than the log's watermark allows",
    Reason.TOO_MANY: "over a limit on what one buyer or order may have",
    Reason.IN_FUTURE: "occurred_at is more than an hour after the broker received it",
    Reason.UNKNOWN_ORDER: "its order.paid never came",
    Reason.UNKNOWN_LINE: "it names a line that its order does not have",
    Reason.MISROUTED: "in a partition that is not its key's, after it was rerouted once",
}
UNUSABLE = frozenset({Reason.INVALID_JSON, Reason.INVALID_FIELD, Reason.INVALID_TYPE, Reason.INVALID_SIZE})
"""Reasons that speak of a misconfigured publisher: over a set share of them the reader stops."""
