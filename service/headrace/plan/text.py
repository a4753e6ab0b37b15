"""Room 3: a plan as stable text.

Takes a plan, gives one line a node, inputs indented below it; column ids are counted anew from 1 in order of
appearance, so that equal plans have equal texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from headrace.plan.expressions import (
    AggregateCall,
    Alias,
    Call,
    Case,
    Cast,
    Column,
    Existence,
    Expression,
    GetField,
    Lambda,
    Literal,
    ScalarSubquery,
    Subquery,
    UserCall,
    WindowCall,
)
from headrace.plan.nodes import (
    Aggregate,
    Deduplicate,
    Expand,
    Filter,
    Generate,
    GroupsWithState,
    Join,
    Limit,
    Offset,
    Plan,
    Project,
    Recursion,
    RecursionScan,
    SessionAssign,
    SetOperation,
    Sort,
    SortKey,
    StreamScan,
    TableScan,
    Union,
    Values,
    Watermark,
    WindowAssign,
    WindowFunctions,
)
from headrace.plan.transform import rewrite_plan, substitute_columns
from headrace.sql.vectorised.user_function import PREFIX
from headrace.types import DAY_TIME_INTERVAL

_INFIX = MappingProxyType(
    {
        "add": "+",
        "subtract": "-",
        "multiply": "*",
        "divide": "/",
        "remainder": "%",
        "equal": "=",
        "not_equal": "<>",
        "less": "<",
        "less_equal": "<=",
        "greater": ">",
        "greater_equal": ">=",
        "null_safe_equal": "<=>",
        "and": "AND",
        "or": "OR",
    }
)


def format_plan(plan: Plan, *, types: bool = False) -> str:
    """Return the text of a plan, ending in a newline.

    Args:
        plan: Any plan.
        types: Also show the type of each column where a node first gives it.
    """
    return "\n".join(_Writer(types=types).lines(plan, 0)) + "\n"


class _Writer:
    def __init__(self, *, types: bool) -> None:
        self._types = types
        self._numbers: dict[int, int] = {}

    def lines(self, plan: Plan, depth: int) -> list[str]:
        found = [f"{'  ' * depth}{_NODES[type(plan)](self, plan)}"]
        for node in plan.inputs:
            found += self.lines(node, depth + 1)
        return found

    def column(self, column: Column, *, given: bool = False) -> str:
        number = self._numbers.setdefault(column.id, len(self._numbers) + 1)
        kind = f": {column.type.sql()}" if given and self._types else ""
        return f"{column.name}#{number}{kind}"

    def columns(self, columns: Sequence[Column]) -> str:
        return f"[{', '.join(self.column(column, given=True) for column in columns)}]"

    def items(self, items: Sequence[Alias]) -> str:
        return f"[{', '.join(self._item(item) for item in items)}]"

    def _item(self, item: Alias) -> str:
        if item.child == item.column:
            return self.column(item.column, given=True)
        return f"{self.text(item.child)} AS {self.column(item.column, given=True)}"

    def texts(self, expressions: Sequence[Expression]) -> str:
        return ", ".join(self.text(expression) for expression in expressions)

    def keys(self, keys: Sequence[SortKey]) -> str:
        return ", ".join(
            f"{self.text(key.child)} {'DESC' if key.descending else 'ASC'} NULLS "
            f"{'FIRST' if key.nulls_first else 'LAST'}"
            for key in keys
        )

    def text(self, expression: Expression) -> str:
        return _EXPRESSIONS[type(expression)](self, expression)

    def call(self, call: Call) -> str:
        if call.function in _INFIX and len(call.args) == 2:
            return f"({self.text(call.args[0])} {_INFIX[call.function]} {self.text(call.args[1])})"
        return f"{call.function}({self.texts(call.args)})"

    def aggregate(self, call: AggregateCall) -> str:
        text = f"{call.function}({'DISTINCT ' if call.distinct else ''}{self.texts(call.args)})"
        text += " IGNORE NULLS" if call.ignore_nulls else ""
        return text if call.condition is None else f"{text} FILTER {self.text(call.condition)}"

    def case(self, case: Case) -> str:
        branches = " ".join(f"WHEN {self.text(when)} THEN {self.text(then)}" for when, then in case.branches)
        otherwise = "" if case.otherwise is None else f" ELSE {self.text(case.otherwise)}"
        return f"CASE {branches}{otherwise} END"

    def over(self, call: WindowCall) -> str:
        order = [
            f"{self.text(key)} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
            for key, down, first in zip(call.order, call.descending, call.nulls_first, strict=True)
        ]
        parts = [f"PARTITION BY {self.texts(call.partition)}"] if call.partition else []
        parts += [f"ORDER BY {', '.join(order)}"] if order else []
        parts += [call.frame] if call.frame else []
        return f"{self.text(call.function)} OVER ({' '.join(parts)})"

    def subquery(self, subquery: Subquery) -> str:
        name = "exists" if isinstance(subquery, Existence) else "subquery"
        by_id = dict(zip(subquery.parameters, subquery.outer, strict=True))
        plan = rewrite_plan(subquery.plan, lambda node: substitute_columns(node, by_id))
        return f"{name}(" + " <- ".join(line.strip() for line in self.lines(plan, 0)) + ")"

    def function(self, expression: Lambda) -> str:
        names = ", ".join(self.column(parameter) for parameter in expression.parameters)
        return f"({names}) -> {self.text(expression.body)}"


def _literal(_writer: _Writer, literal: Literal) -> str:
    if literal.value is None:
        return "NULL"
    if isinstance(literal.value, str):
        return "'" + literal.value.replace("'", "''") + "'"
    if isinstance(literal.value, bool):
        return str(literal.value).lower()
    return f"{literal.value}us" if literal.type == DAY_TIME_INTERVAL else str(literal.value)


def _us(value: int) -> str:
    return f"{value}us"


def _window(writer: _Writer, node: WindowAssign) -> str:
    slide = "" if node.slide_us == node.size_us else f", slide {_us(node.slide_us)}"
    start = f", start {_us(node.start_us)}" if node.start_us else ""
    column = writer.column(node.window, given=True)
    return f"Window {writer.text(node.time)} size {_us(node.size_us)}{slide}{start} AS {column}"


def _join(writer: _Writer, node: Join) -> str:
    null_aware = " null-aware" if node.null_aware else ""
    on = "" if node.condition is None else f" {writer.text(node.condition)}"
    return f"Join {node.how.value}{null_aware}{on}"


def _values(writer: _Writer, node: Values) -> str:
    rows = ", ".join(f"({writer.texts(row)})" for row in node.rows)
    return f"Values {writer.columns(node.output)} {rows}"


def _expand(writer: _Writer, node: Expand) -> str:
    rows = ", ".join(f"({writer.texts(row)})" for row in node.projections)
    return f"Expand {rows} AS {writer.columns(node.output)}"


def _deduplicate(writer: _Writer, node: Deduplicate) -> str:
    within = " within watermark" if node.within_watermark else ""
    return f"Deduplicate {writer.columns(node.keys)}{within}"


def _with_state(writer: _Writer, node: GroupsWithState) -> str:
    keys = f"[{', '.join(writer.column(key) for key in node.keys)}]"
    code = node.code
    facts = f"{code.output_mode}, timeout {code.time_mode.value}{', initial state' if node.initial else ''}"
    return f"{code.operator} {code.target} by {keys}, {facts} AS {writer.columns(node.output)}"


def _session(writer: _Writer, node: SessionAssign) -> str:
    window = writer.column(node.window, given=True)
    return f"Session {writer.text(node.time)} gap {writer.text(node.gap)} AS {window}"


def _limit(writer: _Writer, node: Limit) -> str:
    passing = "" if node.passing is None else f" passing {writer.text(node.passing)}"
    return f"Limit {node.count}{' of each batch' * node.of_batch}{passing}"


_NODES: Mapping[type[Plan], Callable[[_Writer, Any], str]] = MappingProxyType(
    {
        Aggregate: lambda w, n: f"Aggregate {w.items(n.keys)} {w.items(n.aggregates)}",
        Deduplicate: _deduplicate,
        Expand: _expand,
        Filter: lambda w, n: f"Filter {w.text(n.condition)}",
        Generate: lambda w, n: f"Generate {'outer ' if n.outer else ''}{w.text(n.generator)} AS {w.columns(n.output)}",
        GroupsWithState: _with_state,
        Join: _join,
        Limit: _limit,
        Offset: lambda _w, n: f"Offset {n.count}",
        Project: lambda w, n: f"Project {w.items(n.items)}",
        Recursion: lambda w, n: f"Recursion {n.name} up to {n.levels} levels AS {w.columns(n.output)}",
        RecursionScan: lambda w, n: f"Level {n.name} {w.columns(n.output)}",
        SessionAssign: _session,
        SetOperation: lambda _w, n: f"{n.operation}{' all' if n.all else ''}",
        Sort: lambda w, n: f"Sort {w.keys(n.keys)}",
        StreamScan: lambda w, n: f"Stream {n.source} {w.columns(n.output)}",
        TableScan: lambda w, n: f"Table {n.table} {w.columns(n.output)}",
        Union: lambda w, n: f"Union {w.columns(n.output)}",
        Values: _values,
        Watermark: lambda w, n: f"Watermark {w.column(n.event_time)} delay {_us(n.delay_us)}{n.guard.words}",
        WindowAssign: _window,
        WindowFunctions: lambda w, n: f"WindowFunctions {w.items(n.items)}",
    }
)

_EXPRESSIONS: Mapping[type[Expression], Callable[[_Writer, Any], str]] = MappingProxyType(
    {
        AggregateCall: _Writer.aggregate,
        Call: _Writer.call,
        Case: _Writer.case,
        Cast: lambda w, e: f"{'try_cast' if e.try_ else 'cast'}({w.text(e.child)} AS {e.type.sql()})",
        Column: _Writer.column,
        GetField: lambda w, e: f"{w.text(e.child)}.{e.name}",
        Lambda: _Writer.function,
        Literal: _literal,
        ScalarSubquery: _Writer.subquery,
        Existence: _Writer.subquery,
        UserCall: lambda w, e: f"{e.function.removeprefix(PREFIX)}({w.texts(e.args)})",
        WindowCall: _Writer.over,
    }
)
