"""Room 3: a CTE that reads itself: the rows it begins with, and what each level of rows gives as the next.

Takes the CTE's tree; gives a Recursion node. Source: Spark ResolveWithCTE, UnionLoop.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.scope import Relation
from headrace.plan.bind.session import Session
from headrace.plan.bind.source.relation import renamed
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Alias
from headrace.plan.nodes import (
    Aggregate,
    Filter,
    Generate,
    Join,
    JoinType,
    Limit,
    Plan,
    Project,
    Recursion,
    RecursionScan,
    Union,
    walk,
)
from headrace.sql.coercion import common_types
from headrace.sql.parse import position_of
from headrace.values import Position

_LEVELS = 100  # Spark's default of spark.sql.cteRecursionLevelLimit


def reads_itself(cte: exp.CTE) -> bool:
    """Return True when the query of a CTE names it."""
    return any(_is_reference(table, cte.alias) for table in cte.this.find_all(exp.Table))


def bind_recursive(cte: exp.CTE, session: Session, levels: int | None) -> Relation:
    """Return the rows of all levels.

    Args:
        cte: Of WITH RECURSIVE; it reads itself.
        session: Knows the CTEs before it.
        levels: How many levels there may be at most; None for Spark's limit.

    Raises:
        StreamError: INVALID_RECURSIVE_CTE, UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE, INVALID_RECURSIVE_REFERENCE.PLACE, or
            SQL_UNSUPPORTED for a stream and for several recursive parts.
    """
    first, again = _parts(cte)
    anchor = renamed(session.bind_query(first, session, None).plan, cte.args["alias"], session).plan
    output = tuple(session.ids.column(column.type, column.name) for column in anchor.columns)
    name = f"recursion.{output[0].id if output else 0}"

    def level() -> Relation:
        return Relation.of(RecursionScan(name, tuple(session.ids.column(c.type, c.name) for c in anchor.columns)))

    inner = replace(session, ctes=MappingProxyType({**session.ctes, cte.alias.lower(): level}))
    step = session.bind_query(again, inner, None).plan
    if anchor.is_streaming or step.is_streaming:
        message = f"The CTE {cte.alias} reads itself and a stream."
        raise StreamError("SQL_UNSUPPORTED", message, hint="Join the stream with it.", at=position_of(cte))
    _refuse_places(step, position_of(again))
    return Relation.of(Recursion(anchor, _typed(anchor, step, cte, session), output, name, levels or _LEVELS))


def _parts(cte: exp.CTE) -> tuple[exp.Expr, exp.Expr]:
    tree = cte.this
    if not isinstance(tree, exp.Union) or any(tree.args.get(part) for part in ("order", "limit", "offset")):
        message = f"The CTE {cte.alias} reads itself, and is no UNION ALL of what it begins with and how it goes on."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_RECURSIVE_CTE", at=position_of(cte))
    if tree.args.get("distinct"):
        message = "UNION stands in a CTE that reads itself, which has UNION ALL only."
        condition = "UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE"
        raise StreamError("SQL_ANALYSIS", message, hint="Write UNION ALL.", condition=condition, at=position_of(cte))
    if any(_is_reference(table, cte.alias) for table in tree.this.find_all(exp.Table)):
        message = f"The CTE {cte.alias} reads itself before UNION ALL, where it begins."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_RECURSIVE_CTE", at=position_of(cte))
    return tree.this, tree.expression


def _is_reference(table: exp.Table, name: str) -> bool:
    return not table.db and table.name.lower() == name.lower()


def _refuse_places(step: Plan, at: Position | None) -> None:
    """Raise where the level before is read in a place from which no next level can be made."""
    for node in walk(step):
        below = [any(isinstance(each, RecursionScan) for each in walk(child)) for child in node.inputs]
        if not any(below):
            continue
        match node:
            case Project() | Filter() | Generate() | Union() | Limit():
                continue
            case Join(how=JoinType.INNER):
                continue
            case Join(how=JoinType.LEFT | JoinType.SEMI | JoinType.ANTI) if not below[1]:
                continue
            case Join(how=JoinType.RIGHT) if not below[0]:
                continue
            case Aggregate(distinct=True):
                continue
        message = "A CTE that reads itself may do so below no aggregate, sort, limit, or outer side of a join."
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_RECURSIVE_REFERENCE.PLACE", at=at)


def _typed(anchor: Plan, step: Plan, cte: exp.CTE, session: Session) -> Plan:
    """Return the step with the types of what the CTE begins with."""
    if len(anchor.columns) != len(step.columns):
        message = f"The parts of the CTE {cte.alias} give {len(anchor.columns)} and {len(step.columns)} columns."
        raise StreamError("SQL_ANALYSIS", message, condition="NUM_COLUMNS_MISMATCH", at=position_of(cte))
    items = []
    for first, again in zip(anchor.columns, step.columns, strict=True):
        kind = common_types([first.type, again.type], session.catalog.settings)
        if kind != first.type:
            message = f"`{first.name}` of the CTE {cte.alias} is {first.type.sql()}, and goes on as {again.type.sql()}."
            hint = "Cast one to the other's type."
            condition = "CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition, at=position_of(cte))
        items.append(Alias(cast_to(again, kind), session.ids.column(kind, first.name)))
    return Project(step, tuple(items))
