"""Room 2: aggregates that pick a value or fold bits: min, max, min_by, first, last, bool_and, bit_or and their kin.

Where the order of rows matters the partial reads ROW_ORDER, since DuckDB may run on several threads.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.building import Phases, Texts, either, form, only, over, table
from headrace.sql.function import Argument
from headrace.sql.functions.signature import accept, mismatch, unsupported
from headrace.types import BOOLEAN, INTEGRAL, NULL, ArrayType, DataType, MapType, StructType


def _orderable(kind: DataType, name: str) -> DataType:
    if isinstance(kind, MapType):
        raise mismatch(f'{name} needs an order, which "{kind.sql()}" has not.', condition="INVALID_ORDERING_TYPE")
    if isinstance(kind, ArrayType | StructType):
        # DuckDB puts NULL inside a nested value last, Spark first.
        raise unsupported(f'{name} over "{kind.sql()}" is not done.')
    return kind


def _extreme(name: str, native: str) -> AggregateFunction:
    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        kind = _orderable(arguments[0].type, name)
        phases = Phases(
            lambda texts, condition: [over(f"{name}({texts[0]})", condition)],
            lambda older, newer: [f"{native}({older[0]}, {newer[0]})"],  # DuckDB's leave NULL out
            only,
        )
        return form([kind], kind, [kind], phases)

    return AggregateFunction(name, (1, 1), resolve)


def _by(name: str, beats: str) -> AggregateFunction:
    """Of equal orderings the later row wins (Spark MaxMinBy); rows with a NULL ordering do not count."""

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        value, order = arguments[0].type, _orderable(arguments[1].type, name)
        down = "" if name == "max_by" else " DESC"
        extreme = name.removesuffix("_by")

        def partial(texts: Texts, condition: str | None) -> Texts:
            best = f"last({texts[0]} ORDER BY {texts[1]}{down}, {ROW_ORDER})"
            return [over(best, condition, f"{texts[1]} IS NOT NULL"), over(f"{extreme}({texts[1]})", condition)]

        def merge(older: Texts, newer: Texts) -> Texts:
            kept = f"{newer[1]} IS NULL OR {older[1]} {beats} {newer[1]}"
            return [f"CASE WHEN {kept} THEN {o} ELSE {n} END" for o, n in zip(older, newer, strict=True)]

        return form([value, order], value, [value, order], Phases(partial, merge, only), ordered=True)

    return AggregateFunction(name, (2, 2), resolve)


def _edge(name: str) -> AggregateFunction:
    first = name == "first"
    native = "arg_min_null" if first else "arg_max_null"

    def resolve(arguments: Sequence[Argument], ignore_nulls: bool) -> AggregateForm:
        kind, skip = arguments[0].type, ignore_nulls or _flag(arguments)

        def partial(texts: Texts, condition: str | None) -> Texts:
            present = f"{texts[0]} IS NOT NULL" if skip else None
            return [over(f"{native}({texts[0]}, {ROW_ORDER})", condition, present), _any_row(condition, present)]

        def merge(older: Texts, newer: Texts) -> Texts:
            kept = older[1] if first else f"NOT {newer[1]}"
            value = f"CASE WHEN {kept} THEN {older[0]} ELSE {newer[0]} END"
            return [value, f"({older[1]} OR {newer[1]})"]

        types = [kind, BOOLEAN][: len(arguments)]
        return form(types, kind, [kind, BOOLEAN], Phases(partial, merge, only), ordered=True)

    return AggregateFunction(name, (1, 2), resolve)


def _any_row(*conditions: str | None) -> str:
    return f"({over('count(*)', *conditions)} > 0)"


def _flag(arguments: Sequence[Argument]) -> bool:
    if len(arguments) == 1:
        return False
    if not arguments[1].constant or not isinstance(arguments[1].value, bool):
        raise mismatch(
            "The second argument, whether to ignore NULLs, is a constant boolean.", condition="NON_FOLDABLE_INPUT"
        )
    return arguments[1].value


def _folded(name: str, native: str, template: str, *, logical: bool) -> AggregateFunction:
    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        kind = BOOLEAN if logical else arguments[0].type
        if logical:
            accept(arguments[0], BOOLEAN, 0)
        elif kind not in (*INTEGRAL, NULL):
            raise mismatch(f'{name} takes whole numbers, and got "{kind.sql()}".')
        phases = Phases(
            lambda texts, condition: [over(f"{native}({texts[0]})", condition)],
            lambda older, newer: [either(older[0], newer[0], template.format(older[0], newer[0]))],
            only,
        )
        return form([kind], kind, [kind], phases)

    return AggregateFunction(name, (1, 1), resolve)


AGGREGATES = table(
    _extreme("min", "least"),
    _extreme("max", "greatest"),
    _by("max_by", ">"),
    _by("min_by", "<"),
    _edge("first"),
    _edge("last"),
    _folded("bool_and", "bool_and", "({0} AND {1})", logical=True),
    _folded("bool_or", "bool_or", "({0} OR {1})", logical=True),
    _folded("bit_and", "bit_and", "({0} & {1})", logical=False),
    _folded("bit_or", "bit_or", "({0} | {1})", logical=False),
    _folded("bit_xor", "bit_xor", "xor({0}, {1})", logical=False),
    first_value="first",
    any_value="first",
    last_value="last",
    every="bool_and",
    some="bool_or",
    any="bool_or",
)
