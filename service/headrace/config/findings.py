"""Room 1: what pydantic says of a file's values, in our words and with their places.

Takes a ValidationError and the tree of the file, gives one `StreamError` a finding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headrace.config.yaml_tree import KeyPath, YamlTree
from headrace.errors import StreamError, did_you_mean

_WANTED = {
    "string_type": "a text",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "too_short": "at least one entry",
}
_SHOWN_LENGTH = 60


def findings_of(error: ValidationError, model: type[BaseModel], tree: YamlTree) -> list[StreamError]:
    """Return one error a finding, each at its key or value, in pydantic's order."""
    return [_finding(detail, model, tree) for detail in error.errors(include_url=False)]


def _finding(detail: ErrorDetails, model: type[BaseModel], tree: YamlTree) -> StreamError:
    path: KeyPath = tuple(detail["loc"])
    kind = detail["type"]
    if kind == "missing":
        return _missing(path, tree)
    if kind == "extra_forbidden":
        allowed = _keys_of(model, path[:-1])
        message = f"{dotted(path)} is not known."
        return StreamError(
            "CONFIG_UNKNOWN_KEY", message, at=tree.key_at(path), hint=did_you_mean(str(path[-1]), allowed)
        )
    if path and path[-1] == "[key]":
        message = f'"{path[-2]}" is no name: {_reason(detail)}.'
        return StreamError("CONFIG_INVALID_VALUE", message, at=tree.key_at(path[:-1]))
    seen = f"{dotted(path)} has the value {shown(detail['input'])}"
    if kind in {"enum", "literal_error"}:
        allowed = re.findall(r"'([^']*)'", detail["ctx"]["expected"]) or [str(detail["ctx"]["expected"])]
        message = f"{seen}; allowed: {', '.join(allowed)}."
        hint = did_you_mean(str(detail["input"]), allowed)
        if detail["input"] in allowed:
            hint = "Write it without quotes."
        elif not hint.startswith("Did"):
            hint = ""
        return StreamError("CONFIG_INVALID_VALUE", message, at=tree.value_at(path), hint=hint or None)
    return StreamError("CONFIG_INVALID_VALUE", f"{seen}; {_reason(detail)}.", at=tree.value_at(path))


def _missing(path: KeyPath, tree: YamlTree) -> StreamError:
    owner = dotted(path[:-1]) or "the pipeline"
    at = tree.key_at(path[:-1]) if path[:-1] else tree.value_at(())
    return StreamError("CONFIG_MISSING_KEY", f'{owner} needs the key "{path[-1]}".', at=at)


def _reason(detail: ErrorDetails) -> str:
    wanted = _WANTED.get(detail["type"])
    if wanted:
        return f"allowed: {wanted}"
    reason = detail["msg"].removeprefix("Value error, ")
    return reason[0].lower() + reason[1:]


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: ``queries.counts.sink``, ``views[0].sql``."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}"
    return text.removeprefix(".")


def shown(value: Any) -> str:
    """Return a value for a message: containers by their kind, long texts cut."""
    if isinstance(value, dict | list):
        return "{...}" if isinstance(value, dict) else "[...]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 4]}...'"


def _keys_of(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys allowed in the mapping at a path below the model."""
    here, inside_container = model, False
    for key in path:
        if inside_container:
            inside_container = False
            continue
        found = next((f for name, f in here.model_fields.items() if (f.alias or name) == key), None)
        inner = _model_in(found.annotation) if found else None
        if found is None or inner is None:
            return []
        here, inside_container = inner, get_origin(found.annotation) in {dict, tuple}
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts: Sequence[Any] = get_args(annotation)
    return next((found for part in parts if (found := _model_in(part))), None)
