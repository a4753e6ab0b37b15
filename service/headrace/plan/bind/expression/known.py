"""Room 3: which parts of a tree node the analyzer reads; a part it does not read is refused, never skipped."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp

from headrace.errors import StreamError
from headrace.sql.parse import position_of

_BINARY = frozenset({"this", "expression", "typed", "safe"})
_SET = frozenset({"this", "expression", "distinct", "with_", "order", "limit", "offset"})
_JOINED = frozenset({"this", "alias", "joins", "pivots", "sample"})

_READ: Mapping[type[exp.Expr], frozenset[str]] = MappingProxyType(
    {
        exp.Alias: frozenset({"this", "alias"}),
        exp.Between: frozenset({"this", "low", "high"}),
        exp.Bracket: frozenset({"this", "expressions"}),
        exp.Case: frozenset({"this", "ifs", "default"}),
        exp.Cast: frozenset({"this", "to", "safe"}),
        exp.Except: _SET,
        exp.Exists: frozenset({"this", "expression"}),
        exp.Extract: frozenset({"this", "expression"}),
        exp.Group: frozenset({"expressions", "all", "rollup", "cube", "grouping_sets"}),
        exp.ILike: _BINARY | {"negate"},
        exp.In: frozenset({"this", "expressions", "query"}),
        exp.Intersect: _SET,
        exp.Interval: frozenset({"this", "unit"}),
        exp.Join: frozenset({"this", "on", "side", "kind", "using", "method", "pivots"}),
        exp.Lambda: frozenset({"this", "expressions"}),
        exp.Lateral: frozenset({"this", "view", "outer", "alias"}),
        exp.Like: _BINARY | {"negate"},
        exp.Limit: frozenset({"expression"}),
        exp.Offset: frozenset({"expression"}),
        exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
        exp.Pivot: frozenset({"expressions", "fields", "unpivot", "include_nulls", "alias"}),
        exp.Select: frozenset(
            {
                *("kind", "hint", "expressions", "distinct", "from_", "joins", "laterals", "where", "group", "having"),
                *("order", "sort", "cluster", "distribute", "limit", "offset", "with_", "windows", "qualify"),
            }
        ),
        exp.Subquery: _JOINED | {"with_", "order", "limit", "offset"},
        exp.Table: _JOINED | {"db", "catalog"},
        exp.Trim: frozenset({"this", "expression", "position"}),
        exp.TableSample: frozenset(
            {
                *("method", "size", "percent", "expressions", "seed"),
                *("bucket_numerator", "bucket_denominator", "bucket_field"),
            }
        ),
        exp.TryCast: frozenset({"this", "to", "safe"}),
        exp.Union: _SET,
        exp.Values: frozenset({"expressions", "alias", "order", "limit", "offset", "with_", "pivots"}),
        exp.Window: frozenset({"this", "partition_by", "order", "spec", "over", "alias"}),
        exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side"}),
        exp.With: frozenset({"expressions", "recursive"}),
    }
)


_NAMED: Mapping[str, str] = MappingProxyType(
    {"into": "PARSE_SYNTAX_ERROR", "locks": "PARSE_SYNTAX_ERROR", "version": "UNSUPPORTED_FEATURE.TIME_TRAVEL"}
)
"""Spark's own name of a clause that it refuses too."""


def refuse_unread(node: exp.Expr) -> None:
    """Refuse a clause that the grammar takes and the analyzer does not know, such as MATCH_RECOGNIZE.

    Raises:
        StreamError: SQL_UNSUPPORTED, such a clause stands in the node.
    """
    read = _READ.get(type(node))
    if read is None:
        read = _BINARY if isinstance(node, exp.Binary) else None
    if read is None:
        return
    for name, value in node.args.items():
        if value and name not in read:
            word = name.strip("_").replace("_", " ").upper()
            message = f"{word} is not supported in {node.sql(dialect='spark')[:120]}"
            raise StreamError("SQL_UNSUPPORTED", f"{message}.", at=position_of(node), condition=_NAMED.get(name))
