"""The tables of a policy file as they are written: hours and days, words, TOML's own dates."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from schemas.fields import WORD_PATTERN
from services.attribution.domain.models import MODELS
from services.attribution.domain.policy import ALWAYS, SCOPES, Policy
from services.attribution.domain.timetable import Term
from services.kernel.time import HOUR, to_micros

Span = Annotated[int, Field(ge=1, le=100_000)]
T = TypeVar("T", bound="Table")


class Table(BaseModel):
    """The base of all tables: no unknown keys, no text in place of a number."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Revision(Table):
    """The revision, which every change of the file must raise."""

    revision: Annotated[int, Field(ge=1)]


class HorizonsTable(Table):
    """The horizons of acceptance, in days."""

    candidate_window_days: Span
    touch_lateness_days: Span
    order_lateness_days: Span
    order_memory_days: Span


class WindowTable(Table):
    """Hours from a touch to the payment, by kind of touch; the file must name all kinds."""

    click: Span
    code: Span
    view: Span


class PolicyTable(Table):
    """One policy, with its platforms and times."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    model: str
    widest_scope: Literal["product", "shop", "brand"]
    window_hours: WindowTable
    content_window_hours: dict[Literal["video", "live", "note", "shop_window", "link"], Span] = Field(
        default_factory=dict
    )
    platforms: Annotated[list[Annotated[str, Field(pattern=WORD_PATTERN)]], Field(min_length=1)] | None = None
    effective_from: AwareDatetime | None = None
    effective_to: AwareDatetime | None = None

    @field_validator("model")
    @classmethod
    def _check_model(cls, model: str) -> str:
        if model not in MODELS:
            raise ValueError(f"{model!r} is none of {', '.join(MODELS)}")
        return model

    @field_validator("platforms")
    @classmethod
    def _check_platforms(cls, platforms: list[str] | None) -> list[str] | None:
        if platforms is not None and len(set(platforms)) < len(platforms):
            raise ValueError("a platform is named twice")
        return platforms

    def term(self) -> Term:
        """The policy in the domain's words."""
        policy = Policy(
            self.name,
            self.model,
            SCOPES[self.widest_scope],
            {kind: hours * HOUR for kind, hours in self.window_hours.model_dump().items()},
            {content: hours * HOUR for content, hours in self.content_window_hours.items()},
        )
        since, until = (_micros(moment) for moment in (self.effective_from, self.effective_to))
        return Term(policy, tuple(self.platforms or ()), ALWAYS if since is None else since, until)


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


class Problems:
    """Collects the problems of a file, a sentence each."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def read(self, table: type[T], stated: Any, where: str = "") -> T | None:
        """A table of the file; None if it is invalid, after a sentence for each problem."""
        try:
            return table.model_validate(stated)
        except ValidationError as invalid:
            named = stated.get("name") if isinstance(stated, dict) else None
            place = f"{where} ({named})" if isinstance(named, str) else where
            self.sentences += [_sentence(place, error) for error in invalid.errors()]
            return None


def _sentence(place: str, error: Any) -> str:
    """`policies[2] (festival).window_hours.view: Field required`."""
    field = ".".join(str(part) for part in error["loc"] if part != "[key]")
    message = {"extra_forbidden": "there is no such key", "missing": "is missing"}.get(error["type"], error["msg"])
    return f"{'.'.join(part for part in (place, field) if part)}: {message.removeprefix('Value error, ')}"
