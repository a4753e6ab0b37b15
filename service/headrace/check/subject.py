"""Room 4: what every rule looks at, and how a refusal is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.conditions import conjuncts
from headrace.plan.expressions import Call
from headrace.plan.nodes import Aggregate, Join, JoinType, Plan, walk
from headrace.values import Position

LEGACY = "_LEGACY_ERROR_TEMP_3102"
"""Spark's name for a refusal that has none of its own."""

APPEND, UPDATE, COMPLETE = "append", "update", "complete"


@dataclass(frozen=True, slots=True)
class Subject:
    """An analyzed plan with the output mode it is to run in, and the extensions that were opted into."""

    plan: Plan
    mode: str
    extensions: frozenset[str] = frozenset()

    @property
    def nodes(self) -> tuple[Plan, ...]:
        """Every node, topmost first."""
        return tuple(walk(self.plan))

    @property
    def streaming_nodes(self) -> tuple[Plan, ...]:
        """Every node with a stream below it, topmost first."""
        return tuple(node for node in walk(self.plan) if node.is_streaming)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Every streaming aggregate, topmost first."""
        return streaming_aggregates(self.plan)

    @property
    def written_aggregates(self) -> tuple[Aggregate, ...]:
        """Every streaming aggregate, topmost first, without those that EXCEPT becomes when it runs."""
        return tuple(node for node in self.aggregates if not is_except(node))


Check = Callable[[Subject], Iterator[StreamError]]
"""A rule: yields a finding for each place where the plan breaks it."""


def streaming_aggregates(plan: Plan) -> tuple[Aggregate, ...]:
    """Return the aggregates over streams in a plan, topmost first; DISTINCT and UNION are among them."""
    return tuple(node for node in walk(plan) if isinstance(node, Aggregate) and node.is_streaming)


def is_except(node: Aggregate) -> bool:
    """Return True for EXCEPT, in which Spark sees an aggregation only when the first batch is planned."""
    match node:
        case Aggregate(aggregates=(), child=Join(how=JoinType.ANTI, condition=condition)):
            return all(isinstance(part, Call) and part.function == "null_safe_equal" for part in conjuncts(condition))
    return False


def refusal(code: str, where: Plan | Position, message: str, hint: str, condition: str = LEGACY) -> StreamError:
    """Return a finding.

    Args:
        code: Our own name of it, stable across releases; each rule has one.
        where: The node that is refused, or the place itself.
        message: What is refused and why, in one or two sentences.
        hint: What to write instead.
        condition: Spark's name of it.
    """
    at = where if isinstance(where, Position) else place_of(where)
    return StreamError(code, message, hint=hint, condition=condition, at=at)


def place_of(node: Plan) -> Position | None:
    """Return where the SQL asks for the node, or for the nearest one below that has a place."""
    return next((below.at for below in walk(node) if below.at is not None), None)
