"""What is wrong with an event, in words for a person: the field and what it must be, and no word of a library.

The words follow the field's path: `lines.0.goods_paid_minor: must be 0 or more`.
"""

import json
from collections.abc import Callable
from typing import Any

from pydantic_core import ErrorDetails

from schemas.credits import POLICY_PATTERN
from schemas.entities import OWNER_PATTERN
from schemas.fields import IDENTIFIER_PATTERN, TEXT_PATTERN, WORD_PATTERN, WRONG
from schemas.ledger import ENTRY_ID_PATTERN, HASH_PATTERN, KIND_PATTERN, PERIOD_PATTERN
from schemas.statements import PARTY_PATTERN, PATH_STEP_PATTERN, PAYOUT_ID_PATTERN

Context = dict[str, Any]

FORMS = {
    IDENTIFIER_PATTERN: "must be 1 to 128 characters: letters A to Z or a to z, digits, or any of . _ ~ = + @ : -",
    WORD_PATTERN: "must be 1 to 32 characters: a letter a to z, then letters a to z, digits or _",
    TEXT_PATTERN: "must not contain control characters",
    POLICY_PATTERN: "must be 1 to 64 letters a to z, digits or _",
    HASH_PATTERN: "must be 64 digits 0 to 9 or a to f",
    ENTRY_ID_PATTERN: "must be two numbers joined by a hyphen",
    KIND_PATTERN: "must be two words joined by a dot, of letters a to z or _",
    OWNER_PATTERN: "must be a role, a colon and an id, such as koc:k_7",
    PERIOD_PATTERN: "must be a month such as 2026-11",
    PARTY_PATTERN: "must be platform, or a role, a colon and an id, such as koc:k_7",
    PATH_STEP_PATTERN: "must be 00 or 01 and 64 digits 0 to 9 or a to f",
    PAYOUT_ID_PATTERN: "must be 26 letters A to Z or digits 2 to 7",
}
"""The pattern of a text -> what it allows."""
UNFORESEEN = "is not what the contract says"
_SHOWN = 40
"""Characters of a wrong value that are shown."""


def path_of(error: ErrorDetails) -> str:
    """Where the error lies, as the event has it: `lines.0.quantity`; empty where it is no field's fault.

    The word by which a model was chosen stands in pydantic's path: it is left out. An event_type stands first (it has a
    dot in it), the kind of a statement behind its field.
    """
    loc = [str(step) for step in error["loc"] if step != "[key]"]
    if loc and "." in loc[0]:
        del loc[0]
    if loc[:1] == ["statement"]:
        del loc[1:2]
    if error["type"] == WRONG and (field := error["ctx"]["field"]):
        loc.append(field)
    if error["type"].startswith("union_tag_"):
        return ".".join([*loc, "kind"]) if loc else "event_type"
    return ".".join(loc)


def sentence_of(error: ErrorDetails) -> str:
    """One line: the field's path, and what it must be."""
    path, context, value = path_of(error), error.get("ctx", {}), error["input"]
    if error["type"] == "union_tag_invalid":
        return none_of(path, context["tag"], context["expected_tags"])
    if error["type"] == "literal_error" and isinstance(value, str):
        return none_of(path, value, context["expected"])
    if error["loc"][-1:] == ("[key]",):
        named = FORMS.get(context.get("pattern", "")) or str(context.get("error", UNFORESEEN))
        return f"{path}: the name {named}"
    words = _WORDS.get(error["type"])
    return f"{path or 'the record'}: {words(context, value) if words else UNFORESEEN}"


def none_of(path: str, value: str, expected: str) -> str:
    """`event_type "teleport" is none of click, view, code`.

    Args:
        expected: the words that are allowed, in quotes or not, joined by commas and perhaps an "or".
    """
    return f"{path} {quoted(value)} is none of {_listed(expected)}"


def stands_twice(path: str) -> str:
    """What is wrong with a field that its object has twice."""
    return f"{path}: stands twice in one object, and only the last would count"


def quoted(value: str) -> str:
    """A wrong value in quotes, its beginning if it is long."""
    return json.dumps(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…", ensure_ascii=False)


def json_problem(problem: str) -> str:
    """What keeps bytes from being JSON, from what the parser says: `… at line 1 column 8`."""
    what, _, place = problem.partition(" at line ")
    words = next((ours for theirs, ours in _JSON_WORDS.items() if what.startswith(theirs)), what)
    line, _, column = place.partition(" column ")
    return f"not one JSON object in UTF-8: {words} (line {line}, column {column})"


_JSON_WORDS = {
    "EOF while parsing": "it ends too early",
    "expected ident": "a word that is neither true, false nor null",
    "expected value": "a value is missing, or is not JSON (NaN and Infinity are not)",
    "invalid unicode code point": "bytes that are not UTF-8",
    "unexpected end of hex escape": "an escape \\u… that is half a character",
    "lone leading surrogate": "an escape \\u… that is half a character",
    "control character": "a control character in a text; write it as an escape",
    "recursion limit exceeded": "lists or objects nested too deeply",
    "trailing characters": "something follows the first value",
    "key must be a string": "a field's name must be a text in double quotes",
}
"""How the parser's words begin -> ours; its other words are plain."""


def _kind(value: object) -> str:
    """What stands there instead."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds = {str: "a text", int: "a number", float: "a decimal number", list: "a list", dict: "an object"}
    return kinds.get(type(value), "something else")


def must_be(what: str, value: object) -> str:
    """What a value of another kind must be: `must be a text, not a number`."""
    return f"must be {what}, not {_kind(value)}"


def _is_no(what: str) -> Callable[[Context, Any], str]:
    return lambda _, value: must_be(what, value)


def _listed(expected: str) -> str:
    """Words without their quotes, joined by commas alone."""
    return expected.replace(" or ", ", ").replace("'", "")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _own_words(context: Context, _: Any) -> str:
    """The words of a validator of ours."""
    return str(context.get("sentence") or context["error"])


_WORDS: dict[str, Callable[[Context, Any], str]] = {
    "missing": lambda *_: "is missing",
    "union_tag_not_found": lambda *_: "is missing",
    "extra_forbidden": lambda *_: "is no field of the contract",
    "string_type": _is_no("a text"),
    "int_type": _is_no("a whole number"),
    "bool_type": _is_no("true or false"),
    "list_type": _is_no("a list"),
    "dict_type": _is_no("an object"),
    "model_type": _is_no("an object"),
    "literal_error": lambda context, value: must_be(f"one of {_listed(context['expected'])}", value),
    "string_pattern_mismatch": lambda context, _: FORMS.get(context["pattern"], UNFORESEEN),
    "string_too_short": lambda context, _: f"must be {context['min_length']:,} characters or more",
    "string_too_long": lambda context, _: f"must be {context['max_length']:,} characters or fewer",
    "too_short": lambda context, _: f"must have {_entries(context['min_length'])} or more",
    "too_long": lambda context, _: f"must have {_entries(context['max_length'])} or fewer",
    "greater_than_equal": lambda context, _: f"must be {context['ge']:,} or more",
    "less_than_equal": lambda context, _: f"must be {context['le']:,} or less",
    "value_error": _own_words,
    WRONG: _own_words,
}
