"""Room 1: what can be said of names without reading any SQL.

Takes the values of a file, gives findings: names taken twice, and inputs of views that do not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.config.findings import dotted
from headrace.config.user_code import schema_texts
from headrace.config.yaml_tree import KeyPath, YamlTree
from headrace.ddl import parse_schema
from headrace.errors import StreamError, did_you_mean


def check_names(tree: YamlTree) -> list[StreamError]:
    """Return an error for each relation or query whose name is taken; Spark's names ignore case."""
    errors = []
    relations = [*_named(tree, "sources"), *_named(tree, "tables"), *_views(tree)]
    for group in (relations, list(_named(tree, "queries"))):
        taken: dict[str, KeyPath] = {}
        for name, path in group:
            first = taken.setdefault(name.lower(), path)
            if first != path:
                message = f'the name "{name}" is taken by {dotted(first)} in line {tree.key_at(first).line}.'
                errors.append(StreamError("CONFIG_INVALID_VALUE", message, at=tree.key_at(path)))
    return errors


def check_inputs(tree: YamlTree) -> list[StreamError]:
    """Return an error for each input of a view that is no source, no table and no earlier view."""
    errors = []
    known = [name for name, _ in [*_named(tree, "sources"), *_named(tree, "tables")]]
    for index, view in enumerate(_list(tree, "views")):
        if not isinstance(view, dict):
            continue
        for kind, key in (("deduplicate", "input"), ("stateful", "input"), ("stateful", "initial_state")):
            read = view[kind].get(key) if isinstance(view.get(kind), dict) else None
            if isinstance(read, str) and read.lower() not in {name.lower() for name in known}:
                at = tree.value_at(("views", index, kind, key))
                message = f'{kind}.{key} names "{read}", which is no source, table or earlier view.'
                errors.append(StreamError("CONFIG_INVALID_VALUE", message, at=at, hint=did_you_mean(read, known)))
        if isinstance(view.get("name"), str):
            known.append(view["name"])
    return errors


def check_schemas(tree: YamlTree) -> list[StreamError]:
    """Return what is wrong with each DDL text of the file, at its place in the file."""
    errors = []
    for path, text in _schema_texts(tree):
        try:
            parse_schema(text)
        except StreamError as error:
            place, inner = tree.texts.get(path), error.at
            error.at = place.at(inner.line, inner.column) if place and inner else tree.value_at(path)
            errors.append(error)
    return errors


def _schema_texts(tree: YamlTree) -> Iterator[tuple[KeyPath, str]]:
    yield from schema_texts(tree)
    for group in ("sources", "tables"):
        for name, item in _mapping(tree, group).items():
            for inner in ((), ("decode",)):
                owner = item.get("decode") if inner and isinstance(item, dict) else item
                text = owner.get("schema") if isinstance(owner, dict) else None
                if isinstance(text, str):
                    yield (group, name, *inner, "schema"), text


def _named(tree: YamlTree, group: str) -> Iterator[tuple[str, KeyPath]]:
    for name in _mapping(tree, group):
        yield name, (group, name)


def _views(tree: YamlTree) -> Iterator[tuple[str, KeyPath]]:
    for index, view in enumerate(_list(tree, "views")):
        if isinstance(view, dict) and isinstance(view.get("name"), str):
            yield view["name"], ("views", index, "name")


def _mapping(tree: YamlTree, key: str) -> dict[str, Any]:
    found = tree.root.get(key)
    return found if isinstance(found, dict) else {}


def _list(tree: YamlTree, key: str) -> list[Any]:
    found = tree.root.get(key)
    return found if isinstance(found, list) else []
