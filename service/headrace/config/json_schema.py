"""Room 1: the JSON Schema of pipeline files, for editors.

Takes the models and the SPECs of the installed plugins; gives draft 2020-12 in which a format decides its options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.config.pipeline import Pipeline
from headrace.contract import Kind, Option, Plugin, PluginKind, Spec, all_plugins

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_OWNERS = {
    "SourceConfig": PluginKind.SOURCE,
    "DecodeConfig": PluginKind.FORMAT,
    "TableConfig": PluginKind.TABLE,
    "SinkConfig": PluginKind.SINK,
    "EncodeConfig": PluginKind.FORMAT,
}
_TYPES: dict[Kind, list[str]] = {
    Kind.STRING: ["string", "number", "boolean", "array", "object"],
    Kind.INT: ["integer", "string"],
    Kind.FLOAT: ["number", "string"],
    Kind.BOOL: ["boolean", "string"],
    Kind.DURATION: ["string", "integer"],
    Kind.SIZE: ["string", "integer"],
    Kind.JSON: ["object", "array", "string"],
    Kind.CHOICE: ["string"],
}


def json_schema(plugins: Sequence[Plugin] | None = None) -> dict[str, Any]:
    """Return the schema of a pipeline file.

    Args:
        plugins: The plugins whose options it knows; all installed ones unless given.
    """
    specs = [plugin.spec for plugin in (all_plugins() if plugins is None else plugins)]
    schema = Pipeline.model_json_schema(by_alias=True, mode="validation")
    definitions = schema["$defs"]
    for name, kind in _OWNERS.items():
        _know_options(definitions[name], [spec for spec in specs if spec.kind is kind])
    for owner in ("SourceConfig", "SinkConfig"):
        _allow_name_only(definitions[owner])
    _allow_words(definitions, schema)
    return {"$schema": DIALECT, "title": "headrace pipeline"} | schema | {"patternProperties": {"^x-": {}}}


def _know_options(owner: dict[str, Any], specs: list[Spec]) -> None:
    names = sorted({spec.name for spec in specs})
    owner["properties"]["format"] = {"type": "string", "enum": names} | {
        key: value for key, value in owner["properties"]["format"].items() if key in {"description", "title"}
    }
    owner["allOf"] = [
        {
            "if": {"properties": {"format": {"const": spec.name}}, "required": ["format"]},
            "then": {"properties": {"options": options_schema(spec)}},
        }
        for spec in specs
    ]


def options_schema(spec: Spec) -> dict[str, Any]:
    """Return the schema of the options of one plugin; names as Spark writes them."""
    schema: dict[str, Any] = {
        "type": "object",
        "title": f"Options of {spec.name}",
        "description": spec.summary,
        "properties": {option.name: _option_schema(option) for option in spec.options},
        "additionalProperties": False,
    }
    if spec.passthrough:
        schema["patternProperties"] = {
            f"^{through.prefix.replace('.', '[.]')}": {
                "type": ["string", "number", "boolean"],
                "description": through.doc,
            }
            for through in spec.passthrough
        }
    required = [option.name for option in spec.options if option.required]
    return schema | ({"required": required} if required else {})


def _option_schema(option: Option) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _TYPES[option.kind], "description": option.doc}
    if option.allowed:
        schema["enum"] = list(option.allowed)
    if option.default is not None and isinstance(option.default, str | int | float | bool):
        schema["default"] = option.default
    if option.minimum is not None and option.kind is Kind.INT:
        schema["minimum"] = option.minimum
    if option.secret:
        schema |= {"type": "string", "writeOnly": True}
    return schema


def _allow_name_only(owner: dict[str, Any]) -> None:
    """Let decode and encode be the bare name of a format."""
    for key in ("decode", "encode"):
        if key in owner["properties"]:
            owner["properties"][key]["anyOf"].append({"type": "string"})


def _allow_words(definitions: dict[str, Any], schema: dict[str, Any]) -> None:
    """Write into the schema what the readers also take: a bare policy, null for on_error, numbers as settings."""
    on_failure = schema["properties"]["on_failure"]
    on_failure["anyOf"] = [{"$ref": on_failure.pop("$ref")}, {"enum": ["isolate", "stop_all"]}]
    on_error = definitions["DecodeConfig"]["properties"]["on_error"]
    on_error.pop("$ref", None)
    on_error["enum"] = ["fail", "null", "dead_letter", None]
    schema["properties"]["settings"]["additionalProperties"] = {"type": ["string", "number", "boolean"]}
