"""Room 10: recent progress, status, the log line and the live view."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console
from tests.progress.sample import FACTS, IDLE, PROGRESS

from headrace.contract import SourceLag
from headrace.progress.history import Activity, ProgressHistory
from headrace.progress.line import batch_fields, line_text
from headrace.progress.live import LiveRow, LiveView, live_table
from headrace.progress.model import EventTimeStats, PartitionLag, newest_offset, partition_lags

LINE = (
    "counts batch 7: rows_in=100 rows_out=9 lag_records=10 duration_ms=250 rows_per_s=400.0 "
    "watermark=2023-11-14T22:12:50.000Z state_rows=12 late_rows=4 late_input_rows=11 future_rows=3"
)


def test_only_the_newest_progresses_are_kept_oldest_first() -> None:
    """The limit counts idle progress too, as Spark's does."""
    history = ProgressHistory(limit=2)
    assert (history.last, history.recent) == (None, ())
    first, second = replace(PROGRESS, batch_id=1), replace(PROGRESS, batch_id=2)
    for progress in (first, second, IDLE):
        history.add(progress)
    assert history.recent == (second, IDLE)
    assert history.last == IDLE


def test_the_status_has_sparks_words_and_flags() -> None:
    """Data stays available while the query waits for its next trigger, and not after it found none."""
    history = ProgressHistory()
    seen = [history.status.to_spark_json()]
    for activity in (
        Activity.PROCESSING,
        Activity.WAITING_FOR_TRIGGER,
        Activity.CLEANING,
        Activity.WAITING_FOR_DATA,
        Activity.STOPPED,
    ):
        history.now(activity)
        seen.append(history.status.to_spark_json())
    history.terminated(ValueError("no such topic"))
    seen.append(history.status.to_spark_json())
    assert [tuple(status.values()) for status in seen] == [
        ("Initializing sources", False, False),
        ("Processing new data", True, True),
        ("Waiting for next trigger", True, False),
        ("No new data but cleaning up state", False, True),
        ("Waiting for data to arrive", False, False),
        ("Stopped", False, False),
        ("Terminated with exception: no such topic", False, False),
    ]


def test_a_batch_is_one_line() -> None:
    """The text is the structured keys, in their order."""
    assert line_text(batch_fields(PROGRESS)) == LINE


def test_the_line_leaves_out_what_the_query_does_not_have() -> None:
    """A stateless query has neither watermark nor state."""
    stateless = replace(PROGRESS, event_time=EventTimeStats(), facts=replace(FACTS, operators=(), future_rows={}))
    assert batch_fields(stateless) == {
        "query": "counts",
        "batch_id": 7,
        "rows_in": 100,
        "rows_out": 9,
        "lag_records": 10,
        "duration_ms": 250,
        "rows_per_s": 400.0,
    }


def test_lag_is_told_by_topic_and_partition_number() -> None:
    """Topic names may hold dashes; a partition known to one map only counts as zero in the other."""
    lag = SourceLag(behind={"a-b-10": 5, "a-b-2": 1}, stable_behind={"a-b-2": 3, "rate": 4})
    assert partition_lags(lag) == (
        PartitionLag("a-b", 2, 1, 3),
        PartitionLag("a-b", 10, 5, 0),
        PartitionLag("rate", 0, 0, 4),
    )


def test_the_latest_offset_is_the_newest_there_is_also_when_a_batch_is_limited() -> None:
    """The end of the batch plus what is behind it; a source without lag tells the end itself."""
    lag = SourceLag(behind={"a-b-0": 5, "a-b-1": 0, "a-b-2": 3})
    assert newest_offset({"a-b": {"0": 10, "1": 7}}, lag) == {"a-b": {"0": 15, "1": 7, "2": 3}}
    assert newest_offset({"rows": 4}, SourceLag()) == {"rows": 4}


def test_without_a_terminal_each_batch_and_each_new_state_is_one_line() -> None:
    """Idle triggers and the turns between running and waiting are silent."""
    out = io.StringIO()
    with LiveView(Console(file=out, width=60), ("counts",)) as view:
        view.state("counts", "running")
        view.batch(PROGRESS)
        view.state("counts", "waiting")
        view.batch(IDLE)
        view.state("counts", "failed", "[SINK_FAILED] gone")
    assert out.getvalue().splitlines() == ["counts running", LINE, "counts failed: [SINK_FAILED] gone"]


def test_on_a_terminal_the_last_drawing_shows_every_query() -> None:
    """The table is drawn once more when the view is left."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, color_system=None)
    with LiveView(console, ("counts", "other")) as view:
        view.state("counts", "running")
        view.batch(PROGRESS)
    drawn = out.getvalue()
    assert "2023-11-14T22:12:50.000Z" in drawn
    assert "other" in drawn


def test_an_error_stands_below_the_table_whole() -> None:
    """Markup in an error's text is shown, not obeyed."""
    out = io.StringIO()
    console = Console(file=out, width=100)
    console.print(live_table((LiveRow("counts", "failed", PROGRESS, "[bold]bad[/bold] row"), LiveRow("other"))))
    assert "counts: [bold]bad[/bold] row" in out.getvalue()
