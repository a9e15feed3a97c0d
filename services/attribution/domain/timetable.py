"""Which policy applies when: the terms of the policy file become one whole timetable for each platform.

A term without platforms is a default: it applies to every platform whenever this platform has no term of its own. A
term without an end lasts until the next term of the same platforms begins.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

from services.attribution.domain.policy import ALWAYS, Policy, Timetable
from services.kernel.time import format_rfc3339

_FOR_EVER = -ALWAYS


class Term(NamedTuple):
    """A policy with its platforms and its paid times.

    Attributes:
        platforms: of orders; empty for all platforms that have no term of their own.
        since: the first paid time, microseconds; ALWAYS if the file names none.
        until: the first paid time after the term; None if it lasts until the next one begins.
    """

    policy: Policy
    platforms: tuple[str, ...] = ()
    since: int = ALWAYS
    until: int | None = None


class _Span(NamedTuple):
    policy: Policy
    since: int
    until: int


def timetables(terms: Sequence[Term]) -> tuple[Timetable, dict[str, Timetable]]:
    """The default timetable, and the timetable of each platform with terms of its own; the terms have no problems."""
    default = _spans(terms, None)
    own = {name: _lay_out([*_spans(terms, name), *default]) for name in _platforms(terms)}
    return _lay_out(default), own


def overlaps(terms: Sequence[Term]) -> Iterator[str]:
    """Sentences on terms that end before they begin, and on two terms that apply to one platform at one time."""
    for term in terms:
        if term.until is not None and term.until <= term.since:
            yield f"policy {term.policy.name!r} ends at {_moment(term.until)}, which is not after its beginning"
    for platform in (None, *_platforms(terms)):
        where = f"on {platform}" if platform else "as defaults"
        for before, after in combinations(_spans(terms, platform), 2):
            if before.until > after.since:
                names = f"{before.policy.name!r} and {after.policy.name!r}"
                yield f"policies {names} overlap {where}: both hold at {_moment(after.since)}"


def gaps(terms: Sequence[Term]) -> Iterator[str]:
    """Sentences on times at which a platform without terms of its own would have no policy."""
    spans = _spans(terms, None)
    if not spans:
        yield "no policy is for every platform: one without `platforms` must be the default"
        return
    if spans[0].since > ALWAYS:
        yield f"no default policy holds before {_moment(spans[0].since)}: the first one has no effective_from"
    for before, after in pairwise(spans):
        if before.until < after.since:
            yield f"no default policy holds from {_moment(before.until)} to {_moment(after.since)}"
    if spans[-1].until < _FOR_EVER:
        yield f"no default policy holds from {_moment(spans[-1].until)} on: the last one has no effective_to"


def _platforms(terms: Iterable[Term]) -> list[str]:
    return sorted({name for term in terms for name in term.platforms})


def _spans(terms: Iterable[Term], platform: str | None) -> list[_Span]:
    """The terms of one platform, or the defaults (None), in order of time, each with its end."""
    mine = [term for term in terms if (platform in term.platforms if platform else not term.platforms)]
    mine.sort(key=lambda term: term.since)
    begins = [*(term.since for term in mine), _FOR_EVER]
    return [
        _Span(term.policy, term.since, max(following, term.since + 1) if term.until is None else term.until)
        for term, following in zip(mine, begins[1:], strict=True)
    ]


def _lay_out(spans: Sequence[_Span]) -> Timetable:
    """The timetable of spans, where the first span that covers a moment applies; the latest moment first."""
    moments = sorted({moment for span in spans for moment in (span.since, span.until)} - {_FOR_EVER})
    laid: list[tuple[int, Policy]] = []
    for moment in moments:
        policy = next(span.policy for span in spans if span.since <= moment < span.until)
        if not laid or laid[-1][1] is not policy:
            laid.append((moment, policy))
    return tuple(reversed(laid))


def _moment(micros: int) -> str:
    return "the very beginning" if micros == ALWAYS else format_rfc3339(micros)
