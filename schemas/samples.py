"""Events from files: JSON lines, or whole JSON documents (objects, or arrays of them); - is standard input.

Files packed with gzip are unpacked, whatever their name. A byte order mark before UTF-8 is left out.
Each event keeps its bytes as they stand and the place where they stand: FILE:LINE, of the second on a line FILE:LINE#2.
"""

import gzip
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import NamedTuple

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
"""A file that is not JSON lines is read as a whole; lines are read one by one and may be as many as they like."""

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Sample(NamedTuple):
    """The bytes of one event, or of what stands in the place of one, and where."""

    where: str
    raw: bytes


def check_names(names: Sequence[str]) -> None:
    """Standard input can be read once.

    Raises:
        ValueError: it is named twice.
    """
    if names.count("-") > 1:
        raise ValueError("- is named twice: standard input can be read once")


def lines(name: str) -> Iterator[Sample]:
    """Every line of a file that is not blank.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read or unpacked, or is not in UTF-8.
    """
    if name != "-" and (Path(name).is_dir() or not Path(name).exists()):
        raise FileNotFoundError(f"{name} is not a file")
    try:
        with _opened(name) as stream:
            for number, line in enumerate(stream, 1):
                event = (line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line).strip()
                if event:
                    yield Sample(f"{name}:{number}", event)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ValueError(f"{name} cannot be unpacked: it is damaged, or no gzip file") from None
    except OSError as problem:
        raise ValueError(f"{name} cannot be read: {problem.strerror or problem}") from problem


def samples(name: str) -> Iterator[Sample]:
    """Every event of a file. Its first line tells what it is: a whole value begins JSON lines, a part a document.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or unpacked, or is a document of more than MAX_DOCUMENT_BYTES.
    """
    rest = lines(name)
    first = next(rest, None)
    if first is None:
        return
    if first.raw[:1] != b"[" and _is_json(first.raw):
        yield from chain([first], rest)
        return
    yield from _document(name, list(_limited(chain([first], rest))))


@contextmanager
def _opened(name: str) -> Iterator[BufferedReader | gzip.GzipFile]:
    """The bytes of a file, unpacked, which its first bytes tell to be text in UTF-8 as far as these can."""
    with ExitStack() as ends:
        plain = sys.stdin.buffer if name == "-" else ends.enter_context(Path(name).open("rb"))
        stream: BufferedReader | gzip.GzipFile
        stream = plain if isinstance(plain, BufferedReader) else BufferedReader(plain)  # type: ignore[arg-type]
        if name.endswith(".gz") or stream.peek(2).startswith(_GZIP):
            stream = ends.enter_context(gzip.GzipFile(fileobj=stream))
        encoding = json.detect_encoding(stream.peek(4)[:4])
        if not encoding.startswith("utf-8"):
            raise ValueError(f"{name} is in {encoding.upper()}: save it in UTF-8")
        yield stream


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _limited(found: Iterable[Sample]) -> Iterator[Sample]:
    size = 0
    for sample in found:
        size += len(sample.raw)
        if size > MAX_DOCUMENT_BYTES:
            raise ValueError(f"{sample.where}: a JSON document of more than {MAX_DOCUMENT_BYTES} bytes")
        yield sample


def _document(name: str, found: list[Sample]) -> Iterator[Sample]:
    """The values of a document, arrays opened; its lines as they are where it is none."""
    numbers = [int(sample.where.rpartition(":")[2]) for sample in found]
    try:
        text = b"\n".join(sample.raw for sample in found).decode()
        places = list(_values(text))
    except (ValueError, RecursionError):
        yield from found
        return
    line, seen, nth = 0, 0, 0
    for begin, end in places:
        newlines = text.count("\n", seen, begin)
        line, seen, nth = line + newlines, begin, 1 if newlines else nth + 1
        yield Sample(f"{name}:{numbers[line]}{f'#{nth}' if nth > 1 else ''}", text[begin:end].encode())


def _values(text: str) -> Iterator[tuple[int, int]]:
    """Begin and end of every value; of an array at the top those of its elements."""
    at = _skip(text, 0)
    while at < len(text):
        _, end = _DECODER.raw_decode(text, at)
        if text[at] == "[":
            yield from _elements(text, at + 1)
        else:
            yield at, end
        at = _skip(text, end)


def _elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Begin and end of every element of an array that is known to be whole."""
    at = _skip(text, at)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
