"""What is wrong, or dubious, with one record: its bytes, its key and its partition, as far as the sample tells them."""

import json
import re
from enum import StrEnum
from typing import Any, NamedTuple

from schemas import decoding
from schemas.house import PayeeSet
from schemas.partitioning import partition_of
from schemas.reasons import Reason
from schemas.routing import topic_of
from schemas.samples import Sample
from schemas.topics import BY_NAME, REGISTRY
from schemas.wording import stands_twice


class Concern(StrEnum):
    """Words for what no reason of a refusal names."""

    WRONG_KEY = "wrong_key"
    WRONG_PARTITION = "wrong_partition"
    PERSONAL_BUYER_ID = "personal_buyer_id"
    PERSONAL_PAYEE_REF = "personal_payee_ref"
    REUSED_EVENT_ID = "reused_event_id"
    REUSED_ORDER_ID = "reused_order_id"
    REFUNDED_TOO_MUCH = "refunded_too_much"
    CHANGED_REFUND = "changed_refund"
    DROPPED_PARTIES = "dropped_parties"
    REPEATED_FIELD = "repeated_field"


class Finding(NamedTuple):
    """One thing that is wrong (`warning` False) or dubious with one record.

    Attributes:
        where: FILE:LINE.
        word: a Reason, with which it would be refused, or a Concern.
        field: the field's path; empty where it is no field's fault.
        wanted: what is wanted instead, or what will happen.
    """

    where: str
    word: Reason | Concern
    field: str
    wanted: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {'warning: ' if self.warning else ''}{self.word}: {self.wanted}"


class Record(NamedTuple):
    """An event's bytes, with the topic, key and partition that the sample gives it; None = it says nothing of it."""

    raw: bytes
    topic: str | None = None
    key: str | None = None
    partition: int | None = None


class Judged(NamedTuple):
    """What one sample is: an event of a topic, or None with the findings that say why not."""

    topic: str
    event: Any
    findings: list[Finding]
    unknown_fields: list[str]


_PERSONAL = (
    (re.compile(r"(mailto:)?[^@]+@[^@]+\.[A-Za-z]{2,}"), "an e-mail address"),
    (re.compile(r"(tel:)?(\+[0-9][0-9-]{6,18}|(86-?)?1[3-9][0-9](-?[0-9]{4}){2})"), "a phone number"),
    (re.compile(r"[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9][0-9]{3}[0-9Xx]"), "an identity card's number"),
)
_ACCOUNTS = (
    (re.compile(r"[0-9]{12,19}"), "the number of a card or an account"),
    (re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}"), "an IBAN"),
)


def record_of(raw: bytes) -> Record:
    """A record from `{"key": …, "value": …}` or what `kcat -J` prints (`payload`), else the bytes as they are."""
    try:
        outer = json.loads(raw)
    except (ValueError, RecursionError):
        return Record(raw)
    if not isinstance(outer, dict) or "event_type" in outer or not outer.keys() & {"value", "payload"}:
        return Record(raw)
    value = outer.get("value", outer.get("payload"))
    topic, key, partition = outer.get("topic"), outer.get("key"), outer.get("partition")
    return Record(
        (value if isinstance(value, str) else json.dumps(value)).encode(errors="surrogatepass"),
        topic if topic in BY_NAME else None,
        str(key or "") if "key" in outer else None,
        partition if type(partition) is int else None,
    )


def judge(sample: Sample, topic: str | None = None) -> Judged:
    """Judge one sample by itself; `topic` None: the record's own, else the one that its event_type belongs to."""
    record = record_of(sample.raw)
    topic = topic or record.topic
    try:
        topic = topic or topic_of(decoding.read_object(record.raw))
    except decoding.InvalidEvent as invalid:
        return Judged("", None, [_wrong(sample.where, invalid)], [])
    if problems := decoding.problems(topic, record.raw):
        return Judged(topic, None, [_wrong(sample.where, one) for one in problems], [])
    event = decoding.read(topic, record.raw)
    findings = [
        *_repeated(sample, record),
        *_placed(sample.where, record, topic, event),
        *_private(sample.where, event),
    ]
    return Judged(topic, event, findings, decoding.unknown_fields(topic, record.raw))


def _wrong(where: str, invalid: decoding.InvalidEvent) -> Finding:
    return Finding(where, invalid.reason, invalid.field, invalid.detail)


def _repeated(sample: Sample, record: Record) -> list[Finding]:
    """Fields that stand twice in one object, in the line of the sample or in a value that is a text in it."""
    texts = {sample.raw, record.raw}
    fields = sorted({field for text in texts for field in decoding.repeated_fields(text)})
    return [Finding(sample.where, Concern.REPEATED_FIELD, field, stands_twice(field)) for field in fields]


def _placed(where: str, record: Record, topic: str, event: Any) -> list[Finding]:
    """Whether key and partition are the event's own; a wrong one costs a detour, and its place in the order."""
    found = []
    if record.key is not None and record.key != event.key:
        found.append(Finding(where, Concern.WRONG_KEY, "key", f"the key must be {_key_of(topic, event)}"))
    owner = partition_of(event.key.encode(), BY_NAME[topic].partitions)
    if record.partition is not None and record.partition != owner:
        wanted = f"murmur2 of the key gives partition {owner}, not {record.partition} (librdkafka: murmur2_random)"
        found.append(Finding(where, Concern.WRONG_PARTITION, "partition", wanted))
    return found


def _key_of(topic: str, event: Any) -> str:
    """Which key a record must have; the registry's is another field for each event."""
    return event.key if topic == REGISTRY.name else f"{BY_NAME[topic].key} of the value"


def _private(where: str, event: Any) -> list[Finding]:
    """Whether what must be a pseudonym or a token looks like a person's own."""
    if isinstance(event, PayeeSet):
        patterns = [*_PERSONAL, *_ACCOUNTS]
        word, field, value, instead = Concern.PERSONAL_PAYEE_REF, "ref", event.ref, "use a token of the payee file"
    else:
        patterns, value = [*_PERSONAL], getattr(event, "buyer_id", "")
        word, field, instead = Concern.PERSONAL_BUYER_ID, "buyer_id", "use a pseudonym"
    found = next((what for pattern, what in patterns if pattern.fullmatch(value)), None)
    return [Finding(where, word, field, f"it looks like {found}: {instead}", warning=True)] if found else []
