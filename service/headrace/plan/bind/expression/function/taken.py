"""Room 3: which names a function of the pipeline's author may not have."""

from __future__ import annotations

from sqlglot import exp

from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind.expression.function.routines import is_known
from headrace.sql.parse import parse


def refuse_taken(name: str) -> None:
    """Refuse a name that means something in SQL already, also where headrace does not know that function.

    Raises:
        StreamError: CONFIG_INVALID_VALUE.
    """
    lower = name.lower()
    if is_known(lower) or not _is_free(lower):
        message = f"The name {name} is taken by a function of SQL; functions of a pipeline cannot stand for those."
        raise StreamError("CONFIG_INVALID_VALUE", message, hint="Choose another name.")


def _is_free(name: str) -> bool:
    try:
        read = parse(f"SELECT {name}(1, 2)").expressions[0]
    except StreamErrors:
        return False
    return isinstance(read, exp.Anonymous)
