"""Room 2: array_sort, also with a comparator, map_zip_with and array_insert.

Takes rendered collections and lambdas; gives DuckDB text. Source: Spark ArraySort, MapZipWith, ArrayInsert.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type
from headrace.errors import StreamError
from headrace.sql.coercion import mixes_text
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.nested.arrays import sortable
from headrace.sql.functions.nested.lambdas import applied
from headrace.sql.functions.signature import (
    ARRAY,
    MAP,
    accept,
    common,
    fail,
    mismatch,
    null_if_any,
    rewritten,
    table,
    takes,
)
from headrace.sql.settings import SqlSettings
from headrace.types import INT, INTEGRAL, ArrayType, DataType, MapType


def _sort_types(arguments: Sequence[Argument]) -> Resolved:
    if len(arguments) == 1:
        return takes(ARRAY, gives=sortable)(arguments)
    kind = accept(arguments[0], ARRAY, 0)
    if arguments[1].lambda_arity not in (None, 2):
        message = f"The lambda takes {arguments[1].lambda_arity} parameters, and 2 are given to it."
        condition = "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=condition)
    if arguments[1].lambda_arity is None or arguments[1].type not in INTEGRAL:
        message = 'The comparator of array_sort takes two elements and gives an "INT".'
        raise mismatch(message, condition="UNEXPECTED_RETURN_TYPE")
    return Resolved((kind, INT), kind)


def _sort_elements(arguments: Sequence[Argument], _position: int) -> tuple[DataType, ...]:
    kind = accept(arguments[0], ARRAY, 0)
    assert isinstance(kind, ArrayType)
    return (kind.element, kind.element)


def _sorted(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    if len(arguments) == 1:
        return f"list_sort({arguments[0].sql}, 'ASC', 'NULLS LAST')"
    array, comparator = (a.sql for a in arguments)
    unknown = fail("COMPARATOR_RETURNS_NULL", "'The comparator has returned a NULL for a comparison.'")
    # An element's place is the number of those before it: those that compare less, and of equals the earlier.
    compared = f"coalesce({applied(comparator, 'sort_y', 'sort_x')}, {unknown})"
    before = (
        f"len(list_filter({array}, lambda sort_y, sort_j: sort_j <> sort_i AND "
        f"list_transform([{compared}], lambda sort_c: sort_c < 0 OR (sort_c = 0 AND sort_j < sort_i))[1]))"
    )
    places = f"list_transform({array}, lambda sort_x, sort_i: struct_pack(place := {before}, item := sort_x))"
    return null_if_any(arguments[:1], f"list_transform(list_sort({places}), lambda sort_p: sort_p.item)")


def _maps(arguments: Sequence[Argument]) -> tuple[MapType, MapType]:
    left, right = (accept(a, MAP, i) for i, a in enumerate(arguments[:2]))
    assert isinstance(left, MapType)
    assert isinstance(right, MapType)
    if arguments[0].ansi and mixes_text(left.key, right.key):
        message = f'map_zip_with takes maps of one type of keys, and got "{left.key.sql()}" and "{right.key.sql()}".'
        raise mismatch(message, condition="MAP_ZIP_WITH_DIFF_TYPES")
    key = common([Argument(left.key, ansi=arguments[0].ansi), Argument(right.key, ansi=arguments[0].ansi)])
    return MapType(key, left.value), MapType(key, right.value)


def _zip_values(arguments: Sequence[Argument], _position: int) -> tuple[DataType, ...]:
    left, right = _maps(arguments)
    return (left.key, left.value, right.value)


def _zip_types(arguments: Sequence[Argument]) -> Resolved:
    left, right = _maps(arguments)
    body = arguments[2]
    if body.lambda_arity != 3:
        raise mismatch("The lambda of map_zip_with takes a key and two values.")
    return Resolved((left, right, body.type), MapType(left.key, body.type))


def _zipped(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    left, right, body = (a.sql for a in arguments)
    more = f"list_filter(map_keys({right}), lambda zip_k: NOT list_contains(map_keys({left}), zip_k))"
    made = applied(body, "zip_k", f"{left}[zip_k]", f"{right}[zip_k]")
    keys = f"list_concat(map_keys({left}), {more})"
    pairs = f"list_transform({keys}, lambda zip_k: struct_pack(k := zip_k, v := {made}))"
    return null_if_any(arguments[:2], f"CAST(map_from_entries({pairs}) AS {duckdb_type(kind)})")


def _insert_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[0], ARRAY, 0)
    assert isinstance(kind, ArrayType)
    element = common([Argument(kind.element, ansi=arguments[0].ansi), arguments[2]])
    return Resolved((ArrayType(element), accept(arguments[1], INT, 1), element), ArrayType(element))


def _inserted(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    array, place, value = (a.sql for a in arguments)
    zero = fail("INVALID_INDEX_OF_ZERO", "'The index 0 is invalid. An index shall be either < 0 or > 0.'")
    size = f"len({array})"
    nothing = f"CAST([] AS {duckdb_type(kind)})"
    gap = f"list_transform(range(greatest({{0}}, 0)), lambda n: CAST(NULL AS {duckdb_type(_element(kind))}))"
    ahead = f"{array}[1:{place} - 1]"
    up = f"list_concat({ahead}, {gap.format(f'{place} - 1 - {size}')}, [{value}], {array}[{place}:])"
    # -1 is behind the last element; further back than the first, NULLs fill what lies between.
    cut = f"({size} + {place} + 1)"
    within = f"list_concat({array}[1:{cut}], [{value}], {array}[{cut} + 1:])"
    beyond = f"list_concat([{value}], {gap.format(f'-{cut}')}, {array})"
    down = f"CASE WHEN {cut} >= 1 THEN {within} WHEN {cut} = 0 THEN list_concat([{value}], {array}) ELSE {beyond} END"
    whole = f"CASE WHEN {place} = 0 THEN {zero} WHEN {place} > 0 THEN {up} ELSE {down} END"
    return null_if_any(arguments[:2], f"CAST(coalesce({whole}, {nothing}) AS {duckdb_type(kind)})")


def _element(kind: DataType) -> DataType:
    assert isinstance(kind, ArrayType)
    return kind.element


FUNCTIONS = table(
    Function("array_sort", (1, 2), _sort_types, _sorted, How.REWRITTEN, lambda_types=_sort_elements),
    Function("map_zip_with", (3, 3), _zip_types, _zipped, How.REWRITTEN, lambda_types=_zip_values),
    rewritten("array_insert", (3, 3), _insert_types, _inserted),
)
