"""State of a query, read with `headrace sql` while the query runs: rows, names, and what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.engine.parts import START_US, MakePipeline, Notes, OpenQuery, feed

from headrace.assembly.compile import NO_DATA_BATCHES
from headrace.batch.session import BatchSession
from headrace.clock import ManualClock
from headrace.config.pipeline import Pipeline
from headrace.config.quantities import TriggerKind
from headrace.config.yaml_tree import YamlTree
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.query import QueryParts
from headrace.engine.startup import recover
from headrace.errors import StreamError

CODE = Path(__file__).parents[1] / "queries" / "python" / "sessions_of_users.py"
NO_MORE = {NO_DATA_BATCHES: "false"}
Ask = Callable[[str], list[str]]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Runs a statement in which {q} stands for the query's checkpoint folder; gives the lines of the shell."""
    session = BatchSession({}, ManualClock(START_US))

    def run(statement: str) -> list[str]:
        return list(session.run(statement.replace("{q}", str(tmp_path / "checkpoints" / "q"))).lines)

    yield run
    session.close()


def batches(parts: QueryParts, *seconds: list[int]) -> None:
    """Run one batch for each list of clicks; the query stays open."""
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), Notes())
    loop.begin(recover(parts))
    for some in seconds:
        feed(parts, some)
        loop.settle()


def run(open_query: OpenQuery, pipeline: Pipeline, *seconds: list[int]) -> QueryParts:
    """Open a query and run batches."""
    parts = open_query(pipeline)
    batches(parts, *seconds)
    return parts


def test_groups_are_read_while_the_query_runs(make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask) -> None:
    """Keys and buffers have Spark's names; the folder's lock is the query's and the folder is left as it is."""
    sql = "SELECT user, count(*) AS n, avg(v) AS a FROM clicks GROUP BY user, window(ts, '10 seconds')"
    parts = run(open_query, make_pipeline(sql=sql, settings=NO_MORE), [1, 2], [3, 14])
    state = parts.checkpoint.folder / "state"
    before = sorted(path.relative_to(state) for path in state.rglob("*"))
    found = ask("SELECT key.user, key.window.start, value.*, partition_id FROM read_statestore('{q}') ORDER BY 2")
    assert found == ["a\t2024-01-01 00:00:00\t3\t6.0\t3\t0", "a\t2024-01-01 00:00:10\t1\t14.0\t1\t0"]
    assert ask("SELECT count(*) FROM statestore.`{q}` WHERE key.user = 'a'") == ["2"]
    assert sorted(path.relative_to(state) for path in state.rglob("*")) == before


def test_earlier_batches_are_read_as_long_as_they_are_there(
    make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask
) -> None:
    """From the snapshot before them, and without any from the first delta."""
    sql = "SELECT user, sum(v) AS total FROM clicks GROUP BY user"
    run(open_query, make_pipeline(sql=sql, settings=NO_MORE), [1], [2], [3], [4], [5])
    totals = [ask(f"SELECT value.sum FROM read_statestore('{{q}}', batchId => {batch})") for batch in range(5)]
    assert totals == [["1"], ["3"], ["6"], ["10"], ["15"]]
    with pytest.raises(StreamError, match=r"batch 5 is not committed in .*; there are 0 to 4") as refused:
        ask("SELECT * FROM read_statestore('{q}', batchId => 5)")
    assert refused.value.condition == "STDS_COMMITTED_BATCH_UNAVAILABLE"


def test_what_is_read_beside_running_batches_is_always_the_state_after_one_of_them(
    make_pipeline: MakePipeline, open_query: OpenQuery, tmp_path: Path
) -> None:
    """Snapshots come and go meanwhile; batch n adds n, so every sum is one of 1 + 2 + ... and none falls."""
    parts = open_query(make_pipeline(sql="SELECT user, sum(v) AS total FROM clicks GROUP BY user", settings=NO_MORE))
    batches(parts, [1])
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        session = BatchSession({}, ManualClock(START_US))
        while not done.is_set():
            folder = tmp_path / "checkpoints" / "q"
            seen.append(int(session.run(f"SELECT value.sum FROM read_statestore('{folder}')").lines[0]))
        session.close()

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        batches(parts, *([n] for n in range(2, 25)))
        done.set()
        reading.result()
    assert seen == sorted(seen)
    assert set(seen) <= {n * (n + 1) // 2 for n in range(1, 25)}


def test_a_batch_whose_deltas_are_gone_is_said_to_be_lost(open_query: OpenQuery, ask: Ask) -> None:
    """With what to leave out; the last one is still there."""
    parts = open_query()
    batches(parts, [1], [2], [3])
    for delta in (parts.checkpoint.folder / "state" / "deltas").glob("0.*"):
        delta.unlink()
    with pytest.raises(StreamError, match="the state after batch 0 cannot be read") as refused:
        ask("SELECT * FROM read_statestore('{q}', batchId => 0)")
    assert (refused.value.code, refused.value.hint) == ("STATE_LOST", "Leave out batchId, for the last one.")
    assert ask("SELECT value.count FROM read_statestore('{q}')") == ["3"]


def test_operators_are_listed_from_the_end_of_the_query(
    make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask
) -> None:
    """Numbers are Spark's: 0 is the last one."""
    views = [{"name": "once", "deduplicate": {"input": "clicks", "columns": ["user", "v"]}}]
    sql = "SELECT window.start, count(*) FROM once GROUP BY window(ts, '10 seconds')"
    run(open_query, make_pipeline(views=views, sql=sql, settings=NO_MORE), [1, 1, 2])
    assert ask("SELECT * FROM read_state_metadata('{q}')") == [
        "0\tstateStoreSave\tdefault\t1\t0\t0\tNULL",
        "1\tdedupe\tdefault\t1\t0\t0\tNULL",
    ]
    assert ask("SELECT key.* FROM read_statestore('{q}', operatorId => 1) ORDER BY v") == ["a\t1", "a\t2"]
    assert ask("SELECT value.count FROM read_statestore('{q}', operatorId => 0)") == ["2"]


def test_keys_within_the_watermark_show_when_they_expire(
    make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask
) -> None:
    """In microseconds, as Spark keeps it."""
    columns = {"input": "clicks", "columns": ["user"], "within_watermark": True}
    views = [{"name": "once", "deduplicate": columns}]
    run(
        open_query,
        make_pipeline(views=views, sql="SELECT user FROM once", output_mode="append", settings=NO_MORE),
        [1, 2],
    )
    found = ask("SELECT key.user, value.expiresAtMicros FROM read_statestore('{q}')")
    assert found == [f"a\t{START_US + 1_000_000}"]


def test_sessions_are_keys(make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask) -> None:
    """A session is among the keys."""
    sql = "SELECT user, count(*) FROM clicks GROUP BY session_window(ts, '5 seconds'), user"
    run(open_query, make_pipeline(sql=sql, output_mode="append", settings=NO_MORE), [1, 2, 40])
    found = ask("SELECT key.user, key.session_window.end, value.count FROM read_statestore('{q}')")
    assert found == ["a\t2024-01-01 00:00:07\t2", "a\t2024-01-01 00:00:45\t1"]


def test_a_state_without_keys_has_one_row(make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask) -> None:
    """What has passed a limit; the NULL that stands for no key is Spark's."""
    sql = "SELECT user FROM clicks LIMIT 7"
    run(open_query, make_pipeline(sql=sql, output_mode="append", settings=NO_MORE), [1, 2, 40])
    assert ask("SELECT key, value FROM read_statestore('{q}')") == ['{"key":null}\t{"value":3}']


def test_a_count_of_everything_has_a_key_without_fields(
    make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask
) -> None:
    """As a struct must have one, it is a NULL."""
    run(open_query, make_pipeline(sql="SELECT count(*) FROM clicks", settings=NO_MORE), [1, 2])
    assert ask("SELECT key, value.count FROM read_statestore('{q}')") == ['{"__dummy__":null}\t2']


def test_the_sides_of_a_join(make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask) -> None:
    """Rows of both sides, those of long keys too; one side has to be named."""
    sql = "SELECT l.v FROM clicks l JOIN clicks r ON l.user = r.user AND l.v > r.v + 100"
    run(
        open_query, make_pipeline(sql=sql, output_mode="append", settings=NO_MORE), list(range(30)), list(range(30, 60))
    )
    rows = ask("SELECT key, value.v, value.user FROM read_statestore('{q}', joinSide => 'left') ORDER BY 2")
    assert rows == [f'{{"field0":"a"}}\t{v}\ta' for v in range(60)]
    assert ask("SELECT count(*), sum(value.v) FROM read_statestore('{q}', joinSide => 'right')") == ["60\t1770"]
    with pytest.raises(StreamError, match="keeps several things: left, right") as refused:
        ask("SELECT * FROM read_statestore('{q}')")
    assert (refused.value.condition, refused.value.hint) == (
        "STDS_REQUIRED_OPTION_UNSPECIFIED",
        "Add joinSide => 'left'.",
    )


def stateful(make_pipeline: MakePipeline, **given: Any) -> Pipeline:
    """Return a query over code of the folder tests/queries/python."""
    pipeline = make_pipeline(
        views=[
            {"name": "named", "sql": "SELECT ts, user AS k, v FROM clicks"},
            {"name": "found", "stateful": {"input": "named", "keys": "k", **given}},
        ],
        sql="SELECT * FROM found",
        output_mode=given.get("output_mode", "append"),
        settings=NO_MORE,
    )
    return pipeline.placed(CODE, YamlTree())


def test_the_state_of_a_function(make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask) -> None:
    """With its timeout, -1 for none as in Spark."""
    function = {"function": "sessions_of_users:running_total", "state_schema": "n BIGINT, total BIGINT"}
    pipeline = stateful(make_pipeline, **function, output_schema="k STRING, n BIGINT, total BIGINT")
    run(open_query, pipeline, [1, 2])
    assert ask("SELECT key.k, value.* FROM read_statestore('{q}')") == ['a\t{"n":2,"total":3}\t-1']


def test_the_variables_of_a_processor(make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask) -> None:
    """Values, elements of lists, entries of maps, and timers, each by an option."""
    given = {"processor": "sessions_of_users:Alarm", "timeout": "event_time", "output_schema": "k STRING, said STRING"}
    run(open_query, stateful(make_pipeline, **given), [1, 2])
    read = "SELECT * FROM read_statestore('{q}', %s)"
    assert ask(read % "stateVarName => 'count'") == ['{"k":"a"}\t{"n":2}\t0']
    assert ask(read % "stateVarName => 'last'") == ['{"k":"a"}\t{"v":1}\t0', '{"k":"a"}\t{"v":2}\t0']
    assert ask(read % "stateVarName => 'signs'") == ['{"k":"a"}\t{"sign":"plus"}\t{"n":2}\t0']
    assert ask(read % "readRegisteredTimers => true") == [f'{{"k":"a"}}\t{START_US // 1000 + 7000}\t0']
    assert ask("SELECT stateStoreName FROM read_state_metadata('{q}')") == ["count", "last", "signs", "$timers"]
    with pytest.raises(StreamError, match="has no lasts; it has") as refused:
        ask(read % "stateVarName => 'lasts'")
    assert refused.value.hint == 'Did you mean "last"?'


def test_values_with_a_time_to_live_show_when_it_ends(
    make_pipeline: MakePipeline, open_query: OpenQuery, ask: Ask
) -> None:
    """As Spark's ttlExpirationMs."""
    given = {"processor": "sessions_of_users:Remembers", "timeout": "processing_time", "output_mode": "update"}
    run(open_query, stateful(make_pipeline, **given, output_schema="k STRING, what STRING"), [1])
    [line] = ask("SELECT value FROM read_statestore('{q}', stateVarName => 'seen')")
    assert json.loads(line)["ttlExpirationMs"] > START_US // 1000


def test_state_without_rows_is_empty(open_query: OpenQuery, make_pipeline: MakePipeline, ask: Ask) -> None:
    """A filter that lets nothing through; its tables are not there yet."""
    sql = "SELECT user, count(*) FROM clicks WHERE v < 0 GROUP BY user"
    run(open_query, make_pipeline(sql=sql), [1])
    assert ask("SELECT * FROM read_statestore('{q}')") == []


def test_a_query_of_the_pipeline_is_named_by_its_name(make_pipeline: MakePipeline, open_query: OpenQuery) -> None:
    """With --pipeline, and joined with itself before."""
    pipeline = make_pipeline(sql="SELECT user, count(*) AS n FROM clicks GROUP BY user")
    run(open_query, pipeline, [1], [2])
    session = BatchSession({}, ManualClock(START_US), pipeline)
    before = "read_statestore('q', batchId => 0)"
    sql = f"SELECT n.value.count - o.value.count FROM read_statestore('q') n JOIN {before} o ON n.key = o.key"
    assert session.run(sql).lines == ("1",)
    session.close()


def test_what_is_wrong_is_said(open_query: OpenQuery, ask: Ask, tmp_path: Path) -> None:
    """With Spark's conditions, and what to write."""
    parts = open_query()
    refused = {
        "read_statestore('{q}')": "no batch is committed",
        "read_statestore()": "names no folder",
        "read_statestore('{q}', operatorID => 1)": "operatorId 1 is none of the query; there are 0",
        "read_statestore('{q}', operatorId => -1)": "must be a constant",
        "read_statestore('{q}', joinSide => 'middle')": "joinSide is 'middle'",
        "read_statestore('{q}', storeName => 'left')": "has no left; it has: default",
        "read_statestore('{q}', batch => 1)": "has no option batch",
        "read_state_metadata('{q}', batchId => 1)": "has no option batchId",
        "read_statestore('{q}', 1)": "takes the folder first",
        f"statestore.`{tmp_path / 'checkpoints'}`": "holds the checkpoints of several queries: q",
        f"statestore.`{tmp_path}`": "is no checkpoint of a query",
    }
    for relation, message in refused.items():
        with pytest.raises(StreamError, match=message):
            ask(f"SELECT * FROM {relation}")
    described = parts.checkpoint.folder / "operators"
    assert json.loads(described.read_text())[0]["values"] == "STRUCT<`count`: BIGINT>"
    described.unlink()
    with pytest.raises(StreamError, match="does not say what its query keeps"):
        ask("SELECT * FROM read_statestore('{q}')")
