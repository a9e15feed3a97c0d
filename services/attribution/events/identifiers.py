"""Check that all texts of a record are identifiers, nearly always with one look at its bytes.

Identifiers, times and all words of the contract consist of the same characters. Without these characters only the
skeleton of a record is left. If the skeleton has nothing between its quotes, all texts of the record are identifiers.
Records of one publisher have few skeletons, so that one set lookup replaces a pattern match of every field.
"""

import re
import string
from collections.abc import Callable
from functools import lru_cache
from sys import intern
from typing import Annotated, Any

import msgspec
from msgspec import Meta

_CHARACTERS = (string.ascii_letters + string.digits + "._~=+@:-").encode()
_ONLY_CHARACTERS = re.compile(f"[{re.escape(_CHARACTERS.decode())}]*")
_SKELETONS, _SKELETON_BYTES = 4_096, 512
"""The most skeletons that are remembered, and their greatest size: two megabytes in all."""
_known: set[bytes] = set()

Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
"""An identifier by its length; `has_only_identifiers` or `check_identifiers` checks its characters."""


def has_only_identifiers(raw: bytes) -> bool:
    """Whether all texts of a JSON record have only characters of identifiers; False may be wrong for escaped texts."""
    skeleton = raw.translate(None, _CHARACTERS)
    return skeleton in _known or _is_clean(skeleton)


def _is_clean(skeleton: bytes) -> bool:
    """Whether no text is left between opening and closing quotes; without escapes the quotes alternate."""
    clean = b"\\" not in skeleton and not any(skeleton.split(b'"')[1::2])
    if clean and len(skeleton) <= _SKELETON_BYTES and len(_known) < _SKELETONS:
        _known.add(skeleton)
    return clean


def check_identifiers(event: Any, *texts: str) -> None:
    """Check every text of a decoded event.

    Args:
        texts: names of fields that may hold any text.

    Raises:
        ValueError: a text is no identifier.
    """
    if isinstance(event, str):
        if _ONLY_CHARACTERS.fullmatch(event) is None:
            raise ValueError("not an identifier")
    elif isinstance(event, msgspec.Struct):
        for field in event.__struct_fields__:
            if field not in texts:
                check_identifiers(getattr(event, field))
    elif isinstance(event, tuple):
        for one in event:
            check_identifiers(one)


def _word(pattern: str, what: str) -> Callable[[str], str]:
    """A check of one kind of words: it interns a valid word, and raises ValueError for any other. Few are in use."""
    matches = re.compile(pattern).fullmatch

    @lru_cache(maxsize=1024)
    def checked(text: str) -> str:
        if matches(text) is None:
            raise ValueError(f"not {what}")
        return intern(text)

    return checked


platform = _word(r"[a-z][a-z0-9_]{0,31}", "a platform")
