"""Where a buyer's id lies: what docs/privacy.md says of it, and what a search of everything finds."""

import re
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import psycopg

from schemas.topics import ALL
from services.runtime.database import psycopg_dsn
from services.runtime.local.stack import Stack
from tests.kit.pages import rows_of, section_of
from tests.kit.topics import records

PAGE = Path(__file__).parents[2] / "docs/privacy.md"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'payee'"


def documented(kind: str) -> dict[str, str]:
    """Name -> what happens afterwards, of the places of a kind: topic, table or files."""
    rows = rows_of(section_of(PAGE.read_text(), "Every place"), "place")
    found = {re.match(rf"{kind} `([^`]+)`", place): after for place, _, after in rows}
    return {match[1]: after for match, after in found.items() if match}


def documented_pages() -> set[str]:
    """Kinds of pages of the console that name buyers, as the page says."""
    rows = rows_of(section_of(PAGE.read_text(), "The console"), "page")
    return {page.strip("`") for page, _ in rows}


def topics_naming(buyer_id: str) -> set[str]:
    """Topics that hold the id in a key, a value or a header."""
    wanted = buyer_id.encode()
    return {
        record.topic
        for record in records(*(topic.name for topic in ALL))
        if any(wanted in part for part in _parts(record.key, record.value, *(value for _, value in record.headers)))
    }


def _parts(*parts: bytes | None) -> Iterable[bytes]:
    return (part for part in parts if part is not None)


def tables_naming(buyer_id: str) -> set[str]:
    """Tables of which a row holds the id, in text or in bytes."""
    with psycopg.connect(psycopg_dsn("owner")) as connection:
        words = "strpos(row::text, %(id)s) > 0 OR strpos(row::text, %(hex)s) > 0"
        said = {"id": buyer_id, "hex": buyer_id.encode().hex()}
        return {
            name
            for (name,) in connection.execute(_TABLES).fetchall()
            if connection.execute(f"SELECT 1 FROM {name} row WHERE {words} LIMIT 1", said).fetchone()
        }


def files_naming(folder: Path, buyer_id: str) -> set[str]:
    """The first part of the path of each file below a folder that holds the id."""
    wanted = buyer_id.encode()
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).parts[0] for path in files if wanted in path.read_bytes()}


def metrics_naming(stack: Stack, buyer_id: str) -> set[str]:
    """Processes whose metrics hold the id."""
    return {process["name"] for process in stack.processes() if process["http_port"] and buyer_id in _metrics(process)}


def _metrics(process: dict[str, object]) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{process['http_port']}/metrics", timeout=30) as answer:
        return str(answer.read().decode())
