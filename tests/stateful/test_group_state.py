"""GroupState: what each method allows, and the exceptions of PySpark where it does not."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.stateful import GroupState, TimeMode
from headrace.stateful.group_state import GroupTimes, Outcome, outcome_of

NONE = GroupTimes(TimeMode.NONE, 1_000, None)
PROCESSING = GroupTimes(TimeMode.PROCESSING_TIME, 1_000, None)
EVENT = GroupTimes(TimeMode.EVENT_TIME, 1_000, 500)


def test_a_key_without_state_has_none_until_it_is_set() -> None:
    """`get` refuses, `getOption` does not."""
    state = GroupState(None, NONE)
    assert (state.exists, state.getOption, state.hasTimedOut) == (False, None, False)
    with pytest.raises(ValueError, match="not defined or has already been removed"):
        _ = state.get
    state.update([1, "a"])
    assert (state.exists, state.get, state.getOption) == (True, (1, "a"), (1, "a"))
    assert outcome_of(state) == Outcome((1, "a"), None, is_updated=True, is_removed=False)


def test_removed_state_is_gone_and_may_be_set_again() -> None:
    """The last of update and remove counts."""
    state = GroupState((1,), NONE)
    state.remove()
    assert outcome_of(state) == Outcome(None, None, is_updated=False, is_removed=True)
    state.update((2,))
    assert outcome_of(state) == Outcome((2,), None, is_updated=True, is_removed=False)


@pytest.mark.parametrize("value", [None, 5, "text", b"bytes", {"n": 1}])
def test_state_must_be_a_tuple(value: Any) -> None:
    """One value a column."""
    with pytest.raises(TypeError, match="The state is a tuple"):
        GroupState(None, NONE).update(value)


def test_a_duration_counts_from_the_batchs_time() -> None:
    """Processing time only, above zero, whole ms."""
    state = GroupState(None, PROCESSING)
    state.setTimeoutDuration(250)
    assert outcome_of(state).timeout_ms == 1_250
    with pytest.raises(ValueError, match="must be positive; seen: 0"):
        state.setTimeoutDuration(0)
    with pytest.raises(TypeError, match="'10 seconds'"):
        state.setTimeoutDuration("10 seconds")
    for times in (NONE, EVENT):
        with pytest.raises(RuntimeError, match="without timeout: processing_time"):
            GroupState(None, times).setTimeoutDuration(1)


def test_a_timestamp_may_not_lie_before_the_watermark() -> None:
    """Event time only; the watermark itself is allowed, and a datetime too."""
    state = GroupState(None, EVENT)
    state.setTimeoutTimestamp(500)
    assert outcome_of(state).timeout_ms == 500
    state.setTimeoutTimestamp(datetime(2024, 1, 1, tzinfo=UTC))
    assert outcome_of(state).timeout_ms == 1_704_067_200_000
    with pytest.raises(ValueError, match=r"\(499\) cannot be earlier than the current watermark \(500\)"):
        state.setTimeoutTimestamp(499)
    with pytest.raises(ValueError, match="must be positive"):
        state.setTimeoutTimestamp(-1)
    for times in (NONE, PROCESSING):
        with pytest.raises(RuntimeError, match="without timeout: event_time"):
            GroupState(None, times).setTimeoutTimestamp(1)


def test_times_are_the_batchs() -> None:
    """The watermark is told only where there is one."""
    assert GroupState(None, EVENT).getCurrentWatermarkMs() == 500
    assert GroupState(None, NONE).getCurrentProcessingTimeMs() == 1_000
    with pytest.raises(RuntimeError, match="without one"):
        GroupState(None, NONE).getCurrentWatermarkMs()


def test_authors_import_it_without_the_engine() -> None:
    """A module of user code must be testable where nothing but the package is installed."""
    heavy = "any(name in sys.modules for name in ('pyarrow', 'duckdb', 'numpy', 'pydantic'))"
    text = f"import sys, headrace.stateful; sys.exit({heavy})"
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0
