"""Refused events: grouped by topic and reason, each shown whole, and sent again by people of the role koc_operator."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.reasons import MEANING, Reason
from schemas.topics import INPUTS
from services.console.access.people import OPERATOR, Person
from services.console.actions import ActionDone, action
from services.console.listed import listed
from services.console.render import CSV, moment, render
from services.console.send_again import KIND, WantedLetters, check_count, send_letters_again
from services.console.shelf import BriefLetter, LetterGroup, ShelfContents
from services.console.state import console_of
from services.console.tables import CellKind, Column, PageTable
from services.console.values import CellValue, LinkCell, MomentCell, WordsCell, path
from services.console.visit import visit_of
from services.kernel.errors import InputRefused
from services.kernel.time import to_micros
from services.runtime.deadletters import DeadLetter, LogPosition, letters_at, parse_position

FIRST_READING_SECONDS = 0.1
"""So long a page waits for Kafka where nothing was read yet."""

SENDING_WAITS_SECONDS = 10.0
"""So long a form waits."""

NEWEST = 3
"""Letters of each group on the overview."""

_LONGEST_VALUE = 64 << 10
"""Bytes of an event that a page shows; `koc dlq show --raw` has them all."""

_JSON_SIGNS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_OPENING, _CLOSING = frozenset("{["), frozenset("}]")
_INDENT, _DEEPEST = "  ", 20

MEND, SEND, NOTHING = (
    "Mend and publish it again",
    "Send it again once the cause is gone",
    "Nothing can be done",
)
REMEDIES: dict[Reason, tuple[str, str]] = {
    Reason.INVALID_JSON: (MEND, "The publisher mends how it writes JSON, and publishes the event again."),
    Reason.INVALID_FIELD: (MEND, "The publisher corrects the field that the detail names, and publishes it again."),
    Reason.INVALID_TYPE: (MEND, "The publisher checks the topic and how the event_type is spelled."),
    Reason.INVALID_SIZE: (MEND, "The publisher splits the order into smaller ones."),
    Reason.ID_CONFLICT: (MEND, "The first event stands. If the second one is right, it needs an id of its own."),
    Reason.TOO_LATE: (NOTHING, "It cannot count any more. If it is a duplicate, nothing is lost."),
    Reason.TOO_MANY: (MEND, "Look for a bot, or for a publisher that makes new ids in a loop."),
    Reason.IN_FUTURE: (SEND, "The publisher sets its clock right. Send it again when its time has come."),
    Reason.UNKNOWN_ORDER: (SEND, "Once the order.paid of the order has come, send it again."),
    Reason.UNKNOWN_LINE: (MEND, "The publisher checks the line_id, and publishes it again."),
    Reason.MISROUTED: (MEND, "The publisher sets its partitioner, and publishes it without our header."),
}
"""What a person does about a reason: in a few words, and as a sentence."""

_TOPICS = {topic.name for topic in INPUTS}
_COLUMNS = (
    Column("position", "Stood at", CellKind.CODE),
    Column("refused_at", "Refused at"),
    Column("reason", "Reason"),
    Column("detail", "Detail"),
    Column("event_id", "Event", CellKind.CODE),
    Column("order_id", "Order", CellKind.CODE),
    Column("sent_again_to", "Sent again to", CellKind.CODE),
    Column("sent_again_from", "Sent again from", CellKind.CODE),
)
_UNREAD = "Refused events are being read from Kafka. Load the page again in a moment."
_ABSENT = "No such event is known to be refused. What was refused in the last seconds is shown a moment later."


class ShownGroup(NamedTuple):
    """A group on the overview; `newest` are rows of its letters.

    `waiting` says how many there are, and `first_tries` how many of them are sent again with the group.
    """

    topic: str
    reason: str
    meaning: str
    remedy: tuple[str, str]
    waiting: int
    first_tries: int
    newest: Sequence[Sequence[CellValue]]
    href: str
    again_href: str

    @property
    def is_mended_elsewhere(self) -> bool:
        """Whether sending it again alone helps nobody."""
        return self.remedy[0] != SEND


class ShelfState(NamedTuple):
    """Whether the shelf can be shown: since when it knows, and why it may know nothing or nothing newer."""

    as_of: MomentCell | None
    problem: str | None


def show_dead_letters(request: Request) -> Response:
    """All groups, or one of them whole."""
    contents, state = _shelf(request)
    topic, reason = request.query_params.get("topic"), request.query_params.get("reason")
    if request.query_params.get("part") == "ready":
        # a page that waits for the first reading loads itself anew once it is there, or has failed
        return Response(status_code=204) if state == (None, None) else Response(headers={"hx-refresh": "true"})
    if topic is not None and reason is not None:
        group = contents.group(topic, reason)
        shown = shown_group(group)
        return render(
            request, "dead_letter_group.html", room="Refused events", state=state, group=shown, contents=contents,
            tables=[letter_table("letters", "Refused events", group.letters)],
        )  # fmt: skip
    tables = [letter_table("sent-again", "Sent again", contents.replayed)] if contents.replayed else []
    return render(
        request, "dead_letters.html", room="Refused events", state=state, groups=shown_groups(contents),
        contents=contents, tables=[*tables, letter_table("letters", "Refused events", contents.waiting)],
    )  # fmt: skip


def show_dead_letter(request: Request) -> Response:
    """One refused event whole; its bytes are read from Kafka now."""
    source = _source(request.path_params)
    _, state = _shelf(request)
    if state.as_of is None:
        return render(request, "dead_letter_unread.html", room="Refused events", status=503, state=state, source=source)
    found = console_of(request).shelf.find([source])
    if not found:
        raise HTTPException(404, _ABSENT)
    brief = found[0]
    letter = letters_at([brief.place]).get(brief.place)
    return render(
        request, "dead_letter.html", room="Refused events", state=state, brief=brief, letter=letter,
        detail=visible(letter.detail if letter else brief.detail), event=_text(brief.event_id), order=_order(brief),
        replay_of=_text(brief.replay_of), replayed=_text(brief.replayed),
        meaning=meaning_of(brief.reason), remedy=remedy_of(brief.reason),
        is_mended_elsewhere=remedy_of(brief.reason)[0] != SEND, refused_at=moment(brief.at),
        headers=shown_headers(letter) if letter else (), key=shown_bytes(letter.key) if letter else None,
        value=shown_value(letter.value) if letter else None, size=len(letter.value or b"") if letter else 0,
        longest=_LONGEST_VALUE, again_href=_again_href(position=str(source)),
        group_href=_group_href(brief.source.topic, brief.reason),
    )  # fmt: skip


def show_confirmation(request: Request) -> Response:
    """What would be sent again, before it is."""
    contents, state = _shelf(request)
    wanted = _wanted(request.query_params.getlist("position"), request.query_params)
    person = visit_of(request).person
    may_send = person is not None and OPERATOR in person.roles
    found = [] if state.as_of is None else _chosen(request, contents, wanted)
    return render(
        request, "dead_letters_again.html", room="Refused events", state=state, wanted=wanted, count=len(found),
        positions=[str(letter.source) for letter in found] if wanted.sources else (), unmended=unmended(found),
        tables=[letter_table("letters", "What is sent again", found)], may_send=may_send,
    )  # fmt: skip


def start_sending(request: Request, person: Person, form: FormData) -> ActionDone:
    """Send again what a person has confirmed."""
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    wanted = _wanted([text for text in form.getlist("position") if isinstance(text, str)], fields)
    try:
        confirmed = int(fields.get("confirmed", ""))
    except ValueError:
        raise InputRefused("the form does not say how many events were confirmed") from None
    chosen = wanted.sources or _group_now(request, wanted)
    check_count(confirmed, len(chosen))
    console = console_of(request)
    work = send_letters_again(chosen, person.name, console.shelf)
    key = str(to_micros(datetime.now(UTC)))
    console.jobs.start(KIND, key, person.name, work)
    return ActionDone("The events are being sent again.", path("dead-letters", "sent", key))


def show_sent(request: Request) -> Response:
    """How far sending again is, and what became of the events."""
    job = console_of(request).jobs.find(KIND, request.path_params["key"])
    if job is None:
        raise HTTPException(404, "this console knows nothing of that any more: `koc dlq list --replayed` says more")
    tables = []
    if job.result is not None:
        rows: list[list[CellValue]] = [
            [_link(source), WordsCell(_FATES[fate].text, _FATES[fate].tone), str(place)]
            for source, place, fate in job.result.fates
        ]
        columns = (
            Column("position", "Stood at", CellKind.CODE),
            Column("fate", "What became of it"),
            Column("sent_again_to", "Stands now at", CellKind.CODE),
        )
        read = listed(list(enumerate(rows)), lambda one: (one[0],), lambda one: one[1])
        tables = [PageTable("fates", "What became of the events", columns, read, "Nothing was sent.")]
    here = path("dead-letters", "sent", request.path_params["key"])
    if request.query_params.get("part") == "progress":
        if not job.is_at_work:
            return Response(headers={"hx-refresh": "true"})
        return render(request, "sent_progress.html", job=job, here=here)
    return render(request, "dead_letters_sent.html", room="Refused events", job=job, here=here, tables=tables)


_FATES = {
    "accepted": WordsCell("Accepted", "good"),
    "refused_again": WordsCell("Refused again", "bad"),
    "on_its_way": WordsCell("Not read yet", "wait"),
}


def shown_groups(contents: ShelfContents) -> list[ShownGroup]:
    """The groups of the overview."""
    return [shown_group(group) for group in contents.groups()]


def shown_group(group: LetterGroup) -> ShownGroup:
    """A group with its newest letters, its reason and what to do in words."""
    return ShownGroup(
        group.topic,
        group.reason,
        meaning_of(group.reason),
        remedy_of(group.reason),
        len(group.letters),
        group.first_tries,
        [_cells(letter) for letter in group.letters[:NEWEST]],
        _group_href(group.topic, group.reason),
        _again_href(topic=group.topic, reason=group.reason),
    )


def letter_table(name: str, title: str, letters: Sequence[BriefLetter]) -> PageTable:
    """A list of refusals, those that were refused last first."""
    return PageTable(
        name, title, _COLUMNS, listed(letters, lambda letter: letter.order, _cells), "No refused event waits."
    )


def meaning_of(reason: str) -> str:
    """A reason in words; a reason of a later version stays as it is."""
    return MEANING[Reason(reason)] if reason in list(Reason) else reason


def remedy_of(reason: str) -> tuple[str, str]:
    """What a person does about it."""
    return REMEDIES[Reason(reason)] if reason in list(Reason) else (MEND, "")


def unmended(letters: Sequence[BriefLetter]) -> list[tuple[str, tuple[str, str]]]:
    """The reasons among them for which sending again alone helps nobody: each in words, with what to do instead."""
    reasons = sorted({letter.reason for letter in letters})
    return [(meaning_of(one), remedy_of(one)) for one in reasons if remedy_of(one)[0] != SEND]


def shown_headers(letter: DeadLetter) -> list[tuple[str, str]]:
    """All headers of a letter, in their order."""
    return [(visible(name), shown_bytes(content) or "") for name, content in letter.headers]


def shown_bytes(raw: bytes | None) -> str | None:
    """Bytes for a person: text where they are text, escapes where not, and no sign that nothing shows."""
    return None if raw is None else visible(raw.decode(errors="backslashreplace"))


def shown_value(raw: bytes | None) -> str | None:
    """The bytes of an event; JSON is laid out, and what it says is there as it came: repeated names, digits, order."""
    if raw is None or len(raw) > _LONGEST_VALUE:
        return shown_bytes(None if raw is None else raw[:_LONGEST_VALUE])
    try:
        text = raw.decode()
        json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return shown_bytes(raw)
    return visible(_laid_out(text))


def _laid_out(text: str) -> str:
    """Valid JSON, a line for each value; nothing is changed but the space between its signs."""
    parts: list[str] = []
    before, depth = "", 0
    for sign in _JSON_SIGNS.findall(text):
        depth -= sign in _CLOSING
        if before == "," or (before in _OPENING) != (sign in _CLOSING):  # an empty list or object stays on its line
            parts.append("\n" + _INDENT * min(depth, _DEEPEST))
        parts.append(f" {sign}" if before == ":" else sign)
        depth += sign in _OPENING
        before = sign
    return "".join(parts)


def visible(text: str) -> str:
    """A text as a page can show it: an escape for each sign that nothing shows, or that turns text around.

    Line ends stay.
    """
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)


def _shelf(request: Request, wait_seconds: float = FIRST_READING_SECONDS) -> tuple[ShelfContents, ShelfState]:
    """What is on the shelf; nothing while it is not known, which the state tells. A file cannot tell it.

    Raises:
        HTTPException: a table is asked for as CSV, and it is not known.
    """
    found = console_of(request).shelf.reading.look(wait_seconds)
    if CSV in request.query_params and not found.is_sure:
        raise HTTPException(503, found.problem or _UNREAD)
    contents = ShelfContents([], [], 0) if found.value is None else found.value
    return contents, ShelfState(moment(found.as_of) if found.value is not None else None, found.problem)


def _wanted(positions: Sequence[str], fields: Mapping[str, str]) -> WantedLetters:
    """What a form or an address chooses: some letters, or a whole group."""
    try:
        chosen = frozenset(parse_position(one) for one in positions)
    except ValueError as problem:
        raise InputRefused(str(problem)) from None
    topic, reason = fields.get("topic"), fields.get("reason")
    if not chosen and (topic not in _TOPICS or reason not in list(Reason)):
        raise InputRefused("choose at least one event")
    return WantedLetters(chosen, None if chosen else topic, None if chosen else reason)


def _chosen(request: Request, contents: ShelfContents, wanted: WantedLetters) -> list[BriefLetter]:
    """The letters that a person chooses and that can be sent again, the newest first."""
    among = console_of(request).shelf.find(wanted.sources) if wanted.sources else contents.waiting
    return [letter for letter in among if wanted.has(letter)]


def _group_now(request: Request, wanted: WantedLetters) -> frozenset[LogPosition]:
    """Where the events of a group stood that would be sent again now."""
    contents, state = _shelf(request, SENDING_WAITS_SECONDS)
    if state.as_of is None:
        raise InputRefused("refused events are still being read from Kafka: nothing was sent, try again in a moment")
    return frozenset(letter.source for letter in contents.waiting if wanted.has(letter))


def _source(parameters: dict[str, str]) -> LogPosition:
    try:
        return parse_position(f"{parameters['topic']}/{parameters['partition']}/{parameters['offset']}")
    except ValueError:
        raise HTTPException(404, _ABSENT) from None


def _cells(letter: BriefLetter) -> list[CellValue]:
    return [
        _link(letter.source),
        moment(letter.at),
        WordsCell(meaning_of(letter.reason)),
        visible(letter.detail),
        _text(letter.event_id),
        _order(letter),
        _text(letter.replayed),
        _text(letter.replay_of),
    ]


def _text(text: str | None) -> str | None:
    return None if text is None else visible(text)


def _order(letter: BriefLetter) -> LinkCell | None:
    return None if letter.order_id is None else LinkCell(visible(letter.order_id), path("order", letter.order_id))


def _link(source: LogPosition) -> LinkCell:
    return LinkCell(str(source), path("dead-letter", source.topic, str(source.partition), str(source.offset)))


def _group_href(topic: str, reason: str) -> str:
    return f"/dead-letters?{urlencode({'topic': topic, 'reason': reason})}"


def _again_href(**chosen: str) -> str:
    return f"/dead-letters/again?{urlencode(chosen)}"


ROUTES = (
    Route("/dead-letters", show_dead_letters),
    Route("/dead-letters/again", show_confirmation),
    Route("/dead-letters/sent/{key}", show_sent),
    Route("/dead-letter/{topic}/{partition}/{offset}", show_dead_letter),
    action("/dead-letters/again", start_sending, OPERATOR),
)
