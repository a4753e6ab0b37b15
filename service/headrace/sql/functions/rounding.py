"""Room 2: ceil, floor, round and bround, and doubles as Java makes them whole.

Takes rendered numbers and a constant scale; gives DuckDB text. Source: Spark RoundBase, RoundCeil, RoundFloor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.duck import duckdb_type
from headrace.errors import StreamError
from headrace.sql.function import Argument, Function, Rendered, Resolved
from headrace.sql.functions.arithmetic import WHOLE_DECIMALS, rescaled, unscaled, wrapped
from headrace.sql.functions.signature import NUMERIC, accept, rewritten, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import BIGINT, DOUBLE, FLOAT, INT, INTEGRAL, DataType, DecimalType

_WIDE: Mapping[DataType, DecimalType] = {DOUBLE: DecimalType(30, 15), FLOAT: DecimalType(14, 7)}


def _whole(name: str) -> Function:
    """Return ceil or floor."""

    def render(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
        source = arguments[0]
        if len(arguments) == 2:
            return _to_scale(name, source, _places(arguments[1]), kind)
        if source.type in INTEGRAL:
            return source.sql
        value = f"{name}({source.sql})"
        return _java_long(value) if source.type == DOUBLE else f"CAST({value} AS {duckdb_type(kind)})"

    return rewritten(name, (1, 2), _whole_types, render)


def _whole_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[0], NUMERIC, 0)
    if len(arguments) == 1:
        if isinstance(kind, DecimalType):
            return Resolved((kind,), DecimalType(max(1, min(38, kind.precision - kind.scale + 1)), 0))
        return Resolved((BIGINT if kind in INTEGRAL else DOUBLE,), BIGINT)
    source = kind if isinstance(kind, DecimalType) else WHOLE_DECIMALS.get(kind) or _WIDE.get(kind)
    assert isinstance(source, DecimalType)  # every number is a decimal, a whole or a floating one
    return Resolved((source, INT), _rounded(source, _places(arguments[1])))


def _rounded(source: DecimalType, places: int) -> DecimalType:
    """Return the type of a decimal rounded to a scale: one digit more before the point."""
    whole = source.precision - source.scale + 1
    if places < 0:
        return DecimalType(min(38, max(whole, 1 - places)), 0)
    scale = min(source.scale, places)
    return DecimalType(min(38, whole + scale), scale)


def _places(argument: Argument | Rendered) -> int:
    if not argument.constant or not isinstance(argument.value, int):
        raise unsupported("The scale of ceil and floor must be a constant.")
    return argument.value


def _to_scale(name: str, value: Rendered, places: int, kind: DataType) -> str:
    source = value.type
    assert isinstance(source, DecimalType)  # as `_whole_types` says
    if places >= source.scale:
        return f"CAST({value.sql} AS {duckdb_type(kind)})"
    unit = f"{10 ** (source.scale - places)}::HUGEINT"
    digits = unscaled(value.sql, source)
    up = "-" if name == "ceil" else ""
    floor = f"(({up}{digits} - (({up}{digits} % {unit}) + {unit}) % {unit}) // {unit})"
    signed = f"({up}{floor})"
    made = rescaled(signed, places) if places > 0 else f"({signed} * {10**-places}::HUGEINT)"
    return f"CAST({made} AS {duckdb_type(kind)})"


def _java_long(value: str) -> str:
    """Java's double to long: NaN is 0, beyond the range the nearest end."""
    low, high = "-9223372036854775808", "9223372036854775807"
    return (
        f"(CASE WHEN isnan({value}) THEN 0::BIGINT WHEN {value} >= 9.223372036854775807e18 THEN {high}::BIGINT "
        f"WHEN {value} <= -9.223372036854775808e18 THEN ('{low}')::BIGINT ELSE CAST({value} AS BIGINT) END)"
    )


def java_whole(value: str, kind: DataType) -> str:
    """Return a DOUBLE as Java casts it to a whole type: NaN is 0, beyond INT or BIGINT the nearest end, then cut."""
    if kind == BIGINT:
        return _java_long(f"trunc({value})")
    ends = f"greatest(least(trunc({value}), 2147483647.0::DOUBLE), -2147483648.0::DOUBLE)"
    whole = f"(CASE WHEN isnan({value}) THEN 0 ELSE CAST({ends} AS INTEGER) END)"
    return f"CAST({whole} AS INTEGER)" if kind == INT else wrapped(f"CAST({whole} AS HUGEINT)", kind)


def _scale_of(argument: Argument | Rendered) -> int:
    if not argument.constant or argument.value is None:
        raise unsupported("The scale of round and bround must be a constant.")
    try:
        return int(argument.value)
    except ValueError:
        message = f"The scale of round and bround is an INT, and not {argument.value!r}."
        raise StreamError("SQL_ANALYSIS", message, condition="CAST_INVALID_INPUT") from None


def _round_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[0], NUMERIC, 0)
    places = _scale_of(arguments[1]) if len(arguments) == 2 else 0
    result = _rounded(kind, places) if isinstance(kind, DecimalType) else kind
    return Resolved((kind, INT)[: len(arguments)], result)


def _round(mode: str) -> Function:
    def render(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        source = arguments[0]
        places = _scale_of(arguments[1]) if len(arguments) == 2 else 0
        if source.type in INTEGRAL:
            return source.sql if places >= 0 else _round_whole(source, places, mode, kind, settings)
        if isinstance(source.type, DecimalType):
            return _round_decimal(source.sql, source.type, places, mode, kind)
        return _round_double(source.sql, places, mode, kind)

    return rewritten("round" if mode == "up" else "bround", (1, 2), _round_types, render)


def _round_whole(source: Rendered, places: int, mode: str, kind: DataType, settings: SqlSettings) -> str:
    unit = f"{10**-places}::HUGEINT"
    value = f"CAST({source.sql} AS HUGEINT)"
    rest = f"({value} % {unit})"
    tie = f"2 * abs({rest}) = {unit} AND ({value} // {unit}) % 2 = 0" if mode == "even" else "false"
    away = f"(CASE WHEN 2 * abs({rest}) >= {unit} AND NOT ({tie}) THEN sign({rest}) * {unit} ELSE 0 END)"
    wide = f"({value} - {rest} + {away})"
    return f"CAST({wide} AS {duckdb_type(kind)})" if settings.ansi else wrapped(wide, kind)


def _round_decimal(value: str, source: DecimalType, places: int, mode: str, kind: DataType) -> str:
    if places >= source.scale:
        return f"CAST({value} AS {duckdb_type(kind)})"
    if mode == "even" or places < 0:
        function = "round_even" if mode == "even" else "round"
        return f"CAST({function}({value}, {places}) AS {duckdb_type(kind)})"
    # A narrowing decimal cast rounds half away from zero, without a detour through DOUBLE.
    return f"CAST({value} AS {duckdb_type(kind)})"


def _round_double(value: str, places: int, mode: str, kind: DataType) -> str:
    # Spark rounds BigDecimal(x), the shortest decimal that reads back as x, not the binary value.
    if mode == "even" or places < 0:
        function = "round_even" if mode == "even" else "round"
        return f"CAST({function}({value}, {places}) AS {duckdb_type(kind)})"
    if places > 15:
        return value
    near = f"abs({value}) < 1e{max(0, 15 - places)}::DOUBLE"
    exact = f"CAST(TRY_CAST(CAST({value} AS VARCHAR) AS DECIMAL(38,{places})) AS {duckdb_type(kind)})"
    sign = f"CASE WHEN {value} < 0 THEN - abs({exact}) ELSE {exact} END"
    return f"(CASE WHEN {near} THEN {sign} ELSE {value} END)"


FUNCTIONS = table(
    _whole("ceil"),
    _whole("floor"),
    _round("up"),
    _round("even"),
    ceiling="ceil",
)
