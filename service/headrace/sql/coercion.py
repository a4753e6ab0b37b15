"""Room 2: Spark's implicit casts: which types go together, and what they become.

Takes types and settings, gives types or None; what a cast does to a value is said in `headrace.sql.cast`. Source: Spark
TypeCoercion, AnsiTypeCoercion and DecimalPrecisionTypeCoercion.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_FIELDS,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    GEOGRAPHY,
    GEOMETRY,
    INT,
    INTEGRAL,
    NULL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    VARIANT,
    YEAR_MONTH_FIELDS,
    ArrayType,
    AtomicType,
    DataType,
    DecimalType,
    Field,
    IntervalType,
    MapType,
    StructType,
    interval_of,
    is_numeric,
)

DEFAULT = SqlSettings()
MAX_PRECISION = 38
_MINIMUM_ADJUSTED_SCALE = 6
_INTEGRAL_DECIMALS: dict[DataType, DecimalType] = {
    TINYINT: DecimalType(3, 0),
    SMALLINT: DecimalType(5, 0),
    INT: DecimalType(10, 0),
    BIGINT: DecimalType(20, 0),
}
_TIMES = (DATE, TIMESTAMP_NTZ, TIMESTAMP)


def common_type(a: DataType, b: DataType, settings: SqlSettings = DEFAULT) -> DataType | None:
    """Return the narrowest type that both are cast to in CASE, COALESCE, UNION, array(...), or None.

    A string beside another atomic type: under ANSI the other type (a BIGINT for whole numbers, a DOUBLE for fractions),
    without ANSI a string.
    """
    return _tightest(a, b, settings) or _with_string(a, b, settings) or _nested(a, b, settings)


def common_types(kinds: Sequence[DataType], settings: SqlSettings = DEFAULT) -> DataType | None:
    """Return the common type of all, NULL for none at all, or None when they do not go together."""
    found: DataType | None = NULL
    # Strings first: widening is not associative when a string meets two other types (Spark's findWiderCommonType).
    for kind in sorted(kinds, key=lambda kind: kind != STRING) if not settings.ansi else kinds:
        found = common_type(found, kind, settings) if found is not None else None
    return found


UNORDERED = (VARIANT, GEOMETRY, GEOGRAPHY, CALENDAR_INTERVAL)
"""Types whose values are never compared."""


def comparison_type(a: DataType, b: DataType, settings: SqlSettings = DEFAULT) -> DataType | None:
    """Return the type that both sides of = < > <=> IN are cast to, or None when Spark does not compare them.

    Without ANSI a string beside a number, date or timestamp is cast to the other's type; beside a decimal both become
    DOUBLE. Source: Spark PromoteStrings.
    """
    if a in UNORDERED or b in UNORDERED:
        return None
    if a != b and _named_as(a, b) == a:
        return a
    if settings.ansi or STRING not in (a, b) or a == b:
        return common_type(a, b, settings)
    other = b if a == STRING else a
    if other in _TIMES or other in (*INTEGRAL, FLOAT, DOUBLE, BOOLEAN):
        return other
    if isinstance(other, DecimalType):
        return DOUBLE
    return common_type(a, b, settings)


def _named_as(model: DataType, kind: DataType) -> DataType:
    """Return the type with the names that the fields of structs have in another: rows are compared by position."""
    match model, kind:
        case StructType(), StructType() if len(model.fields) == len(kind.fields):
            pairs = zip(model.fields, kind.fields, strict=True)
            return StructType(tuple(Field(one.name, _named_as(one.type, other.type)) for one, other in pairs))
        case ArrayType(), ArrayType():
            return ArrayType(_named_as(model.element, kind.element))
        case MapType(), MapType():
            return MapType(_named_as(model.key, kind.key), _named_as(model.value, kind.value))
    return kind


def mixes_text(a: DataType, b: DataType) -> bool:
    """Return True when a text stands where the other type has something else, also inside nested types."""
    match a, b:
        case ArrayType(), ArrayType():
            return mixes_text(a.element, b.element)
        case MapType(), MapType():
            return mixes_text(a.key, b.key) or mixes_text(a.value, b.value)
        case StructType(), StructType():
            return any(mixes_text(one.type, other.type) for one, other in zip(a.fields, b.fields, strict=False))
    return STRING in (a, b) and a != b and NULL not in (a, b)


def mixes_decimals(a: DataType, b: DataType) -> bool:
    """Return True for arrays of a decimal and of another number, which Spark does not compare."""
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        one, other = a.element, b.element
        return one != other and NULL not in (one, other) and DecimalType in (type(one), type(other))
    return False


def can_implicitly_cast(frm: DataType, to: DataType, settings: SqlSettings = DEFAULT) -> bool:
    """Return True when an argument of one type may be passed where a function takes the other."""
    if frm in (to, NULL):
        return True
    if isinstance(frm, ArrayType) and isinstance(to, ArrayType):
        return can_implicitly_cast(frm.element, to.element, settings)
    if isinstance(frm, MapType) and isinstance(to, MapType):
        pairs = ((frm.key, to.key), (frm.value, to.value))
        return all(can_implicitly_cast(one, other, settings) for one, other in pairs)
    if isinstance(frm, StructType) and isinstance(to, StructType) and len(frm.fields) == len(to.fields):
        fields = zip(frm.fields, to.fields, strict=True)
        return all(can_implicitly_cast(one.type, other.type, settings) for one, other in fields)
    if not isinstance(frm, AtomicType | DecimalType) or not isinstance(to, AtomicType | DecimalType):
        return False
    return _atomic_implicit(frm, to, settings)


def _atomic_implicit(frm: DataType, to: DataType, settings: SqlSettings) -> bool:
    if frm == STRING:
        return is_numeric(to) or to in (*_TIMES, BINARY) or (to == BOOLEAN and settings.ansi)
    if to == STRING:
        return frm != BINARY or not settings.ansi
    if is_numeric(frm) and is_numeric(to):
        # Without ANSI any number goes where a number is taken; with it only where nothing is lost but digits.
        return not settings.ansi or _tightest(frm, to, settings) == to or to in (FLOAT, DOUBLE)
    if frm in _TIMES and to in _TIMES:
        return not settings.ansi or _TIMES.index(frm) < _TIMES.index(to)
    return False


def decimal_of(kind: DataType) -> DecimalType | None:
    """Return the decimal that holds every value of a whole-number or decimal type, None for other types."""
    return kind if isinstance(kind, DecimalType) else _INTEGRAL_DECIMALS.get(kind)


def decimal_result(op: str, a: DecimalType, b: DecimalType) -> DecimalType:
    """Return the type of ``a op b``.

    Args:
        op: One of ``+ - * / %`` or ``div``.
        a: Type of the left operand.
        b: Type of the right operand.
    """
    whole_a, whole_b = a.precision - a.scale, b.precision - b.scale
    if op in ("+", "-"):
        scale = max(a.scale, b.scale)
        return bounded_decimal(max(whole_a, whole_b) + scale + 1, scale)
    if op == "*":
        return bounded_decimal(a.precision + b.precision + 1, a.scale + b.scale)
    if op == "/":
        scale = max(_MINIMUM_ADJUSTED_SCALE, a.scale + b.precision + 1)
        return bounded_decimal(whole_a + b.scale + scale, scale)
    if op == "%":
        scale = max(a.scale, b.scale)
        return bounded_decimal(min(whole_a, whole_b) + scale, scale)
    if op == "div":
        return bounded_decimal(max(whole_a + b.scale, 1), 0)
    msg = f"{op!r} is no decimal operator; allowed: + - * / % div"
    raise ValueError(msg)


def bounded_decimal(precision: int, scale: int) -> DecimalType:
    """Return the decimal cut to 38 digits, whole digits kept before fractional ones beyond the sixth.

    Source: Spark DecimalType.adjustPrecisionScale.
    """
    if precision <= MAX_PRECISION:
        return DecimalType(precision, scale)
    whole = precision - scale
    least = min(scale, _MINIMUM_ADJUSTED_SCALE)
    return DecimalType(MAX_PRECISION, max(MAX_PRECISION - whole, least))


def _tightest(a: DataType, b: DataType, settings: SqlSettings) -> DataType | None:
    """Return the type to which both widen without a string."""
    if isinstance(a, IntervalType) and isinstance(b, IntervalType) and a == b:
        return spanning(a, b)
    if (a == b and not _of_intervals(a)) or b == NULL:
        return a
    if a == NULL:
        return b
    if is_numeric(a) and is_numeric(b):
        return _wider_number(a, b, settings)
    if a in _TIMES and b in _TIMES:
        return max(a, b, key=_TIMES.index)
    return None


def _of_intervals(kind: DataType) -> bool:
    """Return True for what holds intervals, whose fields may differ where types are equal."""
    return isinstance(kind, ArrayType | MapType | StructType) and "INTERVAL" in kind.sql()


def spanning(a: IntervalType, b: IntervalType) -> IntervalType:
    """Return the interval from the larger first field of two equal types to the smaller last one."""
    fields = DAY_TIME_FIELDS if a == DAY_TIME_INTERVAL else YEAR_MONTH_FIELDS
    first = min(a.fields[0], b.fields[0], key=fields.index)
    return interval_of(first, max(a.fields[1], b.fields[1], key=fields.index))


def _wider_number(a: DataType, b: DataType, settings: SqlSettings) -> DataType:
    if DOUBLE in (a, b):
        return DOUBLE
    one, other = decimal_of(a), decimal_of(b)
    if one is None or other is None:
        # ANSI mode takes DOUBLE, since FLOAT cannot hold every INT (AnsiTypeCoercion.findTightestCommonType).
        decimal = isinstance(a, DecimalType) or isinstance(b, DecimalType)
        return DOUBLE if decimal or settings.ansi else FLOAT
    if a in INTEGRAL and b in INTEGRAL:
        return max(a, b, key=INTEGRAL.index)
    scale = max(one.scale, other.scale)
    whole = max(one.precision - one.scale, other.precision - other.scale)
    return DecimalType(min(whole + scale, MAX_PRECISION), min(scale, MAX_PRECISION))


def _with_string(a: DataType, b: DataType, settings: SqlSettings) -> DataType | None:
    if STRING not in (a, b):
        return None
    other = b if a == STRING else a
    if not isinstance(other, AtomicType | DecimalType):
        return None
    if not settings.ansi:
        return STRING if other not in (BINARY, BOOLEAN) else None
    if other in INTEGRAL:
        return BIGINT
    if other in (FLOAT, DOUBLE) or isinstance(other, DecimalType):
        return DOUBLE
    return other if other in (*_TIMES, BOOLEAN, BINARY) else None


def _nested(a: DataType, b: DataType, settings: SqlSettings) -> DataType | None:
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        element = common_type(a.element, b.element, settings)
        return ArrayType(element) if element is not None else None
    if isinstance(a, MapType) and isinstance(b, MapType):
        key, value = common_type(a.key, b.key, settings), common_type(a.value, b.value, settings)
        return MapType(key, value) if key is not None and value is not None else None
    if isinstance(a, StructType) and isinstance(b, StructType):
        return _struct(a, b, settings)
    return None


def _struct(a: StructType, b: StructType, settings: SqlSettings) -> DataType | None:
    if [name.lower() for name in a.names] != [name.lower() for name in b.names]:
        return None
    fields: list[Field] = []
    for one, other in zip(a.fields, b.fields, strict=True):
        kind = common_type(one.type, other.type, settings)
        if kind is None:
            return None
        fields.append(Field(one.name, kind))
    return StructType(tuple(fields))
