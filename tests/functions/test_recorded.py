"""Statements whose answer mere translation to DuckDB gets wrong without a word, beside what Spark 4.2.0 answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.functions.answers import is_unordered

from headrace.batch.session import TIME_ZONE, BatchSession
from headrace.clock import SystemClock
from headrace.errors import StreamError, StreamErrors

RECORDED: list[dict[str, Any]] = [
    entry
    for name in sorted(path.name for path in Path(__file__).parent.glob("recorded*.json"))
    for entry in json.loads(Path(__file__).with_name(name).read_text())
]


@pytest.fixture(scope="module")
def session() -> Iterator[BatchSession]:
    """One session in the time zone of the recording."""
    found = BatchSession({TIME_ZONE: "America/Los_Angeles"}, SystemClock())
    yield found
    found.close()


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["statement"][:60])
def test_the_answer_is_sparks(session: BatchSession, recorded: dict[str, Any]) -> None:
    """The same lines, or the same condition where Spark raises."""
    if "condition" in recorded:
        with pytest.raises((StreamError, StreamErrors)) as caught:
            session.run(recorded["statement"])
        found = getattr(caught.value, "errors", [caught.value])
        assert [error.condition for error in found] == [recorded["condition"]]
    else:
        ordered = sorted if is_unordered(recorded["statement"]) else list
        assert ordered(session.run(recorded["statement"]).lines) == ordered(recorded["text"])
