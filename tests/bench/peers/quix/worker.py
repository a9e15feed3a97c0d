"""The join as a Quix Streams worker: `worker BOOTSTRAP GROUP CLICKS ORDERS CREDITS STATE_DIR`.

Quix's own joins keep one side's latest value and publish once; ours needs every candidate and publishes again. So the
peer is what Quix offers for that: a stateful function over both topics, time-aligned by `concat`, with RocksDB and a
changelog. It prints `ready` with its first record and ends at SIGTERM.
"""

import sys
from typing import Any

from quixstreams import Application, message_context  # type: ignore[import-not-found]
from quixstreams.models import Serializer  # type: ignore[import-not-found]

from tests.bench.peers.quix.join import Published, State, take_order, take_touch

_COMMIT_SECONDS = 1.0
_CONSUMER = {"fetch.max.bytes": 50_000_000, "queued.max.messages.kbytes": 262_144}
_PRODUCER = {"acks": "all", "linger.ms": 50, "batch.size": 1_000_000, "queue.buffering.max.messages": 1_000_000}


class ValueOnly(Serializer):  # type: ignore[misc]
    """The bytes of a record that carries its key and headers with it."""

    def __call__(self, value: Published, ctx: Any) -> bytes:  # noqa: ARG002 - Quix's signature
        """Its value."""
        return value.value


class Join:
    """The stateful function; the first call says that partitions are assigned."""

    def __init__(self, clicks: str) -> None:
        self._clicks = clicks
        self._ready = False

    def __call__(self, value: bytes, state: State) -> list[Published]:
        """An event of either topic."""
        if not self._ready:
            self._ready = True
            print("ready", flush=True)
        source = message_context()
        take = take_touch if source.topic == self._clicks else take_order
        return take(value, state, source.partition, source.offset)


def main(bootstrap: str, group: str, clicks: str, orders: str, credited: str, state_dir: str) -> None:
    """Run until told to stop."""
    app = Application(
        bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        commit_interval=_COMMIT_SECONDS,
        consumer_extra_config=_CONSUMER,
        producer_extra_config=_PRODUCER,
        state_dir=state_dir,
        loglevel="WARNING",
        processing_guarantee="at-least-once",
    )
    touches, payments = (
        app.dataframe(app.topic(name, key_deserializer="bytes", value_deserializer="bytes"))
        for name in (clicks, orders)
    )
    truths = touches.concat(payments).apply(Join(clicks), stateful=True, expand=True)
    truths = truths.set_headers(lambda published, *_: published.headers)
    truths.to_topic(
        app.topic(credited, key_serializer="bytes", value_serializer=ValueOnly()), key=lambda published: published.key
    )
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
