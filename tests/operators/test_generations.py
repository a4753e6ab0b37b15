"""Rows of state whose schema has grown: what is readable, and that it is read as it was written."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from headrace.ddl import parse_schema
from headrace.operators.groups.generations import StoredRows, has_grown

GROWN = [
    ("n INT", "n INT", True),
    ("n INT", "n BIGINT", True),
    ("n FLOAT", "n DOUBLE", True),
    ("n INT", "n INT, m STRING", True),
    ("n INT, m STRING", "n INT", False),
    ("n BIGINT", "n INT", False),
    ("n INT", "n DOUBLE", False),
    ("n INT", "m INT, n INT", False),
    ("n INT", "m INT", False),
    ("n DECIMAL(10,2)", "n DECIMAL(12,2)", False),
    ("s STRUCT<a: INT>", "s STRUCT<a: BIGINT, b: STRING>, n INT", True),
    ("s STRUCT<a: INT>", "s STRUCT<b: STRING, a: INT>", False),
    ("s ARRAY<STRUCT<a: INT>>", "s ARRAY<STRUCT<a: INT, b: ARRAY<INT>>>", True),
    ("s MAP<STRING, FLOAT>", "s MAP<STRING, DOUBLE>", True),
    ("s MAP<INT, FLOAT>", "s MAP<BIGINT, FLOAT>", False),
    ("s ARRAY<INT>", "s INT", False),
]


@pytest.mark.parametrize(("old", "new", "expected"), GROWN, ids=[f"{case[0]} - {case[1]}" for case in GROWN])
def test_a_schema_may_have_more_columns_behind_and_wider_numbers(old: str, new: str, expected: bool) -> None:
    """Nothing else; inside of structs, arrays and values of maps too."""
    assert has_grown(parse_schema(old), parse_schema(new)) is expected


FIRST = parse_schema("n INT, x FLOAT, s STRUCT<a: INT>, l ARRAY<STRUCT<a: INT>>, m MAP<STRING, INT>, z STRING")
THEN = parse_schema(
    "n BIGINT, x FLOAT, s STRUCT<a: INT, b: STRING>, l ARRAY<STRUCT<a: BIGINT>>, m MAP<STRING, BIGINT>, more INT, "
    "z STRING"
)
NOW = parse_schema(
    "n BIGINT, x DOUBLE, s STRUCT<a: BIGINT, b: STRING>, l ARRAY<STRUCT<a: BIGINT, b: ARRAY<INT>>>, "
    "m MAP<STRING, BIGINT>, more BIGINT, z STRING"
)
ROWS: list[list[dict[str, Any]]] = [
    [
        {
            "n": -1,
            "x": 0.5,
            "s": {"a": 2},
            "l": [{"a": 3}, None, {"a": None}],
            "m": [("k", 4), ("j", None)],
            "z": "old",
        },
        {"n": None, "x": None, "s": None, "l": None, "m": None, "z": None},
        {"n": 2, "x": 1.5, "s": {"a": None}, "l": [], "m": [], "z": ""},
    ],
    [
        {"n": 2**40, "x": 1.5, "s": {"a": 2, "b": "b"}, "l": [{"a": 2**40}], "m": [("k", 2**40)], "more": 7, "z": "z"},
        {"n": None, "x": None, "s": None, "l": None, "m": None, "more": None, "z": None},
    ],
    [{"n": 1, "x": 0.1, "s": None, "l": [{"a": 1, "b": [1]}], "m": [("k", 1)], "more": 2**40, "z": None}],
]


def test_rows_of_all_generations_are_read_together() -> None:
    """In their order; what was not there is null, and numbers keep their values."""
    codecs = [StoredRows(FIRST), StoredRows(THEN, [FIRST]), StoredRows(NOW, [FIRST, THEN])]
    schemas = [kind.arrow_schema() for kind in (FIRST, THEN, NOW)]
    written = [
        codec.encode(pa.Table.from_pylist(rows, schema=schema))
        for codec, rows, schema in zip(codecs, ROWS, schemas, strict=True)
    ]
    first, then, now = written
    mixed = [then[1], first[0], now[0], first[2], then[0], first[1]]
    source = [ROWS[1][1], ROWS[0][0], ROWS[2][0], ROWS[0][2], ROWS[1][0], ROWS[0][1]]
    decoded = codecs[2].decode(mixed)
    assert decoded.schema.equals(schemas[2])
    assert decoded.to_pylist() == [grown(row) for row in source]
    assert codecs[2].decode([]).num_rows == 0
    assert codecs[1].decode([then[0]]).to_pylist() == [ROWS[1][0]]


def grown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as one of the newest schema."""
    inner = row["s"] and {"a": row["s"]["a"], "b": row["s"].get("b")}
    elements = row["l"] and [each and {"a": each["a"], "b": each.get("b")} for each in row["l"]]
    return {**row, "s": inner, "l": elements, "more": row.get("more")}


def test_a_state_that_has_not_grown_is_stored_as_before() -> None:
    """Without a byte in front."""
    rows = pa.Table.from_pylist(ROWS[0], schema=FIRST.arrow_schema())
    plain = StoredRows(FIRST).encode(rows)
    assert {row[0] for row in plain} == {1}
    assert [row[1:] for row in StoredRows(FIRST, [FIRST]).encode(rows)] == plain
