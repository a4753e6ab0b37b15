"""The formats json, csv, raw, string and binary: the kit, and what malformed values give."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from json import dumps
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contract import Codec, Decoded, Plugin
from headrace.errors import StreamError
from headrace.options import parse_options
from headrace.testing.format_kit import check_format
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    ArrayType,
    DecimalType,
    MapType,
    StructType,
    struct,
)
from headrace_plugins.formats import csv, json, raw
from headrace_plugins.formats.text_sql import TextSql

MOMENT = datetime(2020, 1, 2, 3, 4, 5, 678_000, UTC)
FLAT = struct(b=BOOLEAN, i=INT, l=BIGINT, x=DOUBLE, s=STRING, d=DATE, t=TIMESTAMP, m=DecimalType(10, 2))
FLAT_ROWS: list[list[Any]] = [
    [True, 1, 2**40, 1e10, "plain", date(2020, 1, 2), MOMENT, Decimal("1.50")],
    [None, None, None, None, None, None, None, None],
    [False, -1, -5, 0.1, 'q"uo\\te,\nline', date(1969, 12, 31), MOMENT, Decimal("-0.01")],
    [True, 0, 0, float("inf"), "ünï \x00", date(2020, 1, 2), MOMENT, Decimal("0.00")],
]


def test_a_format_may_be_collected_while_another_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector runs where it likes, also while a connection opens; what it gives back waits for nobody."""
    connect = duckdb.connect

    def collecting(*args: Any, **kwargs: Any) -> duckdb.DuckDBPyConnection:
        gc.collect()
        return connect(*args, **kwargs)

    def drop_and_open() -> None:
        dropped: list[Any] = [TextSql("Asia/Tokyo")]
        dropped[0].run("SELECT 1 AS n", {})
        dropped.append(dropped)
        del dropped
        opened = TextSql("Asia/Kolkata")
        found.append(opened.run("SELECT current_setting('TimeZone') AS zone", {})["zone"].to_pylist())
        opened.close()

    found: list[list[str]] = []
    gc.collect()
    monkeypatch.setattr(duckdb, "connect", collecting)
    gc.disable()
    try:
        thread = threading.Thread(target=drop_and_open, daemon=True)
        thread.start()
        thread.join(30)
    finally:
        gc.enable()
    assert found == [["Asia/Kolkata"]]


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """Closes codecs at the end of a test."""
    with ExitStack() as stack:
        yield stack


def _codec(closing: ExitStack, plugin: Plugin, schema: StructType, **options: object) -> Codec:
    codec = plugin.build(parse_options(plugin.spec, options), schema)
    assert isinstance(codec, Codec)
    for part in (codec.decoder, codec.encoder):
        if isinstance(part, json.JsonDecoder | json.JsonEncoder | csv.CsvDecoder | csv.CsvEncoder):
            closing.callback(part.close)
    return codec


def _table(schema: StructType, rows: list[list[Any]]) -> pa.Table:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(columns, schema=schema.arrow_schema())


def _decode(codec: Codec, *values: str | bytes | None, columns: list[str]) -> Decoded:
    assert codec.decoder is not None
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return codec.decoder.decode(pa.chunked_array([encoded], pa.binary()), columns)


def _encode(codec: Codec, rows: pa.Table) -> list[Any]:
    assert codec.encoder is not None
    return list(codec.encoder.encode(rows).to_pylist())


def test_json_keeps_the_laws_of_the_contract(closing: ExitStack) -> None:
    """The whole battery passes with flat and nested columns."""
    schema = StructType((*FLAT.fields, *struct(a=ArrayType(BIGINT), r=struct(p=STRING), k=MapType(STRING, INT)).fields))
    nested: list[list[Any]] = [
        [[1, None], {"p": "x"}, [("one", 1)]],
        [None, None, None],
        [[], {"p": None}, []],
        [[2], None, None],
    ]
    rows = [flat + more for flat, more in zip(FLAT_ROWS, nested, strict=True)]
    check_format(_codec(closing, json.PLUGIN, schema), _table(schema, rows))


def test_csv_keeps_the_laws_of_the_contract(closing: ExitStack) -> None:
    """The whole battery passes with every flat type; an empty garbage line of one field is a null."""
    check_format(_codec(closing, csv.PLUGIN, FLAT), _table(FLAT, FLAT_ROWS))


def test_raw_values_keep_the_laws_of_the_contract(closing: ExitStack) -> None:
    """Bytes and text pass through; bytes are never malformed."""
    check_format(_codec(closing, raw.RAW, struct(v=BINARY)), pa.table({"v": [b"\xff", b""]}))
    check_format(_codec(closing, raw.BINARY, struct(v=BINARY)), pa.table({"v": [b"\xff", b""]}))
    check_format(_codec(closing, raw.STRING, struct(v=STRING)), pa.table({"v": ["ü", ""]}))


def test_text_that_is_no_utf8_is_malformed_with_the_place(closing: ExitStack) -> None:
    """The neighbours are untouched."""
    decoded = _decode(_codec(closing, raw.STRING, struct(v=STRING)), "a", b"ab\xff", None, columns=["v"])
    assert decoded.rows.to_pylist() == [{"v": "a"}, {"v": None}, {"v": None}]
    assert decoded.malformed == {1: "not UTF-8: byte 0xff at position 2"}


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["2020-01-02T03:04:05Z", "2020-01-02", "1.5", "NaN"]),
)
_OBJECTS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.one_of(_VALUES, st.lists(_VALUES, max_size=3), st.dictionaries(st.sampled_from("xy"), _VALUES)),
)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.one_of(_OBJECTS, _VALUES), max_size=8))
def test_json_reads_the_same_among_good_texts_and_beside_a_bad_one(values: list[Any]) -> None:
    """Texts are read as if all were JSON first, and one by one when one is not; the rows are those of both ways."""
    schema = struct(a=BIGINT, b=STRING, c=TIMESTAMP, d=ArrayType(DOUBLE), e=MapType(STRING, STRING), f=struct(x=DATE))
    texts = [dumps(value) for value in values]
    with ExitStack() as closing:
        codec = _codec(closing, json.PLUGIN, schema)
        alone = _decode(codec, *texts, columns=list(schema.names))
        beside = _decode(codec, *texts, "{bad", columns=list(schema.names))
    assert beside.rows.slice(0, len(texts)).to_pylist() == alone.rows.to_pylist()
    assert beside.malformed == {**alone.malformed, len(texts): "not valid JSON"}


def test_malformed_json_gives_nulls_and_a_reason(closing: ExitStack) -> None:
    """The rules are from_json's; an empty text and a null are no errors."""
    codec = _codec(closing, json.PLUGIN, struct(a=BIGINT, b=STRING))
    decoded = _decode(
        codec,
        '{"a": 1, "b": {"c": [1, 2]}}',
        '{"a": "7"}',
        '{"a": 1.5, "b": "x"}',
        '{"a": 1',
        "[1, 2]",
        "",
        None,
        "{}",
        b"\xff",
        '{"A": 4}',
        columns=["a", "b"],
    )
    assert decoded.rows.to_pylist()[0] == {"a": 1, "b": '{"c":[1,2]}'}
    assert all(row == {"a": None, "b": None} for row in decoded.rows.to_pylist()[1:])
    assert decoded.malformed == {
        1: "does not fit a BIGINT",
        2: "does not fit a BIGINT",
        3: "not valid JSON",
        4: "not a JSON object but array",
        8: "not UTF-8: byte 0xff at position 0",
    }


def test_json_of_columns_not_asked_for_is_not_looked_at(closing: ExitStack) -> None:
    """Only the columns asked for are read, in the order asked."""
    codec = _codec(closing, json.PLUGIN, struct(a=BIGINT, b=STRING, c=DOUBLE))
    decoded = _decode(codec, '{"a": "bad", "b": "x", "c": 2.5}', columns=["c", "b"])
    assert decoded == Decoded(pa.table({"c": [2.5], "b": ["x"]}), {})


def test_json_timestamps_without_a_zone_are_of_the_session(closing: ExitStack) -> None:
    """Berlin is two hours ahead of UTC in summer."""
    codec = _codec(closing, json.PLUGIN, struct(t=TIMESTAMP), timeZone="Europe/Berlin")
    decoded = _decode(codec, '{"t": "2020-07-01T12:00:00"}', '{"t": "2020-07-01T12:00:00Z"}', columns=["t"])
    hours = [row["t"].astimezone(UTC).hour for row in decoded.rows.to_pylist()]
    assert (hours, decoded.rows.schema.field("t").type) == ([10, 12], TIMESTAMP.arrow())


def test_json_leaves_null_fields_out(closing: ExitStack) -> None:
    """The text is to_json's."""
    codec = _codec(closing, json.PLUGIN, struct(a=BIGINT, s=STRING, x=DOUBLE))
    rows = pa.table({"a": [1, None], "s": ['say "hi"', None], "x": [1e10, None]})
    assert _encode(codec, rows) == ['{"a":1,"s":"say \\"hi\\"","x":1.0E10}', "{}"]


def test_json_keeps_null_fields_when_asked(closing: ExitStack) -> None:
    """At every level, as Spark's to_json does with ignoreNullFields off; a struct that is null is null."""
    inner = struct(**{"b": BIGINT, "it's": STRING})
    schema = struct(a=BIGINT, s=inner, l=ArrayType(inner), m=MapType(STRING, inner))
    codec = _codec(closing, json.PLUGIN, schema, ignoreNullFields=False)
    row = {"b": None, "it's": None}
    rows = pa.table(
        {"a": [None, 1], "s": [row, None], "l": [[row, None], None], "m": [[("k", row)], None]},
        schema=schema.arrow_schema(),
    )
    empty = '{"b":null,"it\'s":null}'
    assert _encode(codec, rows) == [
        f'{{"a":null,"s":{empty},"l":[{empty},null],"m":{{"k":{empty}}}}}',
        '{"a":1,"s":null,"l":null,"m":null}',
    ]


def test_json_with_column_names_that_need_quoting(closing: ExitStack) -> None:
    """Names are data for the SQL behind it."""
    schema = StructType(tuple(struct(**{'we"ird': STRING, "select": BIGINT, "it's": BIGINT}).fields))
    check_format(_codec(closing, json.PLUGIN, schema), _table(schema, [["x", 1, 2], ["y", 3, 4]]))


def test_malformed_csv_gives_nulls_and_a_reason(closing: ExitStack) -> None:
    """Fields are counted, and cast strictly."""
    codec = _codec(closing, csv.PLUGIN, struct(a=BIGINT, b=STRING, c=DOUBLE))
    decoded = _decode(
        codec, "1,x,2.5", "1.5,x,1", "1,x", "1,x,2,3", "", None, ",,", '7,"a,""b",1', columns=["a", "b", "c"]
    )
    assert decoded.rows.to_pylist()[0] == {"a": 1, "b": "x", "c": 2.5}
    assert all(row == {"a": None, "b": None, "c": None} for row in decoded.rows.to_pylist()[1:7])
    assert {n: decoded.malformed[n] for n in (1, 2, 3)} == {
        1: "a field does not fit a BIGINT, b STRING, c DOUBLE",
        2: "2 fields where the schema has 3",
        3: "4 fields where the schema has 3",
    }
    assert not {0, 4, 5, 6} & set(decoded.malformed)


def test_csv_is_written_as_by_spark(closing: ExitStack) -> None:
    """Null is empty, the empty text two quotes, quotes are escaped by a backslash, spaces around are trimmed."""
    codec = _codec(closing, csv.PLUGIN, struct(s=STRING, x=DOUBLE, t=TIMESTAMP))
    rows = _table(
        struct(s=STRING, x=DOUBLE, t=TIMESTAMP),
        [[None, 1e10, MOMENT], ["", None, None], ['a"b', 0.5, None], ["a,b", 1.0, None], [" a ", 1.0, None]],
    )
    assert _encode(codec, rows) == [
        ",1.0E10,2020-01-02T03:04:05.678Z",
        '"",,',
        '"a\\"b",0.5,',
        '"a,b",1.0,',
        "a,1.0,",
    ]


def test_csv_takes_other_separators_and_nulls(closing: ExitStack) -> None:
    """A tab may be written as backslash t."""
    codec = _codec(closing, csv.PLUGIN, struct(a=STRING, b=STRING), sep="\\t", nullValue="NA", quote="'")
    assert _encode(codec, pa.table({"a": ["x\ty", None], "b": ["it's", "z"]})) == ["'x\ty'\t'it\\'s'", "NA\tz"]
    decoded = _decode(codec, "'x\ty'\t'it\\'s'", "NA\t'NA'", columns=["a", "b"])
    assert decoded.rows.to_pylist() == [{"a": "x\ty", "b": "it's"}, {"a": None, "b": "NA"}]


def test_nested_columns_have_no_place_in_csv(closing: ExitStack) -> None:
    """Spark's condition is kept."""
    with pytest.raises(StreamError, match="column a of type ARRAY<INT>") as caught:
        _codec(closing, csv.PLUGIN, struct(a=ArrayType(INT)))
    assert caught.value.condition == "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE"


@pytest.mark.parametrize("schema", [struct(a=BIGINT), struct(a=STRING, b=STRING), StructType(())])
def test_string_takes_one_column_of_text(closing: ExitStack, schema: StructType) -> None:
    """Anything else is refused when the codec is built."""
    with pytest.raises(StreamError, match="one column of type STRING"):
        _codec(closing, raw.STRING, schema)
