"""Room 2: comparisons, three-valued logic, conditionals and predicates.

Takes rendered operands; gives DuckDB text. DuckDB's order of numbers is Spark's: NaN equals itself and is the largest.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.cast import CastMode, render_cast
from headrace.sql.coercion import UNORDERED, comparison_type, mixes_decimals, mixes_text
from headrace.sql.function import Argument, Function, Rendered, Resolved
from headrace.sql.functions.ordering import is_nested, order_key, orderable
from headrace.sql.functions.signature import (
    ANY,
    alike,
    common,
    fail,
    lazy,
    mismatch,
    rewritten,
    table,
    takes,
    text,
)
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    STRING,
    ArrayType,
    DataType,
    DecimalType,
    MapType,
    StructType,
)

_NESTED = (ArrayType, StructType)


def _compared(arguments: Sequence[Argument]) -> DataType:
    left, right = arguments[0].type, arguments[1].type
    kind = comparison_type(left, right, SqlSettings(ansi=arguments[0].ansi))
    unordered = {left, right} & set(UNORDERED)
    if unordered and {left, right} - unordered <= {STRING}:
        raise mismatch(f'Values of the type "{left.sql()}" cannot be compared.', condition="INVALID_ORDERING_TYPE")
    nested = arguments[0].ansi and isinstance(kind, _NESTED)
    if kind is None or (nested and (mixes_text(left, right) or mixes_decimals(left, right))):
        raise mismatch(f'"{left.sql()}" and "{right.sql()}" cannot be compared.', condition="BINARY_OP_DIFF_TYPES")
    if isinstance(kind, MapType):
        raise mismatch("Maps cannot be compared.", condition="INVALID_ORDERING_TYPE")
    return kind


def _comparison(name: str, sign: str) -> Function:
    ordered = sign in ("<", "<=", ">", ">=")

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        kind = orderable(_compared(arguments), sign)
        return Resolved((kind, kind), BOOLEAN)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        left, right = arguments
        if NULL in (left.type, right.type) and name != "null_safe_equal":
            return "CAST(NULL AS BOOLEAN)"
        if ordered and is_nested(left.type):
            return f"({order_key(left.sql, left.type)} {sign} {order_key(right.sql, right.type)})"
        return f"({left.sql} {sign} {right.sql})"

    return rewritten(name, (2, 2), resolve, render) if ordered else Function(name, (2, 2), resolve, render)


def _may_raise(sql: str) -> bool:
    return any(mark in sql for mark in ("error(", " / ", " // ", " % ", "CAST(c", "CAST(("))


def _and(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    left, right = (a.sql for a in arguments)
    if _may_raise(left) or _may_raise(right):
        # Spark looks at the left side first, and not at the right side of a false one; DuckDB at either or both.
        return f"(CASE WHEN {left} IS FALSE THEN false ELSE ({left} AND {right}) END)"
    return f"({left} AND {right})"


def _or(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    left, right = (a.sql for a in arguments)
    if _may_raise(left) or _may_raise(right):
        return f"(CASE WHEN {left} IS TRUE THEN true ELSE ({left} OR {right}) END)"
    return f"({left} OR {right})"


def _in_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    for other in arguments[1:]:
        kind = _member(Argument(kind, ansi=other.ansi), other)
    return Resolved(tuple(kind for _ in arguments), BOOLEAN)


def _member(value: Argument, other: Argument) -> DataType:
    """Return the type in which IN compares two values; a text inside an array it turns into what the other holds."""
    settings = SqlSettings(ansi=value.ansi)
    mixed = value.ansi and isinstance(value.type, _NESTED) and mixes_text(value.type, other.type)
    kind = comparison_type(value.type, other.type, settings) if mixed else None
    return kind or _compared([value, other])


def _in(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, *rest = (a.sql for a in arguments)
    return f"({value} IN ({', '.join(rest)}))" if rest else "false"


def _if_types(arguments: Sequence[Argument]) -> Resolved:
    _refuse_no_condition(arguments[0])
    kind = common(arguments[1:])
    return Resolved((BOOLEAN, kind, kind), kind)


def _refuse_no_condition(argument: Argument) -> None:
    if argument.type not in (BOOLEAN, NULL):
        raise mismatch(f'A condition is "BOOLEAN", and has the type "{argument.type.sql()}" here.')


def _assert_types(arguments: Sequence[Argument]) -> Resolved:
    _refuse_no_condition(arguments[0])
    return takes(BOOLEAN, STRING, gives=NULL)(arguments)


def _coalesce(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    if len(arguments) == 1:
        return arguments[0].sql
    cases = " ".join(f"WHEN {a.sql} IS NOT NULL THEN {a.sql}" for a in arguments[:-1])
    if _may_raise(cases) or _may_raise(arguments[-1].sql):
        return f"(CASE {cases} ELSE {arguments[-1].sql} END)"
    return f"coalesce({', '.join(a.sql for a in arguments)})"


def _nullif_types(arguments: Sequence[Argument]) -> Resolved:
    kind = orderable(_compared(arguments), "nullif")
    kept = arguments[0].type if arguments[0].type != NULL else kind
    return Resolved((kept, kind), kept)


def _nullif(arguments: Sequence[Rendered], _kind: DataType, settings: SqlSettings) -> str:
    """The value stays as it is: only where it is compared has it the common type."""
    left, right = arguments
    if NULL in (left.type, right.type):
        return left.sql
    mode = CastMode.ANSI if settings.ansi else CastMode.LEGACY
    compared = render_cast(left.sql, left.type, right.type, mode=mode, settings=settings)
    return f"(CASE WHEN {compared} = {right.sql} THEN NULL ELSE {left.sql} END)"


def _nvl2_types(arguments: Sequence[Argument]) -> Resolved:
    kind = common(arguments[1:])
    return Resolved((arguments[0].type, kind, kind), kind)


def _raise_error(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"(CASE WHEN true THEN {fail('USER_RAISED_EXCEPTION', f'''coalesce({arguments[0].sql}, 'null')''')} END)"


def _assert_true(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    message = arguments[1].sql if len(arguments) == 2 else "'The condition is not true!'"
    return f"(CASE WHEN {arguments[0].sql} IS TRUE THEN NULL ELSE {fail('USER_RAISED_EXCEPTION', message)} END)"


def _nan_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type if arguments[0].type == FLOAT else DOUBLE
    return Resolved((takes(kind, gives=kind)(arguments).arguments[0],), BOOLEAN)


def _nanvl(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    value, other = (a.sql for a in arguments)
    return f"(CASE WHEN isnan({value}) THEN {other} ELSE {value} END)"


def _zero_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if isinstance(kind, DecimalType):
        return Resolved((kind,), kind)
    if kind == NULL:
        return Resolved((INT,), INT)
    return alike(arguments)


def simple_name(kind: DataType) -> str:
    """Return the type as Spark's typeof writes it, such as ``array<int>`` or ``struct<a:int>``."""
    if isinstance(kind, ArrayType):
        return f"array<{simple_name(kind.element)}>"
    if isinstance(kind, MapType):
        return f"map<{simple_name(kind.key)},{simple_name(kind.value)}>"
    if isinstance(kind, StructType):
        return f"struct<{','.join(f'{f.name}:{simple_name(f.type)}' for f in kind.fields)}>"
    return kind.sql().lower()


def _typeof(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return "'" + simple_name(arguments[0].type).replace("'", "''") + "'"


_TRUTH = takes(BOOLEAN, BOOLEAN, gives=BOOLEAN)
_ONE = takes(ANY, gives=BOOLEAN)

FUNCTIONS = table(
    _comparison("equal", "="),
    _comparison("not_equal", "<>"),
    _comparison("less", "<"),
    _comparison("less_equal", "<="),
    _comparison("greater", ">"),
    _comparison("greater_equal", ">="),
    _comparison("null_safe_equal", "IS NOT DISTINCT FROM"),
    Function("and", (2, 2), _TRUTH, _and),
    Function("between", (2, 2), _TRUTH, _and),
    Function("or", (2, 2), _TRUTH, _or),
    Function("not", (1, 1), _TRUTH, text("(NOT {0})")),
    Function("is_null", (1, 1), _ONE, text("({0} IS NULL)")),
    Function("is_not_null", (1, 1), _ONE, text("({0} IS NOT NULL)")),
    Function("is_true", (1, 1), _TRUTH, text("({0} IS TRUE)")),
    Function("is_false", (1, 1), _TRUTH, text("({0} IS FALSE)")),
    lazy("is_nan", (1, 1), _nan_types, text("coalesce(isnan({0}), false)")),
    lazy("in", (1, None), _in_types, _in),
    lazy("if", (3, 3), _if_types, text("(CASE WHEN {0} THEN {1} ELSE {2} END)")),
    lazy("coalesce", (1, None), alike, _coalesce),
    lazy("nvl", (2, 2), alike, _coalesce),
    lazy("nvl2", (3, 3), _nvl2_types, text("(CASE WHEN {0} IS NOT NULL THEN {1} ELSE {2} END)")),
    lazy("nullif", (2, 2), _nullif_types, _nullif),
    lazy("nanvl", (2, 2), alike, _nanvl),
    lazy("nullifzero", (1, 1), _zero_types, text("(CASE WHEN {0} = 0 THEN NULL ELSE {0} END)")),
    lazy("zeroifnull", (1, 1), _zero_types, text("(CASE WHEN {0} IS NULL THEN 0 ELSE {0} END)")),
    lazy("raise_error", (1, 1), takes(STRING, gives=NULL), _raise_error),
    lazy("assert_true", (1, 2), _assert_types, _assert_true),
    lazy("typeof", (1, 1), takes(ANY, gives=STRING), _typeof),
    equal_null="null_safe_equal",
    ifnull="nvl",
    isnull="is_null",
    isnotnull="is_not_null",
    isnan="is_nan",
)
