"""From values to an answer: a page from its template, or one of its tables as CSV."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from services.console.state import console_of, session_id_of, session_of
from services.console.tables import PAGE_ROWS, PageTable, RowKey, ShownTable, csv_lines, key_text, read_key
from services.console.values import LinkCell, MomentCell, MoneyCell, WordsCell, path
from services.console.visit import CHOOSE_LANGUAGE, LANGUAGE_COOKIE, visit_of
from services.console.words.catalogue import Language, say
from services.kernel.sentences import Sentence
from services.runtime.settings import settings

CSV = "csv"
"""The parameter that asks for one of a page's tables as a file."""

_AFTER = "after-"
_YEAR_SECONDS = 365 * 24 * 3600


@cache
def templates() -> Environment:
    """All templates: values are escaped, and one that nobody gave is an error."""
    loaded = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loaded.globals.update(path=path, Language=Language, MoneyCell=MoneyCell)
    loaded.tests.update(
        money=lambda value: isinstance(value, MoneyCell),
        moment=lambda value: isinstance(value, MomentCell),
        link=lambda value: isinstance(value, LinkCell),
        words=lambda value: isinstance(value, WordsCell),
        sentence=lambda value: isinstance(value, Sentence),
    )
    return loaded


def render(
    request: Request, template: str, *, tables: Sequence[PageTable] = (), status: int = 200, **values: Any
) -> Response:
    """The page, or what of it the address asks for.

    Args:
        request: asks.
        template: its file.
        tables: in the template `tables.NAME`; the page shows them by the macro `table`.
        status: of the page.
        values: what else the template needs.
    """
    if status == 200 and (wanted := request.query_params.get(CSV)):
        return _csv(request, wanted, tables)
    visit = visit_of(request)
    sessions, session = console_of(request).sessions, session_of(request)
    identity = session_id_of(request) or sessions.new_id()
    notice, token = session and session.notice, sessions.form_token(identity)
    context = {
        "visit": visit,
        "t": partial(_translated, visit.language),
        "form_token": token,
        "notice": notice,
        "tables": {table.name: _shown(request, table) for table in tables},
        "zone": zone_text(),
        "lang_href": {language: _href(request, {CHOOSE_LANGUAGE: language}) for language in Language},
        "is_fragment": "hx-request" in request.headers,
    }
    body = templates().get_template(template).render(context | values)
    if session and not context["is_fragment"]:
        session.notice = None
    answer = HTMLResponse(body, status)
    if session_id_of(request) is None:
        remember(request, answer, identity)
    if CHOOSE_LANGUAGE in request.query_params:
        answer.set_cookie(LANGUAGE_COOKIE, visit.language, _YEAR_SECONDS, samesite="strict", httponly=True)
    return answer


def remember(request: Request, answer: Response, identity: str) -> None:
    """Have the browser keep the id of its session; no script can read it, and no other site makes it be sent."""
    console = console_of(request)
    answer.set_cookie(console.cookie, identity, samesite="strict", httponly=True, secure=console.is_tls)


def zone_text() -> str:
    """The settlement zone, in which moments are shown: `UTC+08:00`."""
    minutes = settings().settlement_zone_minutes
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def moment(micros: int) -> MomentCell:
    """A moment as pages show it."""
    return MomentCell(micros, settings().settlement_zone_minutes)


def _translated(language: Language, text: str, **values: object) -> str:
    """`t("English {name}", name=...)` of templates; a Sentence is said as it is."""
    return say(Sentence(text, **values) if values else text, language)


def _csv(request: Request, wanted: str, tables: Sequence[PageTable]) -> Response:
    table = next((one for one in tables if one.name == wanted), None)
    if table is None:
        raise HTTPException(404, Sentence("this page has no table {name}", name=wanted[:40]))
    headers = {"content-disposition": f'attachment; filename="{table.name}.csv"'}
    lines = () if request.method == "HEAD" else _encoded(table)
    return StreamingResponse(lines, 200, headers, "text/csv; charset=utf-8")


def _encoded(table: PageTable) -> Iterator[bytes]:
    """With a mark by which spreadsheet programs know UTF-8."""
    yield b"\xef\xbb\xbf"
    for line in csv_lines(table):
        yield line.encode()


def _shown(request: Request, table: PageTable) -> ShownTable:
    parameter = _AFTER + table.name
    after = _key(request.query_params.get(parameter))
    found = table.read(after, PAGE_ROWS)
    next_href = None if found.next_key is None else _href(request, {parameter: key_text(found.next_key)}, table.name)
    first_href = None if after is None else _href(request, {parameter: None}, table.name)
    return ShownTable(table, found.rows, next_href, first_href, _href(request, {CSV: table.name}))


def _key(text: str | None) -> RowKey | None:
    try:
        return None if text is None else read_key(text)
    except ValueError as problem:
        raise HTTPException(400, str(problem)) from None


def _href(request: Request, changes: Mapping[str, str | None], anchor: str | None = None) -> str:
    """This address with other parameters; None takes one away."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in changes]
    kept = [pair for pair in kept if pair[0] != CHOOSE_LANGUAGE]
    changed = [(name, value) for name, value in changes.items() if value is not None]
    query = urlencode(kept + changed)
    path_here = "/" + request.url.path.lstrip("/")  # two slashes would begin the address of another host
    return path_here + (f"?{query}" if query else "") + (f"#{anchor}" if anchor else "")
