"""Room 5: steps as stable text. Column ids are numbered anew in order of appearance."""

from __future__ import annotations

import re
from collections.abc import Callable

from headrace.incremental.steps import (
    AggregateGroups,
    AggregateSessions,
    CallGroups,
    DropDuplicates,
    JoinSide,
    JoinStreams,
    LimitRows,
    LookUp,
    Observe,
    ReadSource,
    ReadTable,
    Step,
    Steps,
    Stretch,
)
from headrace.stateful import TimeMode
from headrace.types import ArrayType
from headrace.values import US_PER_MS

_COLUMN = re.compile(r"\b([cw])(\d+)\b")


def format_steps(steps: Steps) -> str:
    """Return one block a step: its id, what it reads and does, and the columns it gives."""
    text = "\n".join(_block(step) for step in steps.steps)
    return _renumbered(f"{text}\nresult {steps.result.id} as {steps.schema.sql()}, output mode {steps.mode}")


def _block(step: Step) -> str:
    columns = ", ".join(f"c{column.id} {column.name} {column.type.sql()}" for column in step.output)
    return f"{step.id}: {_DETAILS[type(step)](step)}\n  gives {columns or 'no named columns'}"


def _stretch(step: Stretch) -> str:
    if step.renames is not None:
        return f"rename columns of {step.inputs[0]}"
    once = ", once a load" if step.is_static else ""
    return f"DuckDB over {', '.join(step.inputs) or 'nothing'}{once}\n  {step.sql}"


def _lookup(step: LookUp) -> str:
    return (
        f"rows of {step.input} that rows of {', '.join(step.inputs)} may meet, by hashes of their keys\n"
        f"  indexed once a load: {step.hashes}\n  wanted: {step.wanted}"
    )


def _observe(step: Observe) -> str:
    delay_ms = step.delay_us // US_PER_MS
    return f"watermark on c{step.event_time.id} of {step.input}, delay {delay_ms} ms{step.guard.words}"


def _aggregate(step: AggregateGroups) -> str:
    sessions = f", key {step.session} is a session" if isinstance(step, AggregateSessions) else ""
    keys = ", ".join(kind.sql() for kind in step.state.keys) or "none"
    buffers = ", ".join(kind.sql() for kind in step.state.values) or "none"
    if step.mode == "complete":
        fate = "kept for ever (complete mode)"
    elif step.state.event_time is None:
        fate = "kept for ever: no key is an event time with a watermark"
    else:
        fate = f"forgotten when key {step.state.event_time} is at or before the watermark"
    return (
        f"aggregate {step.input} in {step.mode} mode{sessions}\n  functions {', '.join(step.functions) or 'none'}\n"
        f"  state keys {keys}; buffers {buffers}; {fate}{_growth(step)}"
    )


_SMALL = ("approx_count_distinct(", "histogram_numeric(", "count_min_sketch(", "max_by(", "min_by(")
"""Functions whose buffers may be lists of limited length."""


def _growth(step: AggregateGroups) -> str:
    """What is said of buffers that are larger the more values a group has."""
    has_lists = any(isinstance(kind, ArrayType) for kind in step.state.values)
    if not has_lists or all(function.startswith(_SMALL) for function in step.functions):
        return ""
    distinct = any("(DISTINCT " in function for function in step.functions)
    values = "each distinct value" if distinct else "values"
    return f"\n  buffers of ARRAY hold {values} of a group: state grows with them"


def _deduplicate(step: DropDuplicates) -> str:
    keys = ", ".join(f"c{column.id}" for column in step.keys)
    if step.delay_us is not None:
        fate = f"forgotten {step.delay_us // US_PER_MS} ms after its first row's time"
    elif step.event_time in step.keys:
        fate = "forgotten when its time is at or before the watermark"
    else:
        fate = "kept for ever: no key is an event time with a watermark"
    late = "no row is late" if step.event_time is None else f"rows are late by c{step.event_time.id}"
    return f"first row of each key {keys} of {step.input}\n  a key is {fate}; {late}"


def _groups(step: CallGroups) -> str:
    code = step.code
    keys = ", ".join(f"c{column.id}" for column in step.keys)
    form = "tables" if code.takes_tables else "named tuples"
    state = f"state {code.state.sql()}" if not code.is_processor else "state as the processor declares it"
    fate = "kept until the code removes it"
    if code.time_mode is not TimeMode.NONE:
        by = "the watermark" if code.time_mode is TimeMode.EVENT_TIME else "the batch's time"
        fate += f"; {'timers' if code.is_processor else 'timeouts'} by {by}"
    late = "no row is late"
    if code.time_mode is TimeMode.EVENT_TIME and step.event_time is not None:
        late = f"rows are late by c{step.event_time.id}"
    first = f"\n  the first batch starts with the state that {step.initial[0]} gives" if step.initial else ""
    return (
        f"{code.operator} {code.target} on rows of {step.input} as {form}, by {keys}, in {code.output_mode} mode\n"
        f"  {state}, {fate}; {late}{first}"
    )


def _join(step: JoinStreams) -> str:
    sides = "\n".join(_join_side(name, side) for name, side in (("left", step.left), ("right", step.right)))
    return f"{step.how.value} join of {step.left.input} and {step.right.input} on {step.condition}\n{sides}"


def _join_side(name: str, side: JoinSide) -> str:
    keys = ", ".join(kind.sql() for kind in side.keys)
    fate = "kept for ever: no condition bounds it by a watermark"
    if side.evict_offset_us is not None:
        fate = f"forgotten when evict_us is at or before the watermark {side.evict_offset_us // US_PER_MS:+d} ms"
    return f"  state of the {name} side: keys {keys}; {fate}"


_DETAILS: dict[type[Step], Callable[..., str]] = {
    ReadSource: lambda step: f"read source {step.source}",
    ReadTable: lambda step: f"read table {step.table}",
    Stretch: _stretch,
    LookUp: _lookup,
    Observe: _observe,
    AggregateGroups: _aggregate,
    AggregateSessions: _aggregate,
    CallGroups: _groups,
    DropDuplicates: _deduplicate,
    JoinStreams: _join,
    LimitRows: lambda step: f"first {step.count} rows of {step.input}; state: one row, kept for ever",
}


def _renumbered(text: str) -> str:
    numbers: dict[str, int] = {}

    def new(match: re.Match[str]) -> str:
        return f"{match[1]}{numbers.setdefault(match[2], len(numbers) + 1)}"

    return _COLUMN.sub(new, text)
