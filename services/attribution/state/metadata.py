"""The terms under which a store was written, and whether this process may go on with the store."""

from collections.abc import Mapping

import msgspec

from services.attribution.domain.horizons import ALWAYS, Horizons, Watermarks
from services.attribution.domain.policy import DOMAIN_VERSION, Rules
from services.attribution.state.keys import FORMAT_VERSION
from services.kernel.errors import StartRefused


class StoreTerms(msgspec.Struct, frozen=True):
    """Everything that must not change unnoticed between two runs over one store.

    Attributes:
        topic_ids: Kafka's ids of the input topics, by topic; a topic that was made again has another id.
        revision, rules_sha256: of the policy file under which this store was last published.
    """

    partition: int
    topic_ids: dict[str, str]
    horizons: Horizons
    revision: int
    rules_sha256: str
    domain_version: int = DOMAIN_VERSION
    format_version: int = FORMAT_VERSION

    @classmethod
    def now(cls, partition: int, topic_ids: Mapping[str, str], horizons: Horizons, rules: Rules) -> "StoreTerms":
        """The terms of this process for a partition number."""
        return cls(partition, dict(topic_ids), horizons, rules.revision, rules.sha256)


class Meta(msgspec.Struct):
    """The one row about the whole store.

    Attributes:
        next_offsets: by topic, the next offset to read; written in the same batch as the state that belongs to it.
        log: generation of the input topics.
        publish_from: orders that were paid before are not published, because lost records could belong to them.
    """

    terms: StoreTerms
    next_offsets: dict[str, int]
    marks: Watermarks
    log: int = 0
    publish_from: int = ALWAYS

    def reach(self) -> tuple[int, int]:
        """How far the state has come; the state with the greatest reach of a partition is used."""
        return self.log, sum(self.next_offsets.values())


encode_meta = msgspec.msgpack.Encoder().encode
_decode_meta = msgspec.msgpack.Decoder(Meta).decode


def decode_meta(row: bytes) -> Meta:
    """The row about a store.

    Raises:
        StartRefused: its layout is not ours.
    """
    try:
        return _decode_meta(row)
    except msgspec.MsgspecError as problem:
        raise StartRefused(
            f"a store's metadata cannot be read by this version of koc ({problem}): start the version that wrote it, "
            f"or move the store away and let it be rebuilt"
        ) from None


def may_carry_on(stored: StoreTerms, now: StoreTerms) -> bool:
    """Check that a process may go on with a store. Returns whether it must first publish all orders again.

    Raises:
        StartRefused: it may not; the sentence says what to do.
    """
    # Other bytes, other topics and other horizons make another state.
    where = f"the store of partition {stored.partition}"
    if stored.format_version != now.format_version or stored.partition != now.partition:
        raise StartRefused(
            f"{where} has format {stored.format_version}, this version of koc reads format {now.format_version} of "
            f"partition {now.partition}: start the version that wrote it, or move the store away and let it be rebuilt "
            f"from a snapshot or the log"
        )
    if changed_topics := _changed_topics(stored.topic_ids, now.topic_ids):
        raise StartRefused(
            f"{where} belongs to other topics than the broker's ({', '.join(changed_topics)} was deleted and made "
            f"again, or this is another cluster); restore the topics, carry the state over with `koc attribution "
            f"rebase`, or start from nothing: empty stores, no snapshots, empty books"
        )
    if stored.horizons != now.horizons:
        raise StartRefused(
            f"{where} was built with {stored.horizons}, not {now.horizons}; restore the horizons in policies.toml, "
            f"or raise the revision and rebuild all stores from the log"
        )
    # A raised revision covers every other change of the rules.
    if now.revision > stored.revision:
        return True
    if (stored.revision, stored.rules_sha256, stored.domain_version) != (
        now.revision,
        now.rules_sha256,
        now.domain_version,
    ):
        raise StartRefused(
            f"{where} was last published under revision {stored.revision} of policies.toml (sha256 "
            f"{stored.rules_sha256[:12]}, domain {stored.domain_version}), this process has revision {now.revision} "
            f"(sha256 {now.rules_sha256[:12]}, domain {now.domain_version}); a change needs a higher `revision`"
        )
    return False


def _changed_topics(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*stored, *now} if stored.get(name) != now.get(name))
