"""Ground floor: DuckDB text that reads and writes JSON as Spark's from_json and to_json do.

Takes DuckDB expressions and Spark types, gives DuckDB expressions; invalid JSON never fails a statement. Known
differences: a trailing comma is not malformed here; of a key that stands twice the first counts, and a fraction in a
STRING field is written as DuckDB does. Single quotes, and text behind the end, are read where they are mended.
"""

from __future__ import annotations

from headrace.json_read import Mend, from_json, malformed_json, trusted_json
from headrace.json_write import write_json
from headrace.types import DataType, StructType


def from_json_sql(text_sql: str, schema: DataType, time_zone: str, mend: Mend | None = None) -> str:
    """Return a DuckDB expression of the type `schema` that reads a VARCHAR expression as Spark's from_json does.

    Args:
        text_sql: DuckDB text of a VARCHAR; evaluated once.
        schema: A struct, array or map. Field names are case-sensitive; ask only for the fields that are needed.
        time_zone: The session zone, to which the connection's TimeZone must be set.
        mend: Makes JSON of texts that are none; without it they are malformed.

    Raises:
        StreamError: DATATYPE_MISMATCH.INVALID_JSON_SCHEMA, the schema holds a type that JSON cannot carry.
    """
    return from_json(text_sql, schema, time_zone, mend)


def trusted_json_sql(text_sql: str, relation_sql: str, schema: StructType, time_zone: str) -> str:
    """Return a SELECT that reads texts into columns as `from_json_sql` does, at half the cost.

    It fails as a whole where one text is no JSON: blank texts too, but not NULLs.

    Args:
        text_sql: DuckDB text of a VARCHAR column of the relation.
        relation_sql: What to read from.
        schema: The columns wanted.
        time_zone: As in `from_json_sql`.

    Raises:
        StreamError: as `from_json_sql`.
    """
    return trusted_json(text_sql, relation_sql, schema, time_zone)


def malformed_json_sql(text_sql: str, schema: DataType, mend: Mend | None = None) -> str:
    """Return a BOOLEAN expression: true where a text is neither NULL nor blank and does not fit the schema somewhere.

    Texts that are no JSON are mended as in `from_json_sql`.

    Raises:
        StreamError: as `from_json_sql`.
    """
    return malformed_json(text_sql, schema, mend)


def to_json_sql(value_sql: str, kind: DataType, time_zone: str, *, nulls: bool = False) -> str:
    """Return a VARCHAR expression with the JSON that Spark's to_json writes for a value of the type.

    With `nulls` fields that are NULL are written too, as without Spark's ignoreNullFields.

    Raises:
        StreamError: DATATYPE_MISMATCH.INVALID_JSON_SCHEMA, the type has no JSON form.
    """
    return write_json(value_sql, kind, time_zone, nulls=nulls)
