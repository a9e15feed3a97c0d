"""Texts for people: those that code says as sentences, and those of the console's templates, by their syntax trees."""

import ast
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

from jinja2 import Environment, nodes

SAID_BY = {
    "Sentence": {"template": 0},
    "t": {"text": 0},
    "say": {"text": 0},
    "WordsCell": {"text": 0},
    "Column": {"heading": 1},
    "PageTable": {"title": 1, "empty": 4},
    "ActionDone": {"text": 0},
    "HTTPException": {"detail": 1},
    "InputRefused": {"sentence": 0},
}
"""Calls whose arguments are said to people: the name of each such parameter, and its place."""
_SPOKEN_ATTRIBUTES = frozenset({"aria-label", "alt", "placeholder", "title"})
_EXPRESSION = "\x00"


class SaidText(NamedTuple):
    """A text in code, and where; `is_literal`: it is the text itself, else the expression that gives it."""

    line: int
    text: str
    is_literal: bool


def said_in(tree: ast.Module, calls: set[str]) -> Iterator[SaidText]:
    """What these calls (names of SAID_BY) are given to say; a constant of the module is its text."""
    constants = _constants(tree)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and (name := _last_name(call.func)) in calls:
            for argument in _said_arguments(call, SAID_BY[name]):
                yield from _branches(argument, constants)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Constants of a module by name."""
    return {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and isinstance(statement.value, ast.Constant)
    }


def _said_arguments(call: ast.Call, said: dict[str, int]) -> Iterator[ast.expr]:
    for name, place in said.items():
        if place < len(call.args):
            yield call.args[place]
        yield from (keyword.value for keyword in call.keywords if keyword.arg == name)


def _branches(expression: ast.expr, constants: dict[str, ast.expr]) -> Iterator[SaidText]:
    """Each text that an expression may give."""
    if isinstance(expression, ast.IfExp):
        yield from _branches(expression.body, constants)
        yield from _branches(expression.orelse, constants)
        return
    found = constants.get(expression.id, expression) if isinstance(expression, ast.Name) else expression
    is_literal = isinstance(found, ast.Constant) and isinstance(found.value, str)
    yield SaidText(expression.lineno, found.value if is_literal else ast.unparse(found), is_literal)


def _last_name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def strings_of(tree: ast.AST) -> set[str]:
    """Every text in code."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


class Templates:
    """The templates of an environment, parsed."""

    def __init__(self, environment: Environment) -> None:
        names = environment.list_templates()
        sources = {name: environment.loader.get_source(environment, name)[0] for name in names}
        self._trees = {name: environment.parse(source) for name, source in sources.items()}
        self._macros = {macro.name: macro for tree in self._trees.values() for macro in tree.find_all(nodes.Macro)}

    def said(self) -> set[str]:
        """Texts that `t` says: given to it, or to a variable of a loop, a `set` or a macro that is given to it."""
        return {text for tree in self._trees.values() for text in self._said_by(tree)}

    def strings(self) -> set[str]:
        """Every text in an expression."""
        found = (const.value for tree in self._trees.values() for const in tree.find_all(nodes.Const))
        return {text for text in found if isinstance(text, str)}

    def unsaid(self) -> dict[str, list[str]]:
        """By template: words that it shows or lets be read aloud without asking `t`."""
        found = {}
        for name, tree in self._trees.items():
            reader = _WordReader()
            reader.feed("".join(_flat(tree)))
            if reader.words:
                found[name] = reader.words
        return found

    def _said_by(self, tree: nodes.Template) -> Iterator[str]:
        """Follow names to where they get their texts."""
        wanted = {"t": 0} | {name: place for name, places in self._said_parameters().items() for place in places[:1]}
        for call in tree.find_all(nodes.Call):
            name = call.node.attr if isinstance(call.node, nodes.Getattr) else getattr(call.node, "name", None)
            if name in wanted and wanted[name] < len(call.args):
                yield from _texts(call.args[wanted[name]])
        names = {argument.name for argument in self._arguments_of_t(tree) if isinstance(argument, nodes.Name)}
        for loop in tree.find_all(nodes.For):
            yield from _looped(loop, names)
        for assignment in tree.find_all(nodes.Assign):
            if getattr(assignment.target, "name", None) in names:
                yield from _texts(assignment.node)

    def _said_parameters(self) -> dict[str, list[int]]:
        """Of each macro, the places of parameters that it gives to `t`."""
        found = {}
        for name, macro in self._macros.items():
            given = {argument.name for argument in self._arguments_of_t(macro) if isinstance(argument, nodes.Name)}
            if places := [place for place, parameter in enumerate(macro.args) if parameter.name in given]:
                found[name] = places
        return found

    def _arguments_of_t(self, node: nodes.Node) -> Iterator[nodes.Expr]:
        for call in node.find_all(nodes.Call):
            if getattr(call.node, "name", None) == "t":
                yield call.args[0]


def _texts(expression: nodes.Expr) -> Iterator[str]:
    if isinstance(expression, nodes.Const) and isinstance(expression.value, str):
        yield expression.value
    if isinstance(expression, nodes.CondExpr):
        yield from _texts(expression.expr1)
        if expression.expr2 is not None:
            yield from _texts(expression.expr2)


def _looped(loop: nodes.For, names: set[str]) -> Iterator[str]:
    """Texts of a literal list for those loop variables that are said."""
    targets = loop.target.items if isinstance(loop.target, nodes.Tuple) else [loop.target]
    for item in getattr(loop.iter, "items", ()):
        values = item.items if isinstance(item, nodes.Tuple) else [item]
        for target, value in zip(targets, values, strict=False):
            if target.name in names:
                yield from _texts(value)


def _flat(tree: nodes.Node) -> Iterator[str]:
    """The HTML of a template with all its branches; a mark for each expression."""
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            yield part.data if isinstance(part, nodes.TemplateData) else _EXPRESSION


class _WordReader(HTMLParser):
    """Collects what people see or hear of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_code = tag == "code"
        for name, value in attrs:
            if name in _SPOKEN_ATTRIBUTES and value:
                self._note(value)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - html.parser's signature
        self._is_code = False

    def handle_data(self, data: str) -> None:
        """A command is the same in every language."""
        if not self._is_code:
            self._note(data)

    def _note(self, text: str) -> None:
        for part in text.split(_EXPRESSION):
            if any(sign.isalpha() for sign in part):
                self.words.append(part.strip())
