"""Room 3: what every node of the logical plan is: columns, inputs, and whether a stream stands below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any

from headrace.dataclass import dataclass
from headrace.plan.expressions import Column, field_names
from headrace.types import Field, StructType
from headrace.values import Position


@dataclass(frozen=True, slots=True)
class Plan:
    """A relation; `at` is where the SQL asks for it, which no comparison of plans looks at."""

    at: Position | None = field(default=None, kw_only=True, compare=False, repr=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """What the node gives, in order."""
        raise TypeError(type(self).__name__)

    @property
    def inputs(self) -> tuple[Plan, ...]:
        """The nodes it reads, left to right."""
        return tuple(_plans_in(tuple(getattr(self, name) for name in field_names(self))))

    @property
    def is_streaming(self) -> bool:
        """True when a stream stands anywhere below."""
        return any(node.is_streaming for node in self.inputs)

    @property
    def schema(self) -> StructType:
        """Names and types of `columns`."""
        return StructType(tuple(Field(column.name, column.type) for column in self.columns))


def _plans_in(value: Any) -> Iterator[Plan]:
    if isinstance(value, Plan):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _plans_in(part)


class Giving:
    """A node that gives its `output`, one column a position."""

    __slots__ = ()
    output: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """What the node gives, in order."""
        return self.output


@dataclass(frozen=True, slots=True)
class Passing(Plan):
    """A node that gives its child's columns unchanged."""

    child: Plan

    @property
    def columns(self) -> tuple[Column, ...]:
        """The child's columns."""
        return self.child.columns


def walk(plan: Plan) -> Iterator[Plan]:
    """Yield the node and everything below it, topmost first."""
    yield plan
    for node in plan.inputs:
        yield from walk(node)
