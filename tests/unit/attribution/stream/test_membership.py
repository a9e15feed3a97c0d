"""What a static member asks of its group, and when it stops asking; the broker's answers are scripted."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError, UnknownMemberIdError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest

from services.attribution.stream.membership import Membership, NamedHeartbeat
from services.kernel.errors import PlaceTaken

FENCED, UNKNOWN = 82, 25


class Coordinator:
    """aiokafka's, in front of a broker that answers as it was problems to."""

    def __init__(self, *errors: int) -> None:
        self._group_instance_id = "twin"
        self._closing = asyncio.get_running_loop().create_future()
        self.errors, self.sent = list(errors), cast("list[Any]", [])
        self.all_have_joined = asyncio.Event()
        self.all_have_joined.set()

    async def _send_req(self, request: Any) -> Any:
        self.sent.append(request)
        await self.all_have_joined.wait()
        return SimpleNamespace(error_code=self.errors.pop(0), member_id=f"twin-{len(self.sent)}")


def join(member_id: str = "") -> JoinGroupRequest:
    return JoinGroupRequest("group", 10_000, 60_000, member_id, "twin", "consumer", [])


def sync(member_id: str) -> SyncGroupRequest:
    return SyncGroupRequest("group", 3, member_id, "twin", [])


def member(*errors: int) -> tuple[Membership, Any, list[PlaceTaken]]:
    problems: list[PlaceTaken] = []
    coordinator = Coordinator(*errors)
    return Membership(coordinator, problems.append), coordinator, problems


def test_a_member_that_joins_again_sends_its_former_id_until_the_group_has_forgotten_it() -> None:
    async def run() -> list[str]:
        _, coordinator, _ = member(0, UNKNOWN, 0)
        for _ in range(3):
            await coordinator._send_req(join())
        return [request._member_id for request in coordinator.sent]

    assert asyncio.run(run()) == ["", "twin-1", ""]


def test_a_heartbeat_carries_the_instance_id() -> None:
    async def run() -> Any:
        _, coordinator, _ = member(0)
        await coordinator._send_req(HeartbeatRequest("group", 3, "twin-1"))
        return coordinator.sent[0].prepare({12: (0, 4)})

    sent = asyncio.run(run())
    assert (sent.API_VERSION, sent.member_id, sent.group_instance_id) == (3, "twin-1", "twin")


def test_a_replaced_member_reports_it_once_commits_nothing_and_never_joins_again() -> None:
    async def run() -> tuple[list[Any], list[PlaceTaken], str]:
        membership, coordinator, problems = member(0, 0, FENCED)
        await coordinator._send_req(join())
        await coordinator._send_req(sync("twin-1"))
        beats = asyncio.create_task(coordinator._send_req(HeartbeatRequest("group", 3, "twin-1")))
        await asyncio.sleep(0)
        with pytest.raises(UnknownMemberIdError):
            await coordinator._send_req(OffsetCommitRequest("group", 3, "twin-1", -1, []))
        joins = asyncio.create_task(coordinator._send_req(join()))
        await asyncio.sleep(0)
        assert not beats.done()
        assert not joins.done()
        coordinator._closing.set_result(None)
        for waiting in (beats, joins):
            with pytest.raises(GroupCoordinatorNotAvailableError):
                await waiting
        return coordinator.sent, problems, membership.member_id

    sent, problems, member_id = asyncio.run(run())
    assert [type(request) for request in sent] == [JoinGroupRequest, SyncGroupRequest, NamedHeartbeat]
    assert member_id == "twin-1"
    [problem] = problems
    assert problem.exit_code == 78
    assert "instance id twin" in str(problem)


def test_a_member_that_a_broker_forgot_before_it_was_synced_joins_anew_instead_of_ending() -> None:
    """A broker was killed between join and sync and came back with the predecessor, dead, in the place."""

    async def run() -> tuple[list[int], list[str], list[PlaceTaken]]:
        _, coordinator, problems = member(0, FENCED, FENCED, 0, 0)
        asked = [join(), sync("twin-1"), join(), join(), sync("twin-4")]
        errors = [(await coordinator._send_req(request)).error_code for request in asked]
        return errors, [request._member_id for request in coordinator.sent], problems

    errors, member_ids, problems = asyncio.run(run())
    assert errors == [0, UNKNOWN, UNKNOWN, 0, 0]
    assert member_ids == ["", "twin-1", "twin-1", "", "twin-4"]
    assert problems == []


def test_a_member_that_is_replaced_while_it_waits_to_join_ends_at_once() -> None:
    async def run() -> list[PlaceTaken]:
        _, coordinator, problems = member(FENCED)
        asyncio.get_running_loop().call_soon(coordinator._closing.set_result, None)
        with pytest.raises(GroupCoordinatorNotAvailableError):
            await coordinator._send_req(join())
        return problems

    assert len(asyncio.run(run())) == 1


@pytest.mark.parametrize("asked", [join(), sync("twin-1")])
def test_a_stopping_member_does_not_wait_until_all_others_have_joined(asked: Any) -> None:
    async def run() -> None:
        _, coordinator, _ = member(0)
        coordinator.all_have_joined.clear()
        joins = asyncio.create_task(coordinator._send_req(asked))
        await asyncio.sleep(0)
        assert not joins.done()
        coordinator._closing.set_result(None)
        with pytest.raises(GroupCoordinatorNotAvailableError):
            await joins

    asyncio.run(run())
