"""Whether all texts of a record are names: nearly always by one look at its bytes.

Identifiers, times and all words of the contract are made of the same characters. Take these away and of a record its
skeleton is left; if nothing is left between the quotes, every text in it is made of them. Records of one publisher
have few skeletons, so one set lookup stands for a pattern match of every field.
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
"""How many skeletons are remembered, and of what size at most: two megabytes."""
_known: set[bytes] = set()

Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
"""An identifier, but for its characters: these are for `only_names` or `check_names` to look at."""


def has_only_identifiers(raw: bytes) -> bool:
    """Whether no text of a JSON record has another character than an identifier may have. A no may be wrong: of a text
    with escapes."""
    skeleton = raw.translate(None, _CHARACTERS)
    return skeleton in _known or _is_clean(skeleton)


def _is_clean(skeleton: bytes) -> bool:
    """Whether nothing stands between opening and closing quotes; without escapes they alternate."""
    clean = b"\\" not in skeleton and not any(skeleton.split(b'"')[1::2])
    if clean and len(skeleton) <= _SKELETON_BYTES and len(_known) < _SKELETONS:
        _known.add(skeleton)
    return clean


def check_identifiers(event: Any, *texts: str) -> None:
    """Look at every text of a decoded event, but for the fields that hold any text.

    Raises:
        ValueError: one is no identifier.
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
    """A check of one kind of words, which interns them and raises ValueError for others; few are in use."""
    matches = re.compile(pattern).fullmatch

    @lru_cache(maxsize=1024)
    def checked(text: str) -> str:
        if matches(text) is None:
            raise ValueError(f"not {what}")
        return intern(text)

    return checked


platform = _word(r"[a-z][a-z0-9_]{0,31}", "a platform")
