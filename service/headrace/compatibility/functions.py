"""Beside the last layer: the tables of functions as the text of docs/reference/functions.md."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.compatibility.page import table
from headrace.sql.aggregates import SPARKS
from headrace.sql.function import How
from headrace.sql.functions import FUNCTIONS

OPERATORS: Mapping[str, str] = {
    "add": "a + b",
    "subtract": "a - b",
    "multiply": "a * b",
    "divide": "a / b",
    "remainder": "a % b",
    "bit_and_op": "a & b",
    "bit_or_op": "a | b",
    "bit_xor_op": "a ^ b",
    "bit_not": "~a",
    "shift_left": "a << b",
    "shift_right": "a >> b",
    "shift_right_unsigned": "a >>> b",
    "equal": "a = b",
    "not_equal": "a <> b",
    "less": "a < b",
    "less_equal": "a <= b",
    "greater": "a > b",
    "greater_equal": "a >= b",
    "null_safe_equal": "a <=> b",
    "is_null": "a IS NULL",
    "is_not_null": "a IS NOT NULL",
    "is_true": "a IS TRUE",
    "is_false": "a IS FALSE",
    "is_nan": "a IS NAN",
    "between": "a BETWEEN b AND c",
    "session_gap": "session_window(a, b)",
    "like_any": "a LIKE ANY (...)",
    "like_all": "a LIKE ALL (...)",
    "get_item": "a[b]",
}
"""Entries of the function table that SQL writes as operators."""

WINDOW_FUNCTIONS = (
    "cume_dist",
    "dense_rank",
    "lag",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
)
"""Functions that need OVER, in batch SQL."""

_HOW = {
    How.NATIVE: "DuckDB's own",
    How.REWRITTEN: "an expression of DuckDB's",
    How.MACRO: "a macro",
    How.ARROW: "vectorised over Arrow",
}

_HEAD = """\
# Functions of SQL

<!-- Written by `headrace docs`; do not edit. -->

Every function that headrace knows by name, and how it is computed. Groups, differences and proofs are in
[compatibility](../compatibility.md#groups-of-functions). What is not here is refused as `UNRESOLVED_ROUTINE`."""


def functions_page() -> str:
    """Return the whole page."""
    scalar: dict[str, list[str]] = {}
    for name, function in FUNCTIONS.items():
        scalar.setdefault(function.name, []).append(name)
    done = [(own, names) for own, names in sorted(scalar.items()) if FUNCTIONS[names[0]].how is not How.REFUSED]
    refused = [
        (own, FUNCTIONS[names[0]].why) for own, names in scalar.items() if FUNCTIONS[names[0]].how is How.REFUSED
    ]
    aggregates: dict[str, list[str]] = {}
    for name, aggregate in SPARKS.items():
        if aggregate.why:
            refused.append((name, aggregate.why))
        else:
            aggregates.setdefault(aggregate.name, []).append(name)
    rows = [[_written(own), _others(own, names), _HOW[FUNCTIONS[names[0]].how]] for own, names in done]
    sums = [[_written(own), _others(own, names)] for own, names in sorted(aggregates.items())]
    parts = [
        _HEAD,
        "## Scalar and generator functions",
        table(["function", "also written", "computed as"], rows),
        "## Aggregates",
        "All are merged over batches and kept in state; OVER takes them in batch SQL.",
        table(["function", "also written"], sums),
        "## Functions OVER rows",
        f"In batch SQL and over tables: {', '.join(f'`{name}`' for name in WINDOW_FUNCTIONS)}.",
        "## Refused by name",
        table(["function", "why"], [[f"`{name}`", why] for name, why in sorted(refused)]),
    ]
    return "\n\n".join(parts) + "\n"


def _written(name: str) -> str:
    return f"`{OPERATORS.get(name, name)}`"


def _others(own: str, names: list[str]) -> str:
    return ", ".join(_written(name) for name in sorted(names) if name != own)
