"""Room 2: aggregate functions that installed packages bring, see `headrace.aggregation`.

Takes the entry points of the group ``headrace.aggregates``; gives entries of the aggregate table, and the Arrow
functions that their texts call, which every session registers. One that does not load is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, TypeGuard

import pyarrow as pa

from headrace.aggregation import ENTRY_POINTS, ArrowAggregation, RowAggregation
from headrace.dataclass import dataclass
from headrace.ddl import parse_schema, parse_type
from headrace.errors import StreamError
from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, form, over, refused
from headrace.sql.function import Argument
from headrace.sql.functions.signature import accept
from headrace.sql.vectorised import ArrowFunction
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import ArrayType, DataType, Field, StructType


@dataclass(frozen=True, slots=True)
class Installed:
    """One aggregate of a package: its entry of the table, and the functions its texts call."""

    function: AggregateFunction
    functions: tuple[ArrowFunction, ...] = ()


@cache
def installed() -> Mapping[str, Installed]:
    """Return what is installed, by lower-case name; packages are looked at once in the life of the process."""
    return MappingProxyType({entry.name.lower(): _loaded(entry) for entry in entry_points(group=ENTRY_POINTS)})


def installed_functions() -> tuple[ArrowFunction, ...]:
    """Return the Arrow functions of all that is installed."""
    return tuple(function for one in installed().values() for function in one.functions)


def _loaded(entry: EntryPoint) -> Installed:
    name = entry.name.lower()
    try:
        found = entry.load()
        return _taken(name, entry.value, found() if isinstance(found, type) else found)
    except StreamError as error:
        return Installed(refused(name, f"{entry.value} is declared wrongly: {error.message}"))
    except Exception as error:  # noqa: BLE001 -- code of others; queries that do not name it must still run
        return Installed(refused(name, f"{entry.value} cannot be loaded: {type(error).__name__}: {error}"))


def _taken(name: str, target: str, code: ArrowAggregation | RowAggregation) -> Installed:
    row, buffer, result = parse_schema(code.arguments), parse_schema(code.buffer), parse_type(code.returns)
    steps = _by_row(code, buffer, result) if _is_by_row(code) else (code.reduce, code.merge, code.finish)

    def made(step: str, run: Callable[..., Any], parameters: Sequence[DataType], returns: DataType) -> UserFunction:
        fields = tuple(Field(f"p{place}", kind) for place, kind in enumerate(parameters))
        return UserFunction(f"aggregate_{name}_{step}", f"{target}.{step}", StructType(fields), returns, run)

    reduce = made("reduce", steps[0], [ArrayType(row)], buffer)
    merge = made("merge", steps[1], [buffer, buffer], buffer)
    finish = made("finish", steps[2], [buffer], result)
    names = (reduce.sql_name, merge.sql_name, finish.sql_name)
    function = AggregateFunction(name, (len(row.fields),) * 2, _resolve(row, buffer, result, names))
    return Installed(function, (reduce.arrow(), merge.arrow(), finish.arrow()))


def _is_by_row(code: ArrowAggregation | RowAggregation) -> TypeGuard[RowAggregation]:
    return hasattr(code, "zero")


def _resolve(
    row: StructType, buffer: StructType, result: DataType, names: tuple[str, str, str]
) -> Callable[[Sequence[Argument], bool], AggregateForm]:
    reduce, merge, finish = names

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        kinds = [
            accept(a, field.type, place) for place, (a, field) in enumerate(zip(arguments, row.fields, strict=True))
        ]

        def partial(texts: Texts, condition: str | None) -> Texts:
            parts = ", ".join(f"{field.name} := {text}" for field, text in zip(row.fields, texts, strict=True))
            rows = over(f"list(struct_pack({parts}) ORDER BY {ROW_ORDER})", condition)
            return [f"{reduce}(coalesce({rows}, []))"]

        phases = Phases(
            partial,
            lambda older, newer: [f"{merge}({older[0]}, {newer[0]})"],
            lambda buffers: f"{finish}({buffers[0]})",
        )
        return form(kinds, result, [buffer], phases, ordered=True)

    return resolve


def _by_row(code: RowAggregation, buffer: StructType, result: DataType) -> tuple[Callable[..., Any], ...]:
    """The three steps over arrays, from plain Python ones."""
    kind = buffer.arrow()

    def buffers(found: Sequence[Sequence[Any]]) -> Any:
        columns = zip(*found, strict=True) if found else ([] for _ in buffer.fields)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, kind, strict=True)]
        return pa.StructArray.from_arrays(arrays, fields=list(kind))

    def reduce(groups: Any) -> Any:
        found = []
        for rows in groups.to_pylist():
            state = code.zero()
            for row in rows:
                state = code.reduce(state, *row.values())
            found.append(state)
        return buffers(found)

    def merge(older: Any, newer: Any) -> Any:
        pairs = zip(older.to_pylist(), newer.to_pylist(), strict=True)
        return buffers([code.merge(tuple(a.values()), tuple(b.values())) for a, b in pairs])

    def finish(states: Any) -> Any:
        return pa.array([code.finish(tuple(state.values())) for state in states.to_pylist()], result.arrow())

    return reduce, merge, finish
