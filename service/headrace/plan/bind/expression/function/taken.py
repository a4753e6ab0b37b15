"""Room 3: which names a function of the pipeline's author may not have."""

from __future__ import annotations

from sqlglot import exp

from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind.call import is_aggregate, is_function
from headrace.plan.bind.expression import leaves, operators
from headrace.plan.bind.time_window import NAMES
from headrace.sql.parse import parse

_BOUND_APART = frozenset({"grouping", "grouping_id"})


def refuse_taken(name: str) -> None:
    """Refuse a name that means something in SQL already, also where headrace does not know that function.

    Raises:
        StreamError: CONFIG_INVALID_VALUE.
    """
    lower = name.lower()
    known = is_function(lower) or is_aggregate(lower) or lower in NAMES or lower in _BOUND_APART
    known = known or lower in leaves.CAST_FUNCTIONS or lower in operators.SYNONYMS
    if known or not _is_free(lower):
        message = f"The name {name} is taken by a function of SQL; functions of a pipeline cannot stand for those."
        raise StreamError("CONFIG_INVALID_VALUE", message, hint="Choose another name.")


def _is_free(name: str) -> bool:
    try:
        read = parse(f"SELECT {name}(1, 2)").expressions[0]
    except StreamErrors:
        return False
    return isinstance(read, exp.Anonymous)
