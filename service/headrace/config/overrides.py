"""Room 1: ``--set a.b=c``, laid over the values of the file.

Takes texts, changes the tree; option names may hold dots, so the longest key that is there wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.config.yaml_tree import KeyPath, YamlTree, parse_tree
from headrace.errors import StreamError, StreamErrors
from headrace.values import Position

SET = "--set"
"""The file name in positions of overridden values; the line is the number of the --set."""

_FREE = {"options", "settings"}


def apply_overrides(tree: YamlTree, overrides: Sequence[str]) -> None:
    """Put the value of each ``path=value`` into the tree; wrong ones are added to its errors."""
    for number, text in enumerate(overrides, start=1):
        path_text, equals, value_text = text.partition("=")
        at = Position(SET, number, 1)
        if not equals or not path_text.strip():
            _fail(tree, at, f"{text!r} is no override; write KEY.KEY=VALUE, such as queries.counts.output_mode=update.")
            continue
        try:
            value = parse_tree(value_text, SET, Path())
        except StreamErrors as error:
            _fail(tree, at, f"the value {value_text!r} is no YAML: {error.errors[0].message}")
            continue
        _put(tree, path_text.strip(), value.root, Position(SET, number, len(path_text) + 2))


def _put(tree: YamlTree, path_text: str, value: Any, at: Position) -> None:
    key_at = Position(at.file, at.line, 1)
    owner, rest = tree.root, path_text
    path: KeyPath = ()
    while True:
        key, rest = _next_key(owner, path, rest)
        path = (*path, key)
        if not rest:
            break
        inner = _child(owner, key)
        if inner is None and isinstance(owner, dict):
            inner = owner[str(key)] = {}
            tree.keys[path], tree.values[path] = key_at, at
        if not isinstance(inner, dict | list):
            _fail(tree, key_at, f"{path_text} leads into a single value; a mapping or list is needed before .{rest}.")
            return
        owner = inner
    if isinstance(owner, list) and not (isinstance(key, int) and key < len(owner)):
        _fail(tree, key_at, f"{path_text} names no entry of the list; it has {len(owner)}, counted from 0.")
        return
    _forget(tree, path)
    owner[key] = value
    tree.keys[path], tree.values[path] = key_at, at


def _next_key(owner: Any, path: KeyPath, rest: str) -> tuple[str | int, str]:
    """Return the next key and what is left of the path text."""
    if isinstance(owner, list):
        first, _, left = rest.partition(".")
        names = [item.get("name") if isinstance(item, dict) else None for item in owner]
        if first in names:
            return names.index(first), left
        return (int(first) if first.isdigit() else first), left
    if isinstance(owner, dict):
        there = [key for key in owner if rest == key or rest.startswith(f"{key}.")]
        if there:
            key = max(there, key=len)
            return key, rest[len(key) + 1 :]
    if path and path[-1] in _FREE:
        return rest, ""
    first, _, left = rest.partition(".")
    return first, left


def _child(owner: Any, key: str | int) -> Any:
    if isinstance(owner, list):
        return owner[key] if isinstance(key, int) and key < len(owner) else ""
    return owner.get(key)


def _forget(tree: YamlTree, path: KeyPath) -> None:
    """Drop the places of what the override replaces."""
    for places in (tree.keys, tree.values, tree.texts):
        for old in [known for known in places if known[: len(path)] == path]:
            del places[old]


def _fail(tree: YamlTree, at: Position, message: str) -> None:
    tree.errors.append(StreamError("CONFIG_INVALID_VALUE", message, at=at))
