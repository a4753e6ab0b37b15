"""Room 2: mathematical functions, with Java's answers where C's differ (NULL for logarithms of numbers below zero).

Takes rendered numbers; gives DuckDB text that never raises where Spark gives NaN or NULL.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type
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
)
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    DAY_TIME_INTERVAL,
    DOUBLE,
    INT,
    INTEGRAL,
    NULL,
    STRING,
    VARIANT,
    YEAR_MONTH_INTERVAL,
    DataType,
    DecimalType,
    MapType,
    is_numeric,
)

_INTERVALS = (DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL)


def _double(name: str, template: str) -> Function:
    return rewritten(name, (1, 1), takes(DOUBLE, gives=DOUBLE), text(template))


def _abs_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    return Resolved((kind,), kind) if kind in _INTERVALS else takes(NUMERIC, gives=first_of)(arguments)


def _abs(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    value = arguments[0].sql
    if kind in _INTERVALS:
        return f"CAST(abs({value}) AS {duckdb_type(kind)})"
    if kind in INTEGRAL and not settings.ansi:
        return wrapped(f"abs(CAST({value} AS HUGEINT))", kind)
    return f"abs({value})"


def _sign_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    return Resolved((kind if kind in _INTERVALS else accept(arguments[0], DOUBLE, 0),), DOUBLE)


def _sign(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, kind = arguments[0].sql, arguments[0].type
    sign = f"CAST(sign({value}) AS DOUBLE)"
    return sign if kind in _INTERVALS else f"(CASE WHEN isnan({value}) THEN {value} ELSE {sign} END)"


def _logarithm(name: str, template: str) -> Function:
    return _double(name, f"(CASE WHEN {{0}} > 0 THEN {template} END)")


def _log(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    if len(arguments) == 1:
        return f"(CASE WHEN {arguments[0].sql} > 0 THEN ln({arguments[0].sql}) END)"
    base, value = (a.sql for a in arguments)
    return f"(CASE WHEN {base} > 0 AND {value} > 0 THEN ln({value}) / ln({base}) END)"


def _extreme(name: str) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        kinds = dict.fromkeys(argument.type for argument in arguments if argument.type != NULL)
        if STRING in kinds and len(kinds) > 1:
            seen = ", ".join(f'"{kind.sql()}"' for kind in kinds)
            raise mismatch(f"{name} takes values of one type, and got {seen}.", condition="DATA_DIFF_TYPES")
        if any(isinstance(kind, MapType) or kind == VARIANT for kind in kinds):
            raise mismatch(f"{name} needs an order, which these values have not.", condition="INVALID_ORDERING_TYPE")
        return alike(arguments)

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
    return alike([Argument(n) for n in numbers])


def _factorial(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value = arguments[0].sql
    return f"(CASE WHEN {value} BETWEEN 0 AND 20 THEN CAST(factorial({value}) AS BIGINT) END)"


def _hex_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if kind.sql() != "BINARY":
        kind = accept(arguments[0], BIGINT if is_numeric(kind) else STRING, 0)
    return Resolved((kind,), STRING)


def _bucket_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if kind in _INTERVALS and all(a.type == kind for a in arguments[:3]):
        return Resolved((kind, kind, kind, accept(arguments[3], BIGINT, 3)), BIGINT)
    return takes(DOUBLE, DOUBLE, DOUBLE, BIGINT, gives=BIGINT)(arguments)


def _width_bucket(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, low, high = (f"CAST({a.sql} AS DOUBLE)" if a.type in _INTERVALS else a.sql for a in arguments[:3])
    count = arguments[3].sql
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
    rewritten("abs", (1, 1), _abs_types, _abs),
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
    rewritten("sign", (1, 1), _sign_types, _sign),
    Function("atan2", (2, 2), takes(DOUBLE, DOUBLE, gives=DOUBLE), call("atan2")),
    rewritten("hypot", (2, 2), takes(DOUBLE, DOUBLE, gives=DOUBLE), text("sqrt({0} * {0} + {1} * {1})")),
    Function("pi", (0, 0), takes(gives=DOUBLE), text("pi()")),
    Function("e", (0, 0), takes(gives=DOUBLE), text("exp(1.0::DOUBLE)")),
    _extreme("greatest"),
    _extreme("least"),
    rewritten("pmod", (2, 2), _number_types, _pmod),
    rewritten("factorial", (1, 1), takes(INT, gives=BIGINT), _factorial),
    rewritten("width_bucket", (4, 4), _bucket_types, _width_bucket),
    Function("bin", (1, 1), takes(BIGINT, gives=STRING), text("bin({0})")),
    Function("hex", (1, 1), _hex_types, text("hex({0})")),
    refused("rand", "its value depends on chance, and a batch that runs again must give the same rows"),
    refused("randn", "its value depends on chance, and a batch that runs again must give the same rows"),
    refused("randstr", "its value depends on chance, and a batch that runs again must give the same rows"),
    refused("uniform", "its value depends on chance, and a batch that runs again must give the same rows"),
    power="pow",
    signum="sign",
)
