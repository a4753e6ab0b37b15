"""Engine: state of Python code under a schema that has more columns or wider numbers than its checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.parts import START_US, MakePipeline, Notes, OpenQuery, feed

from headrace import failpoints
from headrace.batch.session import BatchSession
from headrace.clock import ManualClock
from headrace.config.pipeline import Pipeline
from headrace.config.quantities import TriggerKind
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.startup import recover
from headrace.errors import StreamError, StreamErrors

CODE = """\
from headrace.stateful import StatefulProcessor

def first(key, rows, state):
    n = (state.getOption or (0,))[0] + len(list(rows))
    state.update((n,))
    return [(key.user, str((n,)))]

def then(key, rows, state):
    before = state.getOption or (0, None)
    n, largest = before[0] + len(list(rows)), 2**40
    state.update((n, largest))
    return [(key.user, str(tuple(before)))]

class Counts(StatefulProcessor):
    def init(self, handle):
        self.a = handle.getValueState("a", "n INT")
        self.b = handle.getValueState("b", "n INT")
        self.kept = handle.getListState("kept", "v INT")
    def handleInputRows(self, key, rows, timerValues):
        self.a.update((1,))
        self.b.update((2,))
        self.kept.appendValue((3,))

class CountsMore(StatefulProcessor):
    def init(self, handle):
        self.kept = handle.getListState("kept", "v BIGINT, w STRING")
        self.b = handle.getValueState("b", "n INT, more DOUBLE")
        self.a = handle.getValueState("a", "n BIGINT")
    def handleInputRows(self, key, rows, timerValues):
        yield key.user, str([tuple(each) for each in (self.a.get(), self.b.get(), *self.kept.get())])
        self.kept.appendValue((2**40, "w"))
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Iterator[None]:
    """The code, beside the pipeline file."""
    (tmp_path / "code_that_grows.py").write_text(CODE)
    folders = list(sys.path)
    yield
    sys.path[:] = folders


@pytest.fixture
def view(make_pipeline: MakePipeline) -> Any:
    """Returns a pipeline over one stateful view."""

    def make(name: str, state: str | None = None) -> Pipeline:
        kind = {"processor": name} if state is None else {"function": name, "state_schema": state}
        kind = {key: f"code_that_grows:{value}" if value == name else value for key, value in kind.items()}
        stateful = {"input": "clicks", "keys": "user", "output_schema": "user STRING, said STRING", **kind}
        return make_pipeline(sql="SELECT * FROM v", output_mode="append", views=[{"name": "v", "stateful": stateful}])

    return make


def run(parts: Any, user: str = "a") -> str:
    """Feed one click, run and close; return what was said."""
    feed(parts, [1], user)
    notes = Notes()
    QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), notes).run(recover(parts))
    parts.close()
    return "".join(row["said"] for rows in notes.rows[-1:] for row in rows)


def contents(folder: Path) -> dict[Path, bytes]:
    """Return what lies in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: path.read_bytes() for path in files if path.name != ".lock" and path.suffix != ".log"}


def test_columns_are_added_and_numbers_get_wider(view: Any, open_query: OpenQuery, tmp_path: Path) -> None:
    """Rows are read as they were written and change when they are written; both kinds are read at once."""
    assert [run(open_query(view("first", "n INT")), user) for user in "ab"] == ["(1,)", "(1,)"]
    grown = view("then", "n BIGINT, largest BIGINT")
    assert [run(open_query(grown), user) for user in "aac"] == ["(1, None)", f"(2, {2**40})", "(0, None)"]
    more = view("then", "n BIGINT, largest BIGINT, last TIMESTAMP")
    with pytest.raises(StreamError, match="state_schema has the columns n, largest, last"):
        run(open_query(more), "b")
    session = BatchSession({}, ManualClock(START_US))
    folder = tmp_path / "checkpoints" / "q"
    lines = list(session.run(f"SELECT key.user, value.groupState.* FROM read_statestore('{folder}') ORDER BY 1").lines)
    session.close()
    assert lines == [f"a\t3\t{2**40}\tNULL", "b\t1\tNULL\tNULL", f"c\t1\t{2**40}\tNULL"]


@pytest.mark.parametrize("point", ["after_compute", "before_commit", "after_commit"])
def test_a_failure_in_the_first_batch_of_a_grown_state_leaves_it_readable(
    point: str, view: Any, open_query: OpenQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint knows of the new schema before any row has it."""
    run(open_query(view("first", "n INT")))
    monkeypatch.setattr(failpoints, "_passed", {})
    monkeypatch.setenv(failpoints.VARIABLE, f"{point}:1:raise")
    parts = open_query(view("then", "n BIGINT, largest BIGINT"))
    with pytest.raises(StreamError, match="the failpoint raised"):
        run(parts)
    monkeypatch.delenv(failpoints.VARIABLE)
    parts.close()
    again = run(open_query(view("then", "n BIGINT, largest BIGINT")))
    assert again == f"(2, {2**40})"


REFUSED = [
    ("n INT", "STRUCT<`n`: BIGINT> and is STRUCT<`n`: INT>"),
    ("n DOUBLE", "STRUCT<`n`: BIGINT> and is STRUCT<`n`: DOUBLE>"),
    ("m INT, n BIGINT", "STRUCT<`n`: BIGINT> and is STRUCT<`m`: INT, `n`: BIGINT>"),
]


@pytest.mark.parametrize(("state", "said"), REFUSED, ids=[case[0] for case in REFUSED])
def test_other_changes_are_refused_before_anything_is_touched(
    state: str, said: str, view: Any, open_query: OpenQuery, tmp_path: Path
) -> None:
    """Narrower, another type, a column in front."""
    run(open_query(view("first", "n BIGINT")))
    before = contents(tmp_path / "checkpoints")
    with pytest.raises(StreamErrors) as caught:
        open_query(view("first", state))
    assert [(error.code, error.condition, error.message) for error in caught.value.errors] == [
        ("CHECKPOINT_INCOMPATIBLE", "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", f"state of groups-0 was {said}.")
    ]
    assert contents(tmp_path / "checkpoints") == before


def test_there_is_no_way_back(view: Any, open_query: OpenQuery) -> None:
    """Once a query has run with more columns, the narrower state is refused."""
    run(open_query(view("first", "n BIGINT")))
    open_query(view("then", "n BIGINT, largest BIGINT")).close()
    with pytest.raises(StreamErrors, match="state of groups-0 was"):
        open_query(view("first", "n BIGINT"))


def test_variables_of_a_processor_grow_and_change_places(view: Any, open_query: OpenQuery) -> None:
    """They are known by their names."""
    run(open_query(view("Counts")))
    assert run(open_query(view("CountsMore"))) == "[(1,), (2, None), (3, None)]"
    assert run(open_query(view("CountsMore"))) == f"[(1,), (2, None), (3, None), ({2**40}, 'w')]"
