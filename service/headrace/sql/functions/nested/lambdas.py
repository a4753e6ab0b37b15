"""Room 2: higher-order functions. A lambda arrives as DuckDB's own text, ``lambda x, y: body``.

DuckDB counts a lambda's index from 1 and drops NULL rules of exists and forall; both are made Spark's here.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import let
from headrace.errors import StreamError
from headrace.sql.function import Argument, Function, How, Rendered, Resolve, Resolved
from headrace.sql.functions.signature import ARRAY, MAP, accept, as_type, fail, mismatch, table
from headrace.sql.settings import SqlSettings
from headrace.types import BOOLEAN, INT, NULL, STRING, VARIANT, ArrayType, DataType, MapType


def applied(lambda_sql: str, *values: str) -> str:
    """Return the text of a lambda's body with its parameters standing for the values."""
    head, body = lambda_sql.split(":", 1)
    names = [name.strip() for name in head.removeprefix("lambda").split(",")]
    sql = body.strip()
    for name, value in reversed(list(zip(names, values, strict=False))):
        sql = f"list_transform([{value}], lambda {name}: {sql})[1]"
    return sql


def _array(arguments: Sequence[Argument]) -> ArrayType:
    kind = accept(arguments[0], ARRAY, 0)
    assert isinstance(kind, ArrayType)
    return kind


def _map(arguments: Sequence[Argument]) -> MapType:
    kind = accept(arguments[0], MAP, 0)
    assert isinstance(kind, MapType)
    return kind


def _lambda(argument: Argument, arity: tuple[int, ...]) -> DataType:
    if argument.lambda_arity is None:
        raise mismatch("A lambda such as x -> x + 1 is needed here.")
    if argument.lambda_arity not in arity:
        wanted = " or ".join(map(str, arity))
        message = f"The lambda takes {argument.lambda_arity} parameters, and {wanted} are given to it."
        condition = "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH"
        raise StreamError("SQL_ANALYSIS", message, condition=condition)
    return argument.type


def _predicate(argument: Argument, arity: tuple[int, ...]) -> DataType:
    kind = _lambda(argument, arity)
    if kind not in (BOOLEAN, NULL):
        raise mismatch(f'The lambda must give "BOOLEAN", and gives "{kind.sql()}".')
    return BOOLEAN


def _elements(arguments: Sequence[Argument], _position: int) -> tuple[DataType, ...]:
    return (_array(arguments).element, INT)


def _entries(arguments: Sequence[Argument], _position: int) -> tuple[DataType, ...]:
    kind = _map(arguments)
    return (kind.key, kind.value)


def _transform_types(arguments: Sequence[Argument]) -> Resolved:
    body = _lambda(arguments[1], (1, 2))
    return Resolved((_array(arguments), body), ArrayType(body))


def _filter_types(arguments: Sequence[Argument]) -> Resolved:
    body = _predicate(arguments[1], (1, 2))
    return Resolved((_array(arguments), body), _array(arguments))


def _test_types(arguments: Sequence[Argument]) -> Resolved:
    body = _predicate(arguments[1], (1,))
    return Resolved((_array(arguments), body), BOOLEAN)


def _indexed(lambda_sql: str) -> str:
    """A lambda whose second parameter counts from 0, as one that DuckDB calls with a count from 1."""
    head, body = lambda_sql.split(":", 1)
    names = [name.strip() for name in head.removeprefix("lambda").split(",")]
    if len(names) == 1:
        return lambda_sql
    counted = f"{names[1]}_1"
    inner = f"list_transform([CAST({counted} - 1 AS INTEGER)], lambda {names[1]}: {body.strip()})[1]"
    return f"lambda {names[0]}, {counted}: {inner}"


def _mapped(name: str) -> Function:
    native = {"transform": "list_transform", "filter": "list_filter"}[name]

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        return f"{native}({arguments[0].sql}, {_indexed(arguments[1].sql)})"

    types = _transform_types if name == "transform" else _filter_types
    return Function(name, (2, 2), types, render, How.REWRITTEN, lambda_types=_elements)


def _tested(name: str) -> Function:
    ending = "true" if name == "exists" else "false"
    other = "false" if name == "exists" else "true"

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        answers = f"list_transform({arguments[0].sql}, {arguments[1].sql})"

        def body(found: str) -> str:
            unknown = f"len(list_filter({found}, lambda n: n IS NULL)) > 0"
            cases = f"WHEN list_contains({found}, {ending}) THEN {ending} WHEN {unknown} THEN NULL ELSE {other}"
            return f"(CASE WHEN {found} IS NULL THEN NULL {cases} END)"

        return let(answers, body)

    return Function(name, (2, 2), _test_types, render, How.REWRITTEN, lambda_types=_elements)


def _reduced(arguments: Sequence[Argument], position: int) -> tuple[DataType, ...]:
    start = arguments[1].type
    return (start, _array(arguments).element) if position == 2 else (start,)


def _reduce_types(arguments: Sequence[Argument]) -> Resolved:
    start = arguments[1].type
    merged = _lambda(arguments[2], (2,))
    if merged not in (start, NULL):
        raise mismatch(
            f'The merge lambda of aggregate must give the start\'s type "{start.sql()}", and gives "{merged.sql()}". '
            f"Cast the start, as in CAST(0 AS {merged.sql()})."
        )
    kinds = (_array(arguments), start, start)
    if len(arguments) == 4:
        finished = _lambda(arguments[3], (1,))
        return Resolved((*kinds, finished), finished)
    return Resolved(kinds, start)


def _reduce(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    array, start, merge = (a.sql for a in arguments[:3])
    value = f"list_reduce({array}, {merge}, {start})"
    if len(arguments) == 4:
        value = applied(arguments[3].sql, value)
    return f"(CASE WHEN {array} IS NOT NULL THEN {as_type(value, kind)} END)"


def _zip_types(arguments: Sequence[Argument]) -> Resolved:
    left, right = (accept(a, ARRAY, i) for i, a in enumerate(arguments[:2]))
    body = _lambda(arguments[2], (2,))
    return Resolved((left, right, body), ArrayType(body))


def _zip_elements(arguments: Sequence[Argument], _position: int) -> tuple[DataType, ...]:
    left, right = (accept(a, ARRAY, i) for i, a in enumerate(arguments[:2]))
    assert isinstance(left, ArrayType)
    assert isinstance(right, ArrayType)
    return (left.element, right.element)


def _zip(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    left, right, body = (a.sql for a in arguments)
    each = applied(body, f"{left}[zip_i]", f"{right}[zip_i]")
    rows = f"list_transform(range(1, greatest(len({left}), len({right})) + 1), lambda zip_i: {each})"
    return f"(CASE WHEN {left} IS NOT NULL AND {right} IS NOT NULL THEN {rows} END)"


def _map_types(part: str) -> Resolve:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        kind = _map(arguments)
        if part == "filter":
            return Resolved((kind, _predicate(arguments[1], (2,))), kind)
        body = _lambda(arguments[1], (2,))
        made = map_type(body, kind.value) if part == "key" else MapType(kind.key, body)
        return Resolved((kind, made.key if part == "key" else body), made)

    return resolve


def _entry_changed(part: str) -> Function:
    name = {"key": "transform_keys", "value": "transform_values", "filter": "map_filter"}[part]

    def render(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        entries = f"map_entries({arguments[0].sql})"
        new = applied(arguments[1].sql, "entry.key", "entry.value")
        if part == "filter":
            return f"map_from_entries(list_filter({entries}, lambda entry: {new}))"
        key, value = (new, "entry.value") if part == "key" else ("entry.key", new)
        made = f"list_transform({entries}, lambda entry: struct_pack(k := {key}, v := {value}))"
        return unique_map(made, kind, settings) if part == "key" else as_type(f"map_from_entries({made})", kind)

    return Function(name, (2, 2), _map_types(part), render, How.REWRITTEN, lambda_types=_entries)


def map_type(key: DataType, value: DataType) -> MapType:
    """Return the type of a map that is made; keys that are all NULL have a type too, and raise where there is one.

    Raises:
        StreamError: DATATYPE_MISMATCH.INVALID_MAP_KEY_TYPE, a key is a map or a variant.
    """
    if isinstance(key, MapType) or key == VARIANT:
        raise mismatch("A key cannot be a map or a variant.", condition="INVALID_MAP_KEY_TYPE")
    return MapType(STRING if key == NULL else key, value)


def unique_map(entries: str, kind: DataType, _settings: SqlSettings) -> str:
    """Return a map of a list of (k, v) structs; a NULL key and a key seen twice raise as Spark's do."""
    null_key = fail("NULL_MAP_KEY", "'Cannot use null as map key.'")
    twice = fail(
        "DUPLICATED_MAP_KEY",
        "'Duplicate map key was found, please check the input data.'",
    )

    def body(e: str) -> str:
        keys = f"list_transform({e}, lambda ek: ek.k)"
        nulls = f"len(list_filter({e}, lambda ek: ek.k IS NULL)) > 0"
        cases = f"WHEN {nulls} THEN {null_key} WHEN list_unique({keys}) < len({e}) THEN {twice}"
        return f"(CASE WHEN {e} IS NULL THEN NULL {cases} ELSE map_from_entries({e}) END)"

    return as_type(let(entries, body), kind)


FUNCTIONS = table(
    _mapped("transform"),
    _mapped("filter"),
    _tested("exists"),
    _tested("forall"),
    Function("aggregate", (3, 4), _reduce_types, _reduce, How.REWRITTEN, lambda_types=_reduced),
    Function("zip_with", (3, 3), _zip_types, _zip, How.REWRITTEN, lambda_types=_zip_elements),
    _entry_changed("key"),
    _entry_changed("value"),
    _entry_changed("filter"),
    reduce="aggregate",
)
