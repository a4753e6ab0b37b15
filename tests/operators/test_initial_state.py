"""The first state of keys: read once, checked before anything runs, and gone from memory afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from tests.operators.conftest import Stage

from headrace.assembly.compile import compile_query
from headrace.clock import ManualClock
from headrace.config.load import load
from headrace.ddl import parse_schema
from headrace.errors import StreamError
from headrace.incremental.steps import CallGroups, Steps
from headrace.inputs.tables import InlineTable, Refreshed, StaticTables
from headrace.operators.groups.function_operator import FunctionOperator
from headrace.operators.stateful import Operator, Thresholds
from headrace.plan.expressions import Column
from headrace.plan.group_code import GroupCode
from headrace.stateful import GroupState, TimeMode
from headrace.testing.pipeline_tests import judge
from headrace.types import BIGINT, DOUBLE, STRING
from headrace.values import EventTime
from headrace_state import StateBatch

CODE = """\
import pyarrow as pa
from headrace.stateful import StatefulProcessor

def totals(key, rows, state):
    return [(key.k, sum(row.v for row in rows) + (state.get.n if state.exists else 0))]

class Base(StatefulProcessor):
    def init(self, handle): self.n = handle.getValueState("n", "n BIGINT")
    def handleInputRows(self, key, rows, timerValues): return [(key.k, self.n.get().n)]

class Takes(Base):
    def handleInitialState(self, key, initialState, timerValues): self.n.update((initialState.n,))

class Tables(Base):
    def handleInputRows(self, key, rows: pa.Table, timerValues):
        n = self.n.get().n
        return pa.table({"k": [key.k], "n": [n]})
    def handleInitialState(self, key, initialState, timerValues):
        self.n.update((sum(initialState["n"].to_pylist()) * 100 + len(initialState["k"]),))

class Yields(Base):
    def handleInitialState(self, key, initialState, timerValues): yield (key.k, 1)

class Breaks(Base):
    def handleInitialState(self, key, initialState, timerValues): return 1 // 0
"""
ROWS = [{"k": "a", "n": 1}, {"k": "b", "n": 2}]
TABLE = {"schema": "k STRING, n BIGINT", "rows": ROWS}


def case_of(name: str, initial: str = "older", tables: Any = None, views: Any = (), **more: Any) -> dict[str, Any]:
    """Return a pipeline test over one view with an initial state."""
    kind = "processor" if name[0].isupper() else "function"
    state = {} if kind == "processor" else {"state_schema": "n BIGINT"}
    view = {"input": "s", "keys": "k", kind: f"code_of_starts:{name}", "output_schema": "k STRING, n BIGINT", **state}
    return {
        "version": 1,
        "sources": {"s": {"schema": "k STRING, v BIGINT"}},
        "tables": {"older": TABLE} if tables is None else tables,
        "views": [*views, {"name": "v", "stateful": {**view, "initial_state": initial, **more}}],
        "query": {"sql": "SELECT * FROM v", "output_mode": "append"},
        "steps": [{"add": {"s": [{"k": "a", "v": 3}]}, "expect": []}],
    }


@pytest.fixture
def failures(tmp_path: Path) -> Callable[[dict[str, Any]], tuple[str, ...]]:
    """Runs a test and gives what failed."""

    def run(case: dict[str, Any]) -> tuple[str, ...]:
        (tmp_path / "code_of_starts.py").write_text(CODE)
        path = tmp_path / "case.yaml"
        path.write_text(yaml.safe_dump(case))
        return judge(path, crash=False).failures

    return run


def table(schema: str) -> dict[str, Any]:
    """Return a table without rows."""
    return {"older": {"schema": schema, "rows": []}}


MARKED = {
    "name": "late",
    "sql": "SELECT k, n, now() AS at FROM older",
    "watermark": {"column": "at", "delay": "1 second"},
}
TWICE = {"name": "twice", "sql": "SELECT k, n, n FROM older"}
WRONG: list[tuple[dict[str, Any], str]] = [
    (case_of("totals", "s"), "[SQL_UNSUPPORTED] The initial state `s` of `v` is a stream; it must be made of static "
     "tables."),
    (case_of("totals", "late", views=[MARKED]), "[SQL_UNSUPPORTED] The initial state `late` of `v` has a watermark, "
     "which no table needs."),
    (case_of("totals", tables=table("key STRING, n BIGINT")), "[UNRESOLVED_COLUMN_AMONG_FIELD_NAMES] The initial state "
     'of `v`, `older`, must have the key `k` once; it has none. Allowed: key, n.'),
    (case_of("totals", tables=table("k STRING, m BIGINT")), "[UNRESOLVED_COLUMN_AMONG_FIELD_NAMES] The initial state "
     "of `v`, `older`, must have the state's column `n` once; it has none. Allowed: k, m."),
    (case_of("totals", tables=table("k STRING, n INT")), "[DATATYPE_MISMATCH] The initial state of `v`, `older`, has "
     "the state's column `n` as INT; it is BIGINT. Cast it in a view."),
    (case_of("Takes", tables=table("k BIGINT, n BIGINT")), "[DATATYPE_MISMATCH] The initial state of `v`, `older`, has "
     "the key `k` as BIGINT; it is STRING. Cast it in a view."),
    (case_of("Takes", "twice", views=[TWICE]), "[COLUMN_ALREADY_EXISTS] `twice` has several columns `n`, which Python "
     "code could not tell apart. Give them names of their own in a view."),
    (case_of("Base"), "[CONFIG_INVALID_VALUE] code_of_starts:Base does not define handleInitialState, which "
     "initial_state needs."),
]  # fmt: skip


@pytest.mark.parametrize(("case", "said"), WRONG, ids=[case[1][:70] for case in WRONG])
def test_what_is_wrong_with_an_initial_state_is_refused(
    failures: Callable[[dict[str, Any]], tuple[str, ...]], case: dict[str, Any], said: str
) -> None:
    """Before anything runs."""
    [found] = failures(case)
    assert found.replace(" pipeline:1:1", "") == f"refused: {said}"


def test_several_rows_of_a_key_are_refused(failures: Callable[[dict[str, Any]], tuple[str, ...]]) -> None:
    """Of a function, whose state is one row; the batch does not happen."""
    twice = {"older": {**TABLE, "rows": [*ROWS, {"k": "b", "n": 3}]}}
    assert failures(case_of("totals", tables=twice)) == (
        "step 1: [SQL_RUNTIME] code_of_starts:totals: the initial state has several rows of the key ('b',). Make them "
        "one in a view, for example with GROUP BY and max_by().",
    )


def test_what_handle_initial_state_does_wrong_is_said(failures: Callable[..., tuple[str, ...]]) -> None:
    """It gives no rows; where it fails, the key is named."""
    [yields] = failures(case_of("Yields"))
    assert "code_of_starts:Yields gave <generator" in yields
    assert yields.endswith("in handleInitialState, which gives no rows; return None.")
    [breaks] = failures(case_of("Breaks"))
    assert "ZeroDivisionError" in breaks
    assert breaks.endswith("Called with the key ('a',).")


def test_a_processor_over_tables_takes_the_rows_of_a_key_at_once(failures: Callable[..., tuple[str, ...]]) -> None:
    """As PySpark gives a frame a key."""
    tables = {"older": {**TABLE, "rows": [*ROWS, {"k": "a", "n": 5}]}}
    case = case_of("Tables", tables=tables)
    case["steps"][0]["expect"] = [{"k": "a", "n": 602}]
    assert failures(case) == ()


KEYS = (Column(STRING, 1, "k"), Column(DOUBLE, 2, "d"))
VALUE = Column(BIGINT, 3, "v")
FIRST = (Column(STRING, 11, "k"), Column(DOUBLE, 12, "d"), Column(BIGINT, 13, "total"))


def adds(key: Any, rows: Any, state: GroupState) -> Any:
    """Add up."""
    total = (state.getOption or (0,))[0] + sum(row.v for row in rows)
    state.update((total,))
    return [(repr(tuple(key)), total)]


def given(pair: tuple[pa.Table, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a batch."""
    return sorted(zip(*(column.to_pylist() for column in pair[0].columns), strict=True))


def test_keys_of_the_first_state_are_equal_as_those_of_rows(
    stage: Callable[[Operator, tuple[str, ...]], Stage],
) -> None:
    """Null keys, NaN and both zeros; a second batch reads no initial state."""
    code = GroupCode("tests:adds", adds, False, parse_schema("total BIGINT"), TimeMode.NONE, "append")
    output = (Column(STRING, 5, "key"), Column(BIGINT, 6, "total"))
    step = CallGroups("groups-0", output, "stretch-0", (*KEYS, VALUE), KEYS, None, code, ("stretch-1", FIRST))
    on_stage = stage(FunctionOperator(step), step.state_tables)
    first = pa.table({"c11": [None, "a", "a"], "c12": [-0.0, float("nan"), None], "c13": [1, 2, 3]})
    rows = pa.table({"c1": pa.array([None], pa.string()), "c2": [0.0], "c3": [10]})
    at = Thresholds(EventTime(0), EventTime(0))
    found = []
    for batch in (0, 1):
        state = StateBatch(on_stage.store, batch)
        found.append(given(FunctionOperator(step).run(rows, at, state, first)))
    assert found == [
        [("('a', None)", 3), ("('a', nan)", 2), ("(None, 0.0)", 11)],
        [("(None, 0.0)", 10)],
    ]


def steps_of(tmp_path: Path, sql: str) -> Steps:
    """Return the steps of a query over a view whose initial state is one table, and a join with another one."""
    (tmp_path / "code_of_starts.py").write_text(CODE)
    view = {
        "input": "s", "keys": "k", "function": "code_of_starts:totals", "output_schema": "k STRING, n BIGINT",
        "state_schema": "n BIGINT", "initial_state": "firsts",
    }  # fmt: skip
    raw = {
        "version": 1,
        "name": "p",
        "sources": {"s": {"format": "memory", "options": {"schema": "k STRING, v BIGINT"}}},
        "tables": {"older": TABLE, "users": TABLE},
        "views": [
            {"name": "firsts", "sql": "SELECT k, max(n) AS n FROM older GROUP BY k"},
            {"name": "v", "stateful": view},
        ],
        "queries": {"q": {"sql": sql, "sink": {"format": "memory"}}},
        "checkpoint": {"location": "c"},
    }
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(raw))
    return compile_query(load(path, environment={}), "q").steps


@pytest.mark.parametrize(
    ("sql", "past"),
    [
        ("SELECT * FROM v", {"older"}),
        ("SELECT v.k FROM v JOIN users ON v.k = users.k", {"older"}),
        ("SELECT v.k FROM v JOIN older ON v.k = older.k", set()),
    ],
)
def test_a_table_that_only_the_first_batch_needs_is_not_read_again(tmp_path: Path, sql: str, past: set[str]) -> None:
    """What others read too stays."""
    assert steps_of(tmp_path, sql).tables_of_first_batch == past


class Vanishing:
    """A table that can be loaded once."""

    schema = pa.schema({"n": pa.int64()})

    def __init__(self) -> None:
        self.loads = 0

    def load(self) -> pa.Table:
        """Return it, or fail."""
        self.loads += 1
        if self.loads > 1:
            raise StreamError("IO_FAILED", "it is gone")
        return pa.table({"n": [1]})


def test_a_table_past_its_time_is_let_go_and_may_be_gone() -> None:
    """Whatever its refresh says."""
    kept = InlineTable(pa.table({"n": [2]}))
    tables = StaticTables({"older": Refreshed(Vanishing(), 0.0), "users": Refreshed(kept, None)}, ManualClock(0))
    assert sorted(tables.current()) == ["older", "users"]
    assert list(tables.current(without={"older"})) == ["users"]
