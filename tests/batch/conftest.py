"""A batch session with the tables of the recordings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.batch.recorded import VIEWS

from headrace.batch.session import BatchSession
from headrace.clock import ManualClock


@pytest.fixture(scope="module")
def session() -> Iterator[BatchSession]:
    """A session with the tables of the recording."""
    opened = BatchSession({}, ManualClock(0))
    for name, sql in VIEWS.items():
        opened.run(f"CREATE TEMPORARY VIEW {name} AS {sql}")
    yield opened
    opened.close()
