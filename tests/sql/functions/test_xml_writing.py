"""What to_xml refuses, by name; its answers beside Spark's are in tests/functions."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.errors import StreamError
from headrace.sql.function import Argument
from headrace.sql.functions import FUNCTIONS
from headrace.types import BINARY, INT, STRING, ArrayType, DataType, Field, MapType, StructType


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("_a", INT, "'_a'"),
        ("_VALUE", STRING, "'_VALUE'"),
        ("a b", INT, "'a b'"),
        ("a><b", INT, "'a><b'"),
        ("a", BINARY, "BINARY as a field"),
        ("a", MapType(STRING, INT), "MAP<STRING, INT> as a field"),
        ("a", ArrayType(ArrayType(INT)), "ARRAY<INT> in an array"),
        ("a", StructType((Field("_b", INT),)), "'_b'"),
    ],
)
def test_what_has_another_form_in_spark_is_refused(name: str, kind: DataType, says: str) -> None:
    """Attributes, maps, bytes and arrays of arrays, at any depth; names that are no XML."""
    with pytest.raises(StreamError) as caught:
        FUNCTIONS["to_xml"].resolve([Argument(StructType((Field(name, kind),)))])
    assert says in caught.value.message


@pytest.mark.parametrize("options", [{"rowTag": "a b"}, {"indent": "x"}, {"rowTag": "a><b"}])
def test_options_that_are_not_done_are_refused(options: dict[str, Any]) -> None:
    """A row tag is a name."""
    arguments = [Argument(StructType((Field("a", INT),))), Argument(MapType(STRING, STRING), True, options)]
    with pytest.raises(StreamError, match="option"):
        FUNCTIONS["to_xml"].resolve(arguments)
