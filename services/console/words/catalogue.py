"""What people are told, in their language: the files `*.toml` here hold English templates and their Chinese ones.

A template that has no Chinese is said in English.
"""

import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from string import Formatter

from services.kernel.errors import InvariantBroken
from services.kernel.sentences import Sentence
from services.settlement.statements.labels import all_labels


class Language(StrEnum):
    """What the console speaks; the value is the `lang` of its pages."""

    EN = "en"
    ZH = "zh"


def say(text: str, language: Language) -> str:
    """A sentence in a language. A plain text is its own template, without values.

    Args:
        text: values of a sentence that are sentences are said in the language too.
        language: English gives the text as it is.
    """
    if language is Language.EN:
        return str(text)
    if not isinstance(text, Sentence):
        return chinese().get(text, text)
    values = {
        name: say(value, language) if isinstance(value, Sentence) else value for name, value in text.values.items()
    }
    return chinese().get(text.template, text.template).format_map(values)


@cache
def chinese() -> Mapping[str, str]:
    """The Chinese template by the English one: of all files, and the labels that statements have.

    Raises:
        InvariantBroken: a template stands twice, or its two sides name different values.
    """
    words = {label.english: label.chinese for label in all_labels() if label.chinese}
    for name, english, other in entries():
        if english in words:
            raise InvariantBroken(f"{name}: these words stand twice: {english!r}")
        if placeholders(english) != placeholders(other):
            raise InvariantBroken(f"{name}: the two sides name different values: {english!r}")
        words[english] = other
    return words


def entries() -> Iterator[tuple[str, str, str]]:
    """File name, English and Chinese of each pair of the files."""
    for file in sorted(files(__package__).iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            for english, other in tomllib.loads(file.read_text(encoding="utf-8")).items():
                yield file.name, english, other


def placeholders(template: str) -> set[str]:
    """The names of the values that a template shows."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}
