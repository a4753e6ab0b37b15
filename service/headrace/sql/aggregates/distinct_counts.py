"""Room 2: approx_count_distinct, and bitmaps, which count the distinct numbers they were made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.duck import let
from headrace.errors import StreamError
from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Merge, Phases, Texts, either, form, over, refused, table
from headrace.sql.function import Argument
from headrace.sql.functions.signature import WHOLE, accept, fail, mismatch, unsupported
from headrace.sql.vectorised.cardinality import HLL_PRECISION
from headrace.sql.vectorised.hash_text import hash_sql, is_hashable
from headrace.types import BIGINT, BINARY, DOUBLE, INT, ArrayType, DataType


def _registers(codes: str) -> str:
    """Sorted codes with only the highest of each register: register * 64 + rank."""
    return let(f"list_sort(list_distinct({codes}))", _highest)


def _highest(codes: str) -> str:
    return f"list_filter({codes}, lambda c, i: i = len({codes}) OR ({codes}[i + 1] // 64) <> (c // 64))"


def _approximate(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type
    if not is_hashable(kind):
        raise unsupported(f'approx_count_distinct over "{kind.sql()}" is not done.')
    if len(arguments) == 2 and isinstance(arguments[1].value, str):
        message = f"The error of approx_count_distinct is a DOUBLE, and not {arguments[1].value!r}."
        raise StreamError("SQL_ANALYSIS", message, condition="_LEGACY_ERROR_TEMP_1104")
    if len(arguments) == 2 and float(arguments[1].value or 0) != 0.05:
        raise unsupported("approx_count_distinct with an error other than 0.05 is not done.")

    def partial(texts: Texts, condition: str | None) -> Texts:
        code = f"headrace_hll_code({hash_sql('xxhash64', [(texts[0], kind)])})"
        rows = over(f"list(DISTINCT {code})", condition, f"{texts[0]} IS NOT NULL")
        return [f"coalesce({_registers(rows)}, [])"]

    def merge(older: Texts, newer: Texts) -> Texts:
        return [_registers(f"list_concat({older[0]}, {newer[0]})")]

    types: list[DataType] = [kind, DOUBLE][: len(arguments)]
    return form(types, BIGINT, [ArrayType(INT)], Phases(partial, merge, _estimate))


def _estimate(buffers: Texts) -> str:
    """Spark's HyperLogLogPlusPlus: linear counting up to 400, then the raw estimate less its mean bias."""
    size = 2**HLL_PRECISION
    alpha = 0.7213 / (1 + 1.079 / size) * size * size
    codes = buffers[0]
    empty = f"({size} - len({codes}))"
    inverse = f"coalesce(list_sum(list_transform({codes}, lambda c: pow(2.0::DOUBLE, -(c % 64)))), 0)"
    raw = f"({alpha!r}::DOUBLE / ({inverse} + {empty}))"
    linear = f"(ln({size}.0::DOUBLE / greatest({empty}, 1)) * {size})"
    corrected = f"({raw} - headrace_hll_bias({raw}))"
    return f"round(CASE WHEN {empty} > 0 AND {linear} <= 400 THEN {linear} ELSE {corrected} END)"


_BITS = 32_768
"""Bits of a bitmap: 4096 bytes."""
_POSITION = "CAST({0} // 8 * 8 + 7 - {0} % 8 AS BIGINT)"
"""Spark's first bit is the lowest of a byte, DuckDB's the highest."""


def _bitmap_construct(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    accept(arguments[0], WHOLE, 0)

    def partial(texts: Texts, condition: str | None) -> Texts:
        x = texts[0]
        message = (
            f"'The 0-indexed bitmap position ' || {x} || ' is out of bounds. The bitmap has 32768 bits (4096 bytes).'"
        )
        wrong = fail("INVALID_BITMAP_POSITION", message)
        inside = f"{x} BETWEEN 0 AND {_BITS - 1}"
        place = f"(CASE WHEN {inside} THEN {_POSITION.format(x)} WHEN {x} IS NOT NULL THEN {wrong} END)"
        return [over(f"bitstring_agg({place}, 0, {_BITS - 1})", condition)]

    return form([BIGINT], BINARY, [BINARY], Phases(partial, _folded("|"), _padded("00")))


def _folded(sign: str) -> Merge:
    def merge(older: Texts, newer: Texts) -> Texts:
        o, n = (f"CAST({text[0]} AS BIT)" for text in (older, newer))
        return [either(older[0], newer[0], f"CAST({o} {sign} {n} AS BLOB)")]

    return merge


def _padded(byte: str) -> Callable[[Texts], str]:
    empty = f"from_hex('{byte * (_BITS // 8)}')"
    return lambda buffers: f"coalesce({buffers[0]}, {empty})"


def _bitmap_fold(name: str, sign: str, byte: str) -> AggregateFunction:
    """Bitmaps shorter than 4096 bytes are as if zeros followed."""

    def resolve(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
        if arguments[0].type != BINARY:
            raise mismatch(f'{name} takes BINARY, and got "{arguments[0].type.sql()}".')

        def partial(texts: Texts, condition: str | None) -> Texts:
            whole = f"from_hex(left(rpad(hex({texts[0]}), {_BITS // 4}, '0'), {_BITS // 4}))"
            native = "bit_or" if sign == "|" else "bit_and"
            return [over(f"{native}(CAST({whole} AS BIT))", condition)]

        return form([BINARY], BINARY, [BINARY], Phases(partial, _folded(sign), _padded(byte)))

    return AggregateFunction(name, (1, 1), resolve)


AGGREGATES = table(
    AggregateFunction("approx_count_distinct", (1, 2), _approximate),
    AggregateFunction("bitmap_construct_agg", (1, 1), _bitmap_construct),
    _bitmap_fold("bitmap_or_agg", "|", "00"),
    _bitmap_fold("bitmap_and_agg", "&", "FF"),
    refused("measure", "metric views are not part of headrace; write the aggregate itself"),
)
