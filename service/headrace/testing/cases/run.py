"""Shipped: one pipeline test, run.

Takes a `Case`; gives its failures. Each step's rows arrive in one micro-batch and the query settles before it is
judged. With crash, what a kill would leave on disk is kept after every step and the query goes on from that.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa

from headrace.assembly.compile import CompiledQuery, compile_query
from headrace.assembly.rows import rows_to_table
from headrace.clock import ManualClock
from headrace.config.pipeline import Pipeline
from headrace.config.quantities import TriggerKind
from headrace.config.yaml_tree import YamlTree
from headrace.dataclass import dataclass
from headrace.ddl import parse_schema
from headrace.engine.batch import BatchOutcome
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.query import QueryLimits, QueryParts, open_parts
from headrace.engine.startup import recover
from headrace.errors import StreamError, StreamErrors
from headrace.sql.interval import parse_interval
from headrace.testing.cases.compare import differing_rows
from headrace.testing.cases.model import QUERY, Case, CaseStep
from headrace.values import ProcessingTime, iso_millis, parse_iso_us

_START_US = 1_704_067_200_000_000
"""2024-01-01, the injected clock's start: event time decides, the wall clock must not matter."""

_COPY_TRIES = 20


class _Fed(Protocol):
    """What a memory source can do beside the contract."""

    def add(self, rows: pa.Table) -> int: ...


@dataclass(slots=True)
class _Notes:
    """Outcomes of the step that runs, as the loop reports them."""

    outcomes: list[BatchOutcome] = field(default_factory=list)

    def heartbeat(self) -> None: ...

    def started(self, batch: int) -> None: ...

    def idle(self) -> None: ...

    def snapshot_taken(self, seconds: float) -> None: ...

    def snapshot_failed(self) -> None: ...

    def finished(self, outcome: BatchOutcome, started: ProcessingTime, planning_s: float) -> None:
        del started, planning_s
        self.outcomes.append(outcome)


def run_case(case: Case, folder: Path, *, crash: bool) -> list[str]:
    """Return what went wrong, a text each; empty when the case passed.

    Args:
        case: The test.
        folder: An empty folder for its checkpoint.
        crash: Kill and restart after every step.
    """
    try:
        compiled = compile_query(_pipeline(case, folder), QUERY)
    except StreamErrors as errors:
        return _judge_refusal(case, errors.errors[0], at="start")
    if case.error is not None and case.error.at == "start":
        return [f"started, where Spark refuses with {case.error.condition or 'an error'}"]
    with _Session(case, compiled, folder) as session:
        return session.play(crash=crash)


def _pipeline(case: Case, folder: Path) -> Pipeline:
    raw = {"version": 1, "name": "test", **case.pipeline, "checkpoint": {"location": str(folder)}}
    raw["sources"] = {
        name: {**source, "options": {"name": f"{folder}/{name}"}} for name, source in case.pipeline["sources"].items()
    }
    try:
        return Pipeline.model_validate(raw).placed(case.folder / case.path.name, YamlTree())
    except ValueError as error:
        condition = _delay_condition(case.pipeline)
        raise StreamErrors([StreamError("CONFIG_INVALID_VALUE", str(error), condition=condition)]) from error


def _delay_condition(pipeline: Mapping[str, Any]) -> str | None:
    """Return Spark's name for a watermark's delay that is no interval; the configuration's own check names none."""
    for holder in (*pipeline["sources"].values(), *pipeline.get("views", ())):
        try:
            parse_interval(str((holder.get("watermark") or {}).get("delay", "0 seconds")))
        except StreamError as error:
            return error.condition
    return None


def _judge_refusal(case: Case, error: StreamError, *, at: str) -> list[str]:
    expected = case.error
    if expected is None:
        return [f"refused: {error}"]
    if expected.at == "start" and at == "run":
        return [f"refused only while running: {error}"]
    names_one = expected.condition is not None and not expected.condition.startswith("_LEGACY_")
    if names_one and error.condition != expected.condition:
        return [f"refused with {error.condition}, where Spark names {expected.condition}: {error}"]
    return []


class _Session:
    """The query of one case, opened, and opened again after each restart."""

    def __init__(self, case: Case, compiled: CompiledQuery, folder: Path) -> None:
        self._case = case
        self._compiled = compiled
        self._folder = folder / "checkpoint"
        self._clock = ManualClock(_START_US)
        self._notes = _Notes()
        self._parts: QueryParts | None = None
        self._loop: QueryLoop | None = None

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def play(self, *, crash: bool) -> list[str]:
        """Run every step and return the first failing step's differences."""
        for number, step in enumerate(self._case.steps, 1):
            try:
                failures = self._step(step)
            except StreamError as error:
                if step.expect is None and not step.restart:
                    return _judge_refusal(self._case, error, at="run")
                return [f"step {number}: {error}"]
            if failures:
                return [f"step {number}: {text}" for text in failures]
            if crash:
                self._kill()
        if self._case.error is not None:
            return [f"ran to its end, where Spark fails with {self._case.error.condition or 'an error'}"]
        return []

    def _step(self, step: CaseStep) -> list[str]:
        if step.restart:
            self._close()
        loop, parts = self._opened()
        self._notes.outcomes.clear()
        for name, rows in step.add.items():
            if rows and name in parts.inputs:
                schema = parse_schema(self._case.pipeline["sources"][name]["schema"])
                cast("_Fed", parts.inputs[name].source).add(rows_to_table(rows, schema))
        loop.settle()
        self._clock.advance(1_000_000)
        return self._differences(step)

    def _differences(self, step: CaseStep) -> list[str]:
        outcomes = self._notes.outcomes
        found = []
        if step.expect is not None:
            found += self._row_differences(step, outcomes)
        for name, expected, given in _numbers(step, outcomes):
            if expected is not None and outcomes and expected != given:
                found.append(f"{name}: expected {expected}, got {given}")
        return found

    def _row_differences(self, step: CaseStep, outcomes: list[BatchOutcome]) -> list[str]:
        kept = outcomes[-1:] if self._case.is_complete else outcomes
        given = _stacked([outcome.result.rows for outcome in kept], self._compiled.output.arrow_schema())
        expected = step.expect or ()
        missing, extra = differing_rows(given, expected, self._compiled.output, ordered=self._case.is_ordered)
        return [f"missing row {row}" for row in missing] + [f"unexpected row {row}" for row in extra]

    def _opened(self) -> tuple[QueryLoop, QueryParts]:
        if self._parts is None or self._loop is None:
            limits = QueryLimits(threads=1, memory_bytes=256 << 20)
            self._parts = open_parts(self._compiled, self._folder, self._clock, limits)
            self._loop = QueryLoop(self._parts, LoopLimits(TriggerKind.AS_SOON_AS_POSSIBLE), self._notes)
            self._loop.begin(recover(self._parts))
        return self._loop, self._parts

    def _kill(self) -> None:
        """Go on from a copy of the folder taken while everything was open: what a SIGKILL leaves on disk."""
        image = self._folder.with_name("image")
        _copy_open(self._folder, image)
        self._close()
        shutil.rmtree(self._folder)
        image.rename(self._folder)

    def _close(self) -> None:
        if self._parts is not None:
            self._parts.close()
        self._parts = self._loop = None


def _stacked(tables: list[pa.Table], schema: pa.Schema) -> pa.Table:
    """The tables one above the other, columns by position: their names may repeat."""
    names = [str(place) for place in range(len(schema))]
    numbered = pa.schema([field.with_name(name) for name, field in zip(names, schema, strict=True)])
    return pa.concat_tables([numbered.empty_table(), *(each.rename_columns(names).cast(numbered) for each in tables)])


def _copy_open(folder: Path, image: Path) -> None:
    """Copy a folder whose store is open; what the store tidies away in the background makes the copy start again."""
    for tries_left in reversed(range(_COPY_TRIES)):
        try:
            shutil.copytree(folder, image, ignore=shutil.ignore_patterns(".lock"))
        except (shutil.Error, FileNotFoundError):
            if not tries_left:
                raise
            shutil.rmtree(image, ignore_errors=True)
        else:
            return


def _numbers(step: CaseStep, outcomes: list[BatchOutcome]) -> list[tuple[str, Any, Any]]:
    if not outcomes:
        return []
    last = outcomes[-1]
    watermark = None if step.watermark is None else iso_millis(parse_iso_us(step.watermark))
    return [
        ("watermark", watermark, iso_millis(last.plan.watermark)),
        ("state_rows", step.state_rows, sum(counts.total for counts in last.result.counts)),
        ("late_rows", step.late_rows, sum(c.dropped_late for outcome in outcomes for c in outcome.result.counts)),
    ]
