"""Room 3: which function of the table each operator is, and how Spark writes it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp

from headrace.sql.dialect import UnaryPlus, UnsignedShift

BINARY: Mapping[type[exp.Expr], tuple[str, str]] = MappingProxyType(
    {
        exp.Add: ("add", "({} + {})"),
        exp.Sub: ("subtract", "({} - {})"),
        exp.Mul: ("multiply", "({} * {})"),
        exp.Div: ("divide", "({} / {})"),
        exp.IntDiv: ("div", "({} div {})"),
        exp.Mod: ("remainder", "({} % {})"),
        exp.EQ: ("equal", "({} = {})"),
        exp.NEQ: ("not_equal", "(NOT ({} = {}))"),
        exp.LT: ("less", "({} < {})"),
        exp.LTE: ("less_equal", "({} <= {})"),
        exp.GT: ("greater", "({} > {})"),
        exp.GTE: ("greater_equal", "({} >= {})"),
        exp.NullSafeEQ: ("null_safe_equal", "({} <=> {})"),
        exp.And: ("and", "({} AND {})"),
        exp.Or: ("or", "({} OR {})"),
        exp.BitwiseAnd: ("bit_and_op", "({} & {})"),
        exp.BitwiseOr: ("bit_or_op", "({} | {})"),
        exp.BitwiseXor: ("bit_xor_op", "({} ^ {})"),
        exp.BitwiseLeftShift: ("shift_left", "({} << {})"),
        exp.BitwiseRightShift: ("shift_right", "({} >> {})"),
        UnsignedShift: ("shift_right_unsigned", "({} >>> {})"),
        exp.DPipe: ("concat", "concat({}, {})"),
        exp.RegexpLike: ("rlike", "RLIKE({}, {})"),
    }
)
"""Tree class -> (function, Spark's text)."""

UNARY: Mapping[type[exp.Expr], tuple[str, str]] = MappingProxyType(
    {
        exp.Neg: ("negative", "(- {})"),
        exp.Not: ("not", "(NOT {})"),
        exp.BitwiseNot: ("bit_not", "~{}"),
        UnaryPlus: ("positive", "(+ {})"),
    }
)
"""Tree class -> (function, Spark's text)."""

WITHOUT_PARENTHESES: Mapping[type[exp.Expr], str] = MappingProxyType(
    {
        exp.CurrentDate: "current_date",
        exp.CurrentTimestamp: "current_timestamp",
        exp.CurrentUser: "current_user",
        exp.CurrentTime: "current_time",
    }
)
"""Functions that SQL lets one write without parentheses."""

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "!": "not",
        "any": "bool_or",
        "&": "bit_and_op",
        "|": "bit_or_op",
        "^": "bit_xor_op",
    }
)
"""Names of functions that are operators under another name."""
