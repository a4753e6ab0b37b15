"""Engine: every row of the recovery table, as data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.engine.recovery import Case, Decision, Facts, Found, decide


def facts(logged: int, committed: int, marker: Found | None, *, keeps: bool = True, assume: str | None = None) -> Facts:
    """Facts with the commit log's delta named after its batch."""
    delta = f"d{committed}" if committed >= 0 else ""
    return Facts(logged, committed, delta, keeps_marker=keeps, marker=marker, assume=assume)


CLAIMED = Found(-1, "")

TABLE = [
    ("nothing was ever run", facts(-1, -1, None), Decision(Case.FRESH)),
    ("claimed, then died before the first plan", facts(-1, -1, CLAIMED), Decision(Case.FRESH)),
    (
        "died after the first plan, before its commit",
        facts(0, -1, CLAIMED),
        Decision(Case.RERUN, -1, "", 0, rerun=True),
    ),
    (
        "died while reading, computing, writing or sealing batch 5: the sink stands at 4",
        facts(5, 4, Found(4, "d4")),
        Decision(Case.RERUN, 4, "d4", 5, rerun=True),
    ),
    (
        "died after the sink's commit, before the state or the commit log: redo from the delta",
        facts(5, 4, Found(5, "x5")),
        Decision(Case.REDO, 5, "x5", 6, write_commit=True),
    ),
    ("stopped between batches", facts(5, 5, Found(5, "d5")), Decision(Case.CLEAN, 5, "d5", 6)),
    ("marker expired, last batch is in the commit log", facts(5, 5, None), Decision(Case.REMARK, 5, "d5", 6)),
    (
        "marker expired and the last batch is open, but the operator says it was not written",
        facts(5, 4, None, assume="aborted"),
        Decision(Case.RERUN, 4, "d4", 5, rerun=True),
    ),
    ("no marker is kept, stopped between batches", facts(5, 5, None, keeps=False), Decision(Case.CLEAN, 5, "d5", 6)),
    (
        "no marker is kept, died inside a batch: at least once",
        facts(5, 4, None, keeps=False),
        Decision(Case.RERUN, 4, "d4", 5, rerun=True),
    ),
    ("no marker is kept, first run", facts(-1, -1, None, keeps=False), Decision(Case.FRESH)),
]

REFUSED = [
    ("the folder is gone, the sink is not", facts(-1, -1, Found(7, "d7")), "STATE_LOST"),
    ("the sink is ahead", facts(5, 5, Found(7, "d7")), "CHECKPOINT_DISAGREES"),
    ("the sink is far behind", facts(5, 5, Found(3, "d3")), "CHECKPOINT_DISAGREES"),
    ("the marker is another query's", facts(5, 5, Found(5, "d5", same_query=False)), "CHECKPOINT_DISAGREES"),
    ("marker lost, outcome unknown", facts(5, 4, None), "CHECKPOINT_DISAGREES"),
    ("logs with a hole, no marker kept", facts(5, 2, None, keeps=False), "CHECKPOINT_CORRUPT"),
]


@pytest.mark.parametrize(("case", "found", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_decision_follows_the_table(case: str, found: Facts, expected: Decision) -> None:
    """The whole decision is compared."""
    assert decide(found) == expected, case


@pytest.mark.parametrize(("case", "found", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_known_is_refused_with_a_way_out(case: str, found: Facts, code: str) -> None:
    """A refusal names its code and says what was seen."""
    decision = decide(found)
    assert (decision.case, decision.code) == (Case.REFUSE, code), case
    assert decision.reason


@given(
    logged=st.integers(-1, 5),
    behind=st.integers(0, 3),
    marker=st.one_of(st.none(), st.integers(-1, 8)),
    keeps=st.booleans(),
)
def test_no_combination_of_facts_is_guessed(logged: int, behind: int, marker: int | None, keeps: bool) -> None:
    """A batch the sink committed is never run again, and one it did not commit is never skipped."""
    found = Found(marker, "d") if marker is not None else None
    decision = decide(facts(logged, max(-1, logged - behind), found, keeps=keeps))
    if decision.case is Case.REFUSE:
        return
    assert decision.next_batch == decision.state_batch + 1
    if keeps and found is not None:
        assert decision.state_batch == found.batch
    if decision.rerun:
        assert decision.next_batch == logged
