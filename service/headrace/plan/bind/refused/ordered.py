"""Room 3: which values Spark puts in no order, and what may therefore not be sorted, grouped or told apart by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.expressions import Column
from headrace.types import CALENDAR_INTERVAL, VARIANT, ArrayType, DataType, MapType, StructType
from headrace.values import Position


def refuse_unordered(
    bound: Bound, at: Position | None, condition: str = "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE"
) -> None:
    """Raise for a sort key of a type without an order.

    Raises:
        StreamError: the condition, by default DATATYPE_MISMATCH.INVALID_ORDERING_TYPE.
    """
    kind = bound.expression.type
    if _holds(kind, _is_unordered):
        message = f'Cannot resolve "{bound.text}": values of the type "{kind.sql()}" have no order.'
        raise StreamError("SQL_ANALYSIS", message, condition=condition, at=at)


def refuse_group_key(bound: Bound, at: Position | None) -> None:
    """Raise for a GROUP BY key that Spark cannot group by; maps it can.

    Raises:
        StreamError: GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE.
    """
    kind = bound.expression.type
    if _holds(kind, lambda part: part == VARIANT):
        message = f'The expression "{bound.text}" of the type "{kind.sql()}" cannot be a grouping key.'
        hint = "Group by variant_get(...) of one type."
        condition = "GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE"
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=at)


def refuse_compared_rows(columns: Iterable[Column], at: Position | None) -> None:
    """Raise for DISTINCT, UNION, EXCEPT, INTERSECT and deduplication over columns that are never equal.

    Raises:
        StreamError: UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE or …_ON_VARIANT_TYPE.
    """
    for column in columns:
        for name, is_kind in (("MAP", lambda part: isinstance(part, MapType)), ("VARIANT", lambda p: p == VARIANT)):
            if _holds(column.type, is_kind):
                message = f"`{column.name}` has the type {column.type.sql()}, by which rows cannot be told apart."
                condition = f"UNSUPPORTED_FEATURE.SET_OPERATION_ON_{name}_TYPE"
                raise StreamError("SQL_ANALYSIS", message, condition=condition, at=at)


def _is_unordered(kind: DataType) -> bool:
    return kind in (VARIANT, CALENDAR_INTERVAL) or isinstance(kind, MapType)


def _holds(kind: DataType, wanted: Callable[[DataType], bool]) -> bool:
    if wanted(kind):
        return True
    if isinstance(kind, ArrayType):
        return _holds(kind.element, wanted)
    if isinstance(kind, MapType):
        return _holds(kind.key, wanted) or _holds(kind.value, wanted)
    return isinstance(kind, StructType) and any(_holds(field.type, wanted) for field in kind.fields)
