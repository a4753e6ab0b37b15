"""Messages and specs: whatever goes in at one end comes out at the other one."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.ddl import parse_schema, parse_type
from headrace.stateful import TimeMode
from headrace.types import BIGINT, Field, StructType
from headrace.workers.groups.variables import Variable
from headrace.workers.spec import CodeSpec, FunctionSpec, GroupSpec, from_json, to_json
from headrace.workers.wire import Channel, Message

COLUMNS = st.lists(st.none() | st.text() | st.binary(), max_size=4)
TABLES = st.lists(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=5), max_size=3)


def sent(head: dict[str, Any], tables: list[pa.Table]) -> Message:
    """Return a message after it has crossed a socket pair."""
    ends = [Channel(end) for end in socket.socketpair()]
    sender = threading.Thread(target=ends[0].write, args=[head, tables])
    sender.start()
    try:
        return ends[1].read()
    finally:
        sender.join()
        for end in ends:
            end.close()


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text().filter(lambda key: key != "sizes"), st.text() | st.none()), TABLES)
def test_a_message_arrives_as_it_was_sent(head: dict[str, Any], columns: list[list[int | None]]) -> None:
    """Empty tables too, and names that repeat."""
    tables = [pa.table([pa.array(column, pa.int64())] * 2, names=["a", "a"]) for column in columns]
    told, arrived = sent(head, tables)
    assert told == head
    assert [each.to_pydict() for each in arrived] == [each.to_pydict() for each in tables]
    assert [each.schema for each in arrived] == [each.schema for each in tables]


def test_a_message_larger_than_any_buffer_arrives() -> None:
    """In pieces."""
    table = pa.table({"x": pa.array(range(500_000), pa.int64())})
    assert sent({"n": 1}, [table, table]) == ({"n": 1}, [table, table])


def test_an_end_in_the_middle_of_a_message_is_an_end() -> None:
    """As when the other process is killed."""
    ends = socket.socketpair()
    ends[0].sendall((100).to_bytes(4, "little") + b"{")
    ends[0].close()
    channel = Channel(ends[1])
    with pytest.raises(EOFError):
        channel.read()
    channel.close()


def test_specs_cross_with_every_type_and_name() -> None:
    """Names that are no words, empty schemas."""
    odd = StructType((Field("a `b`", BIGINT), Field("c d", parse_type("MAP<STRING, ARRAY<STRUCT<x: DECIMAL(38,4)>>>"))))
    spec = CodeSpec(
        Path("/somewhere"),
        {"f": FunctionSpec("m:f", odd, parse_type("INTERVAL DAY TO SECOND"), is_by_row=True)},
        {"groups-0": GroupSpec("m:g", False, True, ("k", "a b"), StructType(()), odd, TimeMode.EVENT_TIME)},
    )
    assert from_json(to_json(spec)) == spec
    assert from_json(to_json(CodeSpec())) == CodeSpec()


def test_state_variables_cross() -> None:
    """Maps with their keys, times to live."""
    some = [
        Variable("n", "value", parse_schema("n BIGINT, at TIMESTAMP"), 5),
        Variable("m", "map", parse_schema("`odd name` STRING"), None, parse_schema("k INT")),
    ]
    assert [Variable.from_json(each.to_json()) for each in some] == some
