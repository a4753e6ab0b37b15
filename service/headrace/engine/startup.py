"""The corridor: start-up, in the order that fences first and decides second.

Fence the sink and read its marker, claim it for a new owner, decide by the table of `recovery.py`, bring state to the
decided batch. Takes opened parts; gives the batch to go on with.
"""

from __future__ import annotations

from functools import partial

import structlog

from headrace.contract import Marker
from headrace.dataclass import dataclass
from headrace.engine.checkpoint import BatchPlan, CommitEntry, stream_error
from headrace.engine.query import QueryParts
from headrace.engine.recovery import Case, Decision, Facts, Found, decide
from headrace.errors import StreamError
from headrace_state import Brought, StateError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Where a run goes on: the next batch, its plan when it is to run again, and the plan before it.

    `was_rebuilt` is True when the local state could not be used and was restored from a snapshot and deltas.
    """

    case: Case
    next_batch: int
    rerun: BatchPlan | None
    last: BatchPlan | None
    was_rebuilt: bool = False


def recover(query: QueryParts, *, assume: str | None = None, owner: int = 0) -> StartingPoint:
    """Bring checkpoint, state and sink to one point in time.

    Args:
        query: Opened parts; the sink is fenced and claimed here.
        assume: The operator's word about a batch nobody can know about.
        owner: The number under which this process owned the query before; 0 at its first start.

    Raises:
        SupersededError: another process has taken the query over since; it goes on undisturbed.
        StreamError: a source is not the one the checkpoint knows, the decision is to refuse, or state is lost.
    """
    last, commit = query.checkpoint.last_plan(), query.checkpoint.last_commit()
    if last is not None:
        for name, bounds in last.ranges.items():
            query.inputs[name].source.check_identity(bounds.identity)
    marker = query.sink.recover(owner)
    found = None
    if marker is not None:
        found = Found(marker.batch_id, marker.delta, marker.query_id == query.checkpoint.query_id)
    facts = Facts(
        logged=last.batch if last else -1,
        committed=commit.batch if commit else -1,
        committed_delta=commit.delta if commit else "",
        keeps_marker=query.keeps_marker,
        marker=found,
        assume=assume,
    )
    decision = decide(facts)
    if decision.case is Case.REFUSE:
        raise StreamError(decision.code, decision.reason)
    query.owner = (marker.owner if marker else 0) + 1
    query.sink.claim(Marker(query.checkpoint.query_id, decision.state_batch, decision.state_delta, query.owner))
    if query.dead_letters is not None:
        # Beside the first batch, which waits for the journal before it publishes; an idle query waits for it too.
        query.journal.hand(partial(query.dead_letters.recover, query.owner))
    brought = _bring_state(query, decision)
    _restore_watermark(query, decision, last, commit)
    _log.info("recovered", query=query.compiled.name, case=decision.case.value, next_batch=decision.next_batch)
    rerun = last if decision.rerun else None
    return StartingPoint(decision.case, decision.next_batch, rerun, last, was_rebuilt=brought is Brought.RESTORED)


def _bring_state(query: QueryParts, decision: Decision) -> Brought:
    try:
        done = query.state.bring_to(decision.state_batch, decision.state_delta)
    except StateError as error:
        raise stream_error(error) from error
    _log.debug("state ready", how=done.name.lower(), batch=decision.state_batch)
    return done


def _restore_watermark(
    query: QueryParts, decision: Decision, last: BatchPlan | None, commit: CommitEntry | None
) -> None:
    """Set the watermark of the next batch, from the state, and for states of no rows from the logs.

    What every source had seen is forgotten, as in Spark; when sources with an idle timeout last had rows is not.
    """
    kept = query.state.begin(decision.next_batch)
    known = [query.kept_watermark(kept)]
    query.tracker.active_us = query.kept_activity(kept)
    if last is not None:
        known.append(last.watermark)
    if commit is not None:
        known.append(commit.next_watermark)
    query.tracker.watermark_us = max(known)
    if decision.write_commit:
        entry = CommitEntry(decision.state_batch, decision.state_delta, query.tracker.watermark_us)
        query.checkpoint.log_commit(entry)
