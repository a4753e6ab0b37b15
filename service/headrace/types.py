"""Ground floor: Spark's data types, and what each is called in Arrow.

Takes type objects, gives their names and Arrow twins; the DDL text form is read in `sql/ddl.py`. TIMESTAMP is an
instant (Arrow timestamp[us, UTC]), TIMESTAMP_NTZ has no zone.
"""

from __future__ import annotations

from dataclasses import field, replace

import pyarrow as pa

from headrace.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class DataType:
    """A Spark SQL type. Law: two types are equal when Spark's are, names of struct fields included."""

    def sql(self) -> str:
        """Return Spark's SQL name, such as ``DECIMAL(10,2)`` or ``STRUCT<a: INT>``."""
        raise TypeError(type(self).__name__)

    def arrow(self) -> pa.DataType:
        """Return the Arrow type in which batches carry it."""
        raise TypeError(type(self).__name__)


@dataclass(frozen=True, slots=True)
class AtomicType(DataType):
    """A type without parts; the constants below are all there are, but for the fields of intervals."""

    name: str

    def sql(self) -> str:
        """Return Spark's SQL name."""
        return self.name

    def arrow(self) -> pa.DataType:
        """Return the Arrow type in which batches carry it."""
        return _ARROW[self.name]


@dataclass(frozen=True, slots=True)
class IntervalType(AtomicType):
    """INTERVAL DAY TO SECOND or INTERVAL YEAR TO MONTH, with all of its fields or some, such as INTERVAL HOUR.

    Law: two are equal when both are of days or both of months; the fields only say how one is read and written.
    """

    fields: tuple[str, str] = field(compare=False)
    """The first and the last."""

    @property
    def unit(self) -> int:
        """Microseconds, or months, that one of its last field is."""
        return FIELD_SIZES[self.fields[1]]

    def sql(self) -> str:
        """Return Spark's SQL name."""
        first, last = self.fields
        return f"INTERVAL {first}" if first == last else f"INTERVAL {first} TO {last}"


NULL = AtomicType("VOID")
BOOLEAN = AtomicType("BOOLEAN")
TINYINT = AtomicType("TINYINT")
SMALLINT = AtomicType("SMALLINT")
INT = AtomicType("INT")
BIGINT = AtomicType("BIGINT")
FLOAT = AtomicType("FLOAT")
DOUBLE = AtomicType("DOUBLE")
STRING = AtomicType("STRING")
BINARY = AtomicType("BINARY")
DATE = AtomicType("DATE")
TIMESTAMP = AtomicType("TIMESTAMP")
TIMESTAMP_NTZ = AtomicType("TIMESTAMP_NTZ")
TIME = AtomicType("TIME(6)")
VARIANT = AtomicType("VARIANT")
GEOMETRY = AtomicType("GEOMETRY")
GEOGRAPHY = AtomicType("GEOGRAPHY")
FIELD_SIZES = {
    **{"DAY": 86_400_000_000, "HOUR": 3_600_000_000, "MINUTE": 60_000_000, "SECOND": 1_000_000},
    **{"YEAR": 12, "MONTH": 1},
}
"""Microseconds, or months, of each field of an interval."""
DAY_TIME_FIELDS = ("DAY", "HOUR", "MINUTE", "SECOND")
DAY_TIME_INTERVAL = IntervalType("INTERVAL DAY TO SECOND", ("DAY", "SECOND"))
YEAR_MONTH_FIELDS = ("YEAR", "MONTH")
YEAR_MONTH_INTERVAL = IntervalType("INTERVAL YEAR TO MONTH", ("YEAR", "MONTH"))
CALENDAR_INTERVAL = AtomicType("INTERVAL")

_ARROW = {
    "VOID": pa.null(),
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "STRING": pa.string(),
    "BINARY": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "TIMESTAMP_NTZ": pa.timestamp("us"),
    "TIME(6)": pa.time64("us"),
    "VARIANT": pa.string(),
    **dict.fromkeys(("GEOMETRY", "GEOGRAPHY"), pa.struct([("srid", pa.int32()), ("wkb", pa.binary())])),
    "INTERVAL DAY TO SECOND": pa.duration("us"),
    "INTERVAL YEAR TO MONTH": pa.int32(),
    "INTERVAL": pa.month_day_nano_interval(),
}


def interval_of(first: str, last: str) -> IntervalType:
    """Return the interval of the fields from the first to the last, such as HOUR and SECOND."""
    whole = DAY_TIME_INTERVAL if first in DAY_TIME_FIELDS else YEAR_MONTH_INTERVAL
    return replace(whole, fields=(first, last))


INTEGRAL = (TINYINT, SMALLINT, INT, BIGINT)
"""Whole numbers, narrow to wide."""


@dataclass(frozen=True, slots=True)
class DecimalType(DataType):
    """DECIMAL(precision, scale), precision 1 to 38."""

    precision: int = 10
    scale: int = 0

    def sql(self) -> str:
        """Return Spark's SQL name."""
        return f"DECIMAL({self.precision},{self.scale})"

    def arrow(self) -> pa.DataType:
        """Return the Arrow type in which batches carry it."""
        return pa.decimal128(self.precision, self.scale)


@dataclass(frozen=True, slots=True)
class ArrayType(DataType):
    """ARRAY<element>."""

    element: DataType

    def sql(self) -> str:
        """Return Spark's SQL name."""
        return f"ARRAY<{self.element.sql()}>"

    def arrow(self) -> pa.DataType:
        """Return the Arrow type in which batches carry it."""
        return pa.list_(self.element.arrow())


@dataclass(frozen=True, slots=True)
class MapType(DataType):
    """MAP<key, value>."""

    key: DataType
    value: DataType

    def sql(self) -> str:
        """Return Spark's SQL name."""
        return f"MAP<{self.key.sql()}, {self.value.sql()}>"

    def arrow(self) -> pa.DataType:
        """Return the Arrow type in which batches carry it."""
        return pa.map_(self.key.arrow(), self.value.arrow())


@dataclass(frozen=True, slots=True)
class Field:
    """One named field of a struct or column of a schema."""

    name: str
    type: DataType


@dataclass(frozen=True, slots=True)
class StructType(DataType):
    """STRUCT<name: type, ...>; also the schema of a table."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The field names in order."""
        return tuple(field.name for field in self.fields)

    def sql(self) -> str:
        """Return Spark's SQL name."""
        return f"STRUCT<{', '.join(f'{f.name}: {f.type.sql()}' for f in self.fields)}>"

    def arrow(self) -> pa.DataType:
        """Return the Arrow struct type in which batches carry it."""
        return pa.struct([pa.field(f.name, f.type.arrow()) for f in self.fields])

    def arrow_schema(self) -> pa.Schema:
        """Return the Arrow schema of a table with these columns."""
        return pa.schema([pa.field(f.name, f.type.arrow()) for f in self.fields])


def struct(**fields: DataType) -> StructType:
    """Return a struct of the fields in the order written."""
    return StructType(tuple(Field(name, kind) for name, kind in fields.items()))


WINDOW = struct(start=TIMESTAMP, end=TIMESTAMP)
"""What window() and session_window() give."""


def is_numeric(kind: DataType) -> bool:
    """Return True for whole, floating and decimal numbers."""
    return kind in (*INTEGRAL, FLOAT, DOUBLE) or isinstance(kind, DecimalType)
