"""Room 2: + - * / div % and the bit operators, with ANSI overflow, decimals by Spark's rules, and dates with intervals.

Takes rendered operands; gives DuckDB text that raises only for a row whose result does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from headrace.dataclass import dataclass
from headrace.duck import duckdb_type
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.coercion import decimal_result
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.instant import DIVIDE_BY_ZERO, INTERVALS, MOMENTS, render_timed, timed_types, within
from headrace.sql.functions.signature import (
    NUMERIC,
    accept,
    common,
    fail,
    fits,
    mismatch,
    rewritten,
    table,
    text,
    unsupported,
)
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    DOUBLE,
    FLOAT,
    INT,
    INTEGRAL,
    NULL,
    SMALLINT,
    STRING,
    TINYINT,
    DataType,
    DecimalType,
    IntervalType,
    is_numeric,
)

BITS: Mapping[DataType, int] = {TINYINT: 8, SMALLINT: 16, INT: 32, BIGINT: 64}
_IN_64_BITS = 18
"""Digits of a decimal that DuckDB keeps in 64 bits."""
WHOLE_DECIMALS: Mapping[DataType, DecimalType] = {
    TINYINT: DecimalType(3, 0),
    SMALLINT: DecimalType(5, 0),
    INT: DecimalType(10, 0),
    BIGINT: DecimalType(20, 0),
}
"""The decimal that holds every value of a whole type (Spark DecimalType.forType)."""

REMAINDER_BY_ZERO = fail("REMAINDER_BY_ZERO", "'Remainder by zero. Use `try_mod` to tolerate divisor being 0.'")


def _attempted(value: Rendered, kind: DataType, settings: SqlSettings) -> Rendered:
    read = render_cast(value.sql, STRING, kind, mode=CastMode.TRY, settings=settings) if value.type == STRING else ""
    return replace(value, type=kind, sql=read) if read else value


@dataclass(frozen=True, slots=True)
class Operator:
    """A binary arithmetic operator: its sign in DuckDB, and whether it is a try_ form."""

    name: str
    sign: str
    never_raises: bool = False

    def resolve(self, arguments: Sequence[Argument]) -> Resolved:
        """Return the types of ``left <sign> right``."""
        left, right = (a.type for a in arguments)
        timed = timed_types(self.name, arguments)
        if timed is not None:
            return timed
        if left == right == STRING and arguments[0].ansi:
            raise mismatch(f'"STRING" {self.sign} "STRING" is not defined.')
        numbers = [_number(a, i, arguments[1 - i]) for i, a in enumerate(arguments)]
        if any(isinstance(n, DecimalType) for n in numbers) and not any(n in (DOUBLE, FLOAT) for n in numbers):
            return self._decimals(arguments, numbers)
        if left == NULL and right == NULL:
            numbers = [DOUBLE, DOUBLE]
        kind = common([Argument(n) for n in numbers])
        if self.sign == "/":
            kind = DOUBLE
        if self.sign == "//":
            kind = BIGINT if kind in INTEGRAL or STRING in (left, right) else kind
            if kind != BIGINT:
                raise mismatch(f'div takes whole numbers, and got "{left.sql()}" and "{right.sql()}".')
        quiet = self.never_raises and STRING in (left, right)  # what is no number is NULL, see `_attempted`
        return Resolved(tuple(STRING if quiet and k == STRING else kind for k in (left, right)), kind)

    def _decimals(self, arguments: Sequence[Argument], numbers: Sequence[DataType]) -> Resolved:
        operands = [_as_decimal(a, n) for a, n in zip(arguments, numbers, strict=True)]
        left, right = operands
        result = decimal_result("div" if self.sign == "//" else self.sign, left, right)
        kinds = (left, right)
        natural = {"*": left.scale + right.scale, "/": max(6, left.scale + right.precision + 1)}
        if result.scale < natural.get(self.sign, 0):
            raise unsupported(
                f'"{left.sql()}" {self.sign} "{right.sql()}" needs more than 38 digits, and Spark would round it to '
                f'"{result.sql()}"; that is not done.',
                "Cast the operands to a smaller precision first.",
            )
        return Resolved(kinds, BIGINT if self.sign == "//" else result)

    def render(self, arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        """Return the text of ``left <sign> right``."""
        left, right = arguments = [_attempted(a, kind, settings) for a in arguments]
        quiet = self.never_raises or not settings.ansi
        if any(a.type in (*MOMENTS, *INTERVALS) for a in arguments):
            return render_timed(self.name, arguments, settings, kind)
        if self.sign in ("/", "//", "%"):
            return self._divided(left, right, kind, quiet)
        plain = f"({_wide_enough(left, right, kind)} {self.sign} {right.sql})"
        if kind in (DOUBLE, FLOAT, NULL):
            return plain
        if isinstance(kind, DecimalType):
            return _fit_decimal(plain, kind, quiet=quiet)
        if not quiet:
            return plain
        wide = f"(CAST({left.sql} AS HUGEINT) {self.sign} CAST({right.sql} AS HUGEINT))"
        return f"TRY_CAST({wide} AS {duckdb_type(kind)})" if self.never_raises else wrapped(wide, kind)

    def _divided(self, left: Rendered, right: Rendered, kind: DataType, quiet: bool) -> str:
        at_zero = "NULL" if quiet else REMAINDER_BY_ZERO if self.sign == "%" else DIVIDE_BY_ZERO
        divisor = f"nullif({right.sql}, 0)"  # DuckDB raises where a constant zero divides, whatever stands around it
        if isinstance(left.type, DecimalType) and isinstance(right.type, DecimalType):
            value = _decimal_divided(left, right, self.sign, kind)
            if isinstance(kind, DecimalType):
                value = _fit_decimal(value, kind, quiet=quiet)
        elif self.sign == "//":
            wide = f"(CAST({left.sql} AS HUGEINT) // CAST({divisor} AS HUGEINT))"
            value = wrapped(wide, kind) if quiet else f"CAST({left.sql} // {divisor} AS BIGINT)"
        elif self.sign == "%" and kind in INTEGRAL:
            # The least number modulo -1 is 0; the processor traps on it.
            value = f"CAST(CASE WHEN {right.sql} = -1 THEN 0 ELSE {left.sql} % {divisor} END AS {duckdb_type(kind)})"
        else:
            value = f"{left.sql} {self.sign} {right.sql}"
        return f"(CASE WHEN {right.sql} = 0 AND {left.sql} IS NOT NULL THEN {at_zero} ELSE {value} END)"


def wrapped(wide: str, kind: DataType) -> str:
    """Return a HUGEINT text cut to a whole type as Java does: the low bits, two's complement."""
    half, full = 2 ** (BITS[kind] - 1), 2 ** BITS[kind]
    low = f"((({wide}) + {half}::HUGEINT) & {full - 1}::HUGEINT)"
    return f"CAST({low} - {half}::HUGEINT AS {duckdb_type(kind)})"


def _number(argument: Argument, position: int, other: Argument) -> DataType:
    if argument.type == STRING and argument.ansi and other.type in INTEGRAL:
        return BIGINT
    if argument.type == NULL and is_numeric(other.type):
        return other.type
    return accept(argument, NUMERIC, position)


def _as_decimal(argument: Argument, kind: DataType) -> DecimalType:
    if isinstance(kind, DecimalType):
        return kind
    if argument.constant and isinstance(argument.value, int):
        return DecimalType(max(1, len(str(abs(argument.value)))), 0)  # Spark DecimalType.fromLiteral
    return WHOLE_DECIMALS.get(kind, DecimalType(1, 0))


def _wide_enough(left: Rendered, right: Rendered, kind: DataType) -> str:
    """The left operand's text: DuckDB computes with 18 digits where neither operand has more, and overflows."""
    narrow = all(isinstance(side.type, DecimalType) and side.type.precision <= _IN_64_BITS for side in (left, right))
    if not narrow or not isinstance(kind, DecimalType) or kind.precision <= _IN_64_BITS:
        return left.sql
    assert isinstance(left.type, DecimalType)
    return f"CAST({left.sql} AS DECIMAL({_IN_64_BITS + 1},{left.type.scale}))"


def _fit_decimal(sql: str, kind: DecimalType, *, quiet: bool) -> str:
    if quiet:
        inner = sql if "error(" in sql else f"TRY({sql})"
        return f"TRY_CAST({inner} AS {duckdb_type(kind)})"
    return f"CAST({sql} AS {duckdb_type(kind)})"


def unscaled(value: str, kind: DecimalType) -> str:
    """Return the HUGEINT text of a decimal times ten to its scale, exactly."""
    if kind.scale == 0:
        return f"CAST({value} AS HUGEINT)"
    if kind.precision + kind.scale + 1 <= 38:
        factor = f"CAST('{10**kind.scale}' AS DECIMAL({kind.scale + 1},0))"
        wide = f"CAST({value} AS DECIMAL({max(kind.precision, _IN_64_BITS + 1)},{kind.scale}))"
        return f"CAST({wide} * {factor} AS HUGEINT)"
    return f"CAST(replace(CAST({value} AS VARCHAR), '.', '') AS HUGEINT)"


def rescaled(whole: str, scale: int) -> str:
    """Return the DECIMAL(38, scale) text of a HUGEINT divided by ten to the scale, exactly."""
    if scale == 0:
        return f"CAST({whole} AS DECIMAL(38,0))"
    tick = f"CAST('0.{'1'.rjust(scale, '0')}' AS DECIMAL({scale},{scale}))"
    return f"(CAST({whole} AS DECIMAL(38,0)) * {tick})"


def half_up(top: str, bottom: str) -> str:
    """Return the HUGEINT quotient of two HUGEINT texts, rounded half away from zero."""
    sign = f"(CASE WHEN ({top} < 0) = ({bottom} < 0) THEN 1 ELSE -1 END)"
    return f"({top} // {bottom} + {sign} * (CASE WHEN 2 * abs({top} % {bottom}) >= abs({bottom}) THEN 1 ELSE 0 END))"


def _decimal_divided(left: Rendered, right: Rendered, sign: str, kind: DataType) -> str:
    a, b = left.type, right.type
    assert isinstance(a, DecimalType)
    assert isinstance(b, DecimalType)
    if sign == "/":
        assert isinstance(kind, DecimalType)
        top = f"({unscaled(left.sql, a)} * {10 ** (kind.scale - a.scale + b.scale)}::HUGEINT)"
        return rescaled(half_up(top, f"nullif({unscaled(right.sql, b)}, 0)"), kind.scale)
    scale = max(a.scale, b.scale)
    top = f"({unscaled(left.sql, a)} * {10 ** (scale - a.scale)}::HUGEINT)"
    bottom = f"nullif({unscaled(right.sql, b)} * {10 ** (scale - b.scale)}::HUGEINT, 0)"
    if sign == "//":
        return f"CAST({top} // {bottom} AS BIGINT)"
    return rescaled(f"({top} % {bottom})", scale)


def _negative(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
    value = arguments[0].sql
    if isinstance(kind, IntervalType):
        return within(f"(- CAST({value} AS HUGEINT))", kind, quiet=False, suggestion=False)
    if kind in INTEGRAL:
        if settings.ansi:
            return f"(CAST(0 AS {duckdb_type(kind)}) - {value})"
        return wrapped(f"- CAST({value} AS HUGEINT)", kind)
    return f"(- {value})"


def _negatable(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if kind not in INTERVALS:
        kind = accept(arguments[0], NUMERIC, 0)
    return Resolved((kind,), kind)


def _bitwise(arguments: Sequence[Argument]) -> Resolved:
    kind = common(arguments)
    if kind == NULL:
        kind = INT
    if kind not in INTEGRAL:
        raise mismatch(f'Bit operators take whole numbers, and got "{kind.sql()}".')
    return Resolved(tuple(kind for _ in arguments), kind)


def _shiftable(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type if arguments[0].type in (INT, BIGINT) else accept(arguments[0], INT, 0)
    if not fits(arguments[1].type, INT, ansi=arguments[1].ansi):
        raise mismatch(f'The shift must be "INT", and is "{arguments[1].type.sql()}".')
    return Resolved((kind, INT), kind)


def _shift(name: str, arguments: Sequence[Rendered], kind: DataType) -> str:
    value, bits = arguments[0].sql, BITS[kind]
    step = f"({arguments[1].sql} & {bits - 1})"  # Java takes the low bits of the distance
    if name == "left":
        # Multiplying drops no bits before they are cut: at most 64 + 63 bits, of which HUGEINT holds all but the top.
        low = f"(({value})::HUGEINT & ((1::HUGEINT << ({bits} - {step})) - 1))"
        return wrapped(f"{low} << {step}", kind)
    if name == "right":
        # DuckDB shifts in copies of the sign bit.
        return f"({value} >> {step})"
    unsigned = f"(({value})::HUGEINT & {2**bits - 1}::HUGEINT)"
    return wrapped(f"{unsigned} >> {step}", kind)


def _shifter(name: str) -> Function:
    def render(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
        return _shift(name, arguments, kind)

    names = {"left": "shift_left", "right": "shift_right", "unsigned": "shift_right_unsigned"}
    return rewritten(names[name], (2, 2), _shiftable, render)


def _operator(operator: Operator) -> Function:
    return rewritten(operator.name, (2, 2), operator.resolve, operator.render)


FUNCTIONS = table(
    _operator(Operator("add", "+")),
    _operator(Operator("subtract", "-")),
    _operator(Operator("multiply", "*")),
    _operator(Operator("divide", "/")),
    _operator(Operator("div", "//")),
    _operator(Operator("remainder", "%")),
    _operator(Operator("try_add", "+", never_raises=True)),
    _operator(Operator("try_subtract", "-", never_raises=True)),
    _operator(Operator("try_multiply", "*", never_raises=True)),
    _operator(Operator("try_divide", "/", never_raises=True)),
    _operator(Operator("try_mod", "%", never_raises=True)),
    rewritten("negative", (1, 1), _negatable, _negative),
    Function("positive", (1, 1), _negatable, text("{0}"), How.NATIVE),
    Function("bit_and_op", (2, 2), _bitwise, text("({0} & {1})")),
    Function("bit_or_op", (2, 2), _bitwise, text("({0} | {1})")),
    Function("bit_xor_op", (2, 2), _bitwise, text("xor({0}, {1})")),
    Function("bit_not", (1, 1), _bitwise, text("(~ {0})")),
    _shifter("left"),
    _shifter("right"),
    _shifter("unsigned"),
    mod="remainder",
    shiftleft="shift_left",
    shiftright="shift_right",
    shiftrightunsigned="shift_right_unsigned",
)
