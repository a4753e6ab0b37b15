"""Room 3: UNION, EXCEPT and INTERSECT."""

from __future__ import annotations

import functools

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.refused.ordered import refuse_compared_rows
from headrace.plan.bind.scope import Relation, Scope
from headrace.plan.bind.session import Findings, Session
from headrace.plan.constant import cast_to, same_fields
from headrace.plan.expressions import Alias, Call
from headrace.plan.nodes import Aggregate, Join, JoinType, Plan, Project, SetOperation, Union
from headrace.sql.coercion import common_types
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN, ArrayType, DataType, MapType, StructType
from headrace.values import Position


def bind_set_operation(tree: exp.SetOperation, session: Session, outer: Scope | None) -> Relation:
    """Return the combined relation, columns matched by position and cast to their common types.

    Raises:
        StreamErrors: both sides' findings.
        StreamError: NUM_COLUMNS_MISMATCH or INCOMPATIBLE_COLUMN_TYPE.
    """
    findings, sides = Findings(), []
    for side in (tree.this, tree.expression):
        with findings.collect():
            sides.append(session.bind_query(side, session, outer).plan)
    findings.close()
    name = type(tree).__name__.upper()
    left, right = _aligned(sides[0], sides[1], name, tree, session)
    at = position_of(tree.expression)
    if tree.args.get("distinct") or not isinstance(tree, exp.Union):
        refuse_compared_rows(left.columns, at)
    if isinstance(tree, exp.Union):
        output = tuple(session.ids.column(column.type, column.name) for column in left.columns)
        flat = isinstance(left, Union) and isinstance(tree.this, exp.Union) and not tree.args.get("distinct")
        children = (*(left.children if flat and isinstance(left, Union) else (left,)), right)
        plan: Plan = Union(children, output, at=at)
        if tree.args.get("distinct"):
            plan = Aggregate(plan, tuple(Alias(column, column) for column in output), (), distinct=True, at=at)
    elif isinstance(tree, exp.Except) and tree.args.get("distinct") and left.is_streaming and not right.is_streaming:
        plan = _left_without(left, right, at)
    else:
        plan = SetOperation(left, right, name.capitalize(), all=not tree.args.get("distinct"), at=at)
    return Relation.of(plan)


def _left_without(left: Plan, right: Plan, at: Position | None) -> Plan:
    """EXCEPT of a stream and a table, as operators that streams have. Source: Spark ReplaceExceptWithAntiJoin."""
    pairs = [Call(BOOLEAN, "null_safe_equal", pair) for pair in zip(left.columns, right.columns, strict=True)]
    condition = functools.reduce(lambda one, other: Call(BOOLEAN, "and", (one, other)), pairs)
    kept = Join(left, right, JoinType.ANTI, condition, at=at)
    return Aggregate(kept, tuple(Alias(column, column) for column in left.columns), (), at=at)


def _aligned(left: Plan, right: Plan, name: str, tree: exp.Expr, session: Session) -> tuple[Plan, Plan]:
    ours, theirs = len(left.columns), len(right.columns)
    if ours != theirs:
        message = (
            f"{name} can only be performed on inputs with the same number of columns, but the first input has {ours} "
            f"columns and the second input has {theirs} columns."
        )
        raise StreamError("SQL_ANALYSIS", message, condition="NUM_COLUMNS_MISMATCH", at=position_of(tree))
    kinds: list[DataType] = []
    for place, (mine, other) in enumerate(zip(left.columns, right.columns, strict=True), start=1):
        kind: DataType | None = mine.type
        if not _alike(mine.type, other.type) or (mine.type == other.type and not same_fields(mine.type, other.type)):
            kind = common_types([mine.type, other.type], session.catalog.settings)
        if kind is None:
            message = (
                f"{name} needs compatible column types; column {place} is {mine.type.sql()} in the first input and "
                f"{other.type.sql()} in the second."
            )
            raise StreamError("SQL_ANALYSIS", message, condition="INCOMPATIBLE_COLUMN_TYPE", at=position_of(tree))
        kinds.append(kind)
    return _cast(left, kinds, session), _cast(right, kinds, session)


def _alike(one: DataType, other: DataType) -> bool:
    """Return True for types that differ in the names of their fields only."""
    match one, other:
        case StructType(), StructType():
            same = len(one.fields) == len(other.fields)
            return same and all(_alike(a.type, b.type) for a, b in zip(one.fields, other.fields, strict=True))
        case ArrayType(), ArrayType():
            return _alike(one.element, other.element)
        case MapType(), MapType():
            return _alike(one.key, other.key) and _alike(one.value, other.value)
    return one == other


def _cast(plan: Plan, kinds: list[DataType], session: Session) -> Plan:
    kept = [c.type == kind and same_fields(c.type, kind) for c, kind in zip(plan.columns, kinds, strict=True)]
    if all(kept):
        return plan
    items = [
        Alias(column, column) if same else Alias(cast_to(column, kind), session.ids.column(kind, column.name))
        for column, kind, same in zip(plan.columns, kinds, kept, strict=True)
    ]
    return Project(plan, tuple(items))
