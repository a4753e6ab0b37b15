"""Room 2: aggregates that give tuple sketches; each stands for DOUBLE and for INT.

The state of a group is its sketch. Source: Spark tupleSketchAgg, tupleUnionAgg, tupleIntersectionAgg.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Merge, Phases, Texts, either, form, only, over, table
from headrace.sql.aggregates.sketching.counting import of_none
from headrace.sql.aggregates.sketching.keys import key_hash, key_type
from headrace.sql.function import Argument
from headrace.sql.functions.signature import accept
from headrace.sql.functions.sketching.constants import DEFAULT_LOG, log_of, mode_of, sketch
from headrace.sql.functions.sketching.tuples import KINDS
from headrace.types import BINARY, DOUBLE, INT, STRING, DataType


def _constants(arguments: Sequence[Argument], at: int, name: str) -> tuple[int, str]:
    log = log_of(arguments[at], name, hinted=True) if len(arguments) > at else DEFAULT_LOG
    return log, mode_of(arguments[at + 1], name) if len(arguments) > at + 1 else "sum"


def _sketch(kind: str) -> AggregateFunction:
    name = f"tuple_sketch_agg_{kind}"

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        key, number = key_type(arguments[0]), accept(arguments[1], DOUBLE if kind == "double" else INT, 1)
        log, mode = _constants(arguments, 2, name)

        def partial(texts: Texts, condition: str | None) -> Texts:
            entry = f"struct_pack(h := {key_hash(texts[0], key)}, v := {texts[1]})"
            rows = over(f"list({entry})", condition, f"{texts[0]} IS NOT NULL AND {texts[1]} IS NOT NULL")
            return [f"headrace_tuple_built_{kind}(coalesce({rows}, []), {log}, '{mode}')"]

        types: Sequence[DataType] = (key, number, INT, STRING)[: len(arguments)]
        return form(types, BINARY, [BINARY], Phases(partial, _joined(kind, name, log, mode), only))

    return AggregateFunction(name, (2, 4), resolve)


def _joined(kind: str, name: str, log: int, mode: str) -> Merge:
    return lambda older, newer: [f"headrace_tuple_union_{kind}([{older[0]}, {newer[0]}], {log}, '{mode}', '{name}')"]


def _union(kind: str) -> AggregateFunction:
    name = f"tuple_union_agg_{kind}"

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        sketch(arguments[0], 0)
        log, mode = _constants(arguments, 1, name)

        def partial(texts: Texts, condition: str | None) -> Texts:
            rows = over(f"list({texts[0]})", condition, f"{texts[0]} IS NOT NULL")
            return [f"headrace_tuple_union_{kind}(coalesce({rows}, []), {log}, '{mode}', '{name}')"]

        types: Sequence[DataType] = (BINARY, INT, STRING)[: len(arguments)]
        return form(types, BINARY, [BINARY], Phases(partial, _joined(kind, name, log, mode), only))

    return AggregateFunction(name, (1, 3), resolve)


def _intersection(kind: str) -> AggregateFunction:
    name = f"tuple_intersection_agg_{kind}"

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        sketch(arguments[0], 0)
        mode = mode_of(arguments[1], name) if len(arguments) == 2 else "sum"
        call = f"headrace_tuple_intersection_{kind}({{0}}, '{mode}', '{name}')"

        def partial(texts: Texts, condition: str | None) -> Texts:
            return [call.format(over(f"list({texts[0]})", condition, f"{texts[0]} IS NOT NULL"))]

        def merge(older: Texts, newer: Texts) -> Texts:
            return [either(older[0], newer[0], call.format(f"[{older[0]}, {newer[0]}]"))]

        types: Sequence[DataType] = (BINARY, STRING)[: len(arguments)]
        return form(types, BINARY, [BINARY], Phases(partial, merge, lambda buffers: of_none(buffers[0], name)))

    return AggregateFunction(name, (1, 2), resolve)


AGGREGATES = table(*(made(kind) for made in (_sketch, _union, _intersection) for kind in KINDS))
