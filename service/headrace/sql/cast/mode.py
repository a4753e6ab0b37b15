"""Room 2, casts: what happens to a value that does not fit, as DuckDB text."""

from __future__ import annotations

from enum import Enum

from headrace.dataclass import dataclass
from headrace.duck import quote_text
from headrace.errors import StreamError
from headrace.sql.settings import SqlSettings
from headrace.types import DataType


class CastMode(Enum):
    """What a bad value gives: an error, NULL by Spark 3's laxer rules, or NULL by the strict rules."""

    ANSI = "ansi"
    LEGACY = "legacy"
    TRY = "try"


@dataclass(frozen=True, slots=True)
class Casting:
    """One cast: its types and what a bad value gives."""

    frm: DataType
    to: DataType
    mode: CastMode
    settings: SqlSettings

    @property
    def legacy(self) -> bool:
        """True for Spark 3's laxer rules."""
        return self.mode is CastMode.LEGACY

    def malformed(self, value: str) -> str:
        """Return what stands for a text that cannot be read."""
        message = (
            f'\' of the type "{self.frm.sql()}" cannot be cast to "{self.to.sql()}" because it is malformed. '
            "Correct the value as per the syntax, or change its target type. Use `try_cast` to tolerate malformed "
            "input and return NULL instead."
        )
        return self._failed(value, "[CAST_INVALID_INPUT] The value '", message)

    def overflow(self, value: str) -> str:
        """Return what stands for a number out of the target's range."""
        message = (
            f' of the type "{self.frm.sql()}" cannot be cast to "{self.to.sql()}" due to an overflow. Use `try_cast` '
            "to tolerate overflow and return NULL instead."
        )
        return self._failed(value, "[CAST_OVERFLOW] The value ", message)

    def out_of_range(self, value: str) -> str:
        """Return what stands for a number with more digits than the target decimal holds."""
        message = f" cannot be represented as {self.to.sql()}. Use `try_cast` to return NULL instead."
        return self._failed(value, "[NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION] The value ", message)

    def _failed(self, value: str, before: str, after: str) -> str:
        if self.mode is not CastMode.ANSI:
            return "NULL"
        return f"error({quote_text(before)} || CAST({value} AS VARCHAR) || {quote_text(after)})"

    def refused(self) -> StreamError:
        """Return Spark's error for a pair of types that has no cast."""
        message = f'Cannot cast "{self.frm.sql()}" to "{self.to.sql()}".'
        condition = "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION"
        return StreamError("SQL_ANALYSIS", message, condition=condition)
