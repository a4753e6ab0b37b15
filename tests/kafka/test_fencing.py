"""What being fenced means, as a pure function."""

from __future__ import annotations

import pytest

from headrace.contract import Marker
from headrace_plugins.kafka.failures import Fenced, judge_fencing


def marker(owner: int) -> Marker:
    """Return a marker of an owner."""
    return Marker("q", 4, "d", owner)


@pytest.mark.parametrize(
    ("mine", "seen", "age_s", "verdict"),
    [
        (3, marker(4), 0.1, Fenced.SUPERSEDED),
        (3, marker(4), 99.0, Fenced.SUPERSEDED),
        (3, marker(3), 60.0, Fenced.EXPIRED),
        (3, marker(3), 99.0, Fenced.EXPIRED),
        (3, marker(3), 59.9, Fenced.UNCLEAR),
        (1, None, 99.0, Fenced.EXPIRED),
        (1, None, 0.1, Fenced.UNCLEAR),
    ],
)
def test_owner_and_age_tell_a_rival_from_our_own_timeout(
    mine: int, seen: Marker | None, age_s: float, verdict: Fenced
) -> None:
    """A later owner always wins; else an old transaction ran out; else a rival has not claimed yet."""
    assert judge_fencing(mine, seen, age_s, timeout_s=60.0) is verdict
