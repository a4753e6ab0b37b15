"""Room 5: the walk over the plan that cuts it into steps.

A stretch ends where rows must be seen whole: at a source, a static table, a watermark and a stateful operator.
Everything between becomes one DuckDB statement. Ids are numbered in order of appearance, so that the same query gives
the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from headrace.duck import quote
from headrace.errors import StreamError
from headrace.incremental import fragment as sql
from headrace.incremental.fragment import Fragment
from headrace.incremental.grouping import group
from headrace.incremental.joining import join_texts
from headrace.incremental.lookup import LookUpKeys, is_lasting, lookup_keys, may_run_twice, plain_side
from headrace.incremental.over import merged_sessions, windowed
from headrace.incremental.render import Renderer, column_name
from headrace.incremental.steps import (
    AggregateGroups,
    AggregateSessions,
    CallGroups,
    DropDuplicates,
    JoinSide,
    JoinStreams,
    KeyedState,
    LimitRows,
    LookUp,
    Observe,
    ReadSource,
    ReadTable,
    Step,
    Steps,
    Stretch,
)
from headrace.plan import nodes
from headrace.plan.event_time import session_columns
from headrace.plan.expressions import Column
from headrace.plan.nodes import Plan
from headrace.plan.transform import free_columns
from headrace.sql.settings import SqlSettings


def compile_steps(
    plan: Plan, output_mode: str, settings: SqlSettings, event_times: Callable[[Plan], frozenset[int]]
) -> Steps:
    """Return the steps of an optimized plan.

    Args:
        plan: Checked and optimized.
        output_mode: append, update or complete.
        settings: ANSI mode and session time zone.
        event_times: Gives the ids of a node's columns that carry the watermark.

    Raises:
        StreamError: SQL_UNSUPPORTED for an operator that cannot run in a stream yet.
    """
    compiler = _Compiler(output_mode, settings, event_times, streams=plan.is_streaming)
    last = compiler.node(plan)
    compiler.stretch(last)
    return Steps(tuple(compiler.steps), plan.schema, output_mode, tuple(compiler.tables))


class _Compiler:
    def __init__(
        self, mode: str, settings: SqlSettings, event_times: Callable[[Plan], frozenset[int]], *, streams: bool
    ) -> None:
        self.steps: list[Step] = []
        self.tables: list[str] = []
        self._mode = mode
        self._settings = settings
        self._event_times = event_times
        self._streams = streams
        self._render = Renderer(settings, self._subquery)
        self._subquery_inputs: list[str] = []
        self._read: dict[str, ReadSource | ReadTable] = {}
        self._watermarks: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._nodes: Mapping[type[Plan], Callable[..., Fragment]] = {
            nodes.StreamScan: self._stream_scan,
            nodes.TableScan: self._table_scan,
            nodes.Values: lambda node: sql.values(node, self._render),
            nodes.Project: lambda node: sql.project(self.node(node.child), node, self._render),
            nodes.Filter: lambda node: sql.filtered(self.node(node.child), node, self._render),
            nodes.Watermark: self._watermark,
            nodes.WindowAssign: lambda node: sql.window_assign(self.node(node.child), node, self._render),
            nodes.SessionAssign: lambda node: sql.session_assign(self.node(node.child), node, self._render),
            nodes.Aggregate: self._aggregate,
            nodes.Deduplicate: self._deduplicate,
            nodes.GroupsWithState: self._with_state,
            nodes.Recursion: lambda node: sql.recursive(self.node(node.anchor), self.node(node.step), node),
            nodes.RecursionScan: sql.level_before,
            nodes.Expand: lambda node: sql.expanded(self.node(node.child), node, self._render),
            nodes.Join: self._join,
            nodes.Union: lambda node: sql.union([self.node(child) for child in node.children], node),
            nodes.SetOperation: self._set_operation,
            nodes.Generate: lambda node: sql.generated(self.node(node.child), node, self._render),
            nodes.WindowFunctions: self._over,
            nodes.Sort: lambda node: sql.sorted_rows(self.node(node.child), node, self._render),
            nodes.Limit: self._limit,
            nodes.Offset: lambda node: sql.limited(self.node(node.child), "OFFSET", node.count),
        }

    def node(self, plan: Plan) -> Fragment:
        """Return the fragment of a node; steps that must run before it are added."""
        build = self._nodes.get(type(plan))
        if build is None:
            message = f"{type(plan).__name__} is not supported in streams by this release."
            raise StreamError("SQL_UNSUPPORTED", message)
        return build(plan)

    def stretch(self, fragment: Fragment, *, is_static: bool = False) -> Stretch:
        """End a stretch: add the step that runs the fragment."""
        inputs = self._inputs(fragment, fragment.sql)
        text = sql.only_columns(fragment)
        step = Stretch(self._id("stretch"), fragment.columns, text, inputs, fragment.renames, is_static)
        self.steps.append(step)
        return step

    def _subquery(self, plan: Plan) -> str:
        # What reads the row around it is no step of its own: it stays inside the statement of that row.
        inner = self._static(plan)[0] if self._streams and not free_columns(plan) else self.node(plan)
        self._subquery_inputs += inner.inputs
        return sql.only_columns(inner)

    def _inputs(self, fragment: Fragment, text: str) -> tuple[str, ...]:
        """The relations that a text over the fragment reads, those of the queries in its expressions among them."""
        asked = (name for name in self._subquery_inputs if quote(name) in text)
        return tuple(dict.fromkeys([*fragment.inputs, *asked]))

    def _id(self, kind: str) -> str:
        self._counts[kind] = self._counts.get(kind, -1) + 1
        return f"{kind}-{self._counts[kind]}"

    def _stream_scan(self, node: nodes.StreamScan) -> Fragment:
        step = ReadSource(f"source.{node.source}", node.output, node.source)
        self._read_once(step)
        return sql.scan(step.id, [column.name for column in node.output], node.output)

    def _table_scan(self, node: nodes.TableScan) -> Fragment:
        step = ReadTable(f"table.{node.table}", node.output, node.table)
        if step.id not in self._read:
            self.tables.append(node.table)
        self._read_once(step)
        return sql.scan(step.id, [column.name for column in node.output], node.output)

    def _read_once(self, step: ReadSource | ReadTable) -> None:
        """Add the step, or to an earlier one of the same relation the columns that this place reads beside its own."""
        before = self._read.get(step.id)
        if before is None:
            self.steps.append(step)
        else:
            known = {column.name for column in before.output}
            more = (column for column in step.output if column.name not in known)
            step = replace(before, output=(*before.output, *more))
            self.steps[self.steps.index(before)] = step
        self._read[step.id] = step

    def _watermark(self, node: nodes.Watermark) -> Fragment:
        child = self.stretch(self.node(node.child))
        name = self._id("watermark")
        shared = self._watermarks.setdefault(node.relation or name, name)
        step = Observe(name, child.output, child.id, node.event_time, node.delay_us, shared, node.guard)
        self.steps.append(step)
        return _whole(step)

    def _aggregate(self, node: nodes.Aggregate) -> Fragment:
        session = _session_key(node)
        child = self.node(node.child)
        if session is not None and not node.is_streaming:
            child = merged_sessions(child, node, session, self._render)
        grouping = group(child, node, self._render, self._settings)
        if not node.is_streaming:
            return sql.grouped(grouping.partial, grouping.finish, node.columns)
        partial = self.stretch(grouping.partial)
        event_time = _event_time_key(node, self._event_times(node), session)
        step = AggregateGroups(
            id=self._id("aggregate" if session is None else "session"),
            output=(),
            input=partial.id,
            state=KeyedState(grouping.keys, grouping.buffers, event_time, grouping.buffer_names),
            merge=grouping.merge,
            keys=node.columns[: len(grouping.keys)],
            mode=self._mode,
            functions=grouping.functions,
            grouping=grouping.names,
        )
        if session is not None:
            step = AggregateSessions.of(step, session)
        self.steps.append(step)
        return sql.finished(step.id, grouping.finish, node.columns)

    def _deduplicate(self, node: nodes.Deduplicate) -> Fragment:
        child = self.node(node.child)
        if not node.is_streaming:
            return sql.deduplicated(child, node)
        before = self.stretch(child)
        times = self._event_times(node.child)
        event_time = next((column for column in (*node.keys, *node.columns) if column.id in times), None)
        delay_us = _delay_us(node.child, event_time) if node.within_watermark else None
        step = DropDuplicates(self._id("deduplicate"), before.output, before.id, node.keys, event_time, delay_us)
        self.steps.append(step)
        return _whole(step)

    def _with_state(self, node: nodes.GroupsWithState) -> Fragment:
        before = self.stretch(self.node(node.child))
        times = self._event_times(node.child)
        event_time = next((column for column in before.output if column.id in times), None)
        step = CallGroups(self._id("groups"), node.output, before.id, before.output, node.keys, event_time, node.code)
        if node.initial is not None:
            first = self.stretch(self.node(node.initial))
            step = replace(step, initial=(first.id, first.output))
        self.steps.append(step)
        return _whole(step)

    def _join(self, node: nodes.Join) -> Fragment:
        if node.left.is_streaming and node.right.is_streaming:
            return self._stream_join(node)
        if not node.is_streaming:
            return sql.joined(self.node(node.left), self.node(node.right), node, self._render)
        return self._table_join(node)

    def _table_join(self, node: nodes.Join) -> Fragment:
        """Join the stream with the table, or with those of its rows that the stream's may meet."""
        keys = lookup_keys(node)
        streams_left = node.left.is_streaming
        stream, table = (node.left, node.right) if streams_left else (node.right, node.left)
        rows = self.node(stream)
        if keys is not None and not may_run_twice(stream):
            rows = _whole(self.stretch(rows))
        found = self._static(table)[0] if keys is None else self._found(table, rows, keys)
        return sql.joined(*((rows, found) if streams_left else (found, rows)), node, self._render)

    def _static(self, plan: Plan) -> tuple[Fragment, bool]:
        """Return a static plan, and True when it is computed once a load and the fragment only reads the result."""
        fragment = self.node(plan)
        once = bool(fragment.inputs) and is_lasting(plan, fragment) and plain_side(plan) is None
        if once:
            fragment = _whole(self.stretch(fragment, is_static=True))
        return fragment, once

    def _found(self, table: Plan, stream: Fragment, keys: LookUpKeys) -> Fragment:
        """Return the static side of a join, cut to what the stream's rows may meet where that can be known."""
        read, once = self._static(table)
        side = plain_side(table)
        guards = side.guards(keys, self._render) if side else () if once else None
        if guards is None:
            return read
        if side is not None:
            read = self._table_scan(side.scan)
        wanted = keys.of_stream(stream.sql, self._render)
        step = LookUp(
            id=self._id("lookup"),
            output=read.columns,
            input=read.inputs[0],
            names=read.renames or (),
            hashes=keys.of_table(read.sql, guards, self._render),
            wanted=wanted,
            inputs=self._inputs(stream, wanted),
        )
        self.steps.append(step)
        return _whole(step) if side is None else side.over(step.id, self._render)

    def _stream_join(self, node: nodes.Join) -> Fragment:
        marked = (self._event_times(node.left), self._event_times(node.right))
        texts = join_texts(node, marked, self._render)
        stretches = []
        for plan, text in ((node.left, texts.left), (node.right, texts.right)):
            child = self.node(plan)
            select = ", ".join([*(column_name(column) for column in plan.columns), *text.items])
            stretches.append(self.stretch(child.extended(f"SELECT {select} FROM ({child.sql})", ())))
        left, right = (
            JoinSide(stretch.id, plan.columns, text.keys, text.evict_offset_us)
            for stretch, plan, text in zip(stretches, (node.left, node.right), (texts.left, texts.right), strict=True)
        )
        step = JoinStreams(self._id("join"), node.columns, left, right, node.how, texts.condition)
        self.steps.append(step)
        return _whole(step)

    def _set_operation(self, node: nodes.SetOperation) -> Fragment:
        if node.is_streaming:
            message = f"{node.operation} over a stream is not supported by this release."
            raise StreamError("SQL_UNSUPPORTED", message)
        return sql.set_operation(self.node(node.left), self.node(node.right), node)

    def _over(self, node: nodes.WindowFunctions) -> Fragment:
        if node.is_streaming:
            message = "Functions OVER a window of rows are not supported over streams."
            raise StreamError("SQL_UNSUPPORTED", message)
        return windowed(self.node(node.child), node, self._render, self._settings)

    def _limit(self, node: nodes.Limit) -> Fragment:
        child = self.node(node.child)
        if not node.is_streaming or node.of_batch or self._mode == "complete":
            return sql.read_until(child, node, self._render)
        before = self.stretch(child)
        step = LimitRows(self._id("limit"), before.output, before.id, node.count)
        self.steps.append(step)
        return _whole(step)


def _whole(step: Step) -> Fragment:
    return sql.scan(step.id, [column_name(column) for column in step.output], step.output)


def _session_key(node: nodes.Aggregate) -> int | None:
    if node.is_streaming:
        sessions = session_columns(node.child)
    else:
        sessions = frozenset(
            below.window.id for below in nodes.walk(node.child) if isinstance(below, nodes.SessionAssign)
        )
    keys = [item.child.id if isinstance(item.child, Column) else None for item in node.keys]
    return next((i for i, key in enumerate(keys) if key in sessions), None)


def _event_time_key(node: nodes.Aggregate, times: frozenset[int], session: int | None) -> int | None:
    marked = [i for i, item in enumerate(node.keys) if item.column.id in times]
    if session is None:
        return next(iter(marked), None)
    if marked and session not in marked:
        message = "session_window over a column without a watermark, beside a key that has one, is not supported."
        raise StreamError("SQL_UNSUPPORTED", message)
    return session if marked else None


def _delay_us(plan: Plan, event_time: Column | None) -> int:
    """The delay of the watermark that a column carries; a column that got a new id has that of the first one below."""
    found = [below for below in nodes.walk(plan) if isinstance(below, nodes.Watermark)]
    exact = [below for below in found if below.event_time == event_time]
    return (exact or found)[0].delay_us
