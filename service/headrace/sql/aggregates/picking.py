"""Room 2: aggregates that pick a value or fold bits: min, max, min_by, first, last, bool_and, bit_or and their kin.

Where the order of rows matters the partial reads ROW_ORDER, since DuckDB may run on several threads.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import each
from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, either, form, only, over, table
from headrace.sql.aggregates.forms.constants import whole_between
from headrace.sql.function import Argument
from headrace.sql.functions.ordering import is_nested, order_key, orderable
from headrace.sql.functions.signature import accept, mismatch
from headrace.types import BOOLEAN, INTEGRAL, NULL, ArrayType, DataType, Field, StructType

_MOST_ROWS = 100_000
"""Spark's limit of k in max_by(x, y, k)."""


def _extreme(name: str, native: str) -> AggregateFunction:
    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        kind = orderable(arguments[0].type, name)
        if is_nested(kind):
            return form([kind], kind, [kind], _nested_extreme(name, kind))
        phases = Phases(
            lambda texts, condition: [over(f"{name}({texts[0]})", condition)],
            lambda older, newer: [f"{native}({older[0]}, {newer[0]})"],  # DuckDB's leave NULL out
            only,
        )
        return form([kind], kind, [kind], phases)

    return AggregateFunction(name, (1, 1), resolve)


def _nested_extreme(name: str, kind: DataType) -> Phases:
    """A struct or an array by its key; of equal values any is the same."""

    def partial(texts: Texts, condition: str | None) -> Texts:
        best = f"arg_{name}({texts[0]}, {order_key(texts[0], kind)})"
        return [over(best, condition, f"{texts[0]} IS NOT NULL")]

    def merge(older: Texts, newer: Texts) -> Texts:
        sign = "<" if name == "max" else ">"
        beats = f"{order_key(older[0], kind)} {sign} {order_key(newer[0], kind)}"
        return [either(older[0], newer[0], f"CASE WHEN {beats} THEN {newer[0]} ELSE {older[0]} END")]

    return Phases(partial, merge, only)


def _by(name: str, beats: str) -> AggregateFunction:
    """Of equal orderings the later row wins (Spark MaxMinBy); rows with a NULL ordering do not count."""

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        value, order = arguments[0].type, orderable(arguments[1].type, name)
        if len(arguments) == 3:
            most = whole_between(arguments[2], name, "k", 1, _MOST_ROWS)
            return _several_by(name, most, [argument.type for argument in arguments])
        down = "" if name == "max_by" else " DESC"
        end = "max" if name == "max_by" else "min"

        def partial(texts: Texts, condition: str | None) -> Texts:
            key = order_key(texts[1], order)
            best = [f"last({text} ORDER BY {key}{down}, {ROW_ORDER})" for text in texts]
            if not is_nested(order):
                best[1] = f"{end}({texts[1]})"
            return [over(text, condition, f"{texts[1]} IS NOT NULL") for text in best]

        def merge(older: Texts, newer: Texts) -> Texts:
            kept = f"{newer[1]} IS NULL OR {order_key(older[1], order)} {beats} {order_key(newer[1], order)}"
            return [f"CASE WHEN {kept} THEN {o} ELSE {n} END" for o, n in zip(older, newer, strict=True)]

        return form([value, order], value, [value, order], Phases(partial, merge, only), ordered=True)

    return AggregateFunction(name, (2, 3), resolve)


def _several_by(name: str, most: int, types: Sequence[DataType]) -> AggregateForm:
    """The k best rows, best first; of equal orderings the earlier row comes first."""
    value, order = types[0], types[1]
    row = ArrayType(StructType((Field("v", value), Field("o", order))))
    down = " DESC" if name == "max_by" else ""

    def partial(texts: Texts, condition: str | None) -> Texts:
        pair = f"struct_pack(v := {texts[0]}, o := {texts[1]})"
        rows = f"list({pair} ORDER BY {order_key(texts[1], order)}{down}, {ROW_ORDER})"
        return [f"coalesce({over(rows, condition, f'{texts[1]} IS NOT NULL')}[1:{most}], [])"]

    def merge(older: Texts, newer: Texts) -> Texts:
        rows = f"list_concat({older[0]}, {newer[0]})"
        parts = f"SELECT unnest({rows}) AS _e, generate_subscripts({rows}, 1) AS _i"
        best = f"list(_e ORDER BY {order_key('_e.o', order)}{down}, _i)"
        return [f"coalesce((SELECT {best} FROM ({parts}))[1:{most}], [])"]

    def final(buffers: Texts) -> str:
        return f"CASE WHEN len({buffers[0]}) > 0 THEN {each(buffers[0], lambda e: f'{e}.v')} END"

    return form(types, ArrayType(value), [row], Phases(partial, merge, final), ordered=True)


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
