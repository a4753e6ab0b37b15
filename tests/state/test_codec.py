"""Codecs: rows come back as they were, keys are equal exactly when Spark's grouping says so, bytes sort like time."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_state import KeyCodec, RowCodec, StateError, StateErrorKind, distinct_keys

I64 = st.integers(-(2**63), 2**63 - 1)
F64 = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, math.nan, -math.nan, math.inf]))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): I64,
    pa.float32(): st.floats(width=32),
    pa.float64(): F64,
    pa.decimal128(38, 6): st.integers(-(10**38) + 1, 10**38 - 1).map(lambda n: Decimal(f"{n}E-6")),
    pa.string(): TEXT,
    pa.binary(): st.binary(max_size=8),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.integers(-(2**55), 2**55),
    pa.timestamp("us", tz="UTC"): st.integers(-(2**55), 2**55),
    pa.time64("us"): st.integers(0, 86_399_999_999),
    pa.duration("us"): st.integers(-(2**55), 2**55),
    pa.null(): st.none(),
    pa.month_day_nano_interval(): st.tuples(*[st.integers(-1000, 1000)] * 3).map(pa.MonthDayNano),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type, null among them."""
    if kind in LEAVES:
        return st.none() | LEAVES[kind]
    if pa.types.is_map(kind):
        keys = LEAVES[kind.key_type]
        entries = st.lists(st.tuples(keys, values_of(kind.item_type)), max_size=3, unique_by=lambda pair: repr(pair[0]))
        return st.none() | entries
    if pa.types.is_list(kind):
        return st.none() | st.lists(values_of(kind.value_type), max_size=3)
    return st.none() | st.fixed_dictionaries({child.name: values_of(child.type) for child in kind})


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Types that hold another."""
    fields = st.lists(inner, max_size=3).map(lambda kinds: pa.struct([(f"f{i}", kind) for i, kind in enumerate(kinds)]))
    maps = st.tuples(st.sampled_from([pa.string(), pa.int64()]), inner).map(lambda pair: pa.map_(*pair))
    return inner.map(pa.list_) | fields | maps


TYPES = st.recursive(st.sampled_from(list(LEAVES)), nested, max_leaves=4)


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Batches of any schema, sometimes a slice of a longer one."""
    kinds = draw(st.lists(TYPES, max_size=4))
    size = draw(st.integers(0, 6))
    arrays = [pa.array(draw(st.lists(values_of(kind), min_size=size, max_size=size)), kind) for kind in kinds]
    schema = pa.schema([pa.field(f"c{i}", kind) for i, kind in enumerate(kinds)])
    if not kinds:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * size, pa.struct([])))
    return pa.RecordBatch.from_arrays(arrays, schema=schema).slice(draw(st.integers(0, size)))


def same(left: pa.RecordBatch, right: pa.RecordBatch) -> bool:
    """Equality that tells NaN apart from nothing but itself and -0.0 from 0.0."""
    return left.schema == right.schema and repr(left.to_pylist()) == repr(right.to_pylist())


@settings(max_examples=150, deadline=None)
@given(batches())
def test_rows_come_back_as_they_were(batch: pa.RecordBatch) -> None:
    """Any type, any depth, nulls anywhere, slices included; the result is valid Arrow."""
    codec = RowCodec(batch.schema)
    rows = codec.encode(batch)
    back = codec.decode(rows)
    back.validate(full=True)
    assert len(rows) == batch.num_rows == back.num_rows
    assert all(row[0] == 1 for row in rows)
    assert same(back, batch)
    assert RowCodec(batch.schema).decode(rows[::-1]).num_rows == batch.num_rows


def canonical(value: Any) -> Any:
    """A value under which equality is Spark's grouping equality, order of map entries aside."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value + 0.0
    if isinstance(value, dict):
        return tuple((name, canonical(part)) for name, part in value.items())
    if isinstance(value, list) and value and type(value[0]) is tuple:
        return frozenset((canonical(name), canonical(part)) for name, part in value)
    return tuple(map(canonical, value)) if isinstance(value, list) else value


@settings(max_examples=150, deadline=None)
@given(batches())
def test_keys_are_equal_bytes_exactly_when_values_are_equal(batch: pa.RecordBatch) -> None:
    """NaN = NaN, -0.0 = 0.0, null = null; everything else apart."""
    codec = KeyCodec(batch.schema)
    keys = codec.encode(batch)
    values = [tuple(canonical(part) for part in row.values()) for row in batch.to_pylist()]
    for left in range(len(keys)):
        for right in range(len(keys)):
            assert (keys[left] == keys[right]) == (values[left] == values[right])
    back = codec.decode(keys)
    assert [tuple(canonical(part) for part in row.values()) for row in back.to_pylist()] == values
    assert codec.encode(back) == keys


def test_every_nan_and_both_zeros_are_one_key() -> None:
    """Bits of NaN do not matter for a key, and do for a row."""
    bits = [0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001]
    floats = [struct.unpack("<d", struct.pack("<Q", pattern))[0] for pattern in bits]
    column = pa.Array.from_buffers(pa.float64(), 3, [None, pa.py_buffer(struct.pack("<3Q", *bits))])
    batch = pa.record_batch({"x": column})
    assert all(map(math.isnan, floats))
    assert len(set(KeyCodec(batch.schema).encode(batch))) == 1
    assert len(set(RowCodec(batch.schema).encode(batch))) == 3
    zeros = pa.record_batch({"x": pa.array([0.0, -0.0], pa.float32())})
    assert len(set(KeyCodec(zeros.schema).encode(zeros))) == 1
    lists = pa.record_batch({"x": pa.array([[0.0, math.nan], [-0.0, -math.nan]])})
    assert len(set(KeyCodec(lists.schema).encode(lists))) == 1


TIMES = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(TIMES, st.integers(-(2**63) - 1, 2**63))
def test_ordered_keys_sort_like_time_and_a_range_holds_exactly_what_is_due(times: list[int | None], now: int) -> None:
    """Nulls come after all values and are due never."""
    ends = pa.array(times, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    windows = pa.StructArray.from_arrays([ends, ends], names=["start", "end"])
    batch = pa.record_batch({"name": pa.array(["n"] * len(times)), "w": windows})
    codec = KeyCodec(batch.schema, order_by=1)
    keys = codec.encode(batch)
    order = sorted(range(len(times)), key=lambda place: keys[place])
    wanted = [time for time in (times[place] for place in order) if time is not None]
    assert wanted == sorted(wanted)
    assert all(times[place] is None for place in order[len(wanted) :])
    start, end = codec.upto(now)
    due = [start <= key < end for key in keys]
    assert due == [time is not None and time <= now for time in times]
    assert codec.decode(keys).equals(batch)


def test_null_window_and_plain_timestamp_order_keys_too() -> None:
    """A null struct counts as a null time."""
    kind = pa.struct([("start", pa.timestamp("us")), ("end", pa.timestamp("us"))])
    batch = pa.record_batch({"w": pa.array([None, {"start": 1, "end": 2}], kind)})
    codec = KeyCodec(batch.schema, 0)
    assert [key[0] for key in codec.encode(batch)] == [2, 1]
    assert same(codec.decode(codec.encode(batch)), batch)
    plain = pa.record_batch({"t": pa.array([-5, 3], pa.int64())})
    low, high = KeyCodec(plain.schema, 0).encode(plain)
    start, end = KeyCodec(plain.schema, 0).upto(-5)
    assert start <= low < end <= high


def test_codec_takes_tables_and_casts_to_its_schema() -> None:
    """Large strings, dictionaries and chunks of an engine are no obstacle."""
    table = pa.table(
        {
            "a": pa.chunked_array([pa.array(["x", None], pa.large_string()), pa.array(["y"], pa.large_string())]),
            "b": pa.array(["p", "q", "p"]).dictionary_encode(),
        }
    )
    codec = RowCodec(pa.schema([("a", pa.string()), ("b", pa.string())]))
    assert codec.decode(codec.encode(table)).to_pylist() == table.to_pylist()
    assert codec.encode(table.slice(0, 0)) == []
    assert codec.encode(codec.schema.empty_table()) == []


def test_signature_names_types_order_and_version() -> None:
    """What is on disk is readable exactly when signatures are equal; names of columns do not matter."""
    schema = pa.schema(
        [("t", pa.timestamp("us", tz="UTC")), ("m", pa.map_(pa.string(), pa.list_(pa.decimal128(10, 2))))]
    )
    assert RowCodec(schema).signature == "row1(timestamp_us_utc, map<string, list<decimal(10,2)>>)"
    assert KeyCodec(schema, 0).signature == "key1(timestamp_us_utc, map<string, list<decimal(10,2)>>) order 0"


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([b"\x02" + bytes(9)], StateErrorKind.INCOMPATIBLE),
        ([b"\x01\x00\x01"], StateErrorKind.CORRUPT),
        ([b"\x01\x00" + bytes(8) + b"x"], StateErrorKind.CORRUPT),
        ([b""], StateErrorKind.CORRUPT),
    ],
)
def test_rows_of_another_version_or_length_are_refused(rows: list[bytes], kind: StateErrorKind) -> None:
    """Bytes that cannot be understood never become values."""
    with pytest.raises(StateError) as caught:
        RowCodec(pa.schema([("a", pa.int64())])).decode(rows)
    assert caught.value.kind is kind


def test_types_that_state_cannot_hold_are_refused_at_construction() -> None:
    """The message names the type."""
    with pytest.raises(TypeError, match="uint8"):
        RowCodec(pa.schema([("a", pa.uint8())]))
    with pytest.raises(TypeError, match="microseconds"):
        RowCodec(pa.schema([("a", pa.timestamp("ms"))]))
    with pytest.raises(TypeError, match="no window"):
        KeyCodec(pa.schema([("a", pa.string())]), 0)
    with pytest.raises(ValueError, match="no ordering column"):
        KeyCodec(pa.schema([("a", pa.string())])).upto(0)


@given(st.lists(st.lists(st.tuples(st.none() | TEXT, I64), max_size=6), min_size=1, max_size=3))
def test_distinct_keys_ascend_and_every_item_has_its_place(batches: list[list[tuple[str | None, int]]]) -> None:
    """The keys of several arrays together; as Arrow they are the same bytes as one by one."""
    codec = KeyCodec(pa.schema([("k", pa.string()), ("n", pa.int64())]))
    tables = [
        pa.table([pa.array([k for k, _ in rows], pa.string()), pa.array([n for _, n in rows], pa.int64())], ["k", "n"])
        for rows in batches
    ]
    arrays = [codec.encode_array(table) for table in tables]
    encoded = [codec.encode(table) for table in tables]
    assert [array.to_pylist() for array in arrays] == encoded
    keys, places = distinct_keys(*arrays)
    assert keys.to_pylist() == sorted({key for some in encoded for key in some})
    assert [keys.take(pa.array(place)).to_pylist() for place in places] == encoded
