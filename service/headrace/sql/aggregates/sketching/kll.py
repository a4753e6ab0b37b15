"""Room 2: aggregates that give KLL sketches, from which quantiles are read; each for BIGINT, FLOAT and DOUBLE.

The state of a group is its sketch. Source: Spark kllAggregates.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.errors import StreamError
from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, either, form, only, over, table
from headrace.sql.aggregates.forms.constants import given
from headrace.sql.function import Argument
from headrace.sql.functions.signature import mismatch
from headrace.sql.functions.sketching.constants import sketch
from headrace.sql.functions.sketching.kll import TYPES
from headrace.sql.vectorised.sketches.kll import DEFAULT_K, KINDS, KS, nothing
from headrace.types import BIGINT, BINARY, DOUBLE, FLOAT, INT, NULL, SMALLINT, TINYINT, DataType

_TAKEN: dict[str, tuple[DataType, ...]] = {
    "bigint": (TINYINT, INT, BIGINT, SMALLINT),
    "float": (FLOAT,),
    "double": (FLOAT, DOUBLE),
}


def _k(arguments: Sequence[Argument], name: str, default: int) -> int:
    if len(arguments) == 1:
        return default
    value = given(arguments[1], name, "k")
    if not isinstance(value, int) or not KS[0] <= value <= KS[1]:
        message = f"For function `{name}`, the k parameter must be between 8 and 65535 (inclusive), but got {value}."
        raise StreamError("SQL_ANALYSIS", message, condition="DATATYPE_MISMATCH.TYPE_CHECK_FAILURE_WITH_HINT")
    return value


def _sketch(kind: str) -> AggregateFunction:
    name = f"kll_sketch_agg_{kind}"

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        seen = arguments[0].type
        if seen not in (*_TAKEN[kind], NULL):
            names = " or ".join(f'"{one.sql()}"' for one in _TAKEN[kind])
            raise mismatch(f'Argument 1 must be ({names}), and has the type "{seen.sql()}".')
        k = _k(arguments, name, DEFAULT_K)

        def partial(texts: Texts, condition: str | None) -> Texts:
            rows = over(f"list({texts[0]} ORDER BY {ROW_ORDER})", condition, f"{texts[0]} IS NOT NULL")
            return [f"headrace_kll_built_{kind}(coalesce({rows}, []), {k})"]

        def merge(older: Texts, newer: Texts) -> Texts:
            return [f"headrace_kll_union_{kind}([{older[0]}, {newer[0]}], 0, '{name}')"]

        # Spark's last step puts the sketch into a new one, which turns the order of the newest items round.
        phases = Phases(partial, merge, lambda buffers: f"headrace_kll_union_{kind}([{buffers[0]}], {k}, '{name}')")
        types: Sequence[DataType] = (TYPES[kind], INT)[: len(arguments)]
        return form(types, BINARY, [BINARY], phases, ordered=True)

    return AggregateFunction(name, (1, 2), resolve)


def _merged(kind: str) -> AggregateFunction:
    name = f"kll_merge_agg_{kind}"

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        sketch(arguments[0], 0)
        k = _k(arguments, name, 0)

        def partial(texts: Texts, condition: str | None) -> Texts:
            rows = over(f"list({texts[0]} ORDER BY {ROW_ORDER})", condition, f"{texts[0]} IS NOT NULL")
            return [f"headrace_kll_union_{kind}({rows}, {k}, '{name}')"]

        def merge(older: Texts, newer: Texts) -> Texts:
            return [either(older[0], newer[0], f"headrace_kll_union_{kind}([{older[0]}, {newer[0]}], 0, '{name}')")]

        empty = f"from_hex('{nothing(k or DEFAULT_K, kind).hex()}')"
        phases = Phases(partial, merge, lambda buffers: f"coalesce({only(buffers)}, {empty})")
        types: Sequence[DataType] = (BINARY, INT)[: len(arguments)]
        return form(types, BINARY, [BINARY], phases, ordered=True)

    return AggregateFunction(name, (1, 2), resolve)


AGGREGATES = table(*(made(kind) for made in (_sketch, _merged) for kind in KINDS))
