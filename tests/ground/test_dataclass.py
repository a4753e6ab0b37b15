"""Dataclasses made fast are what the standard library makes."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from headrace.dataclass import _dataclass

STANDARD: Callable[..., Any] = dataclasses.dataclass


def _classes(dataclass: Callable[..., Any]) -> dict[str, Any]:
    """Return classes of every kind that we write, made by this decorator."""

    @dataclass(frozen=True, slots=True)
    class Point:
        x: float
        y: Any = 2
        at: str = dataclasses.field(default="", compare=False, repr=False)

    @dataclass(frozen=True, slots=True)
    class Deep(Point):
        z: tuple[int, ...] = ()

    @dataclass(frozen=True, slots=True)
    class Nothing:
        pass

    @dataclass(frozen=True, slots=True)
    class One:
        value: Any

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        left: int
        right: list[int] = dataclasses.field(default_factory=list)

    @dataclass(slots=True)
    class Open:
        count: int = 0
        twice: int = dataclasses.field(init=False)

        def __post_init__(self) -> None:
            self.twice = 2 * self.count

    @dataclass(frozen=True, slots=True)
    class Own:
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and other.name.lower() == self.name.lower()

        def __repr__(self) -> str:
            return f"<{self.name}>"

    @dataclass(frozen=True, slots=True)
    class Hashed:
        name: str

        def __hash__(self) -> int:
            return 7

    return {name: value for name, value in locals().items() if isinstance(value, type)}


def _values(dataclass: Callable[..., Any]) -> list[Any]:
    made = _classes(dataclass)
    point, deep, one, named = made["Point"], made["Deep"], made["One"], made["Named"]
    return [
        point(1),
        point(1, at="elsewhere"),
        point(y=3, x=1.0),
        deep(1, 2),
        deep(1, 2, "here", (3, 4)),
        made["Nothing"](),
        one(None),
        one(math.nan),
        one(point(1)),
        one((point(1), "text")),
        named(left=1),
        named(left=1, right=[2]),
        made["Open"](3),
        made["Own"]("Ab"),
        made["Own"]("aB"),
        made["Hashed"]("h"),
        dataclasses.replace(deep(1, 2, "here", (3,)), x=9),
        copy.deepcopy(named(left=1, right=[2])),
    ]


OURS, THEIRS = _values(_dataclass), _values(STANDARD)


@pytest.mark.parametrize("place", range(len(OURS)))
def test_a_value_is_shown_compared_and_hashed_like_the_standards(place: int) -> None:
    """Against every other value; those of different classes are never equal."""
    ours, theirs = OURS[place], THEIRS[place]
    assert repr(ours) == repr(theirs)
    assert [ours == other for other in OURS] == [theirs == other for other in THEIRS]
    assert ours == ours
    assert ours != theirs
    assert dataclasses.asdict(ours).keys() == dataclasses.asdict(theirs).keys()
    assert type(ours).__match_args__ == type(theirs).__match_args__
    assert isinstance(_hash(ours), int) is isinstance(_hash(theirs), int)


def test_equal_values_have_equal_hashes() -> None:
    """Of a set only the different ones are left, as of the standard's values."""
    hashable = [value for value in OURS if isinstance(_hash(value), int)]
    same = [value for value in THEIRS if isinstance(_hash(value), int)]
    assert len(set(hashable)) == len(set(same)) < len(hashable)


@pytest.mark.parametrize("place", [place for place, value in enumerate(OURS) if type(value).__name__ != "Open"])
def test_a_frozen_value_refuses_to_change(place: int) -> None:
    """A field of it set or deleted, and a new attribute, each as the standard's values do."""
    for value in (OURS[place], THEIRS[place]):
        before = copy.copy(value)
        for field in dataclasses.fields(value):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, field.name, 1)
            with pytest.raises(dataclasses.FrozenInstanceError):
                delattr(value, field.name)
        with pytest.raises((AttributeError, TypeError)):  # TypeError before Python 3.13, by the standard's too
            value.new = 1
        assert value == before


def test_an_open_value_changes_and_has_no_hash() -> None:
    """But takes no attribute that is no field."""
    value = _classes(_dataclass)["Open"](1)
    value.count = 5
    assert (value.count, value.twice, _hash(value)) == (5, 2, "unhashable type: 'Open'")
    with pytest.raises(AttributeError):
        value.other = 1


def test_a_value_that_holds_itself_can_be_shown() -> None:
    """As a list can."""
    holder = _classes(_dataclass)["One"]([])
    holder.value.append(holder)
    assert repr(holder).endswith("One(value=[...])")


def _hash(value: Any) -> int | str:
    try:
        return hash(value)
    except TypeError as error:
        return str(error)
