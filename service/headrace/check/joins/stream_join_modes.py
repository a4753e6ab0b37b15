"""Room 4: which output modes a join of two streams has."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import APPEND, COMPLETE, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import Join, JoinType


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a join of two streams in a mode it does not have.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if not isinstance(node, Join) or not (node.left.is_streaming and node.right.is_streaming):
            continue
        outer = node.how in (JoinType.LEFT, JoinType.RIGHT, JoinType.FULL)
        if outer and subject.mode != APPEND:
            yield refusal(
                "STREAM_JOIN_MODE",
                node,
                f"{node.how.value} join between two streams is not supported in {subject.mode} output mode, only in "
                "append: its rows with nulls come when the watermark has passed.",
                "Use output_mode append.",
            )
        elif node.how in (JoinType.INNER, JoinType.SEMI) and subject.mode == COMPLETE:
            yield refusal(
                "STREAM_JOIN_MODE",
                node,
                f"{node.how.value} join between two streams is not supported in complete output mode, only in append "
                "and update.",
                "Use output_mode append or update.",
            )
