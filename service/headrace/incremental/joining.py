"""Room 5: a join of two streams to the texts of its sides: keys, own conditions, event time and time of eviction.

Takes a Join node and which columns carry a watermark; gives DuckDB text. Source: Spark
StreamingSymmetricHashJoinHelper, JoinConditionSplitPredicates and JoinStateWatermarkPredicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.incremental.render import Renderer
from headrace.plan.conditions import conjuncts, equal_pairs, pair_of
from headrace.plan.event_time import carries_watermark
from headrace.plan.expressions import Column, Expression, references
from headrace.plan.nodes import Join, Plan
from headrace.plan.time_range import pins_state, state_range
from headrace.types import DataType, StructType


@dataclass(frozen=True, slots=True)
class SideTexts:
    """Select items a side gives beside its columns, types of its keys, and when its rows are forgotten."""

    items: tuple[str, ...]
    keys: tuple[DataType, ...]
    evict_offset_us: int | None


@dataclass(frozen=True, slots=True)
class JoinTexts:
    """Both sides, and the condition over pairs that is left after keys and single-side conditions."""

    left: SideTexts
    right: SideTexts
    condition: str


def join_texts(node: Join, marked: tuple[frozenset[int], frozenset[int]], render: Renderer) -> JoinTexts:
    """Return the texts of a join of two streams.

    Args:
        node: Inner, outer or semi.
        marked: Ids of the columns of the left and of the right side that carry the watermark.
        render: Gives the text of expressions.

    Raises:
        StreamError: SQL_UNSUPPORTED when no equality links the two sides.
    """
    pairs = equal_pairs(node)
    if not pairs:
        message = "a join of two streams needs at least one equality between their columns."
        raise StreamError("SQL_UNSUPPORTED", message)
    rest = [part for part in conjuncts(node.condition) if pair_of(node, part) is None]
    ids = (_ids(node.left), _ids(node.right))
    own = tuple([part for part in rest if references(part) <= side] for side in ids)
    both = [part for part in rest if part not in own[0] and part not in own[1]]
    watermark_key = next((i for i, pair in enumerate(pairs) if _any_marked(pair, marked[0] | marked[1])), None)
    sides = []
    for at, plan in enumerate((node.left, node.right)):
        keys = [pair[at] for pair in pairs]
        evict, offset_us = _eviction(node, at, keys[watermark_key] if watermark_key is not None else None, marked)
        late = next((_time(column, render) for column in plan.columns if column.id in marked[at]), "NULL::BIGINT")
        items = [f"{render.sql(key)} AS k{i}" for i, key in enumerate(keys)]
        items.append(f"{_all(own[at], render)} AS passes")
        items.append(f"{late} AS late_us")
        items.append(f"{'NULL::BIGINT' if evict is None else _time(evict, render)} AS evict_us")
        sides.append(SideTexts(tuple(items), tuple(key.type for key in keys), offset_us))
    return JoinTexts(sides[0], sides[1], _all(both, render))


def _eviction(
    node: Join, at: int, key: Expression | None, marked: tuple[frozenset[int], frozenset[int]]
) -> tuple[Expression | None, int | None]:
    """Return what the watermark is compared with to forget a row, and the offset, or None for never."""
    if key is not None:
        return key, 0
    if not marked[at]:
        return None, None
    ids = (_ids(node.left), _ids(node.right))
    if any(pins_state(part, ids[at]) for part in conjuncts(node.condition)):
        return None, None
    bound = state_range(node.condition, ids[at], ids[1 - at], marked[0] | marked[1])
    return (None, None) if bound is None else (bound.column, bound.offset_us)


def _ids(plan: Plan) -> frozenset[int]:
    return frozenset(column.id for column in plan.columns)


def _any_marked(pair: Iterable[Expression], marked: frozenset[int]) -> bool:
    return any(carries_watermark(one, marked) for one in pair)


def _time(expression: Expression | Column, render: Renderer) -> str:
    text = render.sql(expression)
    if isinstance(expression.type, StructType):
        text = f"struct_extract({text}, 'end')"
    return f"epoch_us({text})"


def _all(parts: Sequence[Expression], render: Renderer) -> str:
    return " AND ".join(f"({render.sql(part)})" for part in parts) or "true"
