"""Ground floor: dataclasses that are made fast.

Takes what `dataclasses.dataclass` takes, as far as we use it, and gives the same class. Before Python 3.13 the standard
one writes and compiles six functions for every frozen class; for two hundred classes that is a tenth of the time to
import us (docs/decisions/0013-dataclasses.md). Here those that are alike in all classes are compiled once.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]


def _dataclass(*, frozen: bool = False, slots: bool = False, kw_only: bool = False) -> Callable[[type[Any]], type[Any]]:
    """Return what makes a class a dataclass: shown, equal and hashable by its fields; what it defines itself stays."""

    def make(cls: type[Any]) -> type[Any]:
        own = set(vars(cls))
        if vars(cls).get("__hash__", ...) is None:  # Python's own, beside an __eq__
            own.discard("__hash__")
        made: type[Any] = dataclasses.dataclass(repr=False, eq=False, frozen=frozen, slots=slots, kw_only=kw_only)(cls)
        methods = _methods(dataclasses.fields(made))
        if not frozen:
            methods["__hash__"] = None
        for name in methods.keys() - own:
            setattr(made, name, methods[name])
        return made

    return make


def _methods(fields: tuple[dataclasses.Field[Any], ...]) -> dict[str, Any]:
    shown = tuple(field.name for field in fields if field.repr)
    values = _values([field.name for field in fields if field.compare])

    @recursive_repr()
    def __repr__(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def __eq__(self: Any, other: object) -> Any:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(values(self))

    return {"__repr__": __repr__, "__eq__": __eq__, "__hash__": __hash__}


def _values(names: list[str]) -> Callable[[Any], Any]:
    """Return what gives the values of an object's fields as a tuple, for any number of them."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


if TYPE_CHECKING or sys.version_info >= (3, 13):
    from dataclasses import dataclass
else:
    dataclass = _dataclass
