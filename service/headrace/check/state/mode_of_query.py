"""Room 4: what stateful code says its rows mean must be what the query makes of them."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.check.subject import UPDATE, Subject, refusal
from headrace.errors import StreamError
from headrace.plan.nodes import GroupsWithState


def check(subject: Subject) -> Iterator[StreamError]:
    """Yield a finding for a stateful function whose mode is not the query's, or which gives updates to an aggregate.

    Source: Spark UnsupportedOperationChecker.
    """
    for node in subject.streaming_nodes:
        if not isinstance(node, GroupsWithState) or node.code.is_processor:
            continue  # Spark does not judge the mode of transformWithState
        mode = node.code.output_mode
        if subject.aggregates and mode == UPDATE:
            yield refusal(
                "STREAM_FUNCTION_MODE",
                node,
                f"{node.code.operator} in update mode is not supported with aggregation on a streaming DataFrame: the "
                f"aggregate would count every update of `{node.name}` as a row of its own.",
                f"Give {node.name} output_mode: append, and let it emit rows that are final.",
            )
        elif not subject.aggregates and mode != subject.mode:
            yield refusal(
                "STREAM_FUNCTION_MODE",
                node,
                f"{node.code.operator} in {mode} mode is not supported with {subject.mode} output mode on a streaming "
                f"DataFrame; seen in `{node.name}`.",
                f"Give the query output_mode {mode}, or {node.name} output_mode {_other(subject.mode, mode)}.",
            )


def _other(mode: str, own: str) -> str:
    return mode if mode != "complete" else own
