"""State per key: whatever comes, the operator does what a plain loop over keys would do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.operators.conftest import Stage

from headrace.ddl import parse_schema
from headrace.engine.compatibility import differences
from headrace.incremental.steps import CallGroups
from headrace.operators.groups.function_operator import FunctionOperator
from headrace.operators.groups.processor_operator import ProcessorOperator
from headrace.operators.stateful import Operator
from headrace.plan.expressions import Column
from headrace.plan.group_code import GroupCode, takes_tables
from headrace.stateful import GroupState, StatefulProcessor, TimeMode
from headrace.testing.pipeline_tests import judge
from headrace.types import BIGINT, DOUBLE, STRING, TIMESTAMP

KEYS = (Column(STRING, 1, "k"), Column(DOUBLE, 2, "d"))
TIME, VALUE = Column(TIMESTAMP, 3, "at"), Column(BIGINT, 4, "v")
OUTPUT = (Column(STRING, 5, "key"), Column(BIGINT, 6, "total"))
GAP_MS = 5


def total(key: Any, rows: Iterator[Any], state: GroupState) -> Iterator[tuple[str, int]]:
    """Add up; a time-out tells the total and forgets it; a 0 forgets it at once; a 1 lets no time-out be."""
    if state.hasTimedOut:
        yield (repr(tuple(key)), (state.getOption or (-1,))[0])
        state.remove()
        return
    sum_, newest, waits = (state.getOption or (0,))[0], 0, True
    for row in rows:
        sum_, newest, waits = sum_ + row.v, max(newest, int(row.at.timestamp() * 1000)), waits and row.v != 1
        if row.v == 0:
            state.remove()
    if sum_:
        state.update((sum_,))
    if waits:
        state.setTimeoutTimestamp(max(newest + GAP_MS, state.getCurrentWatermarkMs(), 1))


def step_of(call: Callable[..., Any], state: str = "total BIGINT") -> CallGroups:
    """Return a step that calls code by event time."""
    code = GroupCode("tests:code", call, takes_tables(call), parse_schema(state), TimeMode.EVENT_TIME, "append")
    return CallGroups("groups-0", OUTPUT, "stretch-0", (*KEYS, TIME, VALUE), KEYS, TIME, code)


def by_hand(batches: list[tuple[list[Any], int, int]]) -> list[list[tuple[str, int]]]:
    """Return what `total` gives in each batch, by a loop; keys are equal as Spark's are."""
    states: dict[Any, tuple[int | None, int | None]] = {}
    given_rows: list[list[tuple[str, int]]] = []
    for rows, late_ms, watermark_ms in batches:
        given_rows.append([])
        groups: dict[Any, list[Any]] = {}
        for k, d, at_ms, v in rows:
            if at_ms > late_ms:
                groups.setdefault((k, "NaN" if d is not None and d != d else None if d is None else d + 0), []).append(
                    (at_ms, v)
                )
        for key, found in groups.items():
            held, _ = states.get(key, (None, None))
            sum_, waits = held or 0, True
            for _at, v in found:
                sum_, waits = sum_ + v, waits and v != 1
                if v == 0:
                    held = None
            held = sum_ or held
            timeout = max(*(at for at, _ in found), 0) + GAP_MS
            states[key] = (held, max(timeout, watermark_ms, 1) if waits else None)
        for key in [key for key, (_, timeout) in states.items() if timeout is not None and timeout < watermark_ms]:
            k, d = key
            shown = (k, float("nan") if d == "NaN" else d)
            held, _ = states.pop(key)
            given_rows[-1].append((repr(shown), -1 if held is None else held))
    return given_rows


ROWS = st.tuples(
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([None, 0.0, -0.0, 1.5, float("nan")]),
    st.integers(-5, 40),
    st.integers(-2, 3),
)
BATCHES = st.lists(st.tuples(st.lists(ROWS, max_size=8), st.integers(0, 12)), max_size=6)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES)
def test_a_function_is_called_as_a_loop_over_keys_would_call_it(
    stage: Callable[[Operator, tuple[str, ...]], Stage], some: list[tuple[list[Any], int]]
) -> None:
    """Null and NaN keys, rows that are late, state removed and set again, time-outs replaced and left out."""
    watermark_ms, batches = 0, []
    for rows, steps_ms in some:
        batches.append((rows, watermark_ms, watermark_ms + steps_ms))
        watermark_ms += steps_ms
    step = step_of(total)
    on_stage = stage(FunctionOperator(step), step.state_tables)
    found = []
    for rows, late_ms, now_ms in batches:
        columns = [
            pa.array([row[place] for row in rows], kind) for place, kind in ((0, pa.string()), (1, pa.float64()))
        ]
        times = pa.array([row[2] * 1000 for row in rows], pa.timestamp("us", "UTC"))
        table = pa.table(
            {"c1": columns[0], "c2": columns[1], "c3": times, "c4": pa.array([r[3] for r in rows], pa.int64())}
        )
        given_rows, _ = on_stage(table, late_ms * 1000, now_ms * 1000)
        found.append(sorted(zip(*(column.to_pylist() for column in given_rows.columns), strict=True)))
    assert found == [sorted(rows) for rows in by_hand(batches)]


class Counts(StatefulProcessor):
    """Two variables."""

    def init(self, handle: Any) -> None:
        """Declare."""
        handle.getValueState("n", "n BIGINT")
        handle.getListState("last", "v BIGINT")

    def handleInputRows(self, key: Any, rows: Any, timerValues: Any) -> Any:
        """Give nothing."""
        return None


class CountsAnew(Counts):
    """The same, changed."""

    def init(self, handle: Any) -> None:
        """Declare."""
        handle.getValueState("n", "n BIGINT")
        handle.getMapState("last", "v BIGINT", "n BIGINT")


CHANGES = [
    (FunctionOperator(step_of(total)), FunctionOperator(step_of(total, "total DOUBLE")), ["state"]),
    (FunctionOperator(step_of(total)), FunctionOperator(replace(step_of(total), keys=KEYS[:1])), ["grouping", "keys"]),
    (FunctionOperator(step_of(total)), ProcessorOperator(step_of(Counts)), ["state", "operator", "variables"]),
    (ProcessorOperator(step_of(Counts)), ProcessorOperator(step_of(CountsAnew)), ["state", "variables"]),
]


@pytest.mark.parametrize(("old", "new", "parts"), CHANGES, ids=[" ".join(case[2]) for case in CHANGES])
def test_state_of_another_shape_is_not_taken_for_its_own(old: Operator, new: Operator, parts: list[str]) -> None:
    """Keys, types, variables; the code itself may change."""
    records = [{"sources": [], "operators": {"groups-0": each.signature}} for each in (old, new)]
    assert [said.split(" ")[0] for _, said in differences(*records)] == parts


CODE = """\
def silent(key, rows, state):
    if state.hasTimedOut:
        return [(key.k, state.getCurrentProcessingTimeMs() - 1704067200000)]
    state.update((1,))
    state.setTimeoutDuration(1500)
"""


def test_a_timeout_by_processing_time_makes_a_batch_of_its_own(tmp_path: Path) -> None:
    """The clock goes on a second a step, without rows; there is no batch before the time, and none after it."""
    (tmp_path / "code_of_silence.py").write_text(CODE)
    view = {
        "input": "s", "keys": "k", "function": "code_of_silence:silent", "output_schema": "k STRING, ms BIGINT",
        "state_schema": "n INT", "timeout": "processing_time",
    }  # fmt: skip
    case = {
        "version": 1,
        "sources": {"s": {"schema": "k STRING"}},
        "views": [{"name": "v", "stateful": view}],
        "query": {"sql": "SELECT * FROM v", "output_mode": "append"},
        "steps": [
            {"add": {"s": [{"k": "a"}]}, "expect": []},
            {"expect": []},
            {"expect": [{"k": "a", "ms": 2000}]},
            {"expect": []},
        ],
    }
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(case))
    assert judge(path, crash=False).failures == ()


def test_the_form_of_rows_follows_the_annotation() -> None:
    """Of the second parameter of a function, or of handleInputRows."""

    def tables(key: Any, rows: pa.Table, state: GroupState) -> None: ...

    class Tables(Counts):
        def handleInputRows(self, key: Any, rows: pa.Table, timerValues: Any) -> None: ...

    assert [takes_tables(call) for call in (total, tables, Counts, Tables)] == [False, True, False, True]
