"""Scalar expressions over columns of known types, as SQL text. ANSI mode: nothing that must fail, some that may."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.spark.grammar.draw import Draw
from tests.spark.grammar.streams import instant

Scope = Mapping[str, str]
"""The columns an expression may use: as written in SQL, with the type."""

NUMERIC = ("INT", "BIGINT", "DOUBLE", "DECIMAL(10,2)")
LITERALS: dict[str, tuple[str, ...]] = {
    "INT": ("0", "1", "2", "3", "-1", "7"),
    "BIGINT": ("0L", "5L", "1000000000000L"),
    "DOUBLE": ("0.5D", "1D", "-2.25D"),
    "DECIMAL(10,2)": ("1.5", "0.25", "CAST(2 AS DECIMAL(10,2))"),
    "STRING": ("'a'", "'b'", "''", "'ab'"),
    "BOOLEAN": ("true", "false"),
    "DATE": ("DATE'2024-01-01'", "DATE'2024-02-28'"),
    "TIMESTAMP": tuple(f"TIMESTAMP'{instant(seconds)}'" for seconds in (0, 30, 75)),
}


def expression(draw: Draw, scope: Scope, kind: str, depth: int = 2) -> str:
    """Return an expression of a type; of DECIMAL it may have another precision."""
    columns = [name for name, type_ in scope.items() if type_ == kind]
    if depth <= 0 or draw.chance(0.35):
        if columns and draw.chance(0.85):
            return draw.one(columns)
        return draw.one(LITERALS[kind])
    makers = [*_MAKERS.get(kind, ()), *_ANY]
    return draw.one(makers)(draw, scope, kind, depth - 1)


def predicate(draw: Draw, scope: Scope, depth: int = 2) -> str:
    """Return a condition."""
    if "BOOLEAN" in scope.values() and draw.chance(0.3):
        return _varying(draw, scope, "BOOLEAN", depth)
    return _comparison(draw, scope, "", depth)


def _sub(draw: Draw, scope: Scope, kind: str, depth: int) -> str:
    return expression(draw, scope, kind, depth)


def _case(draw: Draw, scope: Scope, kind: str, depth: int) -> str:
    other = "" if draw.chance(0.3) else f" ELSE {_sub(draw, scope, kind, depth)}"
    return f"CASE WHEN {predicate(draw, scope, 1)} THEN {_sub(draw, scope, kind, depth)}{other} END"


def _coalesce(draw: Draw, scope: Scope, kind: str, depth: int) -> str:
    return f"coalesce({_sub(draw, scope, kind, depth)}, {_sub(draw, scope, kind, depth)})"


def _if(draw: Draw, scope: Scope, kind: str, depth: int) -> str:
    return f"if({predicate(draw, scope, 1)}, {_sub(draw, scope, kind, depth)}, {_sub(draw, scope, kind, depth)})"


def _nullif(draw: Draw, scope: Scope, kind: str, depth: int) -> str:
    first, second = _sub(draw, scope, kind, depth), _sub(draw, scope, kind, depth)
    # Where x cannot be NULL, Spark works out that nullif(x, x) is; of columns alone that is worked out here.
    return f"nullif({first}, {second})" if first != second or first in scope else first


def _extreme(draw: Draw, scope: Scope, kind: str, depth: int) -> str:
    name = draw.one(("greatest", "least"))
    return f"{name}({_sub(draw, scope, kind, depth)}, {_sub(draw, scope, kind, depth)})"


def _template(*texts: str) -> Callable[[Draw, Scope, str, int], str]:
    """Texts with {TYPE} where an expression of that type goes."""

    def make(draw: Draw, scope: Scope, _kind: str, depth: int) -> str:
        text = draw.one(texts)
        while "{" in text:
            start, end = text.index("{"), text.index("}")
            text = text[:start] + _sub(draw, scope, text[start + 1 : end], depth) + text[end + 1 :]
        return text

    return make


def _comparison(draw: Draw, scope: Scope, _kind: str, depth: int) -> str:
    kind = draw.one([each for each in _COMPARED if each in scope.values()])
    left = _varying(draw, scope, kind, depth - 1)
    way = draw.number(0, 9)
    if way < 5:
        # Of x < x Spark knows that it is false where x is not null, as above.
        right = expression(draw, scope, kind, depth - 1)
        right = right if right != left or left in scope else draw.one(LITERALS[kind])
        return f"({left} {draw.one(('=', '<>', '<', '<=', '>', '>=', '<=>'))} {right})"
    if way < 7:
        return f"({left} {draw.one(('IS NULL', 'IS NOT NULL'))})"
    if way < 8:
        values = ", ".join(draw.some(LITERALS[kind], 1, 3))
        return f"({left} {draw.one(('IN', 'NOT IN'))} ({values}))"
    if way < 9:
        return f"({left} BETWEEN {draw.one(LITERALS[kind])} AND {expression(draw, scope, kind, 0)})"
    like, pattern = draw.one(("LIKE", "NOT LIKE")), draw.one(("a%", "%b", "_", "%"))
    return f"({_varying(draw, scope, 'STRING', depth - 1)} {like} '{pattern}')"


def _varying(draw: Draw, scope: Scope, kind: str, depth: int) -> str:
    """An expression with a column in it: Spark folds those without and leaves out what they decide."""
    for _ in range(20):
        text = expression(draw, scope, kind, depth)
        if any(name in text for name in scope):
            return text
    return draw.one([name for name, type_ in scope.items() if type_ == kind] or [text])


_COMPARED = ("INT", "INT", "STRING", "STRING", "DOUBLE", "BIGINT", "TIMESTAMP", "DATE", "DECIMAL(10,2)")
_ANY = (_case, _coalesce, _if, _nullif, _extreme)
_MAKERS: dict[str, tuple[Callable[[Draw, Scope, str, int], str], ...]] = {
    "INT": (
        _template("({INT} + 1)", "({INT} - {INT})", "({INT} * 2)", "({INT} % 3)", "(-{INT})", "abs({INT})"),
        _template("length({STRING})", "CAST({BOOLEAN} AS INT)", "try_cast({STRING} AS INT)", "CAST({INT} AS INT)"),
        _template("second({TIMESTAMP})", "minute({TIMESTAMP})", "day({DATE})", "dayofweek({DATE})", "month({DATE})"),
        _template("datediff({DATE}, {DATE})", "sign({INT})::INT", "({INT} & 3)", "({INT} | 4)", "({INT} ^ 1)"),
        _template("instr({STRING}, 'b')", "ascii({STRING})", "try_cast({DOUBLE} AS INT)", "pmod({INT}, 4)"),
    ),
    "BIGINT": (
        _template("({BIGINT} + {INT})", "({BIGINT} - 1L)", "CAST({INT} AS BIGINT)", "unix_timestamp({TIMESTAMP})"),
        _template(
            "({BIGINT} div 3)", "floor({DOUBLE} / 1e9D)", "unix_millis({TIMESTAMP})", "try_cast({STRING} AS BIGINT)"
        ),
    ),
    "DOUBLE": (
        _template("({DOUBLE} + {DOUBLE})", "({DOUBLE} * {INT})", "CAST({INT} AS DOUBLE)", "(-{DOUBLE})"),
        _template("({DOUBLE} / nullif({INT}, 0))", "round({DOUBLE}, 1)", "abs({DOUBLE})", "({INT} / 4)"),
        _template(
            "try_divide({DOUBLE}, {DOUBLE})",
            "nanvl({DOUBLE}, 1D)",
            "power({DOUBLE}, 2)",
            "CAST({DECIMAL(10,2)} AS DOUBLE)",
        ),
    ),
    "DECIMAL(10,2)": (
        _template("CAST({INT} AS DECIMAL(10,2))", "CAST({DECIMAL(10,2)} AS DECIMAL(10,2))", "abs({DECIMAL(10,2)})"),
        _template("try_cast({STRING} AS DECIMAL(10,2))", "CAST(round({DECIMAL(10,2)}, 1) AS DECIMAL(10,2))"),
        _template(
            "try_cast({DECIMAL(10,2)} + 1.25 AS DECIMAL(10,2))", "try_cast({DECIMAL(10,2)} * 2 AS DECIMAL(10,2))"
        ),
    ),
    "STRING": (
        _template("upper({STRING})", "concat({STRING}, '-', {STRING})", "({STRING} || {STRING})", "reverse({STRING})"),
        _template("CAST({INT} AS STRING)", "CAST({DOUBLE} AS STRING)", "CAST({TIMESTAMP} AS STRING)"),
        _template("CAST({DATE} AS STRING)", "CAST({BOOLEAN} AS STRING)", "CAST({DECIMAL(10,2)} AS STRING)"),
        _template("substring({STRING}, 1, 1)", "trim({STRING})", "lpad({STRING}, 3, '*')", "repeat({STRING}, 2)"),
        _template(
            "date_format({TIMESTAMP}, 'HH:mm:ss.SSS')",
            "concat_ws(',', {STRING}, {STRING})",
            "replace({STRING}, 'a', 'z')",
        ),
    ),
    "BOOLEAN": (
        _comparison,
        _template("({BOOLEAN} AND {BOOLEAN})", "({BOOLEAN} OR {BOOLEAN})", "(NOT {BOOLEAN})", "({BOOLEAN} IS NULL)"),
        _template(
            "isnan({DOUBLE})", "startswith({STRING}, 'a')", "({BOOLEAN} IS NOT TRUE)", "try_cast({STRING} AS BOOLEAN)"
        ),
    ),
    "DATE": (_template("CAST({TIMESTAMP} AS DATE)", "date_add({DATE}, 3)", "last_day({DATE})", "trunc({DATE}, 'MM')"),),
    "TIMESTAMP": (
        _template(
            "({TIMESTAMP} + INTERVAL 7 SECONDS)", "date_trunc('MINUTE', {TIMESTAMP})", "CAST({DATE} AS TIMESTAMP)"
        ),
        _template("({TIMESTAMP} - INTERVAL '1' MINUTE)"),
    ),
}
