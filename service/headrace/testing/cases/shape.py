"""Shipped: what a file with a pipeline test may hold, so that no step is passed over for a slip of the keyboard.

Takes the values of a file; gives every finding, at its line and column. What rows and SQL mean is for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from headrace.errors import StreamError, did_you_mean
from headrace.values import Position

KeyPath = tuple[str | int, ...]
"""Keys and list indexes from the root of a file to a value."""

_TOP: Mapping[str, type] = {
    "version": int,
    "pipeline": str,
    "query": object,
    "sources": dict,
    "tables": dict,
    "functions": dict,
    "views": list,
    "settings": dict,
    "extensions": list,
    "steps": list,
    "error": dict,
}
_STEP: Mapping[str, type] = {
    "add": dict,
    "restart": bool,
    "expect": list,
    "watermark": object,
    "state_rows": int,
    "late_rows": int,
}
_ERROR: Mapping[str, type] = {"on": str, "class": str, "condition": str, "message": str}
_WORDS = {dict: "a mapping", list: "a list", int: "a whole number", bool: "true or false", str: "a text"}


def findings(path: Path, text: str, raw: Any) -> list[StreamError]:
    """Return everything that is wrong with the shape of a test.

    Args:
        path: The file.
        text: What it holds.
        raw: The same as values.
    """
    if not isinstance(raw, dict) or "query" not in raw:
        message = f"{path} is no pipeline test: it has no key `query`"
        return [StreamError("CONFIG_MISSING_KEY", message)]
    return [error.located(_place(path, text, place)) for place, error in _all(raw)]


def _all(raw: Mapping[Any, Any]) -> Iterator[tuple[KeyPath, StreamError]]:
    yield from _keys((), raw, _TOP)
    if "pipeline" not in raw:
        yield from _inline(raw)
    known = raw.get("sources") if "pipeline" not in raw else None
    for number, step in enumerate(_list(raw.get("steps"))):
        place: KeyPath = ("steps", number)
        if not isinstance(step, dict):
            yield place, _wrong("a step", step, dict)
            continue
        yield from _keys(place, step, _STEP)
        for name, rows in (step["add"] if isinstance(step.get("add"), dict) else {}).items():
            if isinstance(known, dict) and name not in known:
                message = f'"{name}" is no source of this test.'
                yield (
                    (*place, "add", name),
                    StreamError("CONFIG_INVALID_VALUE", message, hint=did_you_mean(str(name), known)),
                )
            yield from _rows((*place, "add", name), rows)
        yield from _rows((*place, "expect"), step.get("expect"))
    if isinstance(raw.get("error"), dict):
        yield from _keys(("error",), raw["error"], _ERROR)


def _inline(raw: Mapping[Any, Any]) -> Iterator[tuple[KeyPath, StreamError]]:
    if not isinstance(raw["query"], dict) or "sql" not in raw["query"]:
        message = "a test without `pipeline` has a mapping as its query, with the key sql."
        yield ("query",), StreamError("CONFIG_INVALID_VALUE", message)
    if "sources" not in raw:
        message = "a test has sources, or names a pipeline file."
        yield (), StreamError("CONFIG_MISSING_KEY", message, hint="Add sources: {clicks: {schema: user STRING}}.")


def _keys(
    place: KeyPath, found: Mapping[Any, Any], allowed: Mapping[str, type]
) -> Iterator[tuple[KeyPath, StreamError]]:
    for key, value in found.items():
        name = "on" if key is True else str(key)  # YAML 1.1 reads a bare on as true
        kind = allowed.get(name)
        if kind is None and not name.startswith("x-"):
            hint = did_you_mean(name, allowed)
            yield (*place, key), StreamError("CONFIG_UNKNOWN_KEY", f"{name} is not known.", hint=hint)
        elif kind is not None and value is not None and not isinstance(value, kind):
            yield (*place, key), _wrong(name, value, kind)


def _rows(place: KeyPath, rows: Any) -> Iterator[tuple[KeyPath, StreamError]]:
    if rows is not None and not isinstance(rows, list):
        yield place, _wrong(str(place[-1]), rows, list)
    for number, row in enumerate(_list(rows)):
        if not isinstance(row, dict):
            yield (*place, number), _wrong("a row", row, dict)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _wrong(name: str, value: Any, kind: type) -> StreamError:
    return StreamError("CONFIG_INVALID_VALUE", f"{name} has the value {value!r}; allowed: {_WORDS[kind]}.")


def _place(path: Path, text: str, keys: KeyPath) -> Position:
    """Return where a value stands, or what holds it."""
    node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert node is not None  # the same text gave values
    mark = node.start_mark
    for key in keys:
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            mark = node.start_mark
        elif isinstance(node, yaml.MappingNode):
            pairs = [pair for pair in node.value if pair[0].value == ("on" if key is True else str(key))]
            if not pairs:
                break
            mark, node = pairs[0][0].start_mark, pairs[0][1]
    return Position(str(path), mark.line + 1, mark.column + 1)
