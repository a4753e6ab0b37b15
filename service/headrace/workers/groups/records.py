"""Workers: what a processor keeps of its keys, from Arrow rows and back.

One row of state a key holds all its variables and timers; it is read and written whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from headrace.types import BIGINT, ArrayType, Field, StructType
from headrace.workers.groups.collected import columns_of
from headrace.workers.groups.rows import python_rows, row_maker
from headrace.workers.groups.variables import KeyRecord, Variable


def processor_state(variables: Sequence[Variable]) -> StructType:
    """Return the columns of a processor's row of state: its variables, then the timers in ms."""
    fields = [Field(variable.name, variable.stored_as) for variable in variables]
    return StructType((*fields, Field("timers", ArrayType(BIGINT))))


class Records:
    """Reads and writes the records of a processor.

    Args:
        target: The processor, for messages.
        variables: What it declared.
    """

    def __init__(self, target: str, variables: Sequence[Variable]) -> None:
        self._target = target
        self._variables = variables
        self._stored_as = processor_state(variables)
        self._make = [row_maker("State", variable.values.names) for variable in variables]

    def read(self, stored: pa.Table, has_state: Sequence[bool]) -> list[KeyRecord]:
        """Return a record a key, an empty one for each key without a row."""
        rows = python_rows(stored)
        return [self._read(next(rows)) if has else self._empty() for has in has_state]

    def table(self, records: Sequence[KeyRecord]) -> pa.Table:
        """Return a row for each record."""
        rows = [self._row(record) for record in records]
        return columns_of(self._target, rows, self._stored_as, self._stored_as.arrow_schema())

    def first_expiry_ms(self, record: KeyRecord) -> int | None:
        """Return when the first value of a record expires, None for never."""
        expiries = [expires for held in record.variables for _, expires in _livings(held) if expires is not None]
        return min(expiries, default=None)

    def without_expired(self, record: KeyRecord, now_ms: int) -> KeyRecord:
        """Return a record without what has expired, marked as changed."""

        def is_alive(living: Any) -> bool:
            return living[1] is None or living[1] > now_ms

        kept: list[Any] = []
        for held in record.variables:
            if isinstance(held, list):
                kept.append([living for living in held if is_alive(living)])
            elif isinstance(held, dict):
                kept.append({key: living for key, living in held.items() if is_alive(living)})
            else:
                kept.append(held if held is not None and is_alive(held) else None)
        return KeyRecord(kept, record.timers, is_changed=True)

    def is_empty(self, record: KeyRecord) -> bool:
        """Return True when nothing is left of a key."""
        return not record.timers and not any(record.variables)

    def _empty(self) -> KeyRecord:
        return KeyRecord([variable.empty() for variable in self._variables])

    def _read(self, row: tuple[Any, ...]) -> KeyRecord:
        *held, timers = row
        read = [self._held(place, value) for place, value in enumerate(held)]
        return KeyRecord(read, set(timers))

    def _held(self, place: int, value: Any) -> Any:
        kind, make = self._variables[place].kind, self._make[place]
        if kind == "value":
            return None if value is None else (make(list(value["value"].values())), value["expires"])
        if kind == "list":
            return [(make(list(each["value"].values())), each["expires"]) for each in value]
        return {tuple(each["key"].values()): (make(list(each["value"].values())), each["expires"]) for each in value}

    def _row(self, record: KeyRecord) -> tuple[Any, ...]:
        return (*(_stored(held) for held in record.variables), sorted(record.timers))


def _livings(held: Any) -> list[Any]:
    if isinstance(held, dict):
        return list(held.values())
    return held if isinstance(held, list) else [] if held is None else [held]


def _stored(held: Any) -> Any:
    if held is None:
        return None
    if isinstance(held, dict):
        return [{"key": _fields(key), **_living(living)} for key, living in held.items()]
    return [_living(living) for living in held] if isinstance(held, list) else _living(held)


def _living(living: Any) -> dict[str, Any]:
    values, expires = living
    return {"value": _fields(values), "expires": expires}


def _fields(values: tuple[Any, ...]) -> dict[str, Any]:
    return {f"f{place}": value for place, value in enumerate(values)}
