"""The demo: the first command of the README, as a user runs it."""

from __future__ import annotations

import pytest

from headrace.demo import run_demo


@pytest.mark.kafka
@pytest.mark.crash
@pytest.mark.slow
def test_the_demo_publishes_what_was_sent_through_a_kill(capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the usual events; the job is killed in the middle, and the counts agree."""
    assert run_demo(30_000) == 0
    assert "exactly once: nothing lost, nothing twice" in capsys.readouterr().out
