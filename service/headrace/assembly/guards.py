"""Fitting shop: what a query watches beyond Spark: late rows one by one, and rows from the future.

Takes a compiled plan; gives what to trace, or refuses what could not be traced exactly, at its place in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.assembly.schemas import record_schema
from headrace.config.pipeline import Pipeline
from headrace.config.shape.source import LateRows
from headrace.errors import StreamError, StreamErrors
from headrace.incremental.steps import CallGroups, JoinStreams, Steps
from headrace.incremental.traces import EventTimes, Guarded, Trace, future_traces, late_traces
from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import Plan, StreamScan, Watermark, walk
from headrace.sql.settings import SqlSettings

LETTER_COLUMNS = ("key", "value", "topic", "partition", "offset", "timestamp")
"""What a source must have for its records to go to a topic of dead letters."""


def guarded(pipeline: Pipeline, plan: Plan, steps: Steps, settings: SqlSettings) -> Guarded:
    """Return what to watch of a query; nothing, at no cost, when no watermark asks for it.

    Raises:
        StreamErrors: dead letters that have no topic, no record behind them, or would not be exact.
    """
    marks = [node for node in walk(plan) if isinstance(node, Watermark)]
    counting = [mark for mark in marks if mark.guard.late_rows is not None]
    sending = [mark for mark in counting if mark.guard.late_rows == LateRows.DEAD_LETTER.value]
    skewed = [mark for mark in marks if mark.guard.max_future_skew_us is not None]
    event_times: EventTimes = event_time_columns
    late = late_traces(plan, steps, settings, event_times) if counting else ()
    future = future_traces(plan, steps, settings, event_times) if skewed else ()
    found = Guarded(late, future, _sources(sending), _with_topic(pipeline, _sources(skewed)))
    errors = [*_unsendable(pipeline, sending, found), *_disagreeing(pipeline, marks)]
    errors += [error for mark in sending for error in _inexact_late(pipeline, mark, late, steps)]
    errors += [error for trace in future for error in _inexact_future(pipeline, trace, found)]
    if errors:
        raise StreamErrors(
            {(error.at, error.message): error for error in errors}.values()
        )  # a source may be read twice
    return found


def _sources(plans: Sequence[Plan]) -> frozenset[str]:
    return frozenset(node.source for plan in plans for node in walk(plan) if isinstance(node, StreamScan))


def _with_topic(pipeline: Pipeline, sources: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in sources if pipeline.sources[name].letters is not None)


def _unsendable(pipeline: Pipeline, sending: Sequence[Watermark], found: Guarded) -> Iterator[StreamError]:
    """Yield an error for each source that has no topic, or no records as Kafka has them."""
    for mark in sending:
        for name in sorted(_sources([mark]) - _with_topic(pipeline, found.late_letters)):
            message = f'late rows of source "{name}" go to dead letters, but it names no topic for them.'
            hint = f"Add dead_letter: {{topic: NAME}} to sources.{name}, or write late_rows: drop."
            at = pipeline.at(*mark.guard.at, "late_rows")
            yield StreamError("CONFIG_MISSING_KEY", message, at=at, hint=hint)
    for name in sorted(found.letters):
        missing = [column for column in LETTER_COLUMNS if column not in record_schema(pipeline, name).names]
        if missing:
            message = f'source "{name}" has no records to send to dead letters: it lacks {", ".join(missing)}.'
            hint = "Dead letters need a source with Kafka's columns."
            yield StreamError("CONFIG_INVALID_VALUE", message, at=pipeline.at("sources", name), hint=hint)


def _disagreeing(pipeline: Pipeline, marks: Sequence[Watermark]) -> Iterator[StreamError]:
    """Yield an error for a source that two watermarks treat differently."""
    first: dict[str, Watermark] = {}
    for mark in marks:
        for name in sorted(_sources([mark])):
            other = first.setdefault(name, mark)
            if other.guard.late_rows != mark.guard.late_rows:
                ways = [f"{'.'.join(each.guard.at)}: {each.guard.late_rows or 'as Spark'}" for each in (other, mark)]
                message = f'late rows of source "{name}" are treated in two ways: {ways[0]}, {ways[1]}.'
                hint = "Write the same late_rows in both."
                yield StreamError("CONFIG_INVALID_VALUE", message, at=pipeline.at(*mark.guard.at), hint=hint)


def _inexact_late(pipeline: Pipeline, mark: Watermark, traces: Sequence[Trace], steps: Steps) -> Iterator[StreamError]:
    for trace in traces:
        if not _stands_below(mark, trace.node):
            continue
        reason = None
        if trace.steps is None and _may_drop_again(steps):
            reason = "it drops rows that came out of state, and those are no records"
        elif trace.steps is not None and not trace.is_exact:
            reason = "one record becomes several rows with times of their own, and only some of them may be late"
        if reason is not None:
            yield _refusal(
                pipeline, mark, "late_rows", f"late rows of {trace.step} cannot go to dead letters: {reason}"
            )


def _may_drop_again(steps: Steps) -> bool:
    """Return True unless what comes out of state is sure to be on time.

    In append mode groups and first rows of keys are: they leave state by the watermark that judges them next. A row of
    a stream join may carry any old time of a side that is never forgotten, and code may give what it likes.
    """
    return steps.mode != "append" or any(isinstance(step, JoinStreams | CallGroups) for step in steps.stateful)


def _inexact_future(pipeline: Pipeline, trace: Trace, found: Guarded) -> Iterator[StreamError]:
    if isinstance(trace.node, Watermark) and _sources([trace.node]) & found.future_letters and not trace.is_exact:
        reason = "rows from the future cannot go to dead letters: "
        if trace.steps is None:
            reason += "they come out of state, and those are no records"
        else:
            reason += "one record becomes several rows with times of their own"
        yield _refusal(pipeline, trace.node, "max_future_skew", reason)


def _refusal(pipeline: Pipeline, mark: Watermark, key: str, reason: str) -> StreamError:
    hint = "Set the watermark where a record is one row, on the source or below explode() and the join"
    hint += ", or write late_rows: drop." if key == "late_rows" else ", or remove the source's dead_letter."
    at = pipeline.at(*mark.guard.at, key)
    return StreamError("STREAMING_UNSUPPORTED", f"{reason}.", at=at, hint=hint)


def _stands_below(mark: Watermark, node: Plan) -> bool:
    return any(below is mark for below in walk(node))
