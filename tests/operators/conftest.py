"""Operators: one operator, batch after batch, over state in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.operators.stateful import Operator, StateCounts, Thresholds
from headrace.operators.statements import Statements
from headrace.sql.session import open_session
from headrace.sql.settings import SqlSettings
from headrace.values import EventTime
from headrace_state import Delta, StateBatch, StateStore, open_store


class Stage:
    """An operator and its state; each call is one batch, applied before the next one."""

    def __init__(self, operator: Operator, store: StateStore) -> None:
        self.operator, self.store = operator, store

    def __call__(self, rows: pa.Table, late_us: int, eviction_us: int) -> tuple[pa.Table, StateCounts]:
        """Return what the operator gave."""
        batch = StateBatch(self.store, self.store.version + 1)
        given = self.operator.run(rows, Thresholds(EventTime(late_us), EventTime(eviction_us)), batch)
        uuid = f"{batch.batch:032x}"
        self.store.apply(Delta(batch.batch, uuid, self.store.delta, batch.counts(), batch.changes()))
        return given

    @property
    def sizes(self) -> list[int]:
        """Rows of each table of the state."""
        return list(self.store.counts().values())


@pytest.fixture(scope="module")
def statements() -> Iterator[Statements]:
    """DuckDB."""
    running = Statements(open_session(SqlSettings(), threads=1, memory_limit_bytes=256 << 20, temp_folder=None))
    yield running
    running.close()


@pytest.fixture
def stage(tmp_path: Path) -> Callable[[Operator, tuple[str, ...]], Stage]:
    """Puts an operator over empty tables of these names."""
    return lambda operator, tables: Stage(operator, open_store("memory", tmp_path, tables))
