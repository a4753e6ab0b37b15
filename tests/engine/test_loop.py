"""Engine: which batches a loop plans, and how it ends."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.engine.parts import START_US, MakePipeline, Notes, OpenQuery, feed

from headrace.clock import ManualClock
from headrace.config.quantities import TriggerKind
from headrace.engine.batch import BatchOutcome
from headrace.engine.checkpoint import CommitEntry
from headrace.engine.loop import MARKER_REFRESH_S, LoopLimits, QueryLoop
from headrace.engine.startup import recover
from headrace.values import US_PER_S, ProcessingTime
from headrace_state import Snapshot, StateError


def at(second: int) -> datetime:
    """A time so many seconds after the start."""
    return datetime.fromtimestamp(START_US / US_PER_S + second, UTC)


def test_a_moved_watermark_makes_one_batch_without_data(open_query: OpenQuery) -> None:
    """12 moves the watermark past window 0; the batch after it has no rows, evicts, and asks for no further one."""
    parts, notes = open_query(), Notes()
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), notes)
    feed(parts, [1, 2, 12])
    loop.run(recover(parts))
    assert notes.rows == [[{"start": at(0), "n": 2}, {"start": at(10), "n": 1}], []]
    assert [outcome.plan.batch for outcome in notes.outcomes] == [0, 1]
    assert [sum(c.total for c in o.result.counts) for o in notes.outcomes] == [2, 1]


def test_available_now_ignores_what_comes_after_its_start(open_query: OpenQuery) -> None:
    """The end is frozen when the run starts."""
    parts, notes = open_query(), Notes()
    feed(parts, [1])
    start = recover(parts)
    original = notes.started

    def feed_more(batch: int) -> None:
        original(batch)
        feed(parts, [2])

    notes.started = feed_more  # type: ignore[method-assign]
    QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), notes).run(start)
    assert sum(read.records for outcome in notes.outcomes for read in outcome.inputs.values()) == 1


def test_available_now_finds_its_start_before_it_fixes_its_end(
    open_query: OpenQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that starts at its newest place, and goes on meanwhile, would else have an end before its start."""
    parts = open_query()
    source, starts = parts.inputs["clicks"].source, list[object]()
    monkeypatch.setattr(source, "freeze", lambda: starts.append(parts.checkpoint.start_of("clicks")))
    QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), Notes()).run(recover(parts))
    assert starts == [source.initial_offset()]


def test_each_phase_of_a_batch_shows_life(open_query: OpenQuery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the one beat of each look for rows: log, read, compute, write, seal, commit, apply."""
    parts, notes, beats = open_query(), Notes(), list[None]()
    monkeypatch.setattr(notes, "heartbeat", lambda: beats.append(None))
    feed(parts, [1])
    QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE, max_batches=1), notes).run(recover(parts))
    assert len(beats) == 1 + 7


def test_once_runs_one_batch_and_none_without_data(open_query: OpenQuery) -> None:
    """The watermark moved, but trigger once ends after its single batch."""
    parts, notes = open_query(), Notes()
    feed(parts, [1, 12])
    QueryLoop(parts, LoopLimits(TriggerKind.ONCE), notes).run(recover(parts))
    assert len(notes.outcomes) == 1


def test_max_batches_ends_the_loop(open_query: OpenQuery) -> None:
    """A second batch, without data, would follow."""
    parts, notes = open_query(), Notes()
    feed(parts, [1, 12])
    QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE, max_batches=1), notes).run(recover(parts))
    assert [outcome.plan.batch for outcome in notes.outcomes] == [0]


def test_a_stop_request_ends_an_idle_loop(open_query: OpenQuery) -> None:
    """Nothing is there; the loop waits until asked to end, from another thread."""
    parts, notes, stop = open_query(), Notes(), threading.Event()
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), notes, stop)
    start = recover(parts)
    thread = threading.Thread(target=loop.run, args=(start,), name="loop")
    thread.start()
    stop.set()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert notes.outcomes == []


def test_processing_time_starts_at_multiples_of_the_interval(open_query: OpenQuery) -> None:
    """With 5 s and a start at 0: after the first batch the next look is at 5 s, then at 10 s."""
    clock = ManualClock(START_US)
    parts, notes = open_query(clock=clock), Notes()
    feed(parts, [1])
    loop = QueryLoop(parts, LoopLimits(TriggerKind.PROCESSING_TIME, 5 * US_PER_S, max_batches=2), notes)
    idle = notes.idle

    def feed_when_idle() -> None:
        idle()
        feed(parts, [2])

    notes.idle = feed_when_idle  # type: ignore[method-assign]
    loop.run(recover(parts))
    assert [outcome.plan.batch_time - START_US for outcome in notes.outcomes] == [0, 5 * US_PER_S]


def test_a_restart_goes_on_where_the_last_run_stopped(open_query: OpenQuery) -> None:
    """State, watermark and offsets come back; the late row of the second run is dropped and counted."""
    parts, notes = open_query(), Notes()
    feed(parts, [1, 12])
    QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), notes).run(recover(parts))
    parts.close()
    again, later = open_query(), Notes()
    feed(again, [3, 13])
    QueryLoop(again, LoopLimits(TriggerKind.AVAILABLE_NOW), later).run(recover(again))
    assert later.rows[0] == [{"start": at(10), "n": 2}]
    assert later.outcomes[0].plan.batch == 2
    assert sum(c.dropped_late for o in later.outcomes for c in o.result.counts) == 1


def test_snapshots_are_taken_and_logs_purged_as_configured(open_query: OpenQuery) -> None:
    """Every second batch, here."""
    parts, notes = open_query(), Notes()
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), notes)
    loop.begin(recover(parts))
    for second in range(4):
        feed(parts, [second])
        loop.settle()
    assert notes.snapshots == len(notes.outcomes) // 2


def test_a_snapshot_holds_up_no_batch_before_the_next_one_is_due(open_query: OpenQuery) -> None:
    """The one asked for by batch 1 waits until batch 2 is done; the run ends when it has been taken."""
    parts, notes, go = open_query(), Notes(), threading.Event()
    snapshot, finished = parts.state.snapshot, notes.finished
    taken_by_batch: list[int] = []

    def wait_and_take() -> Snapshot | None:
        assert go.wait(60)
        return snapshot()

    def feed_and_note(outcome: BatchOutcome, started: ProcessingTime, planning_s: float) -> None:
        finished(outcome, started, planning_s)
        taken_by_batch.append(notes.snapshots)
        feed(parts, [1])
        if len(taken_by_batch) == 3:
            go.set()

    parts.state.snapshot = wait_and_take  # type: ignore[method-assign]
    notes.finished = feed_and_note  # type: ignore[method-assign]
    feed(parts, [1])
    QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE, max_batches=3), notes).run(recover(parts))
    assert taken_by_batch == [0, 0, 0]
    assert notes.snapshots == 1


def test_a_snapshot_that_cannot_be_written_is_told_and_ends_the_loop(open_query: OpenQuery, tmp_path: Path) -> None:
    """Here a file stands where its folder should."""
    parts, notes = open_query(), Notes()
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), notes)
    loop.begin(recover(parts))
    folder = tmp_path / "checkpoints" / "q" / "state" / "snapshots"
    shutil.rmtree(folder)
    folder.touch()
    feed(parts, [1, 12])
    with pytest.raises(StateError):
        loop.settle()
    assert (notes.snapshots, notes.failed_snapshots) == (0, 1)


def test_an_idle_query_keeps_its_marker_fresh(open_query: OpenQuery) -> None:
    """An hour without rows: the marker is written anew, still naming the last batch."""
    clock, stop = ManualClock(START_US), threading.Event()
    parts, notes = open_query(clock=clock), Notes()
    feed(parts, [1])
    claims: list[int] = []
    claim = parts.sink.claim

    def counted(marker: object) -> None:
        claims.append(marker.batch_id)  # type: ignore[attr-defined]
        claim(marker)  # type: ignore[arg-type]

    parts.sink.claim = counted  # type: ignore[method-assign]
    idle = notes.idle

    def pass_time() -> None:
        idle()
        clock.advance(round(MARKER_REFRESH_S * US_PER_S))
        if notes.idles == 3:
            stop.set()

    notes.idle = pass_time  # type: ignore[method-assign]
    QueryLoop(parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), notes, stop).run(recover(parts))
    assert claims == [-1, 1, 1]  # at start, then after each full hour; batch 1 is the one without data


def test_a_batch_that_fails_leaves_nothing_and_runs_again_with_the_same_plan(
    open_query: OpenQuery, make_pipeline: MakePipeline
) -> None:
    """The plan is logged before the batch; the rerun reads the same range although more rows have come."""
    sql = "SELECT CAST(user AS INT) AS i FROM clicks"
    parts, notes = open_query(make_pipeline(sql=sql, output_mode="append")), Notes()
    feed(parts, [1], user="x")
    loop = QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), notes)
    with pytest.raises(Exception, match="CAST_INVALID_INPUT"):
        loop.run(recover(parts))
    assert parts.checkpoint.last_commit() is None
    parts.close()
    again, later = open_query(make_pipeline(sql=sql.replace("CAST", "TRY_CAST"), output_mode="append")), Notes()
    feed(again, [2], user="7")
    QueryLoop(again, LoopLimits(TriggerKind.AVAILABLE_NOW), later).run(recover(again))
    assert later.rows == [[{"i": None}], [{"i": 7}]]
    assert again.checkpoint.last_commit() == CommitEntry(1, again.state.delta, again.tracker.watermark_us)
