"""Grafana's schema of dashboards as JSON Schema, read from the typed models of Grafana's own foundation SDK.

The SDK is generated from the schema of the dashboard kind and checks nothing at run time: a number where a word belongs
goes through. Its annotations say what belongs where, and its `to_json` says how a field is called and whether it is
always there. Panels are closed off further, by the options and field settings of their own plugin.
"""

import ast
import enum
import inspect
import textwrap
import types
import typing
from typing import Any

from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import bargauge, dashboard, prometheus, stat, statetimeline, timeseries

PLUGINS = {
    "stat": (stat.Options, None),
    "timeseries": (timeseries.Options, timeseries.FieldConfig),
    "bargauge": (bargauge.Options, None),
    "state-timeline": (statetimeline.Options, statetimeline.FieldConfig),
}
"""Panel type -> the models of its options and of its field settings."""
_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number", types.NoneType: "null"}


def dashboard_schema() -> dict[str, Any]:
    """The schema of a whole dashboard, for panels of our kinds and queries to Prometheus."""
    definitions: dict[str, Any] = {}
    _define(dashboard.Dashboard, definitions)
    panels = []
    for name, (options, custom) in PLUGINS.items():
        settings = {} if custom is None else {"custom": _of(custom, definitions)}
        defaults = {"properties": settings} if settings else {"properties": {"custom": {"maxProperties": 0}}}
        panels.append(
            {
                "if": {"properties": {"type": {"const": name}}},
                "then": {
                    "required": ["options", "fieldConfig", "targets", "datasource", "gridPos", "id", "title"],
                    "properties": {
                        "options": _of(options, definitions),
                        "fieldConfig": {"properties": {"defaults": defaults}},
                    },
                },
            }
        )
    definitions["dashboard.Panel"]["properties"]["type"] = {"enum": list(PLUGINS)}
    definitions["dashboard.Panel"]["allOf"] = panels
    return {"$ref": "#/$defs/dashboard.Dashboard", "$defs": definitions}


def _define(model: type, definitions: dict[str, Any]) -> str:
    """Add a model's schema, and those of all that it holds, once; its name."""
    name = f"{model.__module__.rpartition('.')[2]}.{model.__name__}"
    if name in definitions:
        return name
    definitions[name] = schema = {"type": "object", "additionalProperties": False, "properties": {}}
    fields = typing.get_type_hints(model)
    optional = set(fields) - set(inspect.signature(model.__init__).parameters)
    always, sometimes = _written(model)
    for key, attribute in (always | sometimes).items():
        schema["properties"][key] = _of(fields[attribute], definitions)
    schema["required"] = sorted(key for key, attribute in always.items() if attribute not in optional)
    return name


def _written(model: type) -> tuple[dict[str, str], dict[str, str]]:
    """JSON key -> attribute, of `to_json`: keys that it always writes, and keys that it writes of what is set."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(model.to_json)))
    always, sometimes = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            always |= {key.value: value.attr for key, value in zip(node.keys, node.values, strict=True)}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            sometimes[node.targets[0].slice.value] = node.value.attr
    return always, sometimes


def _of(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type annotation."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is variants.Dataquery:
        return _of(prometheus.Dataquery, definitions)
    if hint in (object, Any):
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_of(one, definitions) for one in inner]}
    if origin is list:
        return {"type": "array", "items": _of(inner[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(inner[1], definitions)}
    if issubclass(hint, enum.Enum):
        return {"enum": [one.value for one in hint]}
    return {"$ref": f"#/$defs/{_define(hint, definitions)}"}
