"""Room 3: TABLESAMPLE: some rows of a relation of FROM.

Takes the clause and, for ROWS, gives the query that it stands for; a share of the rows is all or none, since which rows
a part would hold hangs on chance. Source: Spark AstBuilder.withSample.
"""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.expressions import Literal
from headrace.plan.nodes import Filter, Plan
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN

_ALL = Decimal(100)
_SLACK = Decimal("0.0001")  # Spark's rounding epsilon, in percent


def rows_of(node: exp.Expr) -> exp.Select | None:
    """Return TABLESAMPLE (n ROWS) of a relation as a query with LIMIT; None for anything else."""
    sample = node.args.get("sample")
    if sample is None or sample.args.get("size") is None:
        return None
    inner = node.copy()
    inner.set("sample", None)
    inner.set("pivots", None)
    inner.set("joins", None)
    return exp.select("*").from_(inner).limit(sample.args["size"].copy())


def sampled(plan: Plan, sample: exp.TableSample) -> Plan:
    """Return the plan under a share of its rows.

    Raises:
        StreamError: Spark's refusal of the form or of a stream, or SQL_UNSUPPORTED for a share that is a part.
    """
    at = position_of(sample)
    if sample.args.get("method") is not None and sample.args["method"].name == "SYSTEM":
        message = "TABLESAMPLE SYSTEM needs a table that samples itself, and headrace has none."
        condition = "UNSUPPORTED_FEATURE.TABLESAMPLE_SYSTEM_NO_SCAN"
        raise StreamError("SQL_ANALYSIS", message, hint="Leave SYSTEM out.", condition=condition, at=at)
    share = _percent(sample)
    if plan.is_streaming:
        message = "TABLESAMPLE of a share of the rows is not supported on streams."
        raise StreamError("SQL_UNSUPPORTED", message, hint="Write TABLESAMPLE (n ROWS), or a condition.", at=at)
    if share >= _ALL:
        return plan
    if share <= 0:
        return Filter(plan, Literal(BOOLEAN, False))
    message = f"TABLESAMPLE of {share} percent hangs on chance, and a query that runs again must give the same rows."
    hint = "Write TABLESAMPLE (n ROWS), or a condition such as  pmod(hash(id), 10) = 0."
    raise StreamError("SQL_UNSUPPORTED", message, hint=hint, at=at)


def _percent(sample: exp.TableSample) -> Decimal:
    at = position_of(sample)
    if sample.expressions or not any(sample.args.get(part) for part in ("percent", "bucket_numerator")):
        what = "a number of bytes" if sample.expressions else "nothing"
        message = f"TABLESAMPLE takes ROWS, PERCENT or BUCKET; seen: {what}."
        is_number = bool(sample.expressions) and str(sample.expressions[0].this).isdigit()
        condition = f"_LEGACY_ERROR_TEMP_00{'16' if is_number else '15' if sample.expressions else '14'}"
        raise StreamError("SQL_SYNTAX", message, condition=condition, at=at)
    if sample.args.get("bucket_field"):
        message = "TABLESAMPLE (BUCKET x OUT OF y ON ...) is not supported."
        raise StreamError("SQL_SYNTAX", message, condition="_LEGACY_ERROR_TEMP_0015", at=at)
    if sample.args.get("percent"):
        share = _number(sample.args["percent"])
    else:
        parts = [_number(sample.args[part]) for part in ("bucket_numerator", "bucket_denominator")]
        share = parts[0] / parts[1] * 100 if parts[1] else Decimal("Infinity")
    if not -_SLACK <= share <= _ALL + _SLACK:
        message = f"TABLESAMPLE takes a share from 0 to 100 percent; seen: {share}."
        raise StreamError("SQL_SYNTAX", message, condition="_LEGACY_ERROR_TEMP_0064", at=at)
    return share


def _number(node: exp.Expr) -> Decimal:
    inner = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(inner, exp.Literal) or inner.is_string:
        message = f"TABLESAMPLE takes a number before PERCENT; seen: {node.sql(dialect='spark')}."
        raise StreamError("SQL_SYNTAX", message, condition="PARSE_SYNTAX_ERROR", at=position_of(node))
    value = Decimal(str(inner.this))
    return -value if isinstance(node, exp.Neg) else value
