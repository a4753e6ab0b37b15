"""The corridor: all queries of a pipeline file in one process, until they end or a signal comes.

Takes a pipeline and run options; gives an exit code. SIGTERM and SIGINT finish the batch that runs; a second one ends
the process at once.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType

import structlog
from prometheus_client import CollectorRegistry
from rich.console import Console

from headrace.assembly.build import check_parts
from headrace.assembly.compile import CompiledQuery, compile_query
from headrace.clock import Clock, SystemClock
from headrace.config.pipeline import Durability, FailurePolicy, Pipeline
from headrace.config.quantities import TriggerKind
from headrace.config.run_options import RunOptions
from headrace.engine.lifecycle import QueryState
from headrace.engine.loop import LoopLimits
from headrace.engine.query import QueryLimits
from headrace.engine.runner import QueryRunner, RunnerOptions
from headrace.errors import StreamError, StreamErrors, did_you_mean
from headrace.incremental.steps import Observe
from headrace.memory import allowed_bytes, query_bytes
from headrace.progress.live import LiveView
from headrace.progress.metrics import Metrics
from headrace.progress.model import BatchProgress
from headrace.values import US_PER_S
from headrace.web.view import QueryView

_log = structlog.get_logger(__name__)

_COLLECT_AFTER = (50_000, 20, 50)


def run_service(pipeline: Pipeline, options: RunOptions, clock: Clock | None = None) -> int:
    """Run the pipeline's queries and return the process's exit code: 0, or that of the first failed query.

    Raises:
        StreamErrors: a query does not compile; nothing was started.
    """
    service = Service(pipeline, options, clock or SystemClock())
    with ExitStack() as stack:
        stack.enter_context(_seldom_collected())
        stack.enter_context(_signals(service))
        return service.run(stack)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Keep the garbage collector from walking over every message read: each is a container, none is in a cycle."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Service:
    """The running queries of one process; also what the status page asks."""

    def __init__(self, pipeline: Pipeline, options: RunOptions, clock: Clock) -> None:
        if pipeline.checkpoint.durability is Durability.REMOTE:
            message = "durability: remote is not in this release."
            raise StreamError(
                "CONFIG_INVALID_VALUE", message, at=pipeline.at("checkpoint", "durability"), hint="Use local."
            )
        self._pipeline = pipeline
        self._options = options
        self._registry = CollectorRegistry()
        self._metrics = Metrics(self._registry)
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._told = False
        self._live: LiveView | None = None
        every = _compile_all(pipeline, options.queries)
        self._resources = QueryLimits(memory_bytes=query_bytes(len(every), allowed_bytes()))
        self._runners = [self._runner(compiled, clock) for compiled in every]

    def queries(self) -> Sequence[QueryView]:
        """Return every query's view, in file order."""
        return [runner.view() for runner in self._runners]

    def run(self, stack: ExitStack) -> int:
        """Run until every query has ended; parts that must be closed go on the stack."""
        if self._options.http:
            pages = import_module("headrace.web.serving")
            stack.enter_context(pages.serve(self, self._registry, self._options.http))
        if self._options.live:
            self._live = stack.enter_context(LiveView(Console(stderr=True), tuple(r.name for r in self._runners)))
        for runner in self._runners:
            runner.start()
        while any(not runner.join(0) for runner in self._runners):
            self._changed.wait(1.0)
            self._changed.clear()
            self._apply_policy()
            self._tell_once()
            self._show_states()
        self._show_states()
        return next((runner.error.exit_code for runner in self._runners if _has_failed(runner) and runner.error), 0)

    def stop(self) -> None:
        """Ask every query to end after its batch."""
        self._stopping.set()
        for runner in self._runners:
            runner.stop()
        self._changed.set()

    @property
    def is_stopping(self) -> bool:
        """True after stop()."""
        return self._stopping.is_set()

    def _tell_once(self) -> None:
        # Here and not in the signal's handler, which may interrupt a line being logged.
        if self.is_stopping and not self._told:
            self._told = True
            _log.info("stopping", hint="the batches that run are finished; a second signal ends at once")

    def _show_states(self) -> None:
        if self._live is not None:
            for view in self.queries():
                self._live.state(view.name, view.state, view.error if view.state == QueryState.FAILED.value else "")

    def _apply_policy(self) -> None:
        if self._pipeline.on_failure.policy is FailurePolicy.STOP_ALL and not self.is_stopping:
            failed = [runner.name for runner in self._runners if _has_failed(runner) and runner.join(0)]
            if failed:
                _log.error("stopping all queries", failed=failed)
                self.stop()

    def _runner(self, compiled: CompiledQuery, clock: Clock) -> QueryRunner:
        trigger = compiled.config.trigger
        kind = TriggerKind.AVAILABLE_NOW if self._options.available_now else trigger.kind
        limits = LoopLimits(kind, trigger.interval_us, self._options.max_batches)
        options = RunnerOptions(
            limits=limits,
            folder=Path(self._pipeline.checkpoint_location) / compiled.name,
            restart=self._pipeline.on_failure.restart,
            resources=self._resources,
            assume=self._options.assume,
        )
        delays_us = [step.delay_us for step in compiled.steps.steps if isinstance(step, Observe)]
        self._metrics.query_configured(
            compiled.name,
            trigger_interval_s=trigger.interval_us / US_PER_S,
            allowed_delay_s=max(delays_us) / US_PER_S if delays_us else None,
        )
        return QueryRunner(compiled, options, clock, self._metrics, self._listen, self._changed.set)

    def _listen(self, progress: BatchProgress) -> None:
        if self._live is not None:
            self._live.batch(progress)


def _has_failed(runner: QueryRunner) -> bool:
    return runner.state is QueryState.FAILED


def _compile_all(pipeline: Pipeline, names: Sequence[str]) -> list[CompiledQuery]:
    wanted = list(names) or list(pipeline.queries)
    errors: list[StreamError] = []
    compiled = []
    for name in wanted:
        if name not in pipeline.queries:
            hint = did_you_mean(name, pipeline.queries)
            errors.append(StreamError("CONFIG_INVALID_VALUE", f'there is no query "{name}".', hint=hint))
            continue
        try:
            compiled.append(compile_query(pipeline, name))
            check_parts(compiled[-1])
        except StreamErrors as found:
            known = {str(error) for error in errors}
            errors += [error for error in found.errors if str(error) not in known]
    if errors:
        raise StreamErrors(errors)
    return compiled


class _signals:
    """While inside: the first SIGTERM or SIGINT stops the service, the second ends the process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._received)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _received(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._service.is_stopping:
            os._exit(128 + number)
        self._service.stop()
