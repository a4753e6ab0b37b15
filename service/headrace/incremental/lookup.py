"""Room 5: which rows of a table a small batch can meet in a join, as texts of hashes of the join's keys.

Takes a join of a stream with a table; gives DuckDB text over each side. Rows whose keys are equal have equal hashes, so
that the rows found are never too few; the join itself still compares the keys of those that are too many.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.dataclass import dataclass
from headrace.duck import duckdb_type
from headrace.incremental.fragment import Fragment, filtered, project, scan
from headrace.incremental.render import Renderer
from headrace.plan.conditions import conjuncts, pair_of
from headrace.plan.expressions import Call, Column, Expression, Literal, Subquery, UserCall, walk
from headrace.plan.facts.determinism import is_deterministic
from headrace.plan.nodes import Filter, Join, JoinType, Plan, Project, TableScan
from headrace.plan.nodes import walk as walk_plan
from headrace.plan.transform import expressions_of
from headrace.sql.functions import BATCH_TIME_PLACEHOLDER
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    FLOAT,
    INT,
    SMALLINT,
    STRING,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    DecimalType,
    StructType,
)

_WHOLE = frozenset({BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, DATE, TIME, DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL})
_HASHED = _WHOLE | {FLOAT, DOUBLE, STRING, BINARY, TIMESTAMP, TIMESTAMP_NTZ}
"""Types of which DuckDB hashes equal values alike: -0.0 as 0.0, every NaN as one."""

_COMPARISONS = frozenset({"equal", "not_equal", "null_safe_equal", "less", "less_equal", "greater", "greater_equal"})
_LOGIC = frozenset({"and", "or", "not", "is_null", "is_not_null", "is_true", "is_false", "in", "coalesce"})
_NEVER_FAIL = _COMPARISONS | _LOGIC | {"current_timestamp", "current_date", "localtimestamp"}

_TABLE_ON_THE_RIGHT = (JoinType.INNER, JoinType.LEFT, JoinType.SEMI, JoinType.ANTI)
_TABLE_ON_THE_LEFT = (JoinType.INNER, JoinType.RIGHT)


@dataclass(frozen=True, slots=True)
class LookUpKeys:
    """The keys by which a table's rows are found; `null_safe` says of which a null equals a null."""

    stream: tuple[Expression, ...]
    table: tuple[Expression, ...]
    null_safe: tuple[bool, ...]

    def of_stream(self, rows: str, render: Renderer) -> str:
        """Return a SELECT of one hash a row of the stream; null for a row that meets nothing."""
        return self._hashes(self.stream, rows, (), render)

    def of_table(self, rows: str, conditions: Sequence[Expression], render: Renderer) -> str:
        """Return a SELECT of one hash a row of the table, in order; keys are computed where the conditions are true."""
        return self._hashes(self.table, rows, conditions, render)

    def _hashes(self, keys: Sequence[Expression], rows: str, conditions: Sequence[Expression], render: Renderer) -> str:
        items = []
        for i, key in enumerate(keys):
            text = f"CAST({render.sql(key)} AS {duckdb_type(key.type)})"
            if conditions:
                text = f"CASE WHEN {' AND '.join(render.sql(part) for part in conditions)} THEN {text} END"
            items.append(f"{text} AS k{i}")
        known = " AND ".join(f"k{i} IS NOT NULL" for i, safe in enumerate(self.null_safe) if not safe)
        found = f"hash({', '.join(f'k{i}' for i in range(len(keys)))})"
        found = f"CASE WHEN {known} THEN {found} END" if known else found
        return f"SELECT {found} AS h FROM (SELECT {', '.join(items)} FROM ({rows}))"


def lookup_keys(node: Join) -> LookUpKeys | None:
    """Return the keys of a join of a stream with a table, None where all rows of the table have to be there."""
    kinds = _TABLE_ON_THE_RIGHT if node.left.is_streaming else _TABLE_ON_THE_LEFT
    table = node.right if node.left.is_streaming else node.left
    if node.null_aware or node.how not in kinds or not any(isinstance(each, TableScan) for each in walk_plan(table)):
        return None
    parts = [(pair, part) for part in conjuncts(node.condition) if (pair := pair_of(node, part)) and _is_hashed(pair)]
    if not parts:
        return None
    left, right = zip(*(pair for pair, _ in parts), strict=True)
    null_safe = tuple(isinstance(part, Call) and part.function == "null_safe_equal" for _, part in parts)
    return LookUpKeys(left, right, null_safe) if node.left.is_streaming else LookUpKeys(right, left, null_safe)


def _is_hashed(pair: tuple[Expression, Expression]) -> bool:
    one, other = pair
    return one.type == other.type and _has_hash(one.type) and all(_is_plain(key) and _is_sure(key) for key in pair)


def _has_hash(kind: DataType) -> bool:
    match kind:
        case DecimalType():
            return True
        case ArrayType(element=element):
            return _has_hash(element)
        case StructType(fields=parts):
            return all(_has_hash(part.type) for part in parts)
    return kind in _HASHED


def _is_plain(expression: Expression) -> bool:
    return not any(isinstance(part, Subquery) for part in walk(expression))


def _is_sure(expression: Expression) -> bool:
    """Return True when a second evaluation in the same batch gives the same value, and does nothing else."""
    return is_deterministic(expression) and not any(isinstance(part, UserCall) for part in walk(expression))


def may_run_twice(plan: Plan) -> bool:
    """Return True when the rows of a plan may be computed twice in a batch: the same ones, and no author's code."""
    return all(_is_sure(expression) for node in walk_plan(plan) for expression in _all_expressions(node))


def is_lasting(plan: Plan, fragment: Fragment) -> bool:
    """Return True when the rows of a static plan are the same in every batch as long as its tables are."""
    asked = (is_deterministic(each) for node in walk_plan(plan) for each in _all_expressions(node))
    return BATCH_TIME_PLACEHOLDER not in fragment.sql and all(asked)


def _all_expressions(node: Plan) -> list[Expression]:
    """The node's expressions and those of the subqueries in them."""
    found = list(expressions_of(node))
    plans = [part.plan for each in found for part in walk(each) if isinstance(part, Subquery)]
    return found + [each for plan in plans for below in walk_plan(plan) for each in _all_expressions(below)]


@dataclass(frozen=True, slots=True)
class PlainSide:
    """A table under filters and a choice of columns only: its rows can be found before the conditions are computed."""

    scan: TableScan
    plan: Plan
    conditions: tuple[Expression, ...]

    def guards(self, keys: LookUpKeys, render: Renderer) -> tuple[Expression, ...] | None:
        """Return the conditions that are the same in every batch, under which the keys of the table are computed.

        None says that all rows have to be there: a condition of the moment may fail on one that no batch meets, or a
        key on one that such a condition leaves out.
        """
        lasting = tuple(part for part in self.conditions if _is_lasting(part, render))
        others = [part for part in self.conditions if part not in lasting]
        safe = all(isinstance(key, Column) for key in keys.table) and not any(_may_fail(part) for part in others)
        return lasting if safe or not others else None

    def over(self, relation: str, render: Renderer) -> Fragment:
        """Return the plan over some of the table's rows."""
        return _over(self.plan, relation, render)


def plain_side(plan: Plan) -> PlainSide | None:
    """Return the plan as a table under filters, None for any other plan."""
    parts: list[Expression] = []
    below = plan
    while isinstance(below, Filter) or (isinstance(below, Project) and _only_chooses(below)):
        parts += conjuncts(below.condition) if isinstance(below, Filter) else ()
        below = below.child
    if not isinstance(below, TableScan) or not all(_is_plain(part) for part in parts):
        return None
    return PlainSide(below, plan, tuple(parts))


def _only_chooses(node: Project) -> bool:
    return all(isinstance(item.child, Column) and item.child.id == item.column.id for item in node.items)


def _is_lasting(part: Expression, render: Renderer) -> bool:
    return is_deterministic(part) and BATCH_TIME_PLACEHOLDER not in render.sql(part)


def _may_fail(part: Expression) -> bool:
    plain = (isinstance(each, Call) and each.function in _NEVER_FAIL for each in walk(part) if not _is_leaf(each))
    return not all(plain)


def _is_leaf(expression: Expression) -> bool:
    return isinstance(expression, Column | Literal)


def _over(plan: Plan, relation: str, render: Renderer) -> Fragment:
    match plan:
        case Filter():
            return filtered(_over(plan.child, relation, render), plan, render)
        case Project():
            return project(_over(plan.child, relation, render), plan, render)
    return scan(relation, [column.name for column in plan.columns], plan.columns)
