"""Room 3: what to write instead, by Spark's condition, for findings that say no more than what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from headrace.errors import StreamError

_COMPARISON = "Write a comparison, such as x > 0."
_ALONE = "Put it alone into SELECT, or write LATERAL VIEW explode(...) t AS x."
_POSITION = "Write a number from that range, or the expression itself."

HINTS: Mapping[str, str] = MappingProxyType(
    {
        "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES": "Cast one side to the other's type.",
        "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE": "Cast both sides to a type that the operator takes.",
        "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION": "Convert it with a function, such as to_json() for nested values.",
        "DATATYPE_MISMATCH.DATA_DIFF_TYPES": "Cast the values to one type.",
        "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN": _COMPARISON,
        "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH": "Select as many columns as stand before IN.",
        "DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION": "Change the arguments so that this holds.",
        "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE": "Cast the argument to a type that is taken.",
        "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE": "Write a value from that range.",
        "FIELD_NOT_FOUND": "Name a field of the struct.",
        "GROUP_BY_AGGREGATE": "Filter by it in HAVING, or aggregate in a subquery and group above it.",
        "GROUP_BY_POS_OUT_OF_RANGE": _POSITION,
        "INCOMPATIBLE_COLUMN_TYPE": "Cast the column on one side.",
        "INVALID_AGGREGATE_FILTER.NOT_BOOLEAN": _COMPARISON,
        "INVALID_EXTRACT_BASE_FIELD_TYPE": "Leave the field out, or name a column that is a struct.",
        "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH": "Give every row as many values as the first.",
        "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE": "Cast the values of the column to one type.",
        "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH": "Give the lambda as many parameters as the function passes.",
        "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE": "Write a whole number.",
        "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE": "Write a whole number from 0 up.",
        "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN": "Select one column.",
        "JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE": "Write a comparison, such as a.id = b.id.",
        "NUM_COLUMNS_MISMATCH": "Select as many columns on both sides; NULL AS name stands for one that is missing.",
        "ORDER_BY_POS_OUT_OF_RANGE": _POSITION,
        "UNRESOLVABLE_TABLE_VALUED_FUNCTION": "Use a function that gives rows, such as range() or explode().",
        "UNSUPPORTED_EXPR_FOR_WINDOW": "Use an aggregate or a ranking function before OVER.",
        "UNSUPPORTED_GENERATOR.MULTI_GENERATOR": _ALONE,
        "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS": _ALONE,
        "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT": _ALONE,
        "UNSUPPORTED_GENERATOR.NOT_GENERATOR": "Use a function that gives rows, such as explode().",
        "UNSUPPORTED_GROUPING_EXPRESSION": "Group WITH ROLLUP, WITH CUBE or by GROUPING SETS.",
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION": "Write as many arguments as the function takes.",
    }
)
"""Condition to hint."""


def hinted(error: StreamError) -> StreamError:
    """Return the error with a hint, its own where it has one."""
    error.hint = error.hint or HINTS.get(error.condition or "")
    return error
