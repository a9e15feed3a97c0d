"""Source files as syntax trees: the functions they define, what other code names, and what they import."""

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PROPERTIES = {"property", "cached_property"}


@cache
def tree_of(file: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(file.read_text())


def module_of(file: Path) -> str:
    """The dotted name of a file of this repository."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, those within functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


@dataclass(frozen=True)
class Definition:
    """A function or method.

    Attributes:
        scope: names of the classes and functions that it stands in, from the outside in.
        decorators: each by its last name, `command` for `@app.command("list")`.
    """

    module: str
    scope: tuple[str, ...]
    name: str
    decorators: tuple[str, ...]
    is_method: bool

    @property
    def place(self) -> tuple[str, ...]:
        """Where the code inside it stands."""
        return (self.module, *self.scope, self.name)

    def __str__(self) -> str:
        return ".".join(self.place)


class Mention(NamedTuple):
    """A place that names something; `called` tells `x.f()`, and `g(x.f)` that may call it, from a plain `x.f`."""

    place: tuple[str, ...]
    called: bool

    def is_within(self, definition: Definition) -> bool:
        """Whether a function names itself."""
        return self.place[: len(definition.place)] == definition.place


class Source(ast.NodeVisitor):
    """All functions of some modules, and where each name, attribute and member of a module is mentioned."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self.definitions: list[Definition] = []
        self.fields: set[str] = set()
        self._names: defaultdict[str, list[Mention]] = defaultdict(list)
        self._attributes: defaultdict[str, list[Mention]] = defaultdict(list)
        self._members: defaultdict[str, list[Mention]] = defaultdict(list)
        self._modules = set(trees)
        for self._module, tree in trees.items():
            self._scope: list[ast.AST] = []
            self._aliases: dict[str, str] = {}
            self._called: set[ast.AST] = set()
            self.visit(tree)

    def is_mentioned(self, definition: Definition) -> bool:
        """Whether anything but the function itself names it.

        Methods are known by their name alone, whatever they are called on. Where a field or a property has the same
        name, only a call of it speaks for a method, or a call that it is handed to.
        """
        if definition.is_method:
            ambiguous = definition.name in self.fields and not PROPERTIES & set(definition.decorators)
            mentions = [one for one in self._attributes[definition.name] if one.called or not ambiguous]
        else:
            mentions = [one for one in self._names[definition.name] if one.place[0] == definition.module]
            mentions += self._members[f"{definition.module}.{definition.name}"]
        return any(not one.is_within(definition) for one in mentions)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = tuple(name for name in map(_last_name, node.decorator_list) if name)
        is_method = bool(self._scope) and isinstance(self._scope[-1], ast.ClassDef)
        scope = tuple(outer.name for outer in self._scope)  # type: ignore[attr-defined]
        self.definitions.append(Definition(self._module, scope, node.name, decorators, is_method))
        if PROPERTIES & set(decorators):
            self.fields.add(node.name)
        self._visit_scope(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's name

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        fields = (one.target for one in node.body if isinstance(one, ast.AnnAssign))
        self.fields |= {target.id for target in fields if isinstance(target, ast.Name)}
        self._visit_scope(node)

    def _visit_scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """What decorates a function stands outside it, everything else inside."""
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._scope.append(node)
        for child in ast.iter_child_nodes(node):
            if child not in node.decorator_list:
                self.visit(child)
        self._scope.pop()

    def visit_Import(self, node: ast.Import) -> None:
        self._aliases |= {alias.asname or alias.name: alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            if full in self._modules:
                self._aliases[alias.asname or alias.name] = full
            else:
                self._members[full].append(self._mention(node))

    def visit_Call(self, node: ast.Call) -> None:
        self._called |= {node.func, *node.args}
        if _last_name(node.func) == "getattr" and isinstance(node.args[1], ast.Constant):
            self._attributes[str(node.args[1].value)].append(self._mention(node.func))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._names[node.id].append(self._mention(node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        module = self._aliases.get(ast.unparse(node.value))
        if module:
            self._members[f"{module}.{node.attr}"].append(self._mention(node))
        elif isinstance(node.ctx, ast.Load):
            self._attributes[node.attr].append(self._mention(node))
        else:
            self.fields.add(node.attr)
        self.generic_visit(node)

    def _mention(self, node: ast.AST) -> Mention:
        scope = (outer.name for outer in self._scope)  # type: ignore[attr-defined]
        return Mention((self._module, *scope), node in self._called)


def _last_name(node: ast.AST) -> str:
    """`command` of `app.command("list")`, `cache` of `cache`; empty for anything else."""
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def overrides_a_library(method: Definition, ours: tuple[str, ...]) -> bool:
    """Whether a class that is not ours has a method of this name above it: then the library calls it.

    Args:
        method: of a class that stands in a module, not in a function.
        ours: the top packages whose classes do not count.
    """
    found: object = importlib.import_module(method.module)
    for name in method.scope:
        found = getattr(found, name, None)
    if not isinstance(found, type):
        return False
    above = [base for base in found.__mro__[1:] if base.__module__.partition(".")[0] not in ours]
    return any(method.name in vars(base) for base in above)
