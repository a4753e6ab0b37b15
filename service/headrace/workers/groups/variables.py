"""Workers: state variables of a processor: values, lists and maps, each with a time to live.

What one key holds is a `KeyRecord`; a variable works on the record of the key that is being handled. Source: Spark's
ValueStateImplWithTTL, ListStateImplWithTTL, MapStateImplWithTTL: an expired value is not seen, every write starts its
time to live anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any

from headrace.dataclass import dataclass
from headrace.ddl import ddl_text, parse_schema
from headrace.errors import StreamError
from headrace.types import BIGINT, ArrayType, DataType, Field, StructType

Values = tuple[Any, ...]
Living = tuple[Values, int | None]
"""Values, and when they expire, in ms since the epoch; None for never."""


_NO_KEYS = StructType(())


@dataclass(slots=True)
class KeyRecord:
    """All that a processor keeps of one key: variables by place, as their kind holds them, and timers in ms."""

    variables: list[Any]
    timers: set[int] = field(default_factory=set)
    is_changed: bool = False


@dataclass(slots=True)
class Current:
    """What the variables of a processor work on: the key's record, None outside of a key, and the batch's time."""

    batch_ms: int
    record: KeyRecord | None = None

    def at_hand(self) -> KeyRecord:
        """Return the record of the key.

        Raises:
            StreamError: state is used where no key is handled, such as in init.
        """
        if self.record is None:
            message = "state variables and timers are of a key; use them in handleInputRows and handleExpiredTimer."
            condition = "STATEFUL_PROCESSOR_CANNOT_PERFORM_OPERATION_WITH_INVALID_HANDLE_STATE"
            raise StreamError("FUNCTION_FAILED", message, condition=condition)
        return self.record


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared state variable: name, kind, types, and its time to live in ms."""

    name: str
    kind: str  # value | list | map
    values: StructType
    ttl_ms: int | None
    keys: StructType = _NO_KEYS

    @property
    def stored_as(self) -> DataType:
        """How it is stored: elements with their expiry."""
        living = [Field("value", numbered(self.values)), Field("expires", BIGINT)]
        if self.kind == "value":
            return StructType(tuple(living))
        if self.kind == "map":
            living.insert(0, Field("key", numbered(self.keys)))
        return ArrayType(StructType(tuple(living)))

    def empty(self) -> Any:
        """Return what a key without it holds."""
        return {"value": None, "list": [], "map": {}}[self.kind]

    def to_json(self) -> list[Any]:
        """Return it as JSON; types as DDL."""
        return [self.name, self.kind, ddl_text(self.values), self.ttl_ms, ddl_text(self.keys)]

    @classmethod
    def from_json(cls, told: Sequence[Any]) -> Variable:
        """Return what `to_json` wrote."""
        name, kind, values, ttl_ms, keys = told
        return cls(name, kind, parse_schema(values), ttl_ms, parse_schema(keys))


def numbered(kind: StructType) -> StructType:
    """Return a struct with fields named by place: names may repeat, and may change."""
    return StructType(tuple(Field(f"f{place}", field.type) for place, field in enumerate(kind.fields)))


class _OfKey:
    """A variable as the processor holds it."""

    def __init__(
        self, variable: Variable, place: int, current: Current, make: Callable[[Sequence[Any]], Values]
    ) -> None:
        self._variable = variable
        self._place = place
        self._current = current
        self._make = make

    @property
    def _held(self) -> Any:
        return self._current.at_hand().variables[self._place]

    def _hold(self, held: Any) -> None:
        record = self._current.at_hand()
        record.variables[self._place] = held
        record.is_changed = True

    def _living(self, values: Any) -> Living:
        ttl_ms = self._variable.ttl_ms
        checked = self._checked(values, self._variable.values)
        return self._make(checked), None if ttl_ms is None else self._current.batch_ms + ttl_ms

    def _checked(self, values: Any, kind: StructType) -> Values:
        if not isinstance(values, tuple | list) or len(values) != len(kind.fields):
            names = ", ".join(kind.names)
            message = f"the state {self._variable.name} was given {values!r}; a tuple of ({names}) is wanted."
            raise StreamError("FUNCTION_FAILED", message)
        return tuple(values)

    def _is_alive(self, living: Living) -> bool:
        return living[1] is None or living[1] > self._current.batch_ms

    def clear(self) -> None:
        """Forget all of it."""
        self._hold(self._variable.empty())


class ValueVariable(_OfKey):
    """headrace.stateful.ValueState."""

    def exists(self) -> bool:
        """Return whether there is a value."""
        return self.get() is not None

    def get(self) -> Values | None:
        """Return the value, or None."""
        held = self._held
        return held[0] if held is not None and self._is_alive(held) else None

    def update(self, newValue: Values) -> None:
        """Set the value."""
        self._hold(self._living(newValue))


class ListVariable(_OfKey):
    """headrace.stateful.ListState."""

    def exists(self) -> bool:
        """Return whether there is an element."""
        return any(True for _ in self.get())

    def get(self) -> Iterator[Values]:
        """Return the elements in order."""
        return iter([living[0] for living in self._held if self._is_alive(living)])

    def put(self, newState: Iterable[Values]) -> None:
        """Set the whole list."""
        self._hold([self._living(values) for values in newState])

    def appendValue(self, newState: Values) -> None:
        """Add an element."""
        self._hold_more([self._living(newState)])

    def appendList(self, newState: Iterable[Values]) -> None:
        """Add elements."""
        self._hold_more([self._living(values) for values in newState])

    def _hold_more(self, elements: Sequence[Living]) -> None:
        held = self._held  # in place: a key may be given thousands of elements one by one
        held.extend(elements)
        self._hold(held)


class MapVariable(_OfKey):
    """headrace.stateful.MapState."""

    def exists(self) -> bool:
        """Return whether there is an entry."""
        return any(True for _ in self.iterator())

    def getValue(self, key: Values) -> Values | None:
        """Return the value of a key, or None."""
        living = self._held.get(self._checked(key, self._variable.keys))
        return living[0] if living is not None and self._is_alive(living) else None

    def containsKey(self, key: Values) -> bool:
        """Return whether the map has a key."""
        return self.getValue(key) is not None

    def updateValue(self, key: Values, value: Values) -> None:
        """Set an entry."""
        held = self._held  # in place, as elements of a list
        held[self._checked(key, self._variable.keys)] = self._living(value)
        self._hold(held)

    def iterator(self) -> Iterator[tuple[Values, Values]]:
        """Return the entries."""
        return iter([(key, living[0]) for key, living in self._held.items() if self._is_alive(living)])

    def keys(self) -> Iterator[Values]:
        """Return the keys."""
        return (key for key, _ in self.iterator())

    def values(self) -> Iterator[Values]:
        """Return the values."""
        return (value for _, value in self.iterator())

    def removeKey(self, key: Values) -> None:
        """Forget an entry."""
        held = self._held
        held.pop(self._checked(key, self._variable.keys), None)
        self._hold(held)
