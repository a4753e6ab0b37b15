"""Room 2: functions of the session that are the same for every row and in every run.

Takes nothing, or a text; gives constants. A session of ours is in Spark's default catalog and schema.
"""

from __future__ import annotations

from headrace.duck import quote_text
from headrace.sql.function import Function
from headrace.sql.functions.signature import lazy, table, takes, text
from headrace.types import STRING

_FACTS = {
    "current_catalog": "spark_catalog",
    "current_database": "default",
    "current_path": "system.builtin,system.session,spark_catalog.default",
}


def _fact(name: str, value: str) -> Function:
    return lazy(name, (0, 0), takes(gives=STRING), text(quote_text(value)))


FUNCTIONS = table(
    *(_fact(name, value) for name, value in _FACTS.items()),
    lazy("collation", (1, 1), takes(STRING, gives=STRING), text("'SYSTEM.BUILTIN.UTF8_BINARY'")),
    current_schema="current_database",
)
