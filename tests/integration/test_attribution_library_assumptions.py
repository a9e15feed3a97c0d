"""What the chunked transport takes for granted of Faust and aiokafka, each seen to hold on the installed versions.

When one of these fails after an upgrade, look at stream/fetch.py and stream/consumer.py before anything else.
"""

import asyncio
import inspect
import json
import re

import aiokafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import UnknownError, for_code
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from faust.app.base import App
from faust.assignor.partition_assignor import PartitionAssignor
from faust.transport.base import Transport
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as KafkaConsumerOfFaust
from kafka import TopicPartition as AdminPartition

from schemas.topics import CLICKS, ORDERS
from services.attribution.stream.consumer import ChunkConsumer
from services.attribution.stream.fetch import _NONE
from services.attribution.worker.app import GROUP, AttributionApp, create_app
from services.attribution.worker.startup import check_world
from services.runtime.kafka import admin, aiokafka_options
from tests.kit.attribution_process import Worker, drained, truth
from tests.kit.events import buyer_in, click, paid, send_events
from tests.kit.stacks import stack_of_its_own, with_environment


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory):
    """A broker of this module's own: one test deletes records."""
    here = {"KOC_INSTANCE_ID": "attribution-7", "KOC_STATE_DIR": str(tmp_path_factory.mktemp("state"))}
    with stack_of_its_own(tmp_path_factory.mktemp("assumptions")) as stack, with_environment(here):
        yield stack


@pytest.fixture(scope="module")
def consumer_of_faust(own_stack):  # noqa: ARG001 - the stack must be there
    """The aiokafka consumer that our app would read with, not started."""

    async def made():
        app = create_app()
        app.world = check_world()
        thread = app.consumer._new_consumer_thread()
        return thread._create_worker_consumer(app.transport)

    return asyncio.run(made())


def test_faust_reads_with_its_own_assignor_a_static_member_and_committed_records_only(consumer_of_faust):
    [assignor] = consumer_of_faust._partition_assignment_strategy
    assert isinstance(assignor, PartitionAssignor)
    assert consumer_of_faust._group_id == GROUP
    assert consumer_of_faust._group_instance_id == "attribution-7"
    assert consumer_of_faust._isolation_level == "read_committed"
    assert "isolation_level=self._isolation_level" in inspect.getsource(AIOKafkaConsumer.start)


def test_the_methods_that_are_overridden_are_the_ones_that_faust_calls():
    assert "self._fetch_records" in inspect.getsource(AIOKafkaConsumerThread.getmany)
    assert "self.seek_to_committed()" in inspect.getsource(FaustConsumer.perform_seek)
    assert "self._thread.commit" in inspect.getsource(KafkaConsumerOfFaust._commit)
    for name in ("commit", "_add_gap", "seek_to_committed", "on_partitions_revoked", "on_partitions_assigned"):
        ours = inspect.signature(getattr(ChunkConsumer, name)).parameters
        theirs = inspect.signature(getattr(KafkaConsumerOfFaust, name)).parameters
        assert list(ours) == list(theirs), name
    given = inspect.getsource(App._new_consumer).partition("create_consumer(")[2]
    for name in re.findall(r"(\w+)=", given + inspect.getsource(Transport.create_consumer)):
        assert f"{name}=" in inspect.getsource(AttributionApp.chunk_consumer.func), name
    ours = inspect.signature(ChunkConsumer._new_consumer_thread)
    assert list(ours.parameters) == list(inspect.signature(KafkaConsumerOfFaust._new_consumer_thread).parameters)


def test_a_fetch_moves_the_position_also_over_what_it_does_not_return():
    source = inspect.getsource(FetchResult.getall)
    assert source.count("self._update_position()") == 2
    assert aiokafka.__version__ == "0.14.0"


def test_a_record_is_handed_over_as_it_was_unpacked_with_all_that_we_ask_of_one(consumer_of_faust):  # noqa: ARG001 - makes it so
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 10_000)
    builder.append(0, 1_700_000_000_000, b"k", b"v", [("h", b"x")])
    unpacked = MemoryRecords(bytes(builder.build()))
    at = TopicPartition(CLICKS.name, 3)
    [record] = PartitionRecords(at, unpacked, [], 0, None, None, True, READ_COMMITTED)
    assert (record.offset, record.timestamp, record.key, record.value) == (0, 1_700_000_000_000, b"k", b"v")
    assert list(record.headers) == [("h", b"x")]
    assert type(record).__name__ == "DefaultRecord"


def test_what_was_fetched_of_a_partition_that_is_not_asked_for_stays_where_it_is(own_stack):  # noqa: ARG001 - the stack must be there
    """And an empty set asks for all: hence fetch._NONE."""
    buyer = buyer_in(7, "held")
    send_events(CLICKS.name, [click(buyer, "c", 8)])
    send_events(ORDERS.name, [paid(buyer, "held", 10)])
    clicks, orders = TopicPartition(CLICKS.name, 7), TopicPartition(ORDERS.name, 7)

    async def read():
        consumer = AIOKafkaConsumer(**aiokafka_options(), auto_offset_reset="earliest")
        await consumer.start()
        consumer.assign([clicks, orders])
        fetched = consumer._fetcher
        first = await fetched.fetched_records({clicks}, timeout=10)
        while orders not in fetched._records:  # noqa: ASYNC110 - the fetcher has no event for it
            await asyncio.sleep(0.01)
        nothing = await fetched.fetched_records(_NONE, timeout=0)
        position = await consumer.position(orders)
        rest = await fetched.fetched_records(set(), timeout=10)
        await consumer.stop()
        return set(first), nothing, position, set(rest)

    assert asyncio.run(read()) == ({clicks}, {}, 0, {orders})


def test_each_rebalance_makes_a_new_assignment_of_the_same_partitions_too():
    """By it fetch.py knows whether the stores have said where to read."""

    async def assigned_twice():
        group, at = SubscriptionState(), {TopicPartition(CLICKS.name, 7)}
        group.subscribe({CLICKS.name})
        made = []
        for _ in range(2):
            group.assign_from_subscribed(at)
            made.append(group.subscription.assignment)
        return made

    first, second = asyncio.run(assigned_twice())
    assert first is not second


def test_all_that_a_coordinator_asks_of_its_group_passes_one_place_and_no_sooner_than_there_is_a_subscription():
    """See stream/membership.py."""
    member, rebalance = inspect.getsource(GroupCoordinator), inspect.getsource(CoordinatorGroupRebalance)
    assert member.count("_client.send(") == 1
    assert "_client.send(" in inspect.getsource(GroupCoordinator._send_req)
    assert "_client.send(" not in rebalance
    assert rebalance.count("self._coordinator._send_req(request)") == 2
    assert "self._subscription.wait_for_subscription()" in member
    assert "self._closing.set_result(None)" in inspect.getsource(GroupCoordinator.close)


def test_a_heartbeat_of_aiokafka_does_not_say_the_instance_id_and_being_fenced_is_unknown_to_it():
    """When this fails, much of stream/membership.py can go."""
    assert max(known.API_VERSION for known in HeartbeatRequest._CLASSES) < 3
    assert for_code(82) is UnknownError
    assert vars(HeartbeatRequest("g", 1, "m")) == {"_group": "g", "_generation_id": 1, "_member_id": "m"}
    assert JoinGroupRequest("g", 1, 1, "m", "i", "consumer", [])._member_id == "m"


async def _in_transactions(events):
    """Publish each event in a transaction of its own: (event, commit or abort)."""
    producer = AIOKafkaProducer(**aiokafka_options(), transactional_id="backend-1")
    await producer.start()
    for event, commits in events:
        await producer.begin_transaction()
        partition = 4
        await producer.send_and_wait(
            CLICKS.name, json.dumps(event).encode(), event["buyer_id"].encode(), partition=partition
        )
        await (producer.commit_transaction() if commits else producer.abort_transaction())
    await producer.stop()


def test_aborted_records_are_not_read_and_markers_are_no_holes(own_stack, tmp_path):  # noqa: ARG001 - the stack must be there
    buyer = buyer_in(4, "tx")
    send_events(ORDERS.name, [paid(buyer, "tx", 10)])
    with Worker(tmp_path, "attribution-8") as worker:
        for _ in range(2):
            stages = [(click(buyer, "seen", 8), True), (click(buyer, "aborted", 9), False)]
            asyncio.run(_in_transactions(stages))
            drained(worker)
        assert worker.terminate() == 0
    assert [c["touch_id"] for c in truth()["tx", "1"]["considered"]] == ["seen"]


def test_a_seek_discards_what_was_fetched_before_it(own_stack):  # noqa: ARG001 - the stack must be there
    buyer = buyer_in(5, "seek")
    send_events(CLICKS.name, [click(buyer, f"s{i}", i / 100) for i in range(50)])

    async def read():
        consumer = AIOKafkaConsumer(**aiokafka_options())
        await consumer.start()
        at = TopicPartition(CLICKS.name, 5)
        consumer.assign([at])
        consumer.seek(at, 0)
        first = await consumer.getmany(at, timeout_ms=5000, max_records=10)
        consumer.seek(at, 3)
        second = await consumer.getmany(at, timeout_ms=5000, max_records=10)
        await consumer.stop()
        return first[at][0].offset, second[at][0].offset

    assert asyncio.run(read()) == (0, 3)


def test_a_log_that_lost_what_a_store_needs_stops_the_worker_with_a_sentence(own_stack, tmp_path):  # noqa: ARG001 - the stack must be there
    buyer = buyer_in(6, "gone")
    send_events(CLICKS.name, [click(buyer, f"g{i}", i / 100) for i in range(10)])
    with admin() as client:
        client.delete_records({AdminPartition(CLICKS.name, 6): 5})
    with Worker(tmp_path, "attribution-9") as worker:
        assert worker.ended() == 78
        assert f"{CLICKS.name}[6] must be read on from 0, but the log starts at 5" in worker.log()
