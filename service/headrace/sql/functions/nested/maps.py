"""Room 2: maps, structs and access by key, index or position.

Takes rendered maps and structs; gives DuckDB text. A NULL key or a repeated one raises, as Spark's do.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import check_structs, duckdb_type, literal_sql, quote
from headrace.errors import StreamError
from headrace.sql.coercion import mixes_text
from headrace.sql.function import Argument, Function, Render, Rendered, Resolved
from headrace.sql.functions.nested.lambdas import map_type, unique_map
from headrace.sql.functions.signature import (
    ARRAY,
    MAP,
    accept,
    alike,
    as_type,
    common,
    fail,
    map_of,
    mismatch,
    null_if_any,
    rewritten,
    table,
    takes,
    text,
    unsupported,
)
from headrace.sql.functions.text.pattern import regex
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    BOOLEAN,
    INT,
    INTEGRAL,
    NULL,
    STRING,
    ArrayType,
    DataType,
    Field,
    MapType,
    StructType,
)


def _accessed(arguments: Sequence[Argument]) -> Resolved:
    source, key = arguments
    if isinstance(source.type, MapType):
        return Resolved((source.type, accept(key, source.type.key, 1)), source.type.value)
    if isinstance(source.type, ArrayType):
        if key.type not in (*INTEGRAL, NULL):
            raise mismatch(f'An array index is a whole number, and got "{key.type.sql()}".')
        return Resolved((source.type, BIGINT if key.type == BIGINT else INT), source.type.element)
    raise mismatch(f'"{source.type.sql()}" has no elements to take by key.', condition="UNEXPECTED_INPUT_TYPE")


def _out_of_bounds(index: str, array: str, condition: str, instead: str) -> str:
    message = (
        f"'The index ' || {index} || ' is out of bounds. The array has ' || len({array}) || ' elements. "
        f"Use the SQL function `{instead}()` to tolerate accessing element at invalid index and return NULL instead.'"
    )
    return fail(condition, message)


def _get_item(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    source, key = arguments
    if isinstance(source.type, MapType):
        return f"{source.sql}[{key.sql}]"
    if not settings.ansi:
        return _get(arguments, _kind, settings)
    wrong = _out_of_bounds(key.sql, source.sql, "INVALID_ARRAY_INDEX", "get")
    bad = f"{key.sql} < 0 OR {key.sql} >= len({source.sql})"
    return f"(CASE WHEN {bad} THEN {wrong} ELSE {source.sql}[{key.sql} + 1] END)"


def _get(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    source, key = arguments
    return f"(CASE WHEN {key.sql} >= 0 AND {key.sql} < len({source.sql}) THEN {source.sql}[{key.sql} + 1] END)"


def _element_at(*, quiet: bool) -> Render:
    def render(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
        source, key = arguments
        if isinstance(source.type, MapType):
            return f"{source.sql}[{key.sql}]"
        zero = fail("INVALID_INDEX_OF_ZERO", "'The index 0 is invalid. An index shall be either < 0 or > 0.'")
        cases = f"WHEN {key.sql} = 0 THEN {zero}"
        if settings.ansi and not quiet:
            wrong = _out_of_bounds(key.sql, source.sql, "INVALID_ARRAY_INDEX_IN_ELEMENT_AT", "try_element_at")
            cases += f" WHEN abs({key.sql}) > len({source.sql}) THEN {wrong}"
        return f"(CASE {cases} ELSE {source.sql}[{key.sql}] END)"

    return render


def _not_in_turn(name: str, arguments: Sequence[Argument]) -> StreamError:
    message = f"The `{name}` requires 2n (n > 0) parameters but the actual number is {len(arguments)}."
    return StreamError("SQL_ANALYSIS", message, condition="WRONG_NUM_ARGS.WITHOUT_SUGGESTION")


def _map_made(arguments: Sequence[Argument]) -> Resolved:
    if len(arguments) % 2:
        raise _not_in_turn("map", arguments)
    key = common(arguments[::2])
    value = common(arguments[1::2])
    if not arguments:
        return Resolved((), MapType(NULL, NULL))
    return Resolved(tuple(value if i % 2 else key for i in range(len(arguments))), map_type(key, value))


def _map(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    pairs = ", ".join(
        f"struct_pack(k := {k.sql}, v := {v.sql})" for k, v in zip(arguments[::2], arguments[1::2], strict=True)
    )
    return unique_map(f"[{pairs}]", kind, settings) if pairs else literal_sql({}, kind)


def _from_arrays_types(arguments: Sequence[Argument]) -> Resolved:
    kinds = takes(ARRAY, ARRAY, gives=NULL)(arguments).arguments
    keys, values = (k.element for k in kinds if isinstance(k, ArrayType))
    return Resolved(kinds, map_type(keys, values))


def _from_arrays(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    keys, values = (a.sql for a in arguments)
    uneven = fail("INTERNAL_ERROR", "'The key array and value array of map_from_arrays must have the same length.'")
    pairs = f"list_transform(range(1, len({keys}) + 1), lambda i: struct_pack(k := {keys}[i], v := {values}[i]))"
    made = f"(CASE WHEN len({keys}) <> len({values}) THEN {uneven} ELSE {pairs} END)"
    return null_if_any(arguments, unique_map(made, kind, settings))


def _from_entries_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    entry = kind.element if isinstance(kind, ArrayType) else None
    if not isinstance(entry, StructType) or len(entry.fields) != 2:
        raise mismatch(f'map_from_entries takes an array of structs of two fields, and got "{kind.sql()}".')
    return Resolved((kind,), map_type(entry.fields[0].type, entry.fields[1].type))


def _from_entries(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    source = arguments[0]
    assert isinstance(source.type, ArrayType)
    assert isinstance(source.type.element, StructType)
    key, value = (quote(name) for name in source.type.element.names)
    missing = f"len(list_filter({source.sql}, lambda n: n IS NULL)) > 0"
    pairs = f"list_transform({source.sql}, lambda n: struct_pack(k := n.{key}, v := n.{value}))"
    return f"(CASE WHEN {source.sql} IS NULL OR {missing} THEN NULL ELSE {unique_map(pairs, kind, settings)} END)"


def _concat_types(arguments: Sequence[Argument]) -> Resolved:
    if not arguments:
        return Resolved((), MapType(STRING, STRING))
    seen = ", ".join(f'"{a.type.sql()}"' for a in arguments)
    keys = [a.type.key for a in arguments if isinstance(a.type, MapType)]
    if len(keys) < len(arguments):
        raise mismatch(f"map_concat takes maps, and got {seen}.", condition="MAP_CONCAT_DIFF_TYPES")
    if arguments[0].ansi and any(mixes_text(keys[0], key) for key in keys):
        raise mismatch(f"map_concat takes maps of one type of keys, and got {seen}.", condition="DATA_DIFF_TYPES")
    return alike(arguments)


def _concat(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    if not arguments:
        return f"CAST(map {{}} AS {duckdb_type(kind)})"
    entries = ", ".join(f"map_entries({a.sql})" for a in arguments)
    pairs = f"list_transform(list_concat({entries}, []), lambda n: struct_pack(k := n.key, v := n.value))"
    return null_if_any(arguments, unique_map(pairs, kind, settings))


def _contains_key(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    source, key = (a.sql for a in arguments)
    return null_if_any(arguments, f"list_contains(map_keys({source}), {key})")


def _contains_key_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[0], MAP, 0)
    assert isinstance(kind, MapType)
    return Resolved((kind, accept(arguments[1], kind.key, 1)), BOOLEAN)


def _str_to_map(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    value = arguments[0].sql
    marks = arguments[1:]
    pair, inner = (_plain(marks[i], i) if i < len(marks) else mark for i, mark in enumerate((",", ":")))
    pair_sql, inner_sql = (literal_sql(mark, STRING) for mark in (pair, inner))
    key = f"split_part(p, {inner_sql}, 1)"
    rest = f"CASE WHEN contains(p, {inner_sql}) THEN substring(p, length({key}) + {len(inner) + 1}) END"
    pairs = f"list_transform(string_split({value}, {pair_sql}), lambda p: struct_pack(k := {key}, v := {rest}))"
    return f"(CASE WHEN {value} IS NOT NULL THEN {unique_map(pairs, kind, settings)} END)"


def _plain(argument: Rendered, position: int) -> str:
    """A delimiter is a regular expression to Spark; only ones without its marks are done."""
    pattern = regex(argument, "str_to_map")
    if not pattern or any(mark in pattern for mark in "\\.[](){}*+?^$|"):
        raise unsupported(f"The delimiter {position + 1} of str_to_map must be a plain text.")
    return pattern


def _named_types(arguments: Sequence[Argument]) -> Resolved:
    if len(arguments) % 2:
        raise _not_in_turn("named_struct", arguments)
    fields = []
    for name, value in zip(arguments[::2], arguments[1::2], strict=True):
        if not name.constant or name.value is None or name.type != STRING:
            raise mismatch(
                "The names of named_struct must be constant texts.",
                condition="CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING",
            )
        fields.append(Field(str(name.value), value.type))
    kind = StructType(tuple(fields))
    check_structs(kind)
    return Resolved(tuple(a.type for a in arguments), kind)


def _named(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    assert isinstance(kind, StructType)
    return _pack(kind, arguments[1::2])


def _pack(kind: StructType, values: Sequence[Rendered]) -> str:
    items = ", ".join(f"{quote(f.name)} := {as_type(v.sql, f.type)}" for f, v in zip(kind.fields, values, strict=True))
    return f"struct_pack({items})"


def _struct_types(arguments: Sequence[Argument]) -> Resolved:
    """Field names col1, col2, …; the analyzer names fields after columns by calling named_struct instead."""
    fields = tuple(Field(f"col{i + 1}", a.type) for i, a in enumerate(arguments))
    return Resolved(tuple(a.type for a in arguments), StructType(fields))


def _struct(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    assert isinstance(kind, StructType)
    return _pack(kind, arguments)


def _keys(kinds: Sequence[DataType]) -> DataType:
    return ArrayType(map_of(kinds).key)


def _values(kinds: Sequence[DataType]) -> DataType:
    return ArrayType(map_of(kinds).value)


def _entry_list(kinds: Sequence[DataType]) -> DataType:
    kind = map_of(kinds)
    return ArrayType(StructType((Field("key", kind.key), Field("value", kind.value))))


def _get_types(arguments: Sequence[Argument]) -> Resolved:
    if not isinstance(arguments[0].type, ArrayType):
        raise mismatch(f'get takes an array, and got "{arguments[0].type.sql()}".')
    return Resolved((arguments[0].type, accept(arguments[1], INT, 1)), arguments[0].type.element)


FUNCTIONS = table(
    rewritten("get_item", (2, 2), _accessed, _get_item),
    rewritten("get", (2, 2), _get_types, _get),
    rewritten("element_at", (2, 2), _accessed, _element_at(quiet=False)),
    rewritten("try_element_at", (2, 2), _accessed, _element_at(quiet=True)),
    rewritten("map", (0, None), _map_made, _map),
    rewritten("map_from_arrays", (2, 2), _from_arrays_types, _from_arrays),
    rewritten("map_from_entries", (1, 1), _from_entries_types, _from_entries),
    rewritten("map_concat", (0, None), _concat_types, _concat),
    rewritten("map_contains_key", (2, 2), _contains_key_types, _contains_key),
    rewritten("str_to_map", (1, 3), takes(STRING, STRING, STRING, gives=MapType(STRING, STRING)), _str_to_map),
    Function("map_keys", (1, 1), takes(MAP, gives=_keys), text("map_keys({0})")),
    Function("map_values", (1, 1), takes(MAP, gives=_values), text("map_values({0})")),
    Function("map_entries", (1, 1), takes(MAP, gives=_entry_list), text("map_entries({0})")),
    rewritten("named_struct", (0, None), _named_types, _named),
    rewritten("struct", (1, None), _struct_types, _struct),
)
