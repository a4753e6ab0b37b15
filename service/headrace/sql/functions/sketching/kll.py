"""Room 2: functions of KLL sketches, by way of `vectorised.sketches.kll`; each stands for BIGINT, FLOAT and DOUBLE.

Takes rendered sketches; gives DuckDB text. Source: Spark kllExpressions.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.number_text import floating_to_text_sql
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import accept, mismatch, table
from headrace.sql.functions.sketching.constants import quoted, sketch
from headrace.sql.settings import SqlSettings
from headrace.types import BIGINT, BINARY, DOUBLE, FLOAT, STRING, ArrayType, DataType

TYPES: dict[str, DataType] = {"bigint": BIGINT, "float": FLOAT, "double": DOUBLE}
"""What a sketch holds, by how names of functions end."""


def _count(kind: str) -> Function:
    name = f"kll_sketch_get_n_{kind}"

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        return Resolved((sketch(arguments[0], 0),), BIGINT)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        return f"headrace_kll_count_{kind}({arguments[0].sql}, {quoted(name)})"

    return Function(name, (1, 1), resolve, render, How.ARROW)


def _merge(kind: str) -> Function:
    name = f"kll_sketch_merge_{kind}"

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        return Resolved((sketch(arguments[0], 0), sketch(arguments[1], 1)), BINARY)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        one, two = arguments[0].sql, arguments[1].sql
        call = f"headrace_kll_union_{kind}([{one}, {two}], 0, {quoted(name)})"
        return f"(CASE WHEN {one} IS NOT NULL AND {two} IS NOT NULL THEN {call} END)"

    return Function(name, (2, 2), resolve, render, How.ARROW)


def _text(kind: str) -> Function:
    name = f"kll_sketch_to_string_{kind}"

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        return Resolved((sketch(arguments[0], 0),), STRING)

    def end(sketch_sql: str, label: str, most: str) -> str:
        value = f"headrace_kll_end_{kind}({sketch_sql}, {most}, {quoted(name)})"
        shown = f"CAST({value} AS VARCHAR)" if kind == "bigint" else floating_to_text_sql(value)
        return f"'   {label:<23}: ' || coalesce({shown}, 'NaN') || chr(10)"

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        source = arguments[0].sql
        head = f"headrace_kll_described_{kind}({source}, {quoted(name)})"
        ends = f"{end(source, 'Min Item', 'false')} || {end(source, 'Max Item', 'true')}"
        return f"({head} || {ends} || '### End sketch summary' || chr(10))"

    return Function(name, (1, 1), resolve, render, How.ARROW)


def _asked(name: str, call: str, asks: DataType, gives: DataType) -> Function:
    """A question of one constant value, or of an array of them."""

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        value = arguments[1]
        if not value.constant:
            raise mismatch(f"{name}: the second argument must be a constant.", condition="NON_FOLDABLE_INPUT")
        many = isinstance(value.type, ArrayType)
        if many and None in (value.value or ()):
            wanted = f'("{asks.sql()}" or "ARRAY<{asks.sql()}>")'
            raise mismatch(f'Argument 2 must be {wanted} without NULLs, and has the type "{value.type.sql()}".')
        kind = accept(value, ArrayType(asks) if many else asks, 1)
        return Resolved((sketch(arguments[0], 0), kind), ArrayType(gives) if many else gives)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        source, value = arguments[0].sql, arguments[1].sql
        if isinstance(arguments[1].type, ArrayType):
            return f"headrace_{call}({source}, {value}, {quoted(name)})"
        return f"(CASE WHEN {value} IS NOT NULL THEN headrace_{call}({source}, [{value}], {quoted(name)})[1] END)"

    return Function(name, (2, 2), resolve, render, How.ARROW)


FUNCTIONS = table(
    *(made(kind) for made in (_count, _merge, _text) for kind in TYPES),
    *(_asked(f"kll_sketch_get_quantile_{kind}", f"kll_quantiles_{kind}", DOUBLE, TYPES[kind]) for kind in TYPES),
    *(_asked(f"kll_sketch_get_rank_{kind}", f"kll_ranks_{kind}", TYPES[kind], DOUBLE) for kind in TYPES),
)
