"""The corridor: what to do at start, as a pure decision over what was found.

Takes facts already read from the checkpoint and the sink; gives one Decision; touches nothing. The table it implements
is docs/recovery.md: L is the newest whole offset-log entry, C the newest commit-log entry, M the sink's marker. The
sink's marker is the decision about a batch; local files alone never are, unless the sink keeps no marker.
"""

from __future__ import annotations

from enum import Enum

from headrace.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """The marker a sink holds: the batch it committed last (-1: only claimed) and that batch's delta."""

    batch: int
    delta: str
    same_query: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What start-up found. Batch numbers are -1 when there is none."""

    logged: int  # L
    committed: int  # C
    committed_delta: str  # of commits/C
    keeps_marker: bool
    marker: Found | None  # M
    assume: str | None = None  # "committed" | "aborted": the operator's word for a batch nobody can know about


class Case(Enum):
    """The row of the table that applied; its value names it in logs and metrics."""

    FRESH = "fresh"
    CLEAN = "clean"
    RERUN = "rerun"
    REDO = "redo"
    REMARK = "remark"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do before the first batch.

    Attributes:
        case: The row of the table.
        state_batch: Bring state to the end of this batch ...
        state_delta: ... by this delta.
        next_batch: The batch to run then; logged already when `rerun`.
        rerun: Run next_batch with the offsets, time and watermark of its log entry.
        write_commit: Write the missing commit-log entry of state_batch.
        code: For REFUSE, the error code.
        reason: For REFUSE, what is wrong and what to do.
    """

    case: Case
    state_batch: int = -1
    state_delta: str = ""
    next_batch: int = 0
    rerun: bool = False
    write_commit: bool = False
    code: str = ""
    reason: str = ""


def decide(facts: Facts) -> Decision:
    """Return what to do at start. Law: every combination of facts has an answer, and none of them guesses."""
    if not facts.keeps_marker:
        return _by_logs(facts)
    if facts.marker is None:
        return _without_marker(facts)
    if not facts.marker.same_query:
        return _refuse("CHECKPOINT_DISAGREES", "the sink's marker belongs to another query id")
    return _by_marker(facts, facts.marker)


def _by_marker(facts: Facts, marker: Found) -> Decision:
    logged = facts.logged
    if logged == -1 and marker.batch >= 0:
        reason = (
            f"the sink has batches up to {marker.batch} of this query and the checkpoint folder is empty; restore the "
            "folder from a backup, or give the query a new checkpoint location"
        )
        return _refuse("STATE_LOST", reason)
    if marker.batch == logged:
        if logged == -1:
            return Decision(Case.FRESH)
        redo = facts.committed < logged
        case = Case.REDO if redo else Case.CLEAN
        return Decision(case, logged, marker.delta, logged + 1, write_commit=redo)
    if marker.batch == logged - 1:
        return Decision(Case.RERUN, marker.batch, marker.delta, logged, rerun=True)
    reason = f"the sink committed batch {marker.batch} last, and the checkpoint's newest batch is {logged}"
    return _refuse("CHECKPOINT_DISAGREES", reason)


def _without_marker(facts: Facts) -> Decision:
    if facts.logged == -1:
        return Decision(Case.FRESH)
    if facts.committed == facts.logged:
        return Decision(Case.REMARK, facts.committed, facts.committed_delta, facts.logged + 1)
    if facts.assume == "aborted":
        return Decision(Case.RERUN, facts.committed, facts.committed_delta, facts.logged, rerun=True)
    reason = (
        f"the sink holds no marker and batch {facts.logged} has no commit entry, so nobody knows whether it was "
        "written; look whether its rows are in the sink, then start with --assume aborted if they are not"
    )
    return _refuse("CHECKPOINT_DISAGREES", reason)


def _by_logs(facts: Facts) -> Decision:
    if facts.logged == -1:
        return Decision(Case.FRESH)
    if facts.committed == facts.logged:
        return Decision(Case.CLEAN, facts.committed, facts.committed_delta, facts.logged + 1)
    if facts.committed == facts.logged - 1:
        return Decision(Case.RERUN, facts.committed, facts.committed_delta, facts.logged, rerun=True)
    reason = f"the commit log ends at batch {facts.committed} and the offset log at {facts.logged}"
    return _refuse("CHECKPOINT_CORRUPT", reason)


def _refuse(code: str, reason: str) -> Decision:
    return Decision(Case.REFUSE, code=code, reason=reason)
