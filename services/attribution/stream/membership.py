"""Static membership: a worker notices that another process has taken its instance id, and leaves it the place.

aiokafka 0.14 sends the instance id only when it joins. A replaced process then hears "unknown member" and joins again,
which takes the place back: two processes with one instance id would do so for ever. Here heartbeats and joins also
name the former member, so that the broker can answer "replaced". After this answer nothing more is asked of the group.
Like fetch.py this relies on insides that tests/integration/test_attribution_library_assumptions.py checks.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka.errors import GroupCoordinatorNotAvailableError, UnknownMemberIdError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest
from aiokafka.protocol.types import Int16, Int32, Schema, String

from services.kernel.errors import PlaceTaken

_FENCED_INSTANCE_ID = 82


class NamedHeartbeatResponseV3(Response):  # type: ignore[misc]  # aiokafka is untyped
    """The response of a heartbeat with an instance id; aiokafka lacks it."""

    API_KEY = 12
    API_VERSION = 3
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16))


class NamedHeartbeatV3(RequestStruct):  # type: ignore[misc]  # aiokafka is untyped
    """The first version of a heartbeat with an instance id; brokers know both since 2.3."""

    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = NamedHeartbeatResponseV3
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class NamedHeartbeat(Request[NamedHeartbeatV3]):  # type: ignore[misc]  # aiokafka is untyped
    """A heartbeat of a static member."""

    API_KEY = 12

    def __init__(self, *fields: Any) -> None:
        self._fields = fields

    def build(self, request_struct_class: type[NamedHeartbeatV3]) -> NamedHeartbeatV3:
        """The request in this layout."""
        return request_struct_class(*self._fields)


class Membership:
    """Stands between the coordinator of a static member and the broker.

    Args:
        coordinator: aiokafka's, not yet in the group.
        on_replaced: called once, when another process has this one's place.

    Attributes:
        member_id: the group's current or last id of this process; empty before its first join.
    """

    def __init__(self, coordinator: Any, on_replaced: Callable[[PlaceTaken], None]) -> None:
        self.member_id = ""
        self._closing: asyncio.Future[None] = coordinator._closing  # noqa: SLF001 - set when the consumer closes
        self._on_replaced = on_replaced
        self._name: str = coordinator._group_instance_id  # noqa: SLF001 - what it joins under
        self._is_settled = self._is_replaced = False
        self._send, coordinator._send_req = coordinator._send_req, self._send_as_member  # noqa: SLF001 - all its requests pass here

    async def _send_as_member(self, request: Any) -> Any:
        if self._is_replaced:
            return await self._withhold(request)
        response = await self._answer(self._with_identity(request))
        if getattr(response, "error_code", 0) != _FENCED_INSTANCE_ID:
            self._learn(request, response)
        elif self.member_id and not self._is_settled:
            self._learn(request, _as_unknown_member(response))
        elif not self._is_replaced:
            self._is_replaced = True
            self._on_replaced(PlaceTaken(self._name))
        return await self._withhold(request) if self._is_replaced else response

    async def _answer(self, request: Any) -> Any:
        """The broker's answer to a request.

        The broker may hold a join or sync for a minute until all members answer. A stopping worker does not wait.

        Raises:
            GroupCoordinatorNotAvailableError: the consumer closed before the answer.
        """
        if not isinstance(request, JoinGroupRequest | SyncGroupRequest):
            return await self._send(request)
        sending = asyncio.ensure_future(self._send(request))
        try:
            await asyncio.wait([sending, self._closing], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                return sending.result()
            raise GroupCoordinatorNotAvailableError
        finally:
            sending.cancel()

    def _with_identity(self, request: Any) -> Any:
        """The request with this process's identity.

        aiokafka joins again after many kinds of errors: such a join must not take a place that was given to another.
        """
        if isinstance(request, HeartbeatRequest):
            return NamedHeartbeat(request._group, request._generation_id, request._member_id, self._name)  # noqa: SLF001
        if isinstance(request, JoinGroupRequest):
            request._member_id = request._member_id or self.member_id  # noqa: SLF001 - aiokafka forgets it too soon
        return request

    def _learn(self, request: Any, response: Any) -> None:
        """Learn this process's member id from an answer.

        After a sync the broker has the member on its disk. A broker that is killed before the sync takes the
        predecessor, dead or not, for the holder of the place.
        """
        if isinstance(request, SyncGroupRequest) and response.error_code == 0:
            self._is_settled = True
        elif isinstance(request, JoinGroupRequest) and response.error_code == 0:
            self._is_settled &= response.member_id == self.member_id
            self.member_id = response.member_id
        elif isinstance(request, JoinGroupRequest) and response.error_code == UnknownMemberIdError.errno:
            self.member_id, self._is_settled = "", False

    async def _withhold(self, request: Any) -> Any:
        """Answer a request after the place was lost: a commit fails; a request that would keep the place waits.

        Raises:
            UnknownMemberIdError: the request is a commit.
            GroupCoordinatorNotAvailableError: the consumer has closed.
        """
        if isinstance(request, OffsetCommitRequest):
            raise UnknownMemberIdError
        if isinstance(request, HeartbeatRequest | JoinGroupRequest | SyncGroupRequest):
            await asyncio.wait([self._closing])
            raise GroupCoordinatorNotAvailableError
        return await self._send(request)


def _as_unknown_member(response: Any) -> Any:
    """The response of a broker that knows no such member: aiokafka then joins again."""
    response.error_code = UnknownMemberIdError.errno
    return response
