"""Static membership, kept to its word: who holds the worker's instance id in the group, and who no longer does.

aiokafka 0.14 says the id only when it joins. A process whose place another one took hears "unknown member" and joins
anew, which takes the place back: two of one name would do so for ever. Here heartbeats and joins say who this process
was, so that the broker can answer that it was replaced; then nothing more is asked of the group. Like chunks.py this
leans on insides that tests/integration/test_attribution_library_assumptions.py sees to hold.
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
    """What aiokafka lacks."""

    API_KEY = 12
    API_VERSION = 3
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16))


class NamedHeartbeatV3(RequestStruct):  # type: ignore[misc]  # aiokafka is untyped
    """The first version that carries an instance id; brokers know it since 2.3, as long as instance ids."""

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
        """The bytes' layout."""
        return request_struct_class(*self._fields)


class Membership:
    """Stands between a static member's coordinator and the broker.

    Args:
        coordinator: aiokafka's, not yet in the group.
        on_replaced: told, once, that another process has this one's place.

    Attributes:
        member_id: what the group calls this process, or called it last; empty before its first join.
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
        """The broker's answer. It lets a join or a sync wait for all others, a minute: who stops does not wait so long.

        Raises:
            GroupCoordinatorNotAvailableError: the consumer closed before.
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
        """The request with all that makes it this process's own. A join is aiokafka's way out of everything: it must
        not take a place that was given away meanwhile."""
        if isinstance(request, HeartbeatRequest):
            return NamedHeartbeat(request._group, request._generation_id, request._member_id, self._name)  # noqa: SLF001
        if isinstance(request, JoinGroupRequest):
            request._member_id = request._member_id or self.member_id  # noqa: SLF001 - aiokafka forgets it too soon
        return request

    def _learn(self, request: Any, response: Any) -> None:
        """Who this process is. Once it was synced the broker has that on its disk; a broker that is killed before takes
        its predecessor, dead or not, for the holder of the place."""
        if isinstance(request, SyncGroupRequest) and response.error_code == 0:
            self._is_settled = True
        elif isinstance(request, JoinGroupRequest) and response.error_code == 0:
            self._is_settled &= response.member_id == self.member_id
            self.member_id = response.member_id
        elif isinstance(request, JoinGroupRequest) and response.error_code == UnknownMemberIdError.errno:
            self.member_id, self._is_settled = "", False

    async def _withhold(self, request: Any) -> Any:
        """What becomes of a request after the place was lost: a commit failed; what keeps the place waits for the end.

        Raises:
            UnknownMemberIdError: of a commit.
            GroupCoordinatorNotAvailableError: once the consumer closes.
        """
        if isinstance(request, OffsetCommitRequest):
            raise UnknownMemberIdError
        if isinstance(request, HeartbeatRequest | JoinGroupRequest | SyncGroupRequest):
            await asyncio.wait([self._closing])
            raise GroupCoordinatorNotAvailableError
        return await self._send(request)


def _as_unknown_member(response: Any) -> Any:
    """The response as of a broker that has nobody in the place: aiokafka joins anew."""
    response.error_code = UnknownMemberIdError.errno
    return response
