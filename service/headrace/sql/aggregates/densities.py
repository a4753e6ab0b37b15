"""Room 2: histogram_numeric and count_min_sketch.

A histogram keeps so many bars and merges the closest, so that what it says depends on the order of batches, as Spark's
does on the order of rows; while a group has no more values than bars it is exact. A count-min sketch is exact and in
Spark's own bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from headrace.duck import each
from headrace.sql.aggregate import AggregateForm, AggregateFunction
from headrace.sql.aggregates.forms.building import Phases, Texts, form, table
from headrace.sql.aggregates.forms.constants import given, whole_between
from headrace.sql.aggregates.forms.tally import counted, joined, tally_type
from headrace.sql.function import Argument
from headrace.sql.functions.arithmetic import wrapped
from headrace.sql.functions.signature import NUMERIC, accept, mismatch
from headrace.types import (
    BIGINT,
    BINARY,
    DATE,
    DAY_TIME_INTERVAL,
    DOUBLE,
    INT,
    INTEGRAL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    YEAR_MONTH_INTERVAL,
    ArrayType,
    DataType,
    Field,
    StructType,
)

_BARS = ArrayType(StructType((Field("x", DOUBLE), Field("y", DOUBLE))))


def _histogram(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type
    if kind not in (DATE, TIMESTAMP, TIMESTAMP_NTZ, DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL):
        kind = accept(arguments[0], NUMERIC, 0)
    most = whole_between(arguments[1], "histogram_numeric", "nb", 2, 2**31 - 1)

    def fewer(bars: str) -> str:
        return f"headrace_histogram({bars}, CAST({most} AS INTEGER))"

    def partial(texts: Texts, condition: str | None) -> Texts:
        tally = counted(f"CAST({_measure(texts[0], kind)} AS DOUBLE)", condition)
        bars = each(tally, lambda e: f"struct_pack(x := {e}.v, y := CAST({e}.n AS DOUBLE))")
        return [fewer(bars)]

    def final(buffers: Texts) -> str:
        bars = each(buffers[0], lambda e: f"struct_pack(x := {_unmeasured(f'{e}.x', kind)}, y := {e}.y)")
        return f"CASE WHEN len({buffers[0]}) > 0 THEN {bars} END"

    def merge(older: Texts, newer: Texts) -> Texts:
        return [fewer(f"list_concat({older[0]}, {newer[0]})")]

    result = ArrayType(StructType((Field("x", kind), Field("y", DOUBLE))))
    return form([kind, arguments[1].type], result, [_BARS], Phases(partial, merge, final))


def _measure(value: str, kind: DataType) -> str:
    if kind == DATE:
        return f"({value} - DATE '1970-01-01')"
    return f"epoch_us({value})" if kind in (TIMESTAMP, TIMESTAMP_NTZ) else value


def _unmeasured(value: str, kind: DataType) -> str:
    """A middle as the input's type: cut for whole numbers and moments, as Spark cuts."""
    if kind == DATE:
        return f"(DATE '1970-01-01' + CAST(trunc({value}) AS INTEGER))"
    if kind in (TIMESTAMP, TIMESTAMP_NTZ):
        return f"make_timestamp{'tz' if kind == TIMESTAMP else ''}(CAST(trunc({value}) AS BIGINT))"
    return f"trunc({value})" if kind in (*INTEGRAL, DAY_TIME_INTERVAL, YEAR_MONTH_INTERVAL) else value


def _count_min(arguments: Sequence[Argument], _ignore_nulls: bool) -> AggregateForm:
    kind = arguments[0].type
    if kind not in (*INTEGRAL, STRING, BINARY):
        raise mismatch(f'count_min_sketch takes whole numbers, STRING and BINARY, and got "{kind.sql()}".')
    for argument in arguments[1:3]:
        if argument.type != DOUBLE:
            seen = argument.type.sql()
            raise mismatch(f'Epsilon and confidence of count_min_sketch are "DOUBLE", and got "{seen}".')
    width = math.ceil(2 / _between(arguments[1], "epsilon", math.inf))
    depth = math.ceil(-math.log(1 - _between(arguments[2], "confidence", 1)) / math.log(2))
    factors = _random_ints(int(given(arguments[3], "count_min_sketch", "seed")), depth)

    def partial(texts: Texts, condition: str | None) -> Texts:
        present = " AND ".join(f"({c})" for c in (condition, f"{texts[0]} IS NOT NULL") if c)
        cells = [counted(cell, present) for cell in _cells(texts[0], kind, width, factors)]
        return [f"list_concat({', '.join([*cells, '[]'])})"]

    def final(buffers: Texts) -> str:
        empty = each(f"range({width * depth})", lambda i: f"struct_pack(v := CAST({i} AS INTEGER), n := 0::BIGINT)")
        total = _eight_bytes(f"coalesce(sum(_e.n) FILTER (WHERE _e.v < {width}), 0)")
        counts = f"string_agg({_eight_bytes('_e.n')}, '' ORDER BY _e.v)"
        header = f"'{depth:08X}{width:08X}{''.join(f'{factor:016X}' for factor in factors)}'"
        whole = joined(buffers[0], empty)
        return f"unhex((SELECT '00000001' || {total} || {header} || {counts} FROM (SELECT unnest({whole}) AS _e)))"

    phases = Phases(partial, lambda older, newer: [joined(older[0], newer[0])], final)
    types = [kind, *(argument.type for argument in arguments[1:])]
    return form(types, BINARY, [tally_type(INT)], phases)


def _between(argument: Argument, what: str, limit: float) -> float:
    value = float(given(argument, "count_min_sketch", what))
    if not 0 < value < limit:
        message = f"count_min_sketch: the {what} must be between (0, {limit}) (current value = {value})."
        raise mismatch(message, condition="VALUE_OUT_OF_RANGE")
    return value


def _eight_bytes(count: str) -> str:
    return f"lpad(hex(CAST({count} AS BIGINT)), 16, '0')"


def _cells(value: str, kind: DataType, width: int, factors: Sequence[int]) -> list[str]:
    """The cell of a value in each row of the table, counted through all rows (Spark CountMinSketchImpl)."""
    if kind in INTEGRAL:
        return [
            f"CAST({row * width} + {_bucket(value, factor, width)} AS INTEGER)" for row, factor in enumerate(factors)
        ]
    text = value if kind == BINARY else f"encode({value})"
    first = f"headrace_murmur3_bytes({text}, 0::INTEGER)"
    second = f"headrace_murmur3_bytes({text}, {first})"
    cells = []
    for row in range(len(factors)):
        mixed = wrapped(f"(CAST({first} AS HUGEINT) + {row} * CAST({second} AS HUGEINT))", INT)
        cells.append(f"CAST({row * width} + abs(CAST({mixed} AS BIGINT) % {width}) AS INTEGER)")
    return cells


def _bucket(value: str, factor: int, width: int) -> str:
    product = wrapped(f"(CAST({value} AS HUGEINT) * {factor})", BIGINT)
    high = f"(CAST({product} AS HUGEINT) >> 32)"
    return f"(((CAST({product} AS HUGEINT) + {high}) & 2147483647::HUGEINT) % {width})"


def _random_ints(seed: int, count: int) -> list[int]:
    """What java.util.Random(seed).nextInt(Integer.MAX_VALUE) gives, time after time."""
    state, bound = (seed ^ 0x5DEECE66D) & (2**48 - 1), 2**31 - 1
    found: list[int] = []
    while len(found) < count:
        state = (state * 0x5DEECE66D + 0xB) & (2**48 - 1)
        bits = state >> 17
        if bits - bits % bound + bound - 1 < 2**31:
            found.append(bits % bound)
    return found


AGGREGATES = table(
    AggregateFunction("histogram_numeric", (2, 2), _histogram),
    AggregateFunction("count_min_sketch", (4, 4), _count_min),
)
