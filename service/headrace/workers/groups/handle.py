"""Workers: what a processor is given in init: it declares variables, and keeps timers of the key at hand.

Source: Spark StatefulProcessorHandleImpl; conditions are Spark's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.ddl import parse_schema
from headrace.errors import StreamError
from headrace.stateful import TimeMode
from headrace.types import StructType
from headrace.workers.groups.rows import row_maker
from headrace.workers.groups.variables import Current, ListVariable, MapVariable, ValueVariable, Variable

_KINDS: dict[str, Any] = {"value": ValueVariable, "list": ListVariable, "map": MapVariable}


class Handle:
    """headrace.stateful.StatefulProcessorHandle of one batch.

    Args:
        target: The processor, for messages.
        time_mode: What timers go by.
        current: What its variables work on.
    """

    def __init__(self, target: str, time_mode: TimeMode, current: Current) -> None:
        self._target = target
        self._time_mode = time_mode
        self._current = current
        self._is_open = True
        self.variables: list[Variable] = []

    def seal(self) -> None:
        """End init: no variable may be declared any more."""
        self._is_open = False

    def getValueState(self, stateName: str, schema: str, ttlDurationMs: int | None = None) -> Any:
        """Declare a value."""
        return self._declared(Variable(stateName, "value", self._schema(stateName, schema), ttlDurationMs))

    def getListState(self, stateName: str, schema: str, ttlDurationMs: int | None = None) -> Any:
        """Declare a list."""
        return self._declared(Variable(stateName, "list", self._schema(stateName, schema), ttlDurationMs))

    def getMapState(
        self,
        stateName: str,
        userKeySchema: str,
        valueSchema: str,
        ttlDurationMs: int | None = None,
    ) -> Any:
        """Declare a map."""
        keys, values = self._schema(stateName, userKeySchema), self._schema(stateName, valueSchema)
        return self._declared(Variable(stateName, "map", values, ttlDurationMs, keys))

    def registerTimer(self, expiryTimestampMs: int) -> None:
        """Add a timer."""
        record = self._with_timers("registerTimer")
        record.timers = {*record.timers, int(expiryTimestampMs)}
        record.is_changed = True

    def deleteTimer(self, expiryTimestampMs: int) -> None:
        """Take a timer away."""
        record = self._with_timers("deleteTimer")
        record.timers = record.timers - {int(expiryTimestampMs)}
        record.is_changed = True

    def listTimers(self) -> Iterator[int]:
        """Return the timers, earliest first."""
        return iter(sorted(self._with_timers("listTimers").timers))

    def _with_timers(self, operation: str) -> Any:
        if self._time_mode is TimeMode.NONE:
            message = f"{operation} needs timeout: processing_time or event_time in the pipeline file."
            raise self._error(message, "CANNOT_PERFORM_OPERATION_WITH_INVALID_TIME_MODE")
        return self._current.at_hand()

    def _declared(self, variable: Variable) -> Any:
        name = variable.name
        if not self._is_open:
            message = f"the state {name} is declared outside of init."
            raise self._error(message, "CANNOT_PERFORM_OPERATION_WITH_INVALID_HANDLE_STATE")
        if any(other.name == name for other in self.variables):
            raise self._error(f"the state {name} is declared twice.", "DUPLICATE_STATE_VARIABLE_DEFINED")
        if variable.ttl_ms is not None:
            self._check_ttl(name, variable.ttl_ms)
        self.variables.append(variable)
        made = row_maker("State", variable.values.names)
        return _KINDS[variable.kind](variable, len(self.variables) - 1, self._current, made)

    def _check_ttl(self, name: str, ttl_ms: int) -> None:
        if self._time_mode is not TimeMode.PROCESSING_TIME:
            message = f"the state {name} has a time to live, which needs timeout: processing_time."
            raise self._error(message, "INCORRECT_TIME_MODE_TO_ASSIGN_TTL")
        if ttl_ms <= 0:
            message = f"the state {name} has a time to live of {ttl_ms} ms; it must be positive."
            raise self._error(message, "TTL_DURATION_MUST_BE_POSITIVE")

    def _schema(self, name: str, text: str) -> StructType:
        try:
            return parse_schema(text)
        except StreamError as error:
            message = f"{self._target}: the schema {text!r} of the state {name} is none: {error.message}"
            raise StreamError("FUNCTION_FAILED", message, condition=error.condition) from error

    def _error(self, message: str, condition: str) -> StreamError:
        full = f"{self._target}: {message}"
        return StreamError("FUNCTION_FAILED", full, condition=f"STATEFUL_PROCESSOR_{condition}")
