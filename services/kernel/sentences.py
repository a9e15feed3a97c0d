"""Sentences for people that remember what they are made of, so that they can be said in another language.

A sentence is the plain English text to everything that prints, compares or stores it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from string import Formatter
from typing import Any, Self


class Sentence(str):
    """A text and the template that it was formatted from.

    Args:
        template: English, with `{name}` or `{name:format}` for each value. It is always a constant of our code.
        values: by name. One that is a sentence is said in the other language too; any other text stays as it is.

    Raises:
        KeyError: the template names a value that is not given.
    """

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Format the template."""
        made = super().__new__(cls, template.format_map(values))
        made.template, made.values = template, values
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.template,), dict(self.values)


def sentence_of(error: BaseException) -> str:
    """What an error says: the sentence that it was raised with."""
    said = error.args[0] if error.args else None
    return said if isinstance(said, Sentence) else str(error)


def recognize(text: str, templates: Collection[str]) -> str:
    """A text that was stored, as the sentence that it was; a text of no template stays as it is.

    Args:
        text: as it was stored.
        templates: tried in order. A value that is a text of one of them becomes a sentence too.
    """
    for template in templates:
        if found := _pattern(template).fullmatch(text):
            values = {name: recognize(value, templates) for name, value in found.groupdict().items()}
            return Sentence(template, **values)
    return text


@lru_cache(maxsize=1_000)
def _pattern(template: str) -> re.Pattern[str]:
    """What texts of a template look like; each value has at least one character."""
    parts, known = [], set[str]()
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P={name})" if name in known else f"(?P<{name}>.+)")
            known.add(name)
    return re.compile("".join(parts))


def with_commas(parts: Sequence[str]) -> str:
    """The parts one after the other, as in `dispute d_1, hold h_2`."""
    if len(parts) < 2:
        return parts[0] if parts else ""
    return Sentence("{first}, {rest}", first=parts[0], rest=with_commas(parts[1:]))


def with_semicolons(parts: Sequence[str]) -> str:
    """Whole clauses one after the other."""
    if len(parts) < 2:
        return parts[0] if parts else ""
    return Sentence("{first}; {rest}", first=parts[0], rest=with_semicolons(parts[1:]))
