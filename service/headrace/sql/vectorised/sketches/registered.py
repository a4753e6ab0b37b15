"""Room 2: the table of Arrow functions of sketches.

Takes nothing; gives for each its name, the DuckDB types of parameters and result, and the function over Arrow arrays.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.sql.vectorised.sketches import frequent, hll, kll, murmur, theta, tuples
from headrace.sql.vectorised.values.single import Single

_KINDS = {
    "b": "BLOB",
    "B": "BLOB[]",
    "l": "BIGINT",
    "n": "BIGINT[]",
    "d": "DOUBLE[]",
    "s": "FLOAT[]",
    "t": "VARCHAR",
    "T": "VARCHAR[]",
    "i": "INTEGER",
    "f": "BOOLEAN",
    "e": "STRUCT(h BIGINT, v DOUBLE)[]",
    "j": "STRUCT(h BIGINT, v INTEGER)[]",
}
_LONGS = "STRUCT(item BIGINT, count BIGINT)[]"
_TEXTS = "STRUCT(item VARCHAR, count BIGINT)[]"
_RESULTS = {
    "BLOB": pa.binary(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    _LONGS: pa.list_(pa.struct([("item", pa.int64()), ("count", pa.int64())])),
    _TEXTS: pa.list_(pa.struct([("item", pa.string()), ("count", pa.int64())])),
    "BIGINT[]": pa.list_(pa.int64()),
    "FLOAT[]": pa.list_(pa.float32()),
    "DOUBLE[]": pa.list_(pa.float64()),
}


def _flat(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _items(column: Any) -> list[Any]:
    """The rows of a column; of lists of numbers, or of structs of them, numpy arrays without NULLs."""
    column = _flat(column)
    if not pa.types.is_list(column.type):
        return list(column.to_pylist())
    item = column.type.value_type
    if pa.types.is_struct(item):
        fields = [_numbers(column.values.field(name)) for name in ("h", "v")]
        valid = fields[0][1] & fields[1][1]
        return _cut(column, lambda part: tuple(values[part][valid[part]] for values, _ in fields))
    if pa.types.is_int64(item) or pa.types.is_floating(item):
        values, valid = _numbers(column.values)
        return _cut(column, lambda part: values[part][valid[part]])
    return list(column.to_pylist())


def _numbers(values: Any) -> tuple[Any, Any]:
    return np.asarray(values.fill_null(0).to_numpy(zero_copy_only=False)), np.asarray(values.is_valid())


def _cut(column: Any, part: Callable[[slice], Any]) -> list[Any]:
    offsets, valid = np.asarray(column.offsets), np.asarray(column.is_valid())
    return [
        part(slice(start, end)) if known else None
        for start, end, known in zip(offsets[:-1], offsets[1:], valid, strict=True)
    ]


def _each(name: str, parameters: str, result: str, run: Callable[..., Any]) -> Single:
    """One call a row; a row with a NULL gives NULL."""

    def over(*columns: Any) -> pa.Array:
        rows = zip(*(_items(column) for column in columns), strict=True)
        return pa.array([None if any(v is None for v in row) else run(*row) for row in rows], _RESULTS[result])

    # DuckDB asks a function for its signature, and takes *columns for one parameter.
    names = [inspect.Parameter(f"p{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(len(parameters))]
    over.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
    return f"headrace_{name}", tuple(_KINDS[letter] for letter in parameters), result, over


def _of_kind(kind: tuples.Kind, entries: str) -> tuple[Single, ...]:
    def bound(function: Callable[..., Any]) -> Callable[..., Any]:
        return partial(function, kind=kind)

    def built(pairs: tuple[Any, Any], most_log: int, mode: str) -> bytes:
        return tuples.built(*pairs, most_log, mode, kind)

    number = "DOUBLE" if kind is tuples.DOUBLE else "BIGINT"
    return (
        _each(f"tuple_built_{kind.name}", f"{entries}it", "BLOB", built),
        _each(f"tuple_union_{kind.name}", "Bitt", "BLOB", bound(tuples.union)),
        _each(f"tuple_intersection_{kind.name}", "Btt", "BLOB", bound(tuples.intersection)),
        _each(f"tuple_difference_{kind.name}", "bbt", "BLOB", bound(tuples.difference)),
        _each(f"tuple_union_theta_{kind.name}", "bbitt", "BLOB", bound(tuples.union_theta)),
        _each(f"tuple_intersection_theta_{kind.name}", "bbtt", "BLOB", bound(tuples.intersection_theta)),
        _each(f"tuple_difference_theta_{kind.name}", "bbt", "BLOB", bound(tuples.difference_theta)),
        _each(f"tuple_estimate_{kind.name}", "bt", "DOUBLE", bound(tuples.estimate)),
        _each(f"tuple_theta_{kind.name}", "bt", "DOUBLE", bound(tuples.share)),
        _each(f"tuple_summary_{kind.name}", "btt", number, bound(tuples.summary)),
    )


def _kll(kind: str, letter: str) -> tuple[Single, ...]:
    """`letter` stands for a list of what the sketches hold."""

    def bound(function: Callable[..., Any]) -> Callable[..., Any]:
        return partial(function, kind=kind)

    many = _KINDS[letter]
    return (
        _each(f"kll_built_{kind}", f"{letter}i", "BLOB", bound(kll.built)),
        _each(f"kll_union_{kind}", "Bit", "BLOB", bound(kll.union)),
        _each(f"kll_count_{kind}", "bt", "BIGINT", bound(kll.count)),
        _each(f"kll_quantiles_{kind}", "bdt", many, bound(kll.quantiles)),
        _each(f"kll_ranks_{kind}", f"b{letter}t", "DOUBLE[]", bound(kll.ranks)),
        _each(f"kll_end_{kind}", "bft", many[:-2], bound(kll.end)),
        _each(f"kll_described_{kind}", "bt", "VARCHAR", bound(kll.described)),
    )


SKETCHES: tuple[Single, ...] = (
    ("headrace_sketch_hash_long", ("BIGINT",), "BIGINT", murmur.hash_longs),
    ("headrace_sketch_hash_double", ("DOUBLE",), "BIGINT", murmur.hash_doubles),
    ("headrace_sketch_hash_bytes", ("BLOB",), "BIGINT", murmur.hash_bytes),
    ("headrace_sketch_hash_ints", ("INTEGER[]",), "BIGINT", murmur.hash_int_lists),
    ("headrace_sketch_hash_longs", ("BIGINT[]",), "BIGINT", murmur.hash_long_lists),
    _each("theta_built", "ni", "BLOB", theta.built),
    _each("theta_union", "Bit", "BLOB", theta.union),
    _each("theta_intersection", "Bt", "BLOB", theta.intersection),
    _each("theta_difference", "bbt", "BLOB", theta.difference),
    _each("theta_estimate", "bt", "BIGINT", theta.estimate),
    *_of_kind(tuples.DOUBLE, "e"),
    *_of_kind(tuples.INTEGER, "j"),
    *_kll("bigint", "n"),
    *_kll("float", "s"),
    *_kll("double", "d"),
    _each("top_built_longs", "nlit", "BLOB", lambda items, *rest: frequent.built(items.tolist(), *rest)),
    _each("top_built_texts", "Tlit", "BLOB", frequent.built),
    _each("top_union", "Bit", "BLOB", frequent.union),
    _each("top_longs", "bit", _LONGS, frequent.frequent),
    _each("top_texts", "bit", _TEXTS, frequent.frequent),
    _each("hll_built_longs", "ni", "BLOB", lambda values, log: hll.built(values.tolist(), log)),
    _each("hll_built_texts", "Ti", "BLOB", hll.built),
    _each("hll_union", "Bft", "BLOB", hll.union),
    _each("hll_pair", "bbft", "BLOB", hll.pair),
    _each("hll_estimate", "bt", "BIGINT", hll.estimate),
)
"""Registered with every session."""
