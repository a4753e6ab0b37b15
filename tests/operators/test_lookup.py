"""Operators: joins of a stream with a table larger than the batch, compared with DuckDB's join over the whole table."""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.assembly.compile import CompiledQuery, compile_query
from headrace.clock import ManualClock
from headrace.config.pipeline import Pipeline
from headrace.config.yaml_tree import YamlTree
from headrace.contract import Table
from headrace.ddl import parse_schema
from headrace.errors import StreamError
from headrace.inputs.tables import InlineTable, Refreshed, StaticTables
from headrace.operators.run import StepRunner
from headrace.operators.stateful import Thresholds
from headrace.operators.statements import Statements
from headrace.operators.static.static_steps import LOOK_UP_FROM_ROWS
from headrace.sql.session import open_session
from headrace.sql.settings import SqlSettings
from headrace.types import StructType
from headrace.values import US_PER_S, EventTime, ProcessingTime
from headrace_state import QueryState

_DRAWN = itertools.count()

FILLERS = LOOK_UP_FROM_ROWS
"""So many rows of every table have keys that no stream has."""

Values = Sequence[Any]

KINDS: dict[str, tuple[str, str, st.SearchStrategy[Any], Any]] = {
    "bigint": ("BIGINT", "BIGINT", st.integers(-2, 2), 99),
    "int_and_bigint": ("INT", "BIGINT", st.integers(-2, 2), 99),
    "double": ("DOUBLE", "DOUBLE", st.sampled_from([0.0, -0.0, math.nan, math.inf, 1.5]), 99.0),
    "float_and_double": ("FLOAT", "DOUBLE", st.sampled_from([0.0, -0.0, math.nan, 1.5]), 99.0),
    "string": ("STRING", "STRING", st.sampled_from(["", "a", "A", "a ", "zwölf Boxkämpfer jagen"]), "none"),
    "binary": ("BINARY", "BINARY", st.sampled_from([b"", b"\0", b"a"]), b"none"),
    "decimal": ("DECIMAL(10,2)", "DECIMAL(20,3)", st.sampled_from([Decimal("1.5"), Decimal("-1"), Decimal(0)]), 99),
    "date": ("DATE", "DATE", st.dates(datetime.date(2024, 1, 1), datetime.date(2024, 1, 3)), datetime.date(1970, 1, 1)),
    "timestamp": (
        "TIMESTAMP",
        "TIMESTAMP",
        st.sampled_from([datetime.datetime(2024, 1, day, tzinfo=datetime.UTC) for day in (1, 2)]),
        datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC),
    ),
    "boolean": ("BOOLEAN", "BOOLEAN", st.just(True), False),
    "array": ("ARRAY<DOUBLE>", "ARRAY<DOUBLE>", st.lists(st.sampled_from([0.0, -0.0, None]), max_size=2), [99.0]),
    "struct": (
        "STRUCT<a: INT, b: DOUBLE>",
        "STRUCT<a: INT, b: DOUBLE>",
        st.fixed_dictionaries({"a": st.sampled_from([1, None]), "b": st.sampled_from([0.0, -0.0])}),
        {"a": 99, "b": 99.0},
    ),
}
"""Types of both sides, values that meet, and one that no stream has."""

JOINS = {
    "inner": ("clicks s JOIN users t ON {on}", "s.n, t.m"),
    "left": ("clicks s LEFT JOIN users t ON {on}", "s.n, t.m"),
    "semi": ("clicks s LEFT SEMI JOIN users t ON {on}", "s.n, 0 AS m"),
    "anti": ("clicks s LEFT ANTI JOIN users t ON {on}", "s.n, 0 AS m"),
    "table_left": ("users t JOIN clicks s ON {on}", "s.n, t.m"),
    "table_left_outer": ("users t RIGHT JOIN clicks s ON {on}", "s.n, t.m"),
}
CONDITIONS = ("s.k = t.k", "s.k <=> t.k", "s.k = t.k AND s.j <=> t.j", "s.k = t.k AND t.m % 2 = 0 AND s.n <= t.m")


@dataclass
class CountingTable:
    """A table that counts how often it is loaded."""

    schema: StructType
    rows: pa.Table
    loads: int = field(default=0)

    def load(self) -> pa.Table:
        """Return the rows as a new table."""
        self.loads += 1
        return self.rows.slice(0)


def compiled(sql: str, stream: str, table: str, **more: Any) -> CompiledQuery:
    """The query `sql` over the stream `clicks` and the table `users`."""
    raw = {
        "version": 1,
        "name": "lookups",
        "sources": {"clicks": {"format": "memory", "schema": stream}},
        "tables": {"users": {"schema": table, "rows": []}},
        "queries": {"q": {"sql": sql, "output_mode": "append", "sink": {"format": "memory"}}},
        "checkpoint": {"location": "unused"},
        **more,
    }
    return compile_query(Pipeline.model_validate(raw).placed(Path("lookups.yaml"), YamlTree()), "q")


class Running:
    """A query without state; each call is a batch."""

    def __init__(self, query: CompiledQuery, statements: Statements, state: QueryState) -> None:
        self.runner = StepRunner(query.steps, statements)
        self._statements, self._state, self._batch = statements, state, 0

    def __call__(self, clicks: pa.Table, users: pa.Table, at_us: int = 0) -> list[tuple[Any, ...]]:
        """Return the rows, sorted by their texts."""
        self._batch += 1
        self._statements.set_batch_time(ProcessingTime(at_us))
        at = Thresholds(EventTime(0), EventTime(0), ProcessingTime(at_us))
        given = ({"clicks": clicks}, {"users": users}, at, self._state.begin(self._state.version + 1))
        return shown(self.runner.run(*given).rows)


def shown(rows: pa.Table) -> list[tuple[Any, ...]]:
    """Return the rows, sorted by their texts."""
    return sorted((tuple(row.values()) for row in rows.to_pylist()), key=repr)


def rows_of(schema: str, **columns: Values) -> pa.Table:
    """Return a table of exact types."""
    kinds = parse_schema(schema).arrow_schema()
    return pa.table([pa.array(columns[field.name], field.type) for field in kinds], schema=kinds)


@pytest.fixture(scope="module")
def statements() -> Iterator[Statements]:
    """One session for all queries; each has its own names only while it runs."""
    made = Statements(open_session(SqlSettings(), threads=1, memory_limit_bytes=1 << 28, temp_folder=None))
    yield made
    made.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[QueryState]:
    """Nothing is kept."""
    opened = QueryState.open(tmp_path, (), kind="memory")
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_join_of_found_rows_is_the_join_of_all_rows(
    kind: str, statements: Statements, state: QueryState, data: st.DataObject
) -> None:
    """Whatever the keys, the join and its condition; the second batch is the first that looks rows up."""
    stream_type, table_type, values, filler = KINDS[kind]
    how, on = data.draw(st.sampled_from(sorted(JOINS))), data.draw(st.sampled_from(CONDITIONS))
    relation, items = JOINS[how]
    text = f"SELECT {items} FROM {relation.format(on=on)}"
    stream, table = f"k {stream_type}, j INT, n INT", f"k {table_type}, j INT, m INT"
    keyed = st.lists(st.tuples(st.none() | values, st.sampled_from([None, 1, 2])), max_size=6)
    found = [*data.draw(keyed), *((filler, None) for _ in range(FILLERS)), *data.draw(keyed)]
    users = rows_of(table, k=[k for k, _ in found], j=[j for _, j in found], m=range(len(found)))
    run = Running(compiled(text, stream, table), statements, state)
    for _ in range(2):
        rows = data.draw(keyed)
        clicks = rows_of(stream, k=[k for k, _ in rows], j=[j for _, j in rows], n=range(len(rows)))
        assert run(clicks, users) == _joined(text, clicks, users)
    assert list(run.runner.static.made.values()) == [1]


def _joined(text: str, clicks: pa.Table, users: pa.Table) -> list[tuple[Any, ...]]:
    with duckdb.connect() as plain:
        plain.register("clicks", clicks)
        plain.register("users", users)
        for spark, duck in (("<=>", "IS NOT DISTINCT FROM"), ("LEFT SEMI", "SEMI"), ("LEFT ANTI", "ANTI")):
            text = text.replace(spark, duck)
        return shown(plain.sql(text).to_arrow_table())


USERS = rows_of("k INT, m INT, name STRING", k=range(5_000), m=range(5_000), name=[f"{i % 7}" for i in range(5_000)])
CLICKS = rows_of("k INT, n INT", k=[3, 4, None, 9_999], n=[1, 2, 3, 4])
STREAM, TABLE = "k INT, n INT", "k INT, m INT, name STRING"


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT n, m FROM clicks s JOIN (SELECT k + 1 AS k1, m FROM users) t ON s.k = t.k1", [(1, 2), (2, 3)]),
        ("SELECT n, big FROM clicks s JOIN (SELECT k % 9 AS r, max(m) AS big FROM users GROUP BY 1) t ON k = r", None),
        ("SELECT n, m FROM clicks s JOIN users t ON s.k = t.k AND CAST(name AS INT) > 3", [(2, 4)]),
        ("SELECT n, m FROM clicks s JOIN users t ON s.k + 1 = t.m - 1", [(1, 5), (2, 6)]),
        (
            "SELECT n, a.m FROM clicks s JOIN users a ON s.k = a.k JOIN users b ON a.m = b.k AND b.name = '3'",
            [(1, 3)],
        ),
        ("SELECT n, m FROM users t JOIN (SELECT k, n FROM clicks WHERE n > 1) s USING (k)", [(2, 4)]),
        ("SELECT n, 0 FROM clicks WHERE k IN (SELECT m FROM users)", [(1, 0), (2, 0)]),
        ("SELECT n, 0 FROM clicks WHERE k NOT IN (SELECT m FROM users)", [(4, 0)]),
        ("SELECT n, 0 FROM clicks WHERE k < (SELECT max(m) FROM users WHERE m < 5)", [(1, 0)]),
        ("SELECT n, m FROM clicks s JOIN users t ON s.k > t.k AND t.m > 2 AND t.m < 4", [(2, 3), (4, 3)]),
        ("SELECT n, 0 FROM clicks CROSS JOIN (SELECT DISTINCT k % 2 FROM users)", [(n // 2, 0) for n in range(2, 10)]),
        ("SELECT n, m FROM clicks s JOIN users t ON s.k = t.k JOIN (VALUES (4)) v(x) ON t.k = x", [(2, 4)]),
    ],
)
def test_a_table_is_read_once(
    sql: str, rows: list[tuple[int, int]] | None, statements: Statements, state: QueryState
) -> None:
    """Computed, filtered, aggregated, twice in one query: three batches give what one over the whole table gives."""
    run = Running(compiled(sql, STREAM, TABLE), statements, state)
    found = [run(CLICKS, USERS) for _ in range(3)]
    assert found == [found[0]] * 3
    assert rows is None or found[0] == rows
    assert set(run.runner.static.made.values()) <= {1}


def test_a_condition_on_the_moment_is_asked_in_every_batch(statements: Statements, state: QueryState) -> None:
    """The index holds for all times; what is left out by the clock is not part of it."""
    sql = "SELECT n, m FROM clicks s JOIN users t ON s.k = t.k WHERE t.since < current_timestamp()"
    times = pa.array([ms * 1_000 for ms in range(5_000)], pa.timestamp("us", "UTC"))
    run = Running(compiled(sql, STREAM, f"{TABLE}, since TIMESTAMP"), statements, state)
    users = USERS.append_column("since", times)
    assert [run(CLICKS, users, at_us=us) for us in (3_000, 3_001, 4_001)] == [[], [(1, 3)], [(1, 3), (2, 4)]]
    assert run.runner.static.made == {"lookup-0": 1}


def test_a_condition_on_the_moment_that_may_fail_sees_all_rows(statements: Statements, state: QueryState) -> None:
    """It fails on rows that no batch meets, as Spark does; so nothing is looked up."""
    sql = "SELECT n, m FROM clicks s JOIN users t ON s.k = t.k WHERE t.m * 1000 < unix_millis(current_timestamp())"
    run = Running(compiled(sql, STREAM, TABLE), statements, state)
    assert [run(CLICKS, USERS, at_us=ms * 1000) for ms in (3_000, 3_001, 4_001)] == [[], [(1, 3)], [(1, 3), (2, 4)]]
    assert run.runner.static.made == {}


def drawn(numbers: pa.Array) -> pa.Array:
    """An author's function that never gives the same twice."""
    return pa.array([next(_DRAWN)] * len(numbers), pa.int64())


def test_the_function_of_an_author_is_called_once(state: QueryState) -> None:
    """The rows that are looked up are the rows that are joined, even where the function is not one."""
    sql = "SELECT s.n, t.m FROM (SELECT n, drawn(n) AS d FROM clicks) s JOIN users t ON s.d = t.k"
    drawing = {"drawn": {"function": f"{__name__}:drawn", "parameters": "n INT", "returns": "BIGINT"}}
    query = compiled(sql, STREAM, TABLE, functions=drawing)
    functions = [each.arrow() for each in query.functions]
    session = open_session(SqlSettings(), memory_limit_bytes=1 << 28, temp_folder=None)
    own = Statements(session, functions=functions)
    try:
        run = Running(query, own, state)
        assert [[n for n, _ in run(CLICKS, USERS)] for _ in range(4)] == [[1, 2, 3, 4]] * 4
        assert run.runner.static.made == {"lookup-0": 1}
    finally:
        own.close()


def test_a_bad_row_of_a_table_fails_the_batch_as_without_an_index(statements: Statements, state: QueryState) -> None:
    """A computed column is computed for all rows, those that nothing meets among them."""
    sql = "SELECT n, i FROM clicks s JOIN (SELECT k, CAST(name AS INT) AS i FROM users) t ON s.k = t.k"
    bad = USERS.set_column(2, "name", pa.array(["x", *USERS.column("name").to_pylist()[1:]]))
    run = Running(compiled(sql, STREAM, TABLE), statements, state)
    for _ in range(2):
        with pytest.raises(StreamError, match="CAST_INVALID_INPUT"):
            run(CLICKS, bad)


@pytest.mark.parametrize(
    ("good_for_s", "loads", "indexed"),
    [(None, 1, 1), (10.0, 2, 2), (0.0, 6, 0)],
    ids=["never", "after 10 s", "every batch"],
)
def test_a_table_is_indexed_when_it_was_loaded_and_stays(
    good_for_s: float | None, loads: int, indexed: int, statements: Statements, state: QueryState
) -> None:
    """Six batches, 4 seconds apart; a table that is read anew in each is joined whole, as all of it is read anyway."""
    clock = ManualClock()
    table = CountingTable(parse_schema(TABLE), USERS)
    tables = StaticTables({"users": Refreshed(table, good_for_s)}, clock)
    run = Running(compiled("SELECT n, m FROM clicks s JOIN users t ON s.k = t.k", STREAM, TABLE), statements, state)
    for _ in range(6):
        assert run(CLICKS, tables.current()["users"]) == [(1, 3), (2, 4)]
        clock.advance(4 * US_PER_S)
    assert (table.loads, run.runner.static.made.get("lookup-0", 0)) == (loads, indexed)


def test_a_new_load_is_seen(statements: Statements, state: QueryState) -> None:
    """Rows of the table before are not found any more."""
    run = Running(compiled("SELECT n, m FROM clicks s JOIN users t ON s.k = t.k", STREAM, TABLE), statements, state)
    later = USERS.slice(4)
    found = [run(CLICKS, users) for users in (USERS, USERS, later, later, USERS, USERS)]
    assert found == [[(1, 3), (2, 4)]] * 2 + [[(2, 4)]] * 2 + [[(1, 3), (2, 4)]] * 2
    assert run.runner.static.made == {"lookup-0": 3}


def test_a_small_table_and_a_large_batch_are_joined_whole(statements: Statements, state: QueryState) -> None:
    """A search would cost more than it saves."""
    run = Running(compiled("SELECT n, m FROM clicks s JOIN users t ON s.k = t.k", STREAM, TABLE), statements, state)
    small = USERS.slice(0, 10)
    many = rows_of(STREAM, k=[3] * 1_000, n=range(1_000))
    assert [run(CLICKS, small) for _ in range(2)] == [[(1, 3), (2, 4)]] * 2
    assert [len(run(many, USERS)) for _ in range(2)] == [1_000] * 2
    assert run.runner.static.made == {}


def test_an_inline_table_and_a_plugin_are_tables_alike() -> None:
    """Both only load."""
    users: Table = CountingTable(parse_schema(TABLE), USERS)
    assert users.load() == InlineTable(USERS).load()
