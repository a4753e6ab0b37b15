"""Room 2, casts: from and to VARIANT, which is a VARCHAR of JSON inside DuckDB.

Takes DuckDB text and the types; gives DuckDB text. Source: Spark's VariantGet.cast and Cast.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace.duck import duckdb_type, let, quote_text
from headrace.errors import StreamError
from headrace.sql.cast.from_text import cast_text
from headrace.sql.cast.mode import Casting, CastMode
from headrace.types import (
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INTEGRAL,
    NULL,
    STRING,
    ArrayType,
    DataType,
    DecimalType,
    IntervalType,
    MapType,
    StructType,
)

_TARGETS = (*INTEGRAL, BOOLEAN, FLOAT, DOUBLE, STRING, DATE)


def is_target(kind: DataType) -> bool:
    """Return True for the types that a variant is cast to here."""
    return kind in _TARGETS or isinstance(kind, DecimalType)


def cast_from_variant(sql: str, casting: Casting) -> str:
    """Return the variant cast to a plain type: what does not fit raises also without ANSI, but for TRY_CAST.

    Raises:
        StreamError: SQL_UNSUPPORTED, the target is not done here.
    """
    to = casting.to
    if to == STRING:
        return f"headrace_variant_text({sql}, 'text')"
    if not is_target(to):
        raise StreamError("SQL_UNSUPPORTED", f"A cast of a VARIANT to {to.sql()} is not done; take its parts.")
    return let(sql, lambda value: _from(value, casting))


def _from(value: str, casting: Casting) -> str:
    to = casting.to
    target = "whole" if to in INTEGRAL else "boolean" if to == BOOLEAN else "days" if to == DATE else "number"
    shown = f"headrace_variant_text({value}, '{target}')"
    read = cast_text(shown, Casting(STRING, to, CastMode.TRY, casting.settings))
    if casting.mode is CastMode.TRY:
        return read
    message = f"' cannot be cast into {to.sql()}.'"
    wrong = f"error({quote_text('[INVALID_VARIANT_CAST] The variant value ')} || {value} || {message})"
    return f"CAST(coalesce({read}, CASE WHEN {value} <> 'null' THEN {wrong} END) AS {duckdb_type(to)})"


def cast_to_variant(sql: str, casting: Casting) -> str:
    """Return the value as a variant.

    Raises:
        StreamError: DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION for structs and maps, which Spark does not cast;
            SQL_UNSUPPORTED for types that a variant does not hold here.
    """
    if _holds(casting.frm, lambda kind: isinstance(kind, StructType | MapType | IntervalType)):
        raise casting.refused()
    if not _holds(casting.frm, lambda kind: kind in (*INTEGRAL, BOOLEAN, STRING, NULL)):
        message = f"A cast of {casting.frm.sql()} to VARIANT is not done; allowed: texts, whole numbers and booleans."
        raise StreamError("SQL_UNSUPPORTED", message)
    written = "headrace_parse_json(CAST(to_json({}) AS VARCHAR), false)"
    return let(sql, lambda value: f"(CASE WHEN {value} IS NOT NULL THEN {written.format(value)} END)")


def _holds(kind: DataType, wanted: Callable[[DataType], bool]) -> bool:
    """Return whether a type, or the innermost element of an array, is wanted."""
    while isinstance(kind, ArrayType):
        kind = kind.element
    return wanted(kind)
