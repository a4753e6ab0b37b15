"""Room 5: which records of the sources the rows of a node came from.

Takes a node of a plan without state below it; gives a plan of the same rows with one more column, the record's number.
What it takes to send a row back that arrived too late, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from headrace.dataclass import dataclass
from headrace.plan.expressions import Alias, Column, Expression, GetField, references
from headrace.plan.ids import ColumnIds
from headrace.plan.nodes import (
    Expand,
    Filter,
    Generate,
    Join,
    JoinType,
    Plan,
    Project,
    SessionAssign,
    Sort,
    StreamScan,
    Union,
    Watermark,
    WindowAssign,
    walk,
)
from headrace.types import BIGINT, StructType

RECORD_NUMBER = "headrace.record"
"""The column a source's table must have beside its own: a number for each record, unique over all sources."""

_FIRST_ID = 1 << 30  # far above the ids of any plan


@dataclass(frozen=True, slots=True)
class Traced:
    """A plan whose rows know their record.

    Attributes:
        plan: The node, with the record's number among its columns.
        record: That column.
        varying: Ids of columns in which rows of one record may differ.
    """

    plan: Plan
    record: Column
    varying: frozenset[int]

    def is_same_for_all_rows_of_a_record(self, value: Expression) -> bool:
        """Return True when the value depends on the record alone, apart from which window a row went to."""
        return not references(value) & self.varying

    def beside(self, value: Expression) -> Project:
        """Return a plan of two columns: the record's number and the value, a window by its end, called time."""
        kind = value.type
        if isinstance(kind, StructType):
            ordinal = kind.names.index("end")
            value = GetField(kind.fields[ordinal].type, value, ordinal, "end")
        time = Column(value.type, _FIRST_ID - 1, "time")
        return Project(self.plan, (Alias(self.record, self.record), Alias(value, time)))


def traced(plan: Plan) -> Traced | None:
    """Return the streaming plan with the number of each row's record, None where state stands below."""
    return _traced(plan, ColumnIds(_FIRST_ID))


def _traced(plan: Plan, ids: ColumnIds) -> Traced | None:
    match plan:
        case StreamScan():
            record = ids.column(BIGINT, RECORD_NUMBER)
            return Traced(replace(plan, output=(*plan.output, record)), record, frozenset())
        case Join():
            return _join(plan, ids)
        case Union():
            return _union(plan, ids)
        case Project() | Filter() | Watermark() | Sort() | WindowAssign() | SessionAssign() | Generate() | Expand():
            below = _traced(plan.child, ids)
            return None if below is None else _above(plan, below)
    return None


def _above(plan: Plan, below: Traced) -> Traced:
    record, varying = below.record, below.varying
    match plan:
        case Project(items=items):
            more = {item.column.id for item in items if references(item.child) & varying}
            here: Plan = replace(plan, child=below.plan, items=(*items, Alias(record, record)))
        case Expand(projections=projections, output=output):
            places = zip(output, zip(*projections, strict=True), strict=True)
            more = {column.id for column, values in places if len(set(values)) > 1 or _any_of(values, varying)}
            widened = tuple((*projection, record) for projection in projections)
            here = replace(plan, child=below.plan, projections=widened, output=(*output, record))
        case Generate(output=output):
            more = {column.id for column in output}
            here = replace(plan, child=below.plan)
        case WindowAssign(time=time, window=window) | SessionAssign(time=time, window=window):
            more = {window.id} if references(time) & varying else set()
            here = replace(plan, child=below.plan)
        case _:
            more = set()
            here = replace(plan, child=below.plan)  # type: ignore[call-arg]  # every node that comes here has one
    return Traced(here, record, varying | more)


def _join(plan: Join, ids: ColumnIds) -> Traced | None:
    if plan.left.is_streaming and plan.right.is_streaming:
        return None
    stream, table = (plan.left, plan.right) if plan.left.is_streaming else (plan.right, plan.left)
    below = _traced(stream, ids)
    if below is None:
        return None
    here = replace(plan, left=below.plan) if stream is plan.left else replace(plan, right=below.plan)
    only_tests = plan.how in (JoinType.SEMI, JoinType.ANTI)
    more = frozenset() if only_tests else frozenset(column.id for column in table.columns)
    return Traced(here, below.record, below.varying | more)


def _union(plan: Union, ids: ColumnIds) -> Traced | None:
    children, varying = [], set()
    for child in plan.children:
        below = _traced(child, ids)
        if below is None:
            return None
        items = tuple(Alias(column, column) for column in (*child.columns, below.record))
        children.append(Project(below.plan, items))
        places = zip(plan.output, child.columns, strict=True)
        varying |= {out.id for out, column in places if column.id in below.varying}
    if _share_a_source(plan.children):
        varying |= {column.id for column in plan.output}
    record = ids.column(BIGINT, RECORD_NUMBER)
    return Traced(replace(plan, children=tuple(children), output=(*plan.output, record)), record, frozenset(varying))


def _share_a_source(plans: Iterable[Plan]) -> bool:
    names = [name for plan in plans for name in {node.source for node in walk(plan) if isinstance(node, StreamScan)}]
    return len(set(names)) < len(names)


def _any_of(values: Iterable[Expression], ids: frozenset[int]) -> bool:
    return any(references(value) & ids for value in values)
