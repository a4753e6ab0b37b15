"""Room 2: approx_top_k_estimate, and what a state of approx_top_k_accumulate is.

Takes rendered states; gives DuckDB text. Source: Spark ApproxTopKExpressions.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import let, quote_text
from headrace.errors import StreamError
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import fail, mismatch, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import BIGINT, BINARY, DATE, INT, SMALLINT, STRING, ArrayType, DataType, Field, StructType

LIMIT = 1_000_000
"""Items that a state tracks at most."""
_MOST = 5
_KINDS: dict[DataType, str] = {SMALLINT: "short", INT: "int", DATE: "int", BIGINT: "long", STRING: "text"}


def kind_of(item: DataType, name: str) -> str:
    """Return how a sketch writes items of a type.

    Raises:
        StreamError: DATATYPE_MISMATCH.TYPE_CHECK_FAILURE_WITH_HINT or SQL_UNSUPPORTED.
    """
    if item == BINARY or isinstance(item, ArrayType | StructType):
        raise mismatch(f"{name}: {item.sql()} columns are not supported.", condition="TYPE_CHECK_FAILURE_WITH_HINT")
    if item not in _KINDS:
        allowed = ", ".join(kind.sql() for kind in _KINDS)
        raise unsupported(f"{name} over {item.sql()} is not done; allowed: {allowed}.", "Use approx_top_k() instead.")
    return _KINDS[item]


def state_type(item: DataType) -> StructType:
    """Return the type of the state of items of a type."""
    fields = (("sketch", BINARY), ("maxItemsTracked", INT), ("itemDataType", item), ("itemDataTypeDDL", STRING))
    return StructType(tuple(Field(name, kind) for name, kind in fields))


def state_item(argument: Argument, name: str) -> DataType:
    """Return the type of the items of a state.

    Raises:
        StreamError: DATATYPE_MISMATCH, the argument is no such state.
    """
    kind = argument.type
    if not isinstance(kind, StructType):
        raise mismatch(f'Argument 1 must be "STRUCT", and has the type "{kind.sql()}".')
    if len(kind.fields) != 4 or kind != state_type(kind.fields[2].type):
        wanted = "STRUCT<sketch: BINARY, maxItemsTracked: INT, itemDataType: any, itemDataTypeDDL: STRING>"
        message = f"{name}: the state must be {wanted}; seen: {kind.sql()}."
        raise mismatch(message, condition="TYPE_CHECK_FAILURE_WITH_HINT")
    return kind.fields[2].type


def positive(argument: Argument | Rendered, what: str) -> int:
    """Return a constant above 0.

    Raises:
        StreamError: APPROX_TOP_K_NULL_ARG, APPROX_TOP_K_NON_POSITIVE_ARG or DATATYPE_MISMATCH.NON_FOLDABLE_INPUT.
    """
    if not argument.constant:
        raise mismatch(f"{what} of approx_top_k must be a constant.", condition="NON_FOLDABLE_INPUT")
    if argument.value is None:
        message = f"The value of `{what}` in `approx_top_k` cannot be NULL."
        raise StreamError("SQL_ANALYSIS", message, condition="APPROX_TOP_K_NULL_ARG")
    if not isinstance(argument.value, int) or argument.value <= 0:
        message = f"The value of `{what}` in `approx_top_k` must be a positive integer, but got {argument.value}."
        raise StreamError("SQL_ANALYSIS", message, condition="APPROX_TOP_K_NON_POSITIVE_ARG")
    return argument.value


def _row(item: DataType) -> ArrayType:
    return ArrayType(StructType((Field("item", item), Field("count", BIGINT))))


def _types(arguments: Sequence[Argument]) -> Resolved:
    item = state_item(arguments[0], "approx_top_k_estimate")
    kind_of(item, "approx_top_k_estimate")
    for argument in arguments[1:]:
        positive(argument, "k")
    return Resolved((arguments[0].type, *(INT for _ in arguments[1:])), _row(item))


def _estimate(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    state = arguments[0].type
    assert isinstance(state, StructType)  # as `_types` says
    item = state.fields[2].type
    most = positive(arguments[1], "k") if len(arguments) == 2 else _MOST
    known = "texts" if item == STRING else "longs"
    cast = "DATE '1970-01-01' + CAST(e.item AS INTEGER)" if item == DATE else f"CAST(e.item AS {_duck(item)})"

    def found(s: str) -> str:
        tracked = f"struct_extract({s}, 'maxItemsTracked')"
        message = (
            f"'The max items tracked `maxItemsTracked`(' || {tracked} || ') of `approx_top_k` should be greater than "
            f"or equal to `k`({most}).'"
        )
        wrong = fail("APPROX_TOP_K_MAX_ITEMS_TRACKED_LESS_THAN_K", message)
        call = f"headrace_top_{known}(struct_extract({s}, 'sketch'), {most}, {quote_text(_KINDS[item])})"
        rows = f"list_transform({call}, lambda e: struct_pack(item := {cast}, count := e.count))"
        return f"(CASE WHEN {tracked} < {most} THEN {wrong} ELSE {rows} END)"

    return let(arguments[0].sql, found)


def _duck(item: DataType) -> str:
    return "VARCHAR" if item == STRING else item.sql()


FUNCTIONS = table(Function("approx_top_k_estimate", (1, 2), _types, _estimate, How.ARROW))
