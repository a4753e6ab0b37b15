"""Room 2: the options of functions that read and write JSON, CSV and XML; what is not done is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.sql.function import Argument, Rendered
from headrace.sql.functions.signature import unsupported
from headrace.types import DATE, TIMESTAMP, TIMESTAMP_NTZ, DataType

PATTERNS: Mapping[DataType, str] = {
    TIMESTAMP: "timestampformat",
    TIMESTAMP_NTZ: "timestampntzformat",
    DATE: "dateformat",
}
"""The option that holds the pattern of each type of moment, in lower case."""


def options_of(argument: Argument | Rendered, allowed: Sequence[str], name: str) -> dict[str, str]:
    """Return a constant map of options by lower-case name.

    Raises:
        StreamError: SQL_UNSUPPORTED, the map is no constant or names an option that is not done.
    """
    if not argument.constant or not isinstance(argument.value, dict):
        raise unsupported(f"The options of {name} must be a constant map.")
    found = {str(key).lower(): str(value) for key, value in argument.value.items()}
    unknown = sorted(set(found) - {option.lower() for option in allowed})
    if unknown:
        raise unsupported(f"The option {unknown[0]} of {name} is not done; allowed: {', '.join(allowed)}.")
    return found
