"""Room 3: Spark's names for mistakes whose name depends on where they stand, or on both sides of an operator."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.errors import StreamError
from headrace.plan.bind.expression.bound import Bound
from headrace.types import STRING, DataType

IN_WHERE = "INVALID_WHERE_CONDITION"
IN_JOIN = "UNSUPPORTED_EXPR_FOR_OPERATOR"
IN_AGGREGATE = "NESTED_AGGREGATE_FUNCTION"
IN_FILTER = "INVALID_AGGREGATE_FILTER.CONTAINS_AGGREGATE"

_BINARY = frozenset(
    {"add", "subtract", "multiply", "divide", "div", "remainder", "and", "or", "bit_and_op", "bit_or_op", "bit_xor_op"}
)
_TYPES = ("DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES")


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
        same = kinds[0] == kinds[1] or STRING in kinds
        error.condition = f"DATATYPE_MISMATCH.BINARY_OP_{'WRONG_TYPE' if same else 'DIFF_TYPES'}"
    elif function == "in" and error.condition in _TYPES:
        error.condition = "DATATYPE_MISMATCH.DATA_DIFF_TYPES"
    return error
