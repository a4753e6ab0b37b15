"""Room 2: xpath and its kin, for the paths that `vectorised.values.xpaths` knows.

Takes rendered texts and a constant path; gives DuckDB text. Source: Spark xml/xpath.scala.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import quote_text
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.rounding import java_whole
from headrace.sql.functions.signature import accept, mismatch, table, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.values.xpaths import is_xpath
from headrace.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INT,
    SMALLINT,
    STRING,
    ArrayType,
    DataType,
)

_NUMBERS = {
    "xpath_double": DOUBLE,
    "xpath_float": FLOAT,
    "xpath_long": BIGINT,
    "xpath_int": INT,
    "xpath_short": SMALLINT,
}


def _path(argument: Argument | Rendered) -> str:
    if not argument.constant or argument.value is None:
        raise mismatch("The path of xpath must be a constant text.", condition="NON_FOLDABLE_INPUT")
    path = str(argument.value)
    if not is_xpath(path):
        allowed = "names, *, /, //, @name, text(), [place], count() and sum()"
        raise unsupported(f"The path {path!r} is not done; allowed: {allowed}.")
    return path


def _function(name: str, kind: DataType, call: str) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        _path(arguments[1])
        return Resolved((accept(arguments[0], STRING, 0), STRING), kind)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        found = f"headrace_{call}({arguments[0].sql}, {quote_text(_path(arguments[1]))})"
        if kind in (DOUBLE, FLOAT):
            return f"CAST({found} AS {kind.sql()})"
        return java_whole(found, kind) if call == "xpath_number" else found

    return Function(name, (2, 2), resolve, render, How.ARROW)


FUNCTIONS = table(
    _function("xpath", ArrayType(STRING), "xpath"),
    _function("xpath_string", STRING, "xpath_string"),
    _function("xpath_boolean", BOOLEAN, "xpath_boolean"),
    *(_function(name, kind, "xpath_number") for name, kind in _NUMBERS.items()),
    xpath_number="xpath_double",
)
