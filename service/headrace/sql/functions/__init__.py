"""Room 2: the function table: every Spark function that headrace knows, and how DuckDB does it.

Takes a canonical lower-case name or an alias; gives its `Function`. A name that is not here is refused by the analyzer.

- Numbers: `arithmetic` (operators), `mathematics`, `rounding`, `bits`.
- Conditions: `logic` (comparisons, NULL). Texts and bytes: `text`. Dates and times: `temporal`.
- Collections: `nested`. Texts that carry data: `exchange` (JSON, CSV, XML). Sketches: `sketching`. Session: `facts`.
- What entries are made of: `signature` (arguments and refusals), `ordering` (what has an order), `instant` (moments
  and the session time zone).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from headrace.sql.function import Function
from headrace.sql.functions import (
    arithmetic,
    bits,
    exchange,
    facts,
    logic,
    mathematics,
    nested,
    rounding,
    sketching,
    temporal,
    text,
)
from headrace.sql.functions.signature import refused
from headrace.sql.functions.temporal.dates import BATCH_TIME_PLACEHOLDER

_STATEFUL = "it depends on where a row stands, and a stream has no such place"
_ENGINE = "it tells of the engine or its user, not of the data"
_REFUSED = {
    **dict.fromkeys(("monotonically_increasing_id", "spark_partition_id"), _STATEFUL),
    **dict.fromkeys(("input_file_name", "input_file_block_start", "input_file_block_length"), _ENGINE),
    **dict.fromkeys(("current_user", "user", "session_user", "current_database", "current_catalog"), _ENGINE),
    **dict.fromkeys(("version", "java_method", "reflect", "try_reflect"), _ENGINE),
}

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        **{name: refused(name, why) for name, why in _REFUSED.items()},
        **arithmetic.FUNCTIONS,
        **bits.FUNCTIONS,
        **mathematics.FUNCTIONS,
        **rounding.FUNCTIONS,
        **logic.FUNCTIONS,
        **text.FUNCTIONS,
        **temporal.FUNCTIONS,
        **nested.FUNCTIONS,
        **exchange.FUNCTIONS,
        **facts.FUNCTIONS,
        **sketching.FUNCTIONS,
    }
)
"""Scalar and generator functions by canonical name and alias; an alias maps to the entry of its canonical name."""

__all__ = ["BATCH_TIME_PLACEHOLDER", "FUNCTIONS"]
