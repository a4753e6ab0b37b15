"""Room 4: the state of a join of two streams is kept by key."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import Subject, refusal
from headrace.errors import StreamError
from headrace.plan.conditions import equal_pairs
from headrace.plan.nodes import Join, JoinType, Plan, walk
from headrace.plan.rewrite.rules import optimize


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a join of two streams without an equality between them.

    Source: Spark UnsupportedOperationChecker.
    """
    if not any(_lacks_equality(node) for node in subject.nodes):
        return
    # Spark looks when the first batch is planned, with the conditions of WHERE moved into the joins.
    for node in walk(optimize(subject.plan)):
        if _lacks_equality(node):
            yield refusal(
                "STREAM_JOIN_WITHOUT_EQUALITY",
                node,
                "Stream-stream join without equality predicate is not supported: every row would meet every other.",
                "Add a condition such as  left.key = right.key.",
            )


def _lacks_equality(node: Plan) -> bool:
    if not isinstance(node, Join) or node.how is JoinType.ANTI or equal_pairs(node):
        return False
    return node.left.is_streaming and node.right.is_streaming
