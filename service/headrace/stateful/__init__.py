"""Ground floor, for authors of stateful functions: what a function or a processor is given to keep state with.

Names and rules are PySpark's (applyInPandasWithState, transformWithState). Imports nothing but the standard library, so
that a module of user code can be imported and tested anywhere.
"""

from headrace.stateful.group_state import GroupState, TimeMode
from headrace.stateful.processor import (
    ExpiredTimerInfo,
    ListState,
    MapState,
    StatefulProcessor,
    StatefulProcessorHandle,
    TimerValues,
    ValueState,
)

__all__ = [
    "ExpiredTimerInfo",
    "GroupState",
    "ListState",
    "MapState",
    "StatefulProcessor",
    "StatefulProcessorHandle",
    "TimeMode",
    "TimerValues",
    "ValueState",
]
