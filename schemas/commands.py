"""settlement.commands.v1: every decision of a person that moves money, numbered without a gap and chained by hash."""

from typing import Annotated, Any

from pydantic import Field

from schemas.fields import TEXT_PATTERN, Identifier, Message, Moment, Reason
from schemas.ledger import KIND_PATTERN, Hash

MAX_NAME_LENGTH = 63
"""PostgreSQL's limit of a login's name."""

Count = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Point(Message):
    """How far the logs and the books were when a run was planned: the run is a function of what lies before."""

    generation: Count = Field(description="how often the credits topic was made again")
    credits: Annotated[list[Count], Field(min_length=1)] = Field(description="next offset of each credits partition")
    registry: Count = Field(description="next offset of the registry")
    commands: Count = Field(description="seq of the last command before")
    seqs: Annotated[list[Count], Field(min_length=1)] = Field(description="seq of the last entry of each writer")


class Command(Message):
    """One decision. `hash` covers all other fields, and by `prev_hash` every command before."""

    seq: Annotated[int, Field(ge=1)]
    command_id: Identifier
    kind: Annotated[str, Field(pattern=KIND_PATTERN)]
    by: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH, pattern=TEXT_PATTERN)] = Field(
        description="the personal login in the database"
    )
    reason: Reason
    at: Moment
    body: dict[str, Any] = Field(description="what was asked for, by kind")
    point: Point | None
    result: dict[str, Any] | None = Field(description="what came of it, by kind")
    prev_hash: Hash
    hash: Hash

    @property
    def key(self) -> str:
        """The record's key."""
        return self.command_id
