"""Room 2: the building blocks of the aggregate table.

Takes texts of arguments, a FILTER condition and buffers; gives `AggregateForm`s and their texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.dataclass import dataclass
from headrace.duck import duckdb_type
from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.function import Argument, Rendered
from headrace.sql.functions.signature import unsupported
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BIGINT,
    DAY_TIME_INTERVAL,
    INT,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    Field,
    MapType,
    StructType,
)

Texts = Sequence[str]
Merge = Callable[[Texts, Texts], Texts]


@dataclass(frozen=True, slots=True)
class Phases:
    """The three texts of an aggregate without its types.

    `partial` takes (argument texts, FILTER condition or None); `merge` (older buffers, newer buffers); `final` buffers.
    """

    partial: Callable[[Texts, str | None], Texts]
    merge: Callable[[Texts, Texts], Texts]
    final: Callable[[Texts], str]


def form(
    arguments: Sequence[DataType],
    kind: DataType,
    buffers: Sequence[DataType],
    phases: Phases | Callable[[SqlSettings], Phases],
    *,
    ordered: bool = False,
) -> AggregateForm:
    """Return an aggregate form; every text is cast to its buffer's or the result's type."""
    buffers = [kept(buffer) for buffer in buffers]

    def chosen(settings: SqlSettings) -> Phases:
        return phases if isinstance(phases, Phases) else phases(settings)

    def partial(rendered: Sequence[Rendered], condition: str | None, settings: SqlSettings) -> tuple[str, ...]:
        return _cast(chosen(settings).partial([a.sql for a in rendered], condition), buffers)

    def merge(older: Texts, newer: Texts, settings: SqlSettings) -> tuple[str, ...]:
        return _cast(chosen(settings).merge(older, newer), buffers)

    def final(texts: Texts, settings: SqlSettings) -> str:
        return f"CAST({chosen(settings).final(texts)} AS {duckdb_type(kind)})"

    return AggregateForm(tuple(arguments), kind, tuple(buffers), partial, merge, final, ordered)


def kept(kind: DataType) -> DataType:
    """Return the type a buffer has in state: intervals as whole numbers, as which DuckDB computes with them."""
    if isinstance(kind, ArrayType):
        return ArrayType(kept(kind.element))
    if isinstance(kind, MapType):
        return MapType(kept(kind.key), kept(kind.value))
    if isinstance(kind, StructType):
        return StructType(tuple(Field(field.name, kept(field.type)) for field in kind.fields))
    if kind == DAY_TIME_INTERVAL:
        return BIGINT
    return INT if kind == YEAR_MONTH_INTERVAL else kind


def _cast(texts: Texts, kinds: Sequence[DataType]) -> tuple[str, ...]:
    return tuple(f"CAST({text} AS {duckdb_type(kind)})" for text, kind in zip(texts, kinds, strict=True))


def over(aggregate: str, *conditions: str | None) -> str:
    """Return a DuckDB aggregate over the rows for which all conditions that are there hold."""
    present = [c for c in conditions if c]
    return f"{aggregate} FILTER (WHERE {' AND '.join(f'({c})' for c in present)})" if present else aggregate


def either(older: str, newer: str, both: str) -> str:
    """Return `both` when neither buffer is NULL, else the one that is not."""
    return f"CASE WHEN {older} IS NULL THEN {newer} WHEN {newer} IS NULL THEN {older} ELSE {both} END"


def only(texts: Texts) -> str:
    """Return the single buffer."""
    return texts[0]


def refused(name: str, why: str) -> AggregateFunction:
    """Return a table entry that is known and refused."""

    def resolve(_arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        raise unsupported(f"The aggregate {name} is known and refused: {why}.")

    return AggregateFunction(name, (0, None), resolve, why)


def table(*functions: AggregateFunction, **aliases: str) -> dict[str, AggregateFunction]:
    """Return the functions by name, aliases mapped to the same entries."""
    found = {f.name: f for f in functions}
    return found | {alias: found[name] for alias, name in aliases.items()}
