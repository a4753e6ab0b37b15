"""Room 3: the expressions without parts - literals and intervals - and the types written in a CAST."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from headrace.ddl import parse_type
from headrace.duck import check_structs
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.expression.interval import interval_literal
from headrace.plan.constant import number
from headrace.plan.expressions import Literal
from headrace.sql.cast import CastMode, can_cast, render_cast
from headrace.sql.interval import interval_text
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    SMALLINT,
    STRING,
    TIME,
    TIMESTAMP,
    TINYINT,
    VARIANT,
    DataType,
    DecimalType,
    IntervalType,
    is_numeric,
)

LEAVES = (exp.Literal, exp.Boolean, exp.Null, exp.HexString, exp.Interval)
"""The tree classes that `bind_leaf` takes."""

CAST_FUNCTIONS: Mapping[str, DataType] = MappingProxyType(
    {
        **{kind.name.lower(): kind for kind in (BIGINT, BINARY, BOOLEAN, DATE, DOUBLE, FLOAT, INT, SMALLINT, STRING)},
        **{kind.name.lower(): kind for kind in (TIMESTAMP, TINYINT)},
        "decimal": DecimalType(10, 0),
    }
)
"""Functions such as bigint(x) that are casts under another name."""


def bind_leaf(node: exp.Expr) -> Bound:
    """Return the literal that the node is, with Spark's text of it."""
    literal = _literal(node)
    return Bound(literal, _text(literal))


def bind_number(text: str) -> Bound:
    """Return the number as written, its sign included."""
    literal = number(text)
    return Bound(literal, _text(literal))


def type_of(node: exp.Expr) -> DataType:
    """Return the Spark type that a type in the SQL names.

    Raises:
        StreamError: Spark has no such type.
    """
    if isinstance(node, exp.DataType) and node.this == exp.DType.TIME:
        return TIME
    written = node.args.get("kind") if isinstance(node, exp.DataType) and node.this == exp.DType.USERDEFINED else None
    try:
        return parse_type(str(written or node.sql(dialect="spark")))
    except StreamError as error:
        error.at = None  # a place inside the type's own text
        raise


def check_cast(child: Bound, kind: DataType, settings: SqlSettings, *, try_: bool) -> None:
    """Raise when Spark has no cast between the two types.

    Raises:
        StreamError: DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION, CAST_WITH_FUNC_SUGGESTION or CAST_WITH_CONF_SUGGESTION.
    """
    source = child.expression.type
    mode = CastMode.TRY if try_ else CastMode.ANSI if settings.ansi else CastMode.LEGACY
    if can_cast(source, kind, mode=mode, settings=settings):
        check_structs(kind)
        return
    if VARIANT in (source, kind):
        render_cast("v", source, kind, mode=mode, settings=settings)  # says why
    name = "TRY_CAST" if try_ else "CAST"
    message = f'Cannot resolve "{name}({child.text} AS {kind.sql()})": a {source.sql()} is no {kind.sql()}.'
    suggestion, hint = "WITHOUT_SUGGESTION", None
    if settings.ansi and DATE in (source, kind) and (is_numeric(source) or is_numeric(kind)):
        suggestion = "WITH_FUNC_SUGGESTION"
        hint = f"Write {'unix_date' if source == DATE else 'date_from_unix_date'}()."
    elif settings.ansi and not try_ and _cast_without_ansi(source, kind, settings):
        suggestion = "WITH_CONF_SUGGESTION"
        hint = "With spark.sql.ansi.enabled: false the cast is allowed."
    raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=f"DATATYPE_MISMATCH.CAST_{suggestion}")


def _cast_without_ansi(source: DataType, kind: DataType, settings: SqlSettings) -> bool:
    return (source, kind) == (DATE, BOOLEAN) or can_cast(source, kind, mode=CastMode.LEGACY, settings=settings)


def _literal(node: exp.Expr) -> Literal:
    if isinstance(node, exp.Null):
        return Literal(NULL, None)
    if isinstance(node, exp.Boolean):
        return Literal(BOOLEAN, bool(node.this))
    if isinstance(node, exp.HexString):
        digits = str(node.this)
        return Literal(BINARY, bytes.fromhex(digits if len(digits) % 2 == 0 else f"0{digits}"))
    if isinstance(node, exp.Interval):
        return interval_literal(node)
    return Literal(STRING, str(node.this)) if node.args["is_string"] else number(str(node.this))


def _text(literal: Literal) -> str:
    value: Any = literal.value
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return f"X'{value.hex().upper()}'"
    if isinstance(value, float):
        return _double_text(value)
    if isinstance(literal.type, IntervalType):
        return interval_text(value, literal.type)
    if isinstance(value, Decimal) and isinstance(literal.type, DecimalType):
        return f"{value:f}"
    return str(value)


def _double_text(value: float) -> str:
    size = abs(value)
    if size == 0 or 1e-3 <= size < 1e7:
        return repr(value)
    digits, exponent = f"{Decimal(repr(value)):e}".split("e")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"
