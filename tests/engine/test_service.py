"""Engine: several queries in one process, and what the failure of one means for the others."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from tests.engine.parts import SCHEMA, WINDOWED, MakePipeline, memory_sink

from headrace.assembly.rows import rows_to_table
from headrace.clock import ManualClock
from headrace.config.run_options import RunOptions
from headrace.contract import Offset, PluginKind, SourceContext, find_plugin
from headrace.ddl import parse_schema
from headrace.engine.service import Service, run_service
from headrace.errors import StreamErrors
from headrace.options import parse_options
from headrace_plugins.memory.source import MemorySource


@pytest.fixture
def stream() -> str:
    """A memory stream with one row at second 1."""
    name = uuid.uuid4().hex
    plugin = find_plugin("memory", PluginKind.SOURCE)
    source = plugin.build(parse_options(plugin.spec, {"name": name, "schema": SCHEMA}), SourceContext("", name))
    rows = [{"ts": "2024-01-01T00:00:01Z", "user": "x", "v": 1}]
    source.add(rows_to_table(rows, parse_schema(SCHEMA)))
    source.close()
    return name


def query(sql: str, sink: dict[str, Any]) -> dict[str, Any]:
    """One query of a file."""
    return {"sql": sql, "output_mode": "update", "sink": sink}


def pipeline_on(make_pipeline: MakePipeline, stream: str, queries: dict[str, Any], on_failure: Any) -> Any:
    """A pipeline whose stream clicks has the one row."""
    pipeline = make_pipeline(queries=queries, on_failure=on_failure)
    pipeline.sources["clicks"].options["name"] = stream
    return pipeline


BAD = "SELECT CAST(user AS INT) AS i FROM clicks"


def test_a_failing_query_leaves_the_others_alone(make_pipeline: MakePipeline, stream: str) -> None:
    """Isolate: the good query drains, the process ends with the failed one's exit code."""
    queries = {"bad": query(BAD, memory_sink()), "good": query(WINDOWED, memory_sink())}
    pipeline = pipeline_on(make_pipeline, stream, queries, "isolate")
    service = Service(pipeline, RunOptions(available_now=True), ManualClock(0))
    assert _run(service) == 1
    bad, good = service.queries()
    assert (bad.state, bad.error_code, good.state, good.error) == ("failed", "SQL_RUNTIME", "stopped", "")
    assert good.last is not None
    assert good.last.num_input_rows == 0 or good.last.batch_id == 0


def test_a_person_is_told_how_each_query_stands(
    make_pipeline: MakePipeline, stream: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal in a table; here, where there is none, a line for each change, with the error that brought it."""
    queries = {"bad": query(BAD, memory_sink()), "good": query(WINDOWED, memory_sink())}
    pipeline = pipeline_on(make_pipeline, stream, queries, "isolate")
    service = Service(pipeline, RunOptions(available_now=True, live=True), ManualClock(0))
    assert _run(service) == 1
    told = capsys.readouterr().err.splitlines()
    [failed] = [line for line in told if line.startswith("bad failed: ")]
    assert failed == f"bad failed: {service.queries()[0].error}"
    assert "good stopped" in told


def test_stop_all_ends_the_others_too(make_pipeline: MakePipeline, stream: str) -> None:
    """The good query has no end of its own, and ends because the bad one failed."""
    queries = {"bad": query(BAD, memory_sink()), "good": query(WINDOWED, memory_sink())}
    pipeline = pipeline_on(make_pipeline, stream, queries, "stop_all")
    service = Service(pipeline, RunOptions(), ManualClock(0))
    assert _run(service) == 1
    assert [view.state for view in service.queries()] == ["failed", "stopped"]


def test_an_error_that_may_pass_is_tried_again(make_pipeline: MakePipeline, stream: str) -> None:
    """Two failing writes, three attempts allowed: the batch happens once, at the third start."""
    sink = {"format": "flaky", "options": {"name": uuid.uuid4().hex, "failures": 2}}
    restart = {"attempts": 3, "backoff": "1 second", "max_backoff": "2 seconds"}
    pipeline = pipeline_on(make_pipeline, stream, {"q": query(WINDOWED, sink)}, {"restart": restart})
    clock = ManualClock(0)
    service = Service(pipeline, RunOptions(available_now=True), clock)
    assert _run(service) == 0
    view = service.queries()[0]
    assert view.state == "stopped"
    assert [p.facts.output_rows for p in view.recent if p.num_input_rows] == [1]
    assert view.recent[0].facts.restarts == 2
    assert clock.now_us() >= 3_000_000  # pauses of 1 s and 2 s


def test_a_query_keeps_its_id_and_each_run_has_one_of_its_own(make_pipeline: MakePipeline, stream: str) -> None:
    """The id stands in the checkpoint."""
    pipeline = pipeline_on(make_pipeline, stream, {"q": query(WINDOWED, memory_sink())}, "isolate")
    views: list[Any] = []
    for _ in range(2):
        service = Service(pipeline, RunOptions(available_now=True), ManualClock(0))
        assert _run(service) == 0
        views += service.queries()
    assert [view.name for view in views] == ["q", "q"]
    assert len({view.id for view in views}) == 1
    assert len({view.run_id for view in views} - {None}) == 2


def test_an_error_that_stays_ends_the_query_after_the_attempts(make_pipeline: MakePipeline, stream: str) -> None:
    """Always failing writes, two attempts allowed: three starts, then failed."""
    sink = {"format": "flaky", "options": {"name": uuid.uuid4().hex, "failures": 99}}
    restart = {"attempts": 2, "backoff": "1 second"}
    pipeline = pipeline_on(make_pipeline, stream, {"q": query(WINDOWED, sink)}, {"restart": restart})
    service = Service(pipeline, RunOptions(available_now=True), ManualClock(0))
    assert _run(service) == 1
    assert service.queries()[0].error_code == "SINK_FAILED"


class Visited(ManualClock):
    """A clock that tells when somebody waits."""

    def __init__(self, visit: Callable[[], None]) -> None:
        super().__init__(0)
        self._visit = visit

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Tell first."""
        self._visit()
        return super().wait(event, timeout_s)


def test_a_stop_while_a_query_waits_to_be_tried_again_ends_it_at_once(make_pipeline: MakePipeline, stream: str) -> None:
    """Its batch was dropped whole: no further start, exit code 0, and the error stays to be read."""
    sink = {"format": "flaky", "options": {"name": uuid.uuid4().hex, "failures": 99}}
    restart = {"attempts": 9, "backoff": "1 hour", "max_backoff": "1 hour"}
    pipeline = pipeline_on(make_pipeline, stream, {"q": query(WINDOWED, sink)}, {"restart": restart})
    service = Service(pipeline, RunOptions(available_now=True), Visited(lambda: service.stop()))
    assert _run(service) == 0
    [view] = service.queries()
    assert (view.state, view.status.message, view.error_code) == ("stopped", "Stopped", "SINK_FAILED")
    assert view.recent == ()


def test_a_query_that_waits_to_be_tried_again_shows_life(make_pipeline: MakePipeline, stream: str) -> None:
    """However long the pause, the probe of liveness must not kill what goes on by itself."""
    sink = {"format": "flaky", "options": {"name": uuid.uuid4().hex, "failures": 1}}
    restart = {"attempts": 1, "backoff": "10 minutes", "max_backoff": "10 minutes"}
    pipeline = pipeline_on(make_pipeline, stream, {"q": query(WINDOWED, sink)}, {"restart": restart})
    ages: list[float | None] = []
    clock = Visited(lambda: ages.append(service.queries()[0].heartbeat_age_s))
    service = Service(pipeline, RunOptions(available_now=True), clock)
    assert _run(service) == 0
    assert len(ages) >= 600
    assert max(age for age in ages if age is not None) <= 1.0


def test_a_query_is_ready_when_it_has_planned(
    make_pipeline: MakePipeline, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not while its sources are asked for the first time; and what it does is said in Spark's words."""
    pipeline = pipeline_on(make_pipeline, stream, {"q": query(WINDOWED, memory_sink())}, "isolate")
    seen: list[tuple[str, bool, str, bool]] = []

    def look() -> None:
        [view] = service.queries()
        seen.append((view.state, view.is_ready, view.status.message, view.status.is_trigger_active))

    asked = MemorySource.latest_offset

    def latest_offset(self: MemorySource, start: Offset, *, limited: bool) -> Offset:
        look()
        return asked(self, start, limited=limited)

    monkeypatch.setattr(MemorySource, "latest_offset", latest_offset)
    service = Service(pipeline, RunOptions(max_batches=1), ManualClock(0))
    look()
    assert _run(service) == 0
    look()
    assert seen == [
        ("initializing", False, "Initializing sources", False),
        ("running", False, "Initializing sources", False),
        ("stopped", True, "Stopped", False),
    ]


def test_every_query_must_compile_before_any_starts(make_pipeline: MakePipeline) -> None:
    """Both findings come at once, and no checkpoint folder appears."""
    queries = {"a": query("SELECT nope FROM clicks", memory_sink()), "b": query("SELECT v FROM nowhere", memory_sink())}
    pipeline = make_pipeline(queries=queries)
    with pytest.raises(StreamErrors) as caught:
        run_service(pipeline, RunOptions(available_now=True), ManualClock(0))
    conditions = [error.condition for error in caught.value.errors]
    assert conditions == ["UNRESOLVED_COLUMN.WITH_SUGGESTION", "TABLE_OR_VIEW_NOT_FOUND"]
    assert not (pipeline.folder / "checkpoints").exists()


def _run(service: Service) -> int:

    with ExitStack() as stack:
        return service.run(stack)
