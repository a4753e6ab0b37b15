"""Room 4: stateful code above stateful code."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import APPEND, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import GroupsWithState


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for several stateful functions that are not all in append mode.

    Source: Spark UnsupportedOperationChecker.
    """
    found = [
        node for node in subject.streaming_nodes if isinstance(node, GroupsWithState) and not node.code.is_processor
    ]
    if len(found) > 1 and (subject.mode != APPEND or any(node.code.output_mode != APPEND for node in found)):
        yield refusal(
            "STREAM_SEVERAL_FUNCTIONS",
            found[0],
            "Multiple flatMapGroupsWithStates are not supported when they are not all in append mode or the output "
            f"mode is not append; seen: {', '.join(node.name for node in found)}.",
            "Use output_mode append for all of them, or split the query in two with a topic between them.",
        )
