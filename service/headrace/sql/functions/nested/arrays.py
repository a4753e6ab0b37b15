"""Room 2: arrays. A NULL array gives NULL; NULL elements follow Spark's rules, not DuckDB's, which mostly drops them.

Takes rendered arrays; gives DuckDB text.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import let
from headrace.sql.function import Argument, Function, Render, Rendered, Resolve, Resolved
from headrace.sql.functions.ordering import orderable
from headrace.sql.functions.signature import (
    ANY,
    ARRAY,
    accept,
    alike,
    as_type,
    common,
    element_of,
    fail,
    first_of,
    mismatch,
    null_if_any,
    refused,
    rewritten,
    table,
    takes,
    text,
    unsupported,
)
from headrace.sql.functions.text.strings import join_texts
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    BOOLEAN,
    INT,
    NULL,
    STRING,
    ArrayType,
    DataType,
    Field,
    MapType,
    StructType,
)

_SIZED = (ArrayType, MapType)


def _made(arguments: Sequence[Argument]) -> Resolved:
    kind = common(arguments)
    return Resolved(tuple(kind for _ in arguments), ArrayType(kind))


def _array(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    return as_type(f"[{', '.join(a.sql for a in arguments)}]", kind) if kind != ArrayType(NULL) else _nulls(arguments)


def _nulls(arguments: Sequence[Rendered]) -> str:
    return f"[{', '.join('NULL' for _ in arguments)}]"


def _with_element(arguments: Sequence[Argument]) -> tuple[ArrayType, DataType]:
    array, value = arguments[0].type, arguments[1].type
    if array == NULL:
        array = ArrayType(value)
    if not isinstance(array, ArrayType):
        raise mismatch(f'The first argument must be an array, and has the type "{array.sql()}".')
    kind = common([Argument(array.element, ansi=arguments[1].ansi), arguments[1]])
    return ArrayType(kind), kind


def _element_types(gives: DataType | None) -> Resolve:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        array, element = _with_element(arguments)
        return Resolved((array, element), gives or array)

    return resolve


def _two_arrays(arguments: Sequence[Argument]) -> Resolved:
    for i, argument in enumerate(arguments):
        accept(argument, ARRAY, i)
    return alike(arguments)


def _two_arrays_bool(arguments: Sequence[Argument]) -> Resolved:
    return Resolved(_two_arrays(arguments).arguments, BOOLEAN)


def _sized(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if not isinstance(kind, _SIZED) and kind != NULL:
        raise mismatch(f'size takes an array or a map, and got "{kind.sql()}".')
    return Resolved((kind,), INT)


def _size(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    source = arguments[0]
    length = "NULL" if source.type == NULL else length_of(source)
    return f"CAST({length} AS INTEGER)" if settings.ansi else f"coalesce(CAST({length} AS INTEGER), -1)"


def length_of(source: Rendered) -> str:
    """Return the BIGINT text of the number of elements or entries."""
    return f"{'cardinality' if isinstance(source.type, MapType) else 'len'}({source.sql})"


def _array_size(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"CAST(len({arguments[0].sql}) AS INTEGER)"


def _contains(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array, value = (a.sql for a in arguments)
    found = f"WHEN list_contains({array}, {value}) THEN true WHEN {_has_null(array)} THEN NULL ELSE false"
    return f"(CASE WHEN {array} IS NULL OR {value} IS NULL THEN NULL {found} END)"


def _has_null(array: str) -> str:
    return f"len(list_filter({array}, lambda n: n IS NULL)) > 0"


def distinct(array: str) -> str:
    """Return the text of an array without repeated elements, in order of first appearance, one NULL kept."""
    return let(array, lambda a: f"list_filter({a}, lambda x, i: i = list_position({a}, x))")


def _distinct(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"(CASE WHEN {arguments[0].sql} IS NOT NULL THEN {distinct(arguments[0].sql)} END)"


def _position(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array, value = (a.sql for a in arguments)
    return null_if_any(arguments, f"CAST(coalesce(list_position({array}, {value}), 0) AS BIGINT)")


def _join_types(arguments: Sequence[Argument]) -> Resolved:
    return takes(ArrayType(STRING), STRING, STRING, gives=STRING)(arguments)


def _join(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array = arguments[0].sql
    if len(arguments) == 3:
        other = arguments[2].sql
        array = f"list_transform({array}, lambda t: coalesce(t, {other}))"
        return f"(CASE WHEN {other} IS NOT NULL THEN {join_texts(array, arguments[1])} END)"
    return join_texts(array, arguments[1])


def _compared(name: str, types: Resolve) -> Resolve:
    """Refuse arrays whose elements are never equal, such as maps."""

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        resolved = types(arguments)
        for kind in resolved.arguments[:1]:
            if isinstance(kind, ArrayType):
                orderable(kind.element, name)
        return resolved

    return resolve


def sortable(kinds: Sequence[DataType]) -> DataType:
    """Return the type of an array whose elements can be put in order.

    Raises:
        StreamError: they have no order, or one that is not done.
    """
    element = orderable(element_of(kinds), "The sorting of an array")
    if isinstance(element, MapType | StructType | ArrayType):
        raise unsupported(f'The order of elements of the type "{element.sql()}" is not done.')
    return kinds[0]


def _extreme(name: str) -> Function:
    def gives(kinds: Sequence[DataType]) -> DataType:
        sortable(kinds)
        return element_of(kinds)

    native = "list_max" if name == "array_max" else "list_min"
    return Function(name, (1, 1), takes(ARRAY, gives=gives), text(f"{native}({{0}})"))


def _sort(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array = arguments[0].sql
    up = f"list_sort({array}, 'ASC', 'NULLS FIRST')"
    if len(arguments) == 1:
        return up
    if arguments[1].constant and arguments[1].value is not None:
        return up if arguments[1].value else f"list_sort({array}, 'DESC', 'NULLS LAST')"
    return "NULL"


def _sort_types(arguments: Sequence[Argument]) -> Resolved:
    resolved = takes(ARRAY, ANY, gives=sortable)(arguments)
    if len(arguments) == 2 and arguments[1].type not in (BOOLEAN, NULL):
        raise mismatch(f'The order of sort_array is true or false, and got "{arguments[1].type.sql()}".')
    if len(arguments) == 2 and not arguments[1].constant:
        raise mismatch("The order of sort_array must be a constant.", condition="NON_FOLDABLE_INPUT")
    return resolved


def _union(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return null_if_any(arguments, distinct(f"list_concat({arguments[0].sql}, {arguments[1].sql})"))


def _kept(*, negated: bool) -> Render:
    word = "IS NULL" if negated else "IS NOT NULL"

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        left, right = (a.sql for a in arguments)
        kept = f"list_filter({left}, lambda y: list_position({right}, y) {word})"
        return null_if_any(arguments, distinct(kept))

    return render


def _overlap(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    left, right = (a.sql for a in arguments)
    unknown = f"len({left}) > 0 AND len({right}) > 0 AND ({_has_null(left)} OR {_has_null(right)})"
    body = f"(CASE WHEN list_has_any({left}, {right}) THEN true WHEN {unknown} THEN NULL ELSE false END)"
    return null_if_any(arguments, body)


def _remove(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array, value = (a.sql for a in arguments)
    return null_if_any(arguments, f"list_filter({array}, lambda x: x IS DISTINCT FROM {value})")


def _append(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array, value = (a.sql for a in arguments)
    return f"(CASE WHEN {array} IS NOT NULL THEN list_concat({array}, [{value}]) END)"


def _prepend(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array, value = (a.sql for a in arguments)
    return f"(CASE WHEN {array} IS NOT NULL THEN list_concat([{value}], {array}) END)"


def _repeat(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, count = (a.sql for a in arguments)
    return f"(CASE WHEN {count} IS NOT NULL THEN list_transform(range(greatest({count}, 0)), lambda i: {value}) END)"


def _zip_types(arguments: Sequence[Argument]) -> Resolved:
    kinds = takes(ARRAY, gives=NULL)(arguments).arguments
    fields = tuple(Field(str(i), k.element) for i, k in enumerate(kinds) if isinstance(k, ArrayType))
    return Resolved(kinds, ArrayType(StructType(fields)))


def _zip(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    assert isinstance(kind, ArrayType)
    longest = f"greatest({', '.join(f'len({a.sql})' for a in arguments)}, 0)"
    parts = ", ".join(f'"{i}" := {a.sql}[i]' for i, a in enumerate(arguments))
    rows = f"list_transform(range(1, {longest} + 1), lambda i: struct_pack({parts}))"
    return null_if_any(arguments, as_type(rows, kind))


def _flatten_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[0], ARRAY, 0)
    if not isinstance(kind, ArrayType) or not isinstance(kind.element, ArrayType):
        raise mismatch(f'flatten takes an array of arrays, and got "{kind.sql()}".')
    return Resolved((kind,), kind.element)


def _flatten(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array = arguments[0].sql
    return f"(CASE WHEN {array} IS NULL OR {_has_null(array)} THEN NULL ELSE flatten({array}) END)"


def _slice(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    array, start, length = (a.sql for a in arguments)
    zero = fail("INVALID_PARAMETER_VALUE.START", "'Expects a positive or a negative value for start, but got 0.'")
    short = fail("INVALID_PARAMETER_VALUE.LENGTH", f"'Expects a length of 0 or more, but got ' || {length} || '.'")
    first = f"(CASE WHEN {start} < 0 THEN len({array}) + {start} + 1 ELSE {start} END)"
    taken = f"list_filter({array}, lambda x, i: i >= {first} AND i < {first} + {length})"
    body = f"WHEN {start} = 0 THEN {zero} WHEN {length} < 0 THEN {short} WHEN {first} < 1 THEN [] ELSE {taken}"
    return null_if_any(arguments, f"(CASE {body} END)")


def _compact(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"list_filter({arguments[0].sql}, lambda x: x IS NOT NULL)"


_ANY_TWICE = takes(ANY, INT, gives=lambda kinds: ArrayType(kinds[0]))
_SLICE = takes(ARRAY, INT, INT, gives=first_of)

FUNCTIONS = table(
    rewritten("array", (0, None), _made, _array),
    rewritten("size", (1, 1), _sized, _size),
    rewritten("array_size", (1, 1), takes(ARRAY, gives=INT), _array_size),
    rewritten("array_contains", (2, 2), _compared("array_contains", _element_types(BOOLEAN)), _contains),
    rewritten("array_distinct", (1, 1), _compared("array_distinct", takes(ARRAY, gives=first_of)), _distinct),
    rewritten("array_position", (2, 2), _compared("array_position", _element_types(BIGINT)), _position),
    rewritten("array_remove", (2, 2), _compared("array_remove", _element_types(None)), _remove),
    rewritten("array_append", (2, 2), _element_types(None), _append),
    rewritten("array_prepend", (2, 2), _element_types(None), _prepend),
    rewritten("array_compact", (1, 1), takes(ARRAY, gives=first_of), _compact),
    rewritten("array_repeat", (2, 2), _ANY_TWICE, _repeat),
    rewritten("array_join", (2, 3), _join_types, _join),
    _extreme("array_max"),
    _extreme("array_min"),
    rewritten("sort_array", (1, 2), _sort_types, _sort),
    rewritten("array_union", (2, 2), _compared("array_union", _two_arrays), _union),
    rewritten("array_intersect", (2, 2), _compared("array_intersect", _two_arrays), _kept(negated=False)),
    rewritten("array_except", (2, 2), _compared("array_except", _two_arrays), _kept(negated=True)),
    rewritten("arrays_overlap", (2, 2), _compared("arrays_overlap", _two_arrays_bool), _overlap),
    rewritten("arrays_zip", (1, None), _zip_types, _zip),
    rewritten("flatten", (1, 1), _flatten_types, _flatten),
    rewritten("slice", (3, 3), _SLICE, _slice),
    refused("shuffle", "its value depends on chance, and a batch that runs again must give the same rows"),
    cardinality="size",
)
