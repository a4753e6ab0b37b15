"""Room 3: Spark's names for mistakes whose name depends on where they stand, or on both sides of an operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.sql.coercion import mixes_text
from headrace.types import (
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_INTERVAL,
    NULL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    MapType,
)

IN_WHERE = "INVALID_WHERE_CONDITION"
IN_JOIN = "UNSUPPORTED_EXPR_FOR_OPERATOR"
IN_AGGREGATE = "NESTED_AGGREGATE_FUNCTION"
IN_FILTER = "INVALID_AGGREGATE_FILTER.CONTAINS_AGGREGATE"

_BINARY = frozenset(
    {"add", "subtract", "multiply", "divide", "div", "remainder", "and", "or", "bit_and_op", "bit_or_op", "bit_xor_op"}
)
_UNEXPECTED = "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"
_TYPES = (_UNEXPECTED, "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "DATATYPE_MISMATCH.DATA_DIFF_TYPES")
_EXACT = (DAY_TIME_INTERVAL, CALENDAR_INTERVAL)
_INTERVALS = (*_EXACT, YEAR_MONTH_INTERVAL)


def misplaced_aggregate(name: str, where: str) -> StreamError:
    """Return the error that an aggregate stands where none may; `where` is the condition of that place."""
    message = f"The aggregate function {name} may not stand here; aggregates belong into SELECT, HAVING, ORDER BY."
    hint = {
        IN_WHERE: "Filter by it in HAVING.",
        IN_JOIN: "Aggregate in a subquery first, and join that.",
        IN_AGGREGATE: "Aggregate in a subquery first.",
        IN_FILTER: "Filter in WHERE of a subquery.",
    }[where]
    return StreamError("SQL_ANALYSIS", message, hint=hint, condition=where)


def operator_mistake(error: StreamError, function: str, shown: str, operands: Sequence[Bound]) -> StreamError:
    """Return the error with the operator as written, and Spark's name of it when both operands are to blame.

    Spark casts a string to the other side's type first, so two types differ only when neither is a string.
    """
    if not error.message.startswith("Cannot resolve"):
        error.message = f'Cannot resolve "{shown}": {error.message}'
    if function in _BINARY and error.condition in _TYPES:
        kinds: list[DataType] = [operand.expression.type for operand in operands]
        apart = any(kind == YEAR_MONTH_INTERVAL or isinstance(kind, ArrayType | MapType) for kind in kinds)
        same = kinds[0] == kinds[1] or (STRING in kinds and not apart)
        shifted = function in ("add", "subtract") and (DATE in kinds or kinds[0] in (TIMESTAMP, TIMESTAMP_NTZ))
        text = STRING in kinds and not (DATE in kinds and function == "add")
        if (shifted and not text and (DATE in kinds or function == "subtract")) or _of_intervals(function, kinds):
            error.condition = _UNEXPECTED  # Spark has made date_add() of it, or a function of intervals
        else:
            error.condition = f"DATATYPE_MISMATCH.BINARY_OP_{'WRONG_TYPE' if same else 'DIFF_TYPES'}"
    elif function == "in" and error.condition in _TYPES:
        error.condition = "DATATYPE_MISMATCH.DATA_DIFF_TYPES"
    return error


def _of_intervals(function: str, kinds: Sequence[DataType]) -> bool:
    """Return True where Spark has a function of intervals for the operator: all but sums of months and differences."""
    if function == "subtract":
        return (kinds[1] in _EXACT and kinds[0] not in _INTERVALS) or (
            kinds[1] in (TIMESTAMP, TIMESTAMP_NTZ) and STRING not in kinds
        )
    if function == "add":
        return any(kind in _EXACT for kind in kinds)
    if function == "multiply":
        return any(kind in _INTERVALS for kind in kinds)
    return kinds[0] in _INTERVALS and (function == "divide" or (function == "div" and kinds[1] in _INTERVALS))


_OF_ARRAY = frozenset(
    {"array_contains", "array_position", "array_remove", "array_append", "array_prepend", "array_insert"}
)
_OF_ARRAYS = frozenset({"array_union", "array_intersect", "array_except", "arrays_overlap"})
_SEARCHED = frozenset({"array_contains", "array_position"})
_NO_ARRAY = "must be an array"
_OF_MAP = frozenset({"map_contains_key", "element_at"})
_BY_FUNCTION: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(_OF_ARRAY, "ARRAY_FUNCTION_DIFF_TYPES"),
        **dict.fromkeys(_OF_ARRAYS, "BINARY_ARRAY_DIFF_TYPES"),
        "map": "CREATE_MAP_VALUE_DIFF_TYPES",
        "map_contains_key": "MAP_FUNCTION_DIFF_TYPES",
        "sequence": "SEQUENCE_WRONG_INPUT_TYPES",
        "try_add": "BINARY_OP_DIFF_TYPES",
    }
)
"""Function -> Spark's own name for arguments that do not go together."""
_CONSTANTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("bround", "round", "sort_array", "to_binary"), "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT"),
        **dict.fromkeys(("ceil", "floor", "date_part", "extract"), "NON_FOLDABLE_ARGUMENT"),
    }
)
"""Function -> Spark's name for an argument that has to be a constant."""
_BY_CHANCE = frozenset(
    {"rand", "randn", "random", "randstr", "uniform", "uuid", "shuffle", "monotonically_increasing_id"}
)
_BY_BATCH = frozenset({"current_timestamp", "current_date", "localtimestamp"})
"""What is another in each batch of a stream, which to Spark is chance; now() it takes, for whatever reason."""


def function_mistake(error: StreamError, name: str) -> StreamError:
    """Return the error with the name that Spark has for it in this function."""
    if error.condition is None and name in _CONSTANTS and "constant" in error.message:
        error.condition = _CONSTANTS[name]
    elif error.condition is None and name in ("hash", "xxhash64"):
        error.condition = f"DATATYPE_MISMATCH.HASH_{'MAP' if 'MAP<' in error.message else 'VARIANT'}_TYPE"
    elif error.condition is None and name == "sequence":
        error.condition = "DATATYPE_MISMATCH.SEQUENCE_WRONG_INPUT_TYPES"
    elif name in _BY_FUNCTION and error.condition in _TYPES and not (name in _SEARCHED and _NO_ARRAY in error.message):
        error.condition = f"DATATYPE_MISMATCH.{_BY_FUNCTION[name]}"
    return error


def refuse_mixed(name: str, args: Sequence[Bound], *, ansi: bool) -> None:
    """Raise for an element or key that Spark does not cast to the array's or the map's, or that is VOID.

    Raises:
        StreamError: DATATYPE_MISMATCH.ARRAY_FUNCTION_DIFF_TYPES, …BINARY_ARRAY_DIFF_TYPES, …MAP_FUNCTION_DIFF_TYPES
            or …NULL_TYPE.
    """
    if len(args) < 2 or name not in (*_OF_ARRAY, *_OF_ARRAYS, *_OF_MAP):
        return
    held, given = args[0].expression.type, args[-1].expression.type
    if held == NULL and name == "array_contains":
        raise _diff("NULL_TYPE", name, args)
    if name in _OF_MAP:
        inner = held.key if isinstance(held, MapType) else None
    else:
        inner = held.element if isinstance(held, ArrayType) else None
    if inner is None:
        return
    if given == NULL and name in ("array_contains", "map_contains_key"):
        raise _diff("NULL_TYPE", name, args)
    other = given.element if name in _OF_ARRAYS and isinstance(given, ArrayType) else given
    if ansi and (mixes_text(inner, other) or (inner == other and inner.sql() != other.sql())):
        raise _diff("MAP_FUNCTION_DIFF_TYPES" if name in _OF_MAP else _BY_FUNCTION[name], name, args)


def _diff(kind: str, name: str, args: Sequence[Bound]) -> StreamError:
    seen = ", ".join(f'"{arg.expression.type.sql()}"' for arg in args)
    return StreamError("SQL_ANALYSIS", f"{name} does not take {seen} together.", condition=f"DATATYPE_MISMATCH.{kind}")


_SKIPPING = frozenset(
    ("any_value", "array_agg", "collect_list", "collect_set", "first", "first_value", "last", "last_value")
)
"""The aggregates that IGNORE NULLS belongs to."""


def refuse_in_aggregate(name: str, args: Sequence[exp.Expr], *, ignore_nulls: bool, streaming: bool) -> None:
    """Raise for an aggregate over chance, a lambda, or IGNORE NULLS where the aggregate has none.

    Raises:
        StreamError: INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX,
            AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION or
            INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION.
    """
    if ignore_nulls and name not in _SKIPPING:
        message = f"The function {name} does not support IGNORE NULLS."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX")
    for arg in args:
        if isinstance(arg, exp.Lambda):
            condition = "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION"
            raise StreamError("SQL_ANALYSIS", f"{name} takes no lambda.", condition=condition)
        if any(_is_chance(part, streaming=streaming) for part in arg.find_all(exp.Func)):
            message = f"The argument of {name} depends on chance or on the batch: {arg.sql(dialect='spark')}."
            hint = "Compute it in a subquery first."
            condition = "AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)


def _is_chance(part: exp.Func, *, streaming: bool) -> bool:
    if not isinstance(part, exp.Anonymous):
        return streaming and isinstance(part, exp.CurrentDate | exp.CurrentTimestamp)
    name = str(part.this).lower()
    by_batch = name in _BY_BATCH or (name == "unix_timestamp" and not part.expressions)
    return name in _BY_CHANCE or (streaming and by_batch)
