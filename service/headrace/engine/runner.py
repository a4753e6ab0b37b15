"""The corridor: one query's life: open, recover, loop, close; and again after an error that may pass.

Takes a compiled query and the file's policy; owns the query's thread; gives its state to anyone who asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

import structlog

from headrace.assembly.compile import CompiledQuery
from headrace.clock import Clock
from headrace.config.pipeline import RestartConfig
from headrace.config.secrets import mask, redacted
from headrace.dataclass import dataclass
from headrace.engine.checkpoint import stream_error
from headrace.engine.lifecycle import Lifecycle, QueryState
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.query import QueryLimits, open_parts
from headrace.engine.report import QueryReporter
from headrace.engine.startup import recover
from headrace.errors import IndoubtError, Retry, StreamError, StreamErrors, SupersededError
from headrace.memory import release_start_code
from headrace.progress.history import Activity, ProgressHistory
from headrace.progress.line import batch_fields
from headrace.progress.metrics import Metrics
from headrace.progress.model import BatchProgress
from headrace.values import US_PER_S
from headrace.web.view import QueryView
from headrace_state import StateError, StateErrorKind

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """How a query is run, beside what it computes."""

    limits: LoopLimits
    folder: Path
    restart: RestartConfig = field(default_factory=RestartConfig)
    resources: QueryLimits = field(default_factory=QueryLimits)
    assume: str | None = None


class QueryRunner:
    """Runs one query on a thread of its own until it is stopped, drained or has failed for good."""

    def __init__(
        self,
        compiled: CompiledQuery,
        options: RunnerOptions,
        clock: Clock,
        metrics: Metrics,
        listen: Callable[[BatchProgress], None],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = compiled.name
        self.error: StreamError | None = None
        self.history = ProgressHistory()
        self._compiled = compiled
        self._options = options
        self._clock = clock
        self._metrics = metrics
        self._listen = listen
        self._ended = ended
        self._life = Lifecycle()
        self._stop = threading.Event()
        self._beat_s = clock.monotonic_s()
        self._ids: tuple[str, str] | None = None
        self._restarts = 0
        self._owner = 0
        self._failures = 0
        self._started_us = clock.now_us()
        self._thread = threading.Thread(target=self._run, name=f"headrace-query-{self.name}", daemon=True)

    @property
    def state(self) -> QueryState:
        """Where the query is in its life."""
        return self._life.state

    def start(self) -> None:
        """Start the query's thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the query to end after the batch that runs."""
        self._stop.set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the thread, and return True when it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def view(self) -> QueryView:
        """Return what the status page shows."""
        ended = self.state in (QueryState.STOPPED, QueryState.FAILED) and not self._thread.is_alive()
        query_id, run_id = self._ids or (None, None)
        return QueryView(
            name=self.name,
            state=self.state.value,
            id=query_id,
            run_id=run_id,
            started_us=self._started_us,
            heartbeat_age_s=None if ended else self._clock.monotonic_s() - self._beat_s,
            is_ready=self._is_ready(),
            error=mask(str(self.error), self._compiled.pipeline.secret_texts()) if self.error else "",
            error_code=self.error.code if self.error else "",
            status=self.history.status,
            recent=self.history.recent,
            config=redacted(self._compiled.pipeline)["queries"][self.name],
        )

    def _is_ready(self) -> bool:
        planned = self.history.status.message != Activity.INITIALIZING.value
        return self.state is QueryState.STOPPED or (planned and self.state in (QueryState.RUNNING, QueryState.WAITING))

    def _run(self) -> None:
        try:
            while not self._attempt():
                self._pause()
                if self._stop.is_set():
                    self._stopped()
                    return
        finally:
            self._ended()

    def _attempt(self) -> bool:
        """Run once from opening to closing, and return True when the query is over, well or not."""
        try:
            self._once()
        except (StreamError, StreamErrors, StateError) as error:
            return self._failed(_one(error))
        except Exception as error:  # noqa: BLE001 a bug in one query must be named and must not end the others
            _log.exception("unexpected", query=self.name)
            return self._failed(StreamError("INTERNAL", f"{type(error).__name__}: {error}"))
        self._stopped()
        return True

    def _once(self) -> None:
        self._beat()
        parts = open_parts(self._compiled, self._options.folder, self._clock, self._options.resources)
        try:
            self._move(QueryState.RECOVERING)
            self.history.now(Activity.INITIALIZING)
            reporter = QueryReporter(
                parts, self.history, self._metrics, self._report, self._beat, restarts=self._restarts
            )
            self._ids = (parts.checkpoint.query_id, reporter.run_id)
            before_s = self._clock.monotonic_s()
            parts.upkeep.hand(release_start_code)  # while the brokers are waited for
            start = recover(parts, assume=self._options.assume, owner=self._owner)
            self._owner = parts.owner
            self._metrics.restored(self.name, self._clock.monotonic_s() - before_s)
            self._metrics.restarted(self.name, start.case.value)
            if start.was_rebuilt:
                self._metrics.state_corrupted(self.name)
            self._move(QueryState.RUNNING)
            QueryLoop(parts, self._options.limits, reporter, self._stop).run(start)
        finally:
            parts.close()

    def _report(self, progress: BatchProgress) -> None:
        self._failures = 0
        self._metrics.observe(progress)
        _log.info("batch", **batch_fields(progress))
        self._listen(progress)

    def _failed(self, error: StreamError) -> bool:
        self._failures += 1
        passing = error.retry is Retry.BACKOFF or isinstance(error, IndoubtError)
        again = passing and self._failures <= self._options.restart.attempts and not self._stop.is_set()
        self.error = error
        self._move(QueryState.FAILED)
        self.history.terminated(error)
        self._count(error)
        _log.error("query failed", query=self.name, error_class=error.code, error=str(error), restarting=again)
        if passing and self._stop.is_set():
            self._move(QueryState.INITIALIZING)
            self._stopped()  # the batch was dropped whole, and the next start takes it up again
        return not again

    def _stopped(self) -> None:
        self._move(QueryState.STOPPED)
        self.history.now(Activity.STOPPED)

    def _count(self, error: StreamError) -> None:
        if isinstance(error, SupersededError):
            self._metrics.fenced(self.name, "superseded")
        elif isinstance(error, IndoubtError):
            self._metrics.producer_recreated(self.name, "timeout" if error.is_timeout else "indoubt")
            if error.is_timeout:
                self._metrics.fenced(self.name, "timeout")
        elif error.code == "SINK_FAILED":
            self._metrics.sink_failed(self.name, self._compiled.config.sink.format)

    def _pause(self) -> None:
        restart = self._options.restart
        pause_us = min(restart.backoff.us << (self._failures - 1), restart.max_backoff.us)
        left_s = pause_us / US_PER_S
        while left_s > 0 and not self._stop.is_set():
            self._beat()
            self._clock.wait(self._stop, min(left_s, 1.0))
            left_s -= 1.0
        self._restarts += 1
        self._move(QueryState.INITIALIZING)

    def _beat(self) -> None:
        self._beat_s = self._clock.monotonic_s()

    def _move(self, to: QueryState) -> None:
        self._life.move(to)
        self._metrics.query_state(self.name, to.value)


def _one(error: StreamError | StreamErrors | StateError) -> StreamError:
    if isinstance(error, StateError):
        if error.kind is StateErrorKind.CORRUPT:  # met by a running query, and rebuilt at the next start if that can be
            return StreamError("STATE_CORRUPT", str(error))
        return stream_error(error)
    if isinstance(error, StreamErrors):
        first = error.errors[0]
        if len(error.errors) == 1:
            return first
        return StreamError(first.code, "\n".join(str(one) for one in error.errors), condition=first.condition)
    return error
