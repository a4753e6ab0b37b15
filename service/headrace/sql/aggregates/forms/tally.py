"""Room 2: the buffer of aggregates that need every value: each value once, with how often it came.

Takes texts of values; gives texts of lists of STRUCT<v, n>. Merging is exact and in no order; state is as large as the
distinct values are many.
"""

from __future__ import annotations

from headrace.duck import each
from headrace.sql.aggregates.forms.building import kept, over
from headrace.types import BIGINT, ArrayType, DataType, Field, StructType


def tally_type(kind: DataType) -> ArrayType:
    """Return the type of a tally of values."""
    return ArrayType(StructType((Field("v", kept(kind)), Field("n", BIGINT))))


def counted(value: str, condition: str | None) -> str:
    """Return the tally of a batch's values that are not NULL."""
    entries = f"map_entries({over(f'histogram({value})', condition)})"
    rows = each(entries, lambda entry: f"struct_pack(v := {entry}.key, n := CAST({entry}.value AS BIGINT))")
    return f"coalesce({rows}, [])"


def weighted(value: str, times: str, condition: str | None) -> str:
    """Return the tally of a batch's values, each as often as it says; zero times and NULL are no times."""
    rows = over(f"list(struct_pack(v := {value}, n := {times}))", condition, f"{value} IS NOT NULL", f"{times} > 0")
    return f"coalesce({rows}, [])"


def joined(older: str, newer: str) -> str:
    """Return the tally of two tallies."""
    rows = f"SELECT unnest(list_concat({older}, {newer})) AS _e"
    sums = f"SELECT _e.v AS _v, CAST(sum(_e.n) AS BIGINT) AS _n FROM ({rows}) GROUP BY _e.v"
    return f"(SELECT coalesce(list(struct_pack(v := _v, n := _n)), []) FROM ({sums}))"


def from_ranks(tally: str, result: str, *, descending: bool = False) -> str:
    """Return an aggregate over the values in order; `result` reads _v, _c (so many so far) and _t (so many in all)."""
    order = "ORDER BY _e.v DESC" if descending else "ORDER BY _e.v"
    ranks = f"SELECT _e.v AS _v, sum(_e.n) OVER ({order}) AS _c, sum(_e.n) OVER () AS _t"
    return f"(SELECT {result} FROM ({ranks} FROM (SELECT unnest({tally}) AS _e)))"
