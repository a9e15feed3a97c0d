"""The terms under which a store was written, and whether it may be carried on under those of this process."""

from collections.abc import Mapping

import msgspec

from services.attribution.domain.horizons import ALWAYS, Horizons, Watermarks
from services.attribution.domain.policy import DOMAIN_VERSION, Rules
from services.attribution.state.keys import FORMAT_VERSION
from services.kernel.errors import StartRefused


class StoreTerms(msgspec.Struct, frozen=True):
    """What must not change unnoticed between two runs over one store.

    Attributes:
        topic_ids: Kafka's ids of the input topics; a topic that was made again has another one.
        revision, rules_sha256: of the policy file that last published from this store.
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
        next_offsets: by topic, where to read on; in the same write batch as the state that they produced.
        log: generation of the input topics.
        publish_from: orders paid before are not published, because records are missing that could belong to them.
    """

    terms: StoreTerms
    next_offsets: dict[str, int]
    marks: Watermarks
    log: int = 0
    publish_from: int = ALWAYS

    def reach(self) -> tuple[int, int]:
        """How far the state is; of two states of one partition the one with the greater reach is used."""
        return self.log, sum(self.next_offsets.values())


encode_meta = msgspec.msgpack.Encoder().encode
decode_meta = msgspec.msgpack.Decoder(Meta).decode


def may_carry_on(stored: StoreTerms, now: StoreTerms) -> bool:
    """Whether a store of these terms may be carried on; True: after all its orders are published again.

    Raises:
        StartRefused: it may not; with what to do.
    """
    where = f"the store of partition {stored.partition}"
    if stored.format_version != now.format_version or stored.partition != now.partition:
        raise StartRefused(
            f"{where} has format {stored.format_version}, this version reads format {now.format_version} of partition "
            f"{now.partition}; move the store away and let it be rebuilt from the log"
        )
    if stored.topic_ids != now.topic_ids:
        raise StartRefused(
            f"{where} belongs to other topics than the broker's ({_changed(stored.topic_ids, now.topic_ids)} was "
            f"deleted and made again, or this is another cluster); restore the topics, carry the state over with `koc "
            f"attribution rebase`, or start anew: empty stores, no snapshots, empty books"
        )
    if stored.horizons != now.horizons:
        raise StartRefused(
            f"{where} was built with {stored.horizons}, not {now.horizons}; restore the horizons in policies.toml, "
            f"or raise the revision and rebuild all stores from the log"
        )
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


def _changed(stored: Mapping[str, str], now: Mapping[str, str]) -> str:
    return ", ".join(sorted(name for name in {*stored, *now} if stored.get(name) != now.get(name)))
