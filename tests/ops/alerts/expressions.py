"""PromQL taken apart: the values that an alert compares, which its comparison hides while nothing is wrong."""

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<text>"[^"]*"|'[^']*') | (?P<open>[({\[]) | (?P<close>[)}\]])
    | (?P<set>\b(?:and|or|unless)\b(?:\s+(?:on|ignoring)\s*\([^)]*\))?)
    | (?P<compare>(?:==|!=|>=|<=|>|<)(?:\s*bool\b)?)""",
    re.VERBOSE,
)
_AGGREGATION = re.compile(r"(?:sum|max|min|count)(?:\s+(?:by|without)\s*\([^)]*\))?\s*\(")


def operands(expression: str) -> list[str]:
    """The expressions whose values decide an alert: set operators and comparisons taken apart, at any depth.

    `max(a > 1 or b > 2) unless c == 0` is a, b and c. A number is none, nor is what only `absent` asks for.
    """
    return list(dict.fromkeys(_take_apart(expression)))


def _take_apart(expression: str) -> Iterator[str]:
    text = _bare(expression)
    for kind in ("set", "compare"):
        parts = _split(text, kind)
        if len(parts) > 1:
            for part in parts:
                yield from _take_apart(part)
            return
    if found := _AGGREGATION.match(text):
        inner = text[found.end() - 1 :]
        if _closes_at_the_end(inner) and _is_decided_within(inner):
            yield from _take_apart(inner)
            return
    if re.search(r"[a-z]", re.sub(r"\b(?:time|vector)\(\d*\)|\d[\d.e+]*", "", text)) and not text.startswith("absent"):
        yield text


def _is_decided_within(text: str) -> bool:
    """Whether set operators or comparisons stand in these parentheses."""
    return any(len(_split(_bare(text), kind)) > 1 for kind in ("set", "compare"))


def _split(text: str, kind: str) -> list[str]:
    """The parts between operators of a kind that stand in no parentheses."""
    parts, depth, start = [], 0, 0
    for token in _TOKEN.finditer(text):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if depth == 0 and token.lastgroup == kind:
            parts.append(text[start : token.start()])
            start = token.end()
    return [*parts, text[start:]]


def _bare(text: str) -> str:
    """Without parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and _closes_at_the_end(text):
        text = text[1:-1].strip()
    return text


def _closes_at_the_end(text: str) -> bool:
    """Whether the first parenthesis is closed by the last character."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        if depth == 0 and token.lastgroup == "close":
            return token.end() == len(text)
    return False
