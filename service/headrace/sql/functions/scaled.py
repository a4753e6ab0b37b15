"""Room 2: ceil and floor to a scale, and the arithmetic of numbers on intervals.

Takes rendered decimals and intervals; gives DuckDB text. Source: Spark RoundCeil, RoundFloor, WidthBucket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.duck import duckdb_type
from headrace.sql.function import Argument, Function, Rendered, Resolved
from headrace.sql.functions import mathematics
from headrace.sql.functions.arithmetic import WHOLE_DECIMALS, rescaled, unscaled
from headrace.sql.functions.signature import NUMERIC, accept, rewritten, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    INT,
    YEAR_MONTH_INTERVAL,
    DataType,
    DecimalType,
)

_INTERVALS = (DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL)
_WIDE: Mapping[DataType, DecimalType] = {DOUBLE: DecimalType(30, 15), FLOAT: DecimalType(14, 7)}


def _places(argument: Argument | Rendered) -> int:
    if not argument.constant or not isinstance(argument.value, int):
        raise unsupported("The scale of ceil and floor must be a constant.")
    return argument.value


def _scaled(name: str) -> Function:
    plain = mathematics.FUNCTIONS[name]

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        if len(arguments) == 1:
            return plain.resolve(arguments)
        kind = accept(arguments[0], NUMERIC, 0)
        source = kind if isinstance(kind, DecimalType) else WHOLE_DECIMALS.get(kind) or _WIDE.get(kind)
        assert isinstance(source, DecimalType)  # every number is a decimal, a whole or a floating one
        places, whole = _places(arguments[1]), source.precision - source.scale + 1
        if places < 0:
            return Resolved((source, INT), DecimalType(min(38, max(whole, 1 - places)), 0))
        scale = min(source.scale, places)
        return Resolved((source, INT), DecimalType(min(38, whole + scale), scale))

    def render(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        if len(arguments) == 1:
            return plain.render(arguments, kind, settings)
        source, places = arguments[0].type, _places(arguments[1])
        assert isinstance(source, DecimalType)  # as `resolve` says
        if places >= source.scale:
            return f"CAST({arguments[0].sql} AS {duckdb_type(kind)})"
        unit = f"{10 ** (source.scale - places)}::HUGEINT"
        digits = unscaled(arguments[0].sql, source)
        up = "-" if name == "ceil" else ""
        floor = f"(({up}{digits} - (({up}{digits} % {unit}) + {unit}) % {unit}) // {unit})"
        value = f"({up}{floor})"
        made = rescaled(value, places) if places > 0 else f"({value} * {10**-places}::HUGEINT)"
        return f"CAST({made} AS {duckdb_type(kind)})"

    return rewritten(name, (1, 2), resolve, render)


def _on_intervals(name: str) -> Function:
    """Return abs or sign, of intervals too."""
    plain = mathematics.FUNCTIONS[name]

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        kind = arguments[0].type
        if kind in _INTERVALS:
            return Resolved((kind,), DOUBLE if name == "sign" else kind)
        return plain.resolve(arguments)

    def render(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        if arguments[0].type in _INTERVALS:
            return f"CAST({name}({arguments[0].sql}) AS {duckdb_type(kind)})"
        return plain.render(arguments, kind, settings)

    return Function(name, plain.arity, resolve, render, plain.how)


def _bucket_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if kind in _INTERVALS and all(a.type == kind for a in arguments[:3]):
        return Resolved((kind, kind, kind, accept(arguments[3], BIGINT, 3)), BIGINT)
    return mathematics.FUNCTIONS["width_bucket"].resolve(arguments)


def _bucket(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    given = list(arguments)
    if arguments[0].type in _INTERVALS:
        given[:3] = [Rendered(f"CAST({a.sql} AS DOUBLE)", DOUBLE) for a in arguments[:3]]
    return mathematics.FUNCTIONS["width_bucket"].render(given, kind, settings)


FUNCTIONS = table(
    _scaled("ceil"),
    _scaled("floor"),
    _on_intervals("abs"),
    _on_intervals("sign"),
    rewritten("width_bucket", (4, 4), _bucket_types, _bucket),
    ceiling="ceil",
    signum="sign",
)
