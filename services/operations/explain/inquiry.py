"""Why not me? Who is asked for, what the policy file says, and the answer for each line."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from services.kernel.sentences import Sentence
from services.operations.explain.explain import CreditExplanation, LineExplanation
from services.operations.explain.sources import EventRefusal


class ClaimOutcome(StrEnum):
    """What became of the party that is asked for, on one line."""

    CREDITED = "credited"
    LOST = "lost"
    NO_CANDIDATE = "no_candidate"


class AbsenceReason(StrEnum):
    """Why an accepted touch is not among what was considered."""

    AFTER_PAYMENT = "after_payment"
    BEFORE_WINDOW = "before_window"
    ON_ITS_WAY = "on_its_way"
    NOT_LISTED = "not_listed"


class ContentOfKoc(Protocol):
    """A content and the KOC that made it."""

    @property
    def content_id(self) -> str: ...  # noqa: D102
    @property
    def koc_id(self) -> str: ...  # noqa: D102


class Inquiry(NamedTuple):
    """A content, a KOC, or a content of a KOC that somebody asks for; None = any."""

    content_id: str | None
    koc_id: str | None

    def matches(self, party: ContentOfKoc) -> bool:
        """Whether this party is asked for."""
        return self.content_id in (None, party.content_id) and self.koc_id in (None, party.koc_id)

    @property
    def sentence(self) -> Sentence:
        """Its name."""
        if self.koc_id is None:
            return Sentence("content {content_id}", content_id=self.content_id)
        if self.content_id is None:
            return Sentence("KOC {koc_id}", koc_id=self.koc_id)
        return Sentence("content {content_id} of KOC {koc_id}", content_id=self.content_id, koc_id=self.koc_id)

    def __str__(self) -> str:
        return self.sentence


class Rulebook(NamedTuple):
    """What the policy file says, for words.

    Attributes:
        revision: an assertion of another revision may have been made by other models.
        models: by policy.
        candidate_window: microseconds; a touch so long before the payment may still be a candidate.
    """

    revision: int
    models: Mapping[str, str]
    candidate_window: int


class TouchTrace(NamedTuple):
    """A touch as the clicks log has it, or had it before it was refused.

    Attributes:
        occurred_at: microseconds; None = it cannot be read, and so was refused.
        refusal: None = accepted, or not read yet.
    """

    offset: int
    touch_id: str
    kind: str
    content_id: str
    koc_id: str
    occurred_at: int | None
    refusal: EventRefusal | None


class TouchLibrary(Protocol):
    """Where touches are looked up."""

    def traces(self, buyer_id: str, inquiry: Inquiry, since: int) -> Sequence[TouchTrace]:
        """Touches of a buyer that match and were received at `since` (microseconds) or later, by offset."""


class TouchAnswer(NamedTuple):
    """One touch (or a declaration, without id and time), one word on it, and a sentence why."""

    touch_id: str | None
    occurred_at: int | None
    word: str
    why: str


class LineAnswer(NamedTuple):
    """The answer for one line; `line` is None for an order that the books do not know for want of any candidate.

    Attributes:
        why: one sentence.
        touches: those considered first, then those that were not.
        credits: what is credited to the party that is asked for.
        instead: what is credited to others.
        rule: the policy that decided.
    """

    line: LineExplanation | None
    buyer_id: str
    outcome: ClaimOutcome
    why: str
    touches: Sequence[TouchAnswer]
    credits: Sequence[CreditExplanation] = ()
    instead: Sequence[CreditExplanation] = ()
    rule: str | None = None


class WhyNotAnswer(NamedTuple):
    """All answers on an order."""

    order_id: str
    inquiry: Inquiry
    answers: Sequence[LineAnswer]
