"""Engine: the first state of keys belongs to batch 0, whatever happens to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.parts import MakePipeline, Notes, OpenQuery, feed

from headrace import failpoints
from headrace.config.pipeline import Pipeline
from headrace.config.quantities import TriggerKind
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.startup import recover
from headrace.errors import StreamError

CODE = """\
def totals(key, rows, state):
    total = (state.getOption or (0,))[0] + sum(row.v for row in rows)
    state.update((total,))
    return [(key.user, total)]
"""
RUN_AGAIN = ("before_wal", "after_wal", "after_read", "after_compute", "after_write", "after_delta", "before_commit")
DONE = ("after_commit", "after_apply", "after_commit_log", "after_progress")


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Iterator[None]:
    """The function, beside the pipeline file."""
    (tmp_path / "code_of_totals.py").write_text(CODE)
    folders = list(sys.path)
    yield
    sys.path[:] = folders


def pipeline_of(make_pipeline: MakePipeline, first: int | None, users: str = "ab") -> Pipeline:
    """Return a pipeline whose users start with so much each, or with nothing."""
    view = {
        "input": "clicks", "keys": "user", "function": "code_of_totals:totals",
        "initial_state": None if first is None else "older",
        "output_schema": "user STRING, total BIGINT", "state_schema": "total BIGINT", "output_mode": "update",
    }  # fmt: skip
    rows = [{"user": user, "total": first} for user in users]
    return make_pipeline(
        sql="SELECT * FROM totals",
        tables={"older": {"schema": "user STRING, total BIGINT", "rows": rows}},
        views=[{"name": "totals", "stateful": view}],
    )


def run(parts: Any) -> list[list[tuple[Any, ...]]]:
    """Run what is there and return what each batch gave, in order of the users."""
    notes = Notes()
    QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), notes).run(recover(parts))
    return [sorted(tuple(row.values()) for row in rows) for rows in notes.rows]


@pytest.mark.parametrize("point", [*RUN_AGAIN, *DONE])
def test_the_first_state_is_kept_with_batch_0_or_not_at_all(
    point: str, open_query: OpenQuery, make_pipeline: MakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table has changed when the query starts again: what it says then counts only while batch 0 is not done."""
    parts = open_query(pipeline_of(make_pipeline, 100))
    feed(parts, [1])
    monkeypatch.setattr(failpoints, "_passed", {})
    monkeypatch.setenv(failpoints.VARIABLE, f"{point}:1:raise")
    with pytest.raises(StreamError, match="the failpoint raised"):
        run(parts)
    monkeypatch.delenv(failpoints.VARIABLE)
    parts.close()
    again = open_query(pipeline_of(make_pipeline, 2000))
    first = run(again)
    feed(again, [7], user="b")
    assert [*first, *run(again)] == ([[("b", 107)]] if point in DONE else [[("a", 2001), ("b", 2000)], [("b", 2007)]])


def test_a_first_state_that_comes_later_has_no_effect(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """Keys of a later table are not called, and it need not fit what the checkpoint holds."""
    parts = open_query(pipeline_of(make_pipeline, 5, users=""))
    feed(parts, [1])
    assert run(parts) == [[("a", 1)]]
    parts.close()
    again = open_query(pipeline_of(make_pipeline, 2000, users="aabc"))
    feed(again, [7], user="b")
    assert run(again) == [[("b", 7)]]
    assert again.tables.current(without=again.runner.tables_past(1)) == {}


def test_the_first_state_may_be_taken_out_of_the_file_later(open_query: OpenQuery, make_pipeline: MakePipeline) -> None:
    """What it gave is kept."""
    parts = open_query(pipeline_of(make_pipeline, 100))
    feed(parts, [1])
    assert run(parts) == [[("a", 101), ("b", 100)]]
    parts.close()
    again = open_query(pipeline_of(make_pipeline, None))
    feed(again, [7], user="b")
    assert run(again) == [[("b", 107)]]
