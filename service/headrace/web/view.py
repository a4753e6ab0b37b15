"""Web: what the pages may know of the running queries.

The engine implements `StatusView`; everything here is a value, so a page never holds a lock of the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from headrace.contract import JsonValue
from headrace.dataclass import dataclass
from headrace.progress.history import QueryStatus
from headrace.progress.model import BatchProgress
from headrace.values import ProcessingTime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryView:
    """One query at this moment.

    Attributes:
        name: The name in the pipeline file.
        state: The engine's word, such as ``running``, ``waiting``, ``stopped`` or ``failed``.
        id: Stable for the checkpoint's life; None before the checkpoint was opened.
        run_id: New at each start; None before the first.
        started_us: When this run started.
        heartbeat_age_s: Seconds since the query's loop last showed life; None when no loop is to run any more.
        is_ready: Sources are assigned and the first batch was planned, or the query has done all it had to.
        error: The error that ended or restarted the query, secrets masked; empty without one.
        error_code: The code of that error.
        status: Spark's status.
        recent: The kept progresses, oldest first.
        config: The query's resolved configuration, secrets masked.
    """

    name: str
    state: str
    id: str | None = None
    run_id: str | None = None
    started_us: ProcessingTime | None = None
    heartbeat_age_s: float | None = None
    is_ready: bool = False
    error: str = ""
    error_code: str = ""
    status: QueryStatus = field(default_factory=QueryStatus)
    recent: tuple[BatchProgress, ...] = ()
    config: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def last(self) -> BatchProgress | None:
        """The newest progress, None before the first."""
        return self.recent[-1] if self.recent else None


class StatusView(Protocol):
    """The running queries; called from the web server's thread, so it returns at once and never asks a broker."""

    def queries(self) -> Sequence[QueryView]:
        """Return every query of the process, in the order of the pipeline file."""
        ...
