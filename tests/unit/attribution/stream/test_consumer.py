"""A worker whose group answers what aiokafka does not expect: aiokafka's own coordinator, a scripted broker."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest

from services.attribution.stream.consumer import MemberThread

LOADS, FORBIDS = 14, 30


class Broker:
    """What the coordinator asks, as far as it comes; a sync is answered with an error.

    Attributes:
        error: of the answer to each sync.
    """

    def __init__(self, error: int) -> None:
        self.error = error
        self.cluster = MagicMock()

    async def coordinator_lookup(self, *_: Any) -> int:
        return 1

    async def ready(self, *_: Any, **__: Any) -> bool:
        return True

    async def send(self, _: int, request: Any, **__: Any) -> Any:
        if isinstance(request, JoinGroupRequest):
            return SimpleNamespace(error_code=0, member_id="m", generation_id=1, group_protocol="p", leader_id="other")
        return SimpleNamespace(error_code=self.error if isinstance(request, SyncGroupRequest) else 0)


class GroupConsumer:
    """An aiokafka consumer, as far as the thread uses one that has no partitions."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    async def start(self) -> None:
        subscription = SubscriptionState()
        subscription.register_fetch_waiters(set())
        assignor = MagicMock()
        assignor.metadata.return_value = b""
        self._coordinator = GroupCoordinator(
            cast("Any", self.broker), subscription, group_id="koc-attribution", assignors=(assignor,)
        )
        subscription.subscribe({"topic"})

    async def stop(self) -> None:
        await self._coordinator.close()


class Worker:
    """Holds no state; `failed` is what it was stopped for."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def fail(self, problem: Exception) -> None:
        if not self.failed.done():
            self.failed.set_result(problem)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(LOADS, "GroupLoadInProgressError"), (FORBIDS, "GroupAuthorizationFailedError: koc-attribution")],
)
def test_a_worker_whose_group_answers_a_sync_with_an_error_is_stopped_for_it(
    error: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = GroupConsumer(Broker(error))
    monkeypatch.setattr(MemberThread, "_create_consumer", lambda *_, **__: made)

    async def run() -> Exception:
        worker, of_faust = Worker(), MagicMock()
        of_faust.transport.app.conf.consumer_group_instance_id = None
        thread = MemberThread(of_faust, cast("Any", worker), loop=asyncio.get_running_loop())
        await thread.start()
        try:
            return await asyncio.wait_for(worker.failed, 10)
        finally:
            await thread.stop()

    stopped_for = asyncio.run(run())
    assert isinstance(stopped_for, ConnectionError), "status 69, and a supervisor starts it again"
    assert str(stopped_for).startswith("the group of the workers does not go on: ")
    assert reason in str(stopped_for)
