"""Room 2: mathematical functions, with Java's answers where C's differ (NULL for logarithms of numbers below zero).

Takes rendered numbers; gives DuckDB text that never raises where Spark gives NaN or NULL.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type
from headrace.errors import StreamError
from headrace.sql.function import Argument, Function, Rendered, Resolved
from headrace.sql.functions.arithmetic import REMAINDER_BY_ZERO, WHOLE_DECIMALS, wrapped
from headrace.sql.functions.signature import (
    NUMERIC,
    accept,
    alike,
    call,
    first_of,
    mismatch,
    null_if_any,
    refused,
    rewritten,
    table,
    takes,
    text,
    unsupported,
)
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    DOUBLE,
    INT,
    INTEGRAL,
    NULL,
    STRING,
    VARIANT,
    DataType,
    DecimalType,
    MapType,
    is_numeric,
)


def _double(name: str, template: str) -> Function:
    return rewritten(name, (1, 1), takes(DOUBLE, gives=DOUBLE), text(template))


def _abs(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    value = arguments[0].sql
    if kind in INTEGRAL and not settings.ansi:
        return wrapped(f"abs(CAST({value} AS HUGEINT))", kind)
    return f"abs({value})"


def _whole_types(arguments: Sequence[Argument]) -> Resolved:
    kind = accept(arguments[0], NUMERIC, 0)
    if len(arguments) == 2:
        raise unsupported("ceil and floor with a scale are not done.", "Write round(x, scale).")
    if isinstance(kind, DecimalType):
        return Resolved((kind,), DecimalType(max(1, min(38, kind.precision - kind.scale + 1)), 0))
    return Resolved((BIGINT if kind in INTEGRAL else DOUBLE,), BIGINT)


def _whole(name: str) -> Function:
    def render(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
        source = arguments[0]
        if source.type in INTEGRAL:
            return source.sql
        value = f"{name}({source.sql})"
        return _java_long(value) if source.type == DOUBLE else f"CAST({value} AS {duckdb_type(kind)})"

    return rewritten(name, (1, 2), _whole_types, render)


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
    result = kind
    if isinstance(kind, DecimalType):
        whole = kind.precision - kind.scale + 1
        if places < 0:
            result = DecimalType(min(38, max(whole, -places + 1)), 0)
        else:
            scale = min(kind.scale, places)
            result = DecimalType(min(38, whole + scale), scale)
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


def _logarithm(name: str, template: str) -> Function:
    return _double(name, f"(CASE WHEN {{0}} > 0 THEN {template} END)")


def _log(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    if len(arguments) == 1:
        return f"(CASE WHEN {arguments[0].sql} > 0 THEN ln({arguments[0].sql}) END)"
    base, value = (a.sql for a in arguments)
    return f"(CASE WHEN {base} > 0 AND {value} > 0 THEN ln({value}) / ln({base}) END)"


def _extreme(name: str) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        kinds = {argument.type for argument in arguments} - {NULL}
        if STRING in kinds and len(kinds) > 1:
            seen = ", ".join(f'"{kind.sql()}"' for kind in kinds)
            raise mismatch(f"{name} takes values of one type, and got {seen}.", condition="DATA_DIFF_TYPES")
        if any(isinstance(kind, MapType) or kind == VARIANT for kind in kinds):
            raise mismatch(f"{name} needs an order, which these values have not.", condition="INVALID_ORDERING_TYPE")
        return alike()(arguments)

    return Function(name, (2, None), resolve, call(name))


def _pmod(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    a, b = (x.sql for x in arguments)
    at_zero = REMAINDER_BY_ZERO if settings.ansi else "NULL"
    if kind in INTEGRAL:
        a, b = f"CAST({a} AS HUGEINT)", f"CAST({b} AS HUGEINT)"
    rest = f"{a} % nullif({b}, 0)"
    value = f"(CASE WHEN {rest} < 0 THEN (({rest}) + {b}) % nullif({b}, 0) ELSE {rest} END)"
    return f"(CASE WHEN {b} = 0 AND {a} IS NOT NULL THEN {at_zero} ELSE CAST({value} AS {duckdb_type(kind)}) END)"


def _number_types(arguments: Sequence[Argument]) -> Resolved:
    numbers = [accept(a, NUMERIC, i) for i, a in enumerate(arguments)]
    decimals = [WHOLE_DECIMALS.get(n, n) for n in numbers]
    if any(isinstance(n, DecimalType) for n in numbers):
        numbers = decimals
    return alike()([Argument(n) for n in numbers])


def _factorial(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value = arguments[0].sql
    return f"(CASE WHEN {value} BETWEEN 0 AND 20 THEN CAST(factorial({value}) AS BIGINT) END)"


def _hex_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if kind.sql() != "BINARY":
        kind = accept(arguments[0], BIGINT if is_numeric(kind) else STRING, 0)
    return Resolved((kind,), STRING)


def _width_bucket(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, low, high, count = (a.sql for a in arguments)
    up = (
        f"CASE WHEN {value} < {low} THEN 0 WHEN {value} >= {high} THEN {count} + 1 "
        f"ELSE CAST(trunc({count} * ({value} - {low}) / ({high} - {low})) AS BIGINT) + 1 END"
    )
    down = (
        f"CASE WHEN {value} > {low} THEN 0 WHEN {value} <= {high} THEN {count} + 1 "
        f"ELSE CAST(trunc({count} * ({low} - {value}) / ({low} - {high})) AS BIGINT) + 1 END"
    )
    wrong = f"{count} <= 0 OR {low} = {high} OR isnan({value}) OR NOT isfinite({low}) OR NOT isfinite({high})"
    body = f"(CASE WHEN {wrong} THEN NULL WHEN {low} < {high} THEN {up} ELSE {down} END)"
    return null_if_any(arguments, body)


_ROOT = "(CASE WHEN {0} < 0 THEN 'nan'::DOUBLE ELSE sqrt({0}) END)"
_CBRT = "(CASE WHEN round(cbrt({0})) ** 3 = {0} THEN round(cbrt({0})) ELSE cbrt({0}) END)"
_UNIT = "(CASE WHEN abs({{0}}) <= 1 THEN {name}({{0}}) ELSE 'nan'::DOUBLE + {{0}} END)"
_SINE = "(CASE WHEN isfinite({{0}}) THEN {name}({{0}}) ELSE 'nan'::DOUBLE + {{0}} END)"

FUNCTIONS = table(
    rewritten("abs", (1, 1), takes(NUMERIC, gives=first_of), _abs),
    _whole("ceil"),
    _whole("floor"),
    _round("up"),
    _round("even"),
    _double("sqrt", _ROOT),
    _double("cbrt", _CBRT),
    _double("exp", "exp({0})"),
    _double("expm1", "(CASE WHEN abs({0}) < 1e-5 THEN {0} + {0} * {0} / 2 ELSE exp({0}) - 1 END)"),
    _logarithm("ln", "ln({0})"),
    _logarithm("log10", "log10({0})"),
    _logarithm("log2", "log2({0})"),
    _double("log1p", "(CASE WHEN {0} > -1 THEN CASE WHEN abs({0}) < 1e-8 THEN {0} ELSE ln(1 + {0}) END END)"),
    rewritten("log", (1, 2), takes(DOUBLE, DOUBLE, gives=DOUBLE), _log),
    Function("pow", (2, 2), takes(DOUBLE, DOUBLE, gives=DOUBLE), call("pow")),
    *(_double(name, _SINE.format(name=name)) for name in ("sin", "cos", "tan", "cot")),
    *(_double(name, _UNIT.format(name=name)) for name in ("asin", "acos")),
    *(_double(name, f"{name}({{0}})") for name in ("sinh", "cosh", "tanh", "atan", "asinh", "degrees", "radians")),
    _double("acosh", "(CASE WHEN {0} >= 1 THEN acosh({0}) ELSE 'nan'::DOUBLE + {0} END)"),
    _double("atanh", "(CASE WHEN abs({0}) < 1 THEN atanh({0}) ELSE 'nan'::DOUBLE + {0} END)"),
    _double("sec", "(1.0::DOUBLE / cos({0}))"),
    _double("csc", "(1.0::DOUBLE / sin({0}))"),
    _double("rint", "round_even({0}, 0)"),
    _double("sign", "(CASE WHEN isnan({0}) THEN {0} ELSE CAST(sign({0}) AS DOUBLE) END)"),
    Function("atan2", (2, 2), takes(DOUBLE, DOUBLE, gives=DOUBLE), call("atan2")),
    rewritten("hypot", (2, 2), takes(DOUBLE, DOUBLE, gives=DOUBLE), text("sqrt({0} * {0} + {1} * {1})")),
    Function("pi", (0, 0), takes(gives=DOUBLE), text("pi()")),
    Function("e", (0, 0), takes(gives=DOUBLE), text("exp(1.0::DOUBLE)")),
    _extreme("greatest"),
    _extreme("least"),
    rewritten("pmod", (2, 2), _number_types, _pmod),
    rewritten("factorial", (1, 1), takes(INT, gives=BIGINT), _factorial),
    rewritten("width_bucket", (4, 4), takes(DOUBLE, DOUBLE, DOUBLE, BIGINT, gives=BIGINT), _width_bucket),
    Function("bin", (1, 1), takes(BIGINT, gives=STRING), text("bin({0})")),
    Function("hex", (1, 1), _hex_types, text("hex({0})")),
    refused("rand", "its value depends on chance, and a batch that runs again must give the same rows"),
    refused("randn", "its value depends on chance, and a batch that runs again must give the same rows"),
    refused("randstr", "its value depends on chance, and a batch that runs again must give the same rows"),
    refused("uniform", "its value depends on chance, and a batch that runs again must give the same rows"),
    ceiling="ceil",
    power="pow",
    signum="sign",
)
