"""Ground floor: DuckDB text that writes floating-point numbers and decimals as Java's toString does.

Takes DuckDB expressions of FLOAT, DOUBLE or DECIMAL, gives VARCHAR expressions. Digits of floating-point numbers are
the shortest that read back the same, as in Java 19 and later.
"""

from __future__ import annotations

from headrace.duck import let
from headrace.types import DecimalType


def decimal_to_text_sql(number: str, kind: DecimalType) -> str:
    """Return VARCHAR such as ``0.25``; of a type that is all fraction DuckDB leaves out the zero before the point."""
    text = f"CAST({number} AS VARCHAR)"
    return f"regexp_replace({text}, '^(-?)[.]', '\\10.')" if kind.precision == kind.scale else text


def floating_to_text_sql(number: str) -> str:
    """Return VARCHAR such as ``1.0``, ``1.0E10``, ``1.0E-4``, ``NaN`` and ``-Infinity``."""
    return let(
        number,
        lambda x: (
            f"CASE WHEN {x} = 0 OR (abs({x}) >= 0.001 AND abs({x}) < 1e7) THEN CAST({x} AS VARCHAR) "
            f"WHEN isnan({x}) THEN 'NaN' WHEN isinf({x}) THEN CASE WHEN {x} > 0 THEN 'Infinity' ELSE '-Infinity' END "
            f"ELSE (CASE WHEN {x} < 0 THEN '-' ELSE '' END) || {let(f'CAST(abs({x}) AS VARCHAR)', _scientific)} END"
        ),
    )


def _scientific(text: str) -> str:
    mantissa = f"split_part({text}, 'e', 1)"
    shifted = f"ltrim(replace({text}, '.', ''), '0')"
    exponent = (
        f"CASE WHEN starts_with({text}, '0.') THEN length(ltrim({text}, '0.')) - length({text}) + 1 "
        f"ELSE length(split_part({text}, '.', 1)) - 1 END"
    )
    tail = f"CASE rtrim(substring({shifted}, 2), '0') WHEN '' THEN '0' ELSE rtrim(substring({shifted}, 2), '0') END"
    return (
        f"CASE WHEN contains({text}, 'e') THEN {mantissa} || CASE WHEN contains({mantissa}, '.') THEN '' ELSE '.0' END "
        f"|| 'E' || CAST(CAST(split_part({text}, 'e', 2) AS INTEGER) AS VARCHAR) "
        f"ELSE substring({shifted}, 1, 1) || '.' || {tail} || 'E' || CAST({exponent} AS VARCHAR) END"
    )
