"""Room 3: what the plan knows of Python code that keeps state per key.

Takes the callable and what the pipeline file says of it; the code itself runs in room 7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.dataclass import dataclass
from headrace.stateful import TimeMode
from headrace.types import StructType
from headrace.workers.looking import NamedCode, look, takes_tables

__all__ = ["GroupCode", "takes_tables"]


@dataclass(frozen=True, slots=True)
class GroupCode:
    """A stateful function or processor.

    Attributes:
        target: As the file names it, package.module:name.
        call: The function, or the class of the processor, or what stands for either.
        takes_tables: Rows go in and out as Arrow tables, not as named tuples.
        state: Columns of a function's state; empty for a processor, which declares its own.
        time_mode: What timeouts and timers go by.
        output_mode: append or update.
        event_time: Name of the output's column that takes over the watermark, lower case; None for none.
    """

    target: str
    call: Callable[..., Any]
    takes_tables: bool
    state: StructType
    time_mode: TimeMode
    output_mode: str
    event_time: str | None = None

    @property
    def is_processor(self) -> bool:
        """True for a StatefulProcessor, false for a function."""
        return self.call.is_processor if isinstance(self.call, NamedCode) else look(self.call).is_processor

    @property
    def operator(self) -> str:
        """Spark's name of the operator."""
        return "transformWithState" if self.is_processor else "flatMapGroupsWithState"

    @property
    def passes_watermark(self) -> bool:
        """True when the watermark of the input holds behind it too. Source: Spark WatermarkPropagator."""
        return self.is_processor and self.time_mode is not TimeMode.PROCESSING_TIME
