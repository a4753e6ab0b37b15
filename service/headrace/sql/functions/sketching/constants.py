"""Room 2: what functions and aggregates of sketches ask of their arguments, and what is said when it is not so."""

from __future__ import annotations

from typing import Any

from headrace.duck import quote_text
from headrace.errors import StreamError
from headrace.sql.function import Argument, Rendered
from headrace.sql.functions.signature import mismatch, unsupported
from headrace.sql.vectorised.sketches import hll
from headrace.sql.vectorised.sketches.tuples import MODES
from headrace.types import BINARY, NULL, DataType

DEFAULT_LOG = 12
"""Sketches keep 2 to the power of this many entries unless told otherwise."""
_LOGS = (4, 26)
_HINTED = "DATATYPE_MISMATCH.TYPE_CHECK_FAILURE_WITH_HINT"


def sketch(argument: Argument, position: int) -> DataType:
    """Return BINARY, which is what a sketch is.

    Raises:
        StreamError: DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE, the argument is something else.
    """
    if argument.type not in (BINARY, NULL):
        raise mismatch(f'Argument {position + 1} must be "BINARY", and has the type "{argument.type.sql()}".')
    return BINARY


def log_of(argument: Argument | Rendered, name: str, *, hinted: bool = False) -> int:
    """Return a constant number of entries as a power of 2.

    Args:
        argument: The argument lgNomEntries.
        name: Of the SQL function.
        hinted: Whether Spark says it within DATATYPE_MISMATCH.

    Raises:
        StreamError: SKETCH_INVALID_LG_NOM_ENTRIES and its kin.
    """
    if not argument.constant:
        message = f"Invalid call to `{name}`; the `lgNomEntries` value must be a constant value."
        condition = "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT" if hinted else "THETA_LG_NOM_ENTRIES_MUST_BE_CONSTANT"
        raise StreamError("SQL_ANALYSIS", message, condition=condition)
    value: Any = argument.value
    if not isinstance(value, int) or not _LOGS[0] <= value <= _LOGS[1]:
        message = f"Invalid call to `{name}`; the `lgNomEntries` value must be between 4 and 26, inclusive: {value}."
        raise StreamError("SQL_ANALYSIS", message, condition=_HINTED if hinted else "SKETCH_INVALID_LG_NOM_ENTRIES")
    return value


def mode_of(argument: Argument | Rendered, name: str) -> str:
    """Return how the numbers of a tuple sketch are joined: sum, min, max or alwaysone.

    Raises:
        StreamError: DATATYPE_MISMATCH.TYPE_CHECK_FAILURE_WITH_HINT, it is none of these.
    """
    if not argument.constant:
        raise mismatch(f"{name}: the mode must be a constant.", condition="NON_FOLDABLE_INPUT")
    mode = str(argument.value).lower()
    if mode not in MODES:
        message = (
            f"Invalid call to `{name}`: mode '{argument.value}' is not supported. Valid modes are: {', '.join(MODES)}."
        )
        raise StreamError("SQL_ANALYSIS", message, condition=_HINTED)
    return mode


def quoted(name: str) -> str:
    """Return the name of a SQL function as DuckDB text, for its messages."""
    return quote_text(name)


def need_hll(name: str) -> None:
    """Refuse a function of HyperLogLog sketches where the package it needs is not installed.

    Raises:
        StreamError: SQL_UNSUPPORTED.
    """
    if not hll.is_installed():
        message = f"{name} needs the package {hll.PACKAGE}, which is not installed."
        raise unsupported(message, "pip install 'headrace[sketches]'")
