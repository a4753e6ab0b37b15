"""Room 2: aggregates that give HyperLogLog and theta sketches.

The state of a group is its sketch. Source: Spark datasketchesAggregates, thetasketchesAggregates.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.errors import StreamError
from headrace.sql.aggregate import ROW_ORDER, AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Merge, Phases, Texts, either, form, only, over, table
from headrace.sql.aggregates.forms.constants import flag
from headrace.sql.aggregates.sketching.keys import key_hash, key_type
from headrace.sql.function import Argument
from headrace.sql.functions.signature import mismatch, unsupported
from headrace.sql.functions.sketching.constants import DEFAULT_LOG, log_of, need_hll, sketch
from headrace.sql.vectorised.sketches import hll
from headrace.types import BIGINT, BINARY, BOOLEAN, INT, NULL, STRING, DataType

_HLL_TYPES: tuple[DataType, ...] = (INT, BIGINT, STRING, BINARY)


def _hll_log(arguments: Sequence[Argument]) -> int:
    if len(arguments) == 1:
        return hll.DEFAULT_LOG
    if not arguments[1].constant:
        message = "Invalid call to `hll_sketch_agg`; the `K` value must be a constant value."
        raise StreamError("SQL_ANALYSIS", message, condition="HLL_K_MUST_BE_CONSTANT")
    value = arguments[1].value
    if not isinstance(value, int) or not hll.LOGS[0] <= value <= hll.LOGS[1]:
        message = (
            f"Invalid call to `hll_sketch_agg`; the `lgConfigK` value must be between 4 and 21, inclusive: {value}."
        )
        raise StreamError("SQL_ANALYSIS", message, condition="HLL_INVALID_LG_K")
    return value


def _hll(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    need_hll("hll_sketch_agg")
    kind = INT if arguments[0].type == NULL else arguments[0].type
    if kind not in _HLL_TYPES:
        names = " or ".join(f'"{one.sql()}"' for one in _HLL_TYPES)
        raise mismatch(f'Argument 1 must be ({names}), and has the type "{kind.sql()}".')
    if kind == BINARY:
        raise unsupported(
            "hll_sketch_agg over BINARY is not done.", "Count hex() of the bytes, or use theta_sketch_agg."
        )
    log = _hll_log(arguments)

    def partial(texts: Texts, condition: str | None) -> Texts:
        value = texts[0] if kind == STRING else f"CAST({texts[0]} AS BIGINT)"
        rows = over(f"list({value} ORDER BY {ROW_ORDER})", condition, f"{texts[0]} IS NOT NULL")
        return [f"headrace_hll_built_{'texts' if kind == STRING else 'longs'}(coalesce({rows}, []), {log})"]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [f"headrace_hll_union([{older[0]}, {newer[0]}], false, 'hll_sketch_agg')"]

    types: Sequence[DataType] = (kind, INT)[: len(arguments)]
    return form(types, BINARY, [BINARY], Phases(partial, merge, only), ordered=True)


def _hll_union(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    need_hll("hll_union_agg")
    sketch(arguments[0], 0)
    different = str(flag(arguments[1]) if len(arguments) == 2 else False).lower()

    def partial(texts: Texts, condition: str | None) -> Texts:
        rows = over(f"list({texts[0]} ORDER BY {ROW_ORDER})", condition, f"{texts[0]} IS NOT NULL")
        return [f"headrace_hll_union({rows}, {different}, 'hll_union_agg')"]

    def merge(older: Texts, newer: Texts) -> Texts:
        both = f"headrace_hll_union([{older[0]}, {newer[0]}], {different}, 'hll_union_agg')"
        return [either(older[0], newer[0], both)]

    nothing = f"from_hex('{hll.nothing().hex()}')"
    types: Sequence[DataType] = (BINARY, BOOLEAN)[: len(arguments)]
    phases = Phases(partial, merge, lambda buffers: f"coalesce({buffers[0]}, {nothing})")
    return form(types, BINARY, [BINARY], phases, ordered=True)


def _theta(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = key_type(arguments[0])
    log = log_of(arguments[1], "theta_sketch_agg") if len(arguments) == 2 else DEFAULT_LOG

    def partial(texts: Texts, condition: str | None) -> Texts:
        rows = over(f"list(DISTINCT {key_hash(texts[0], kind)})", condition, f"{texts[0]} IS NOT NULL")
        return [f"headrace_theta_built(coalesce({rows}, []), {log})"]

    types: Sequence[DataType] = (kind, INT)[: len(arguments)]
    return form(types, BINARY, [BINARY], Phases(partial, _theta_joined("theta_sketch_agg", log), only))


def _theta_joined(name: str, log: int) -> Merge:
    return lambda older, newer: [f"headrace_theta_union([{older[0]}, {newer[0]}], {log}, '{name}')"]


def _theta_union(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    sketch(arguments[0], 0)
    log = log_of(arguments[1], "theta_union_agg") if len(arguments) == 2 else DEFAULT_LOG

    def partial(texts: Texts, condition: str | None) -> Texts:
        rows = over(f"list({texts[0]})", condition, f"{texts[0]} IS NOT NULL")
        return [f"headrace_theta_union(coalesce({rows}, []), {log}, 'theta_union_agg')"]

    types: Sequence[DataType] = (BINARY, INT)[: len(arguments)]
    return form(types, BINARY, [BINARY], Phases(partial, _theta_joined("theta_union_agg", log), only))


def _theta_intersection(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    sketch(arguments[0], 0)

    def partial(texts: Texts, condition: str | None) -> Texts:
        rows = over(f"list({texts[0]})", condition, f"{texts[0]} IS NOT NULL")
        return [f"headrace_theta_intersection({rows}, 'theta_intersection_agg')"]

    def merge(older: Texts, newer: Texts) -> Texts:
        both = f"headrace_theta_intersection([{older[0]}, {newer[0]}], 'theta_intersection_agg')"
        return [either(older[0], newer[0], both)]

    phases = Phases(partial, merge, lambda buffers: of_none(buffers[0], "theta_intersection_agg"))
    return form([BINARY], BINARY, [BINARY], phases)


def of_none(text: str, name: str) -> str:
    """Return the sketch, or what fails where none was intersected, as Spark fails."""
    wrong = f"error('{name} of no sketches would be everything there is, which no sketch holds.')"
    return f"CASE WHEN {text} IS NULL THEN {wrong} ELSE {text} END"


AGGREGATES = table(
    AggregateFunction("hll_sketch_agg", (1, 2), _hll),
    AggregateFunction("hll_union_agg", (1, 2), _hll_union),
    AggregateFunction("theta_sketch_agg", (1, 2), _theta),
    AggregateFunction("theta_union_agg", (1, 2), _theta_union),
    AggregateFunction("theta_intersection_agg", (1, 1), _theta_intersection),
)
