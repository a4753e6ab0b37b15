"""Room 2: SQL text to one query's tree.

Takes Spark SQL, gives a sqlglot tree of the `SparkSql` dialect; syntax errors are Spark's PARSE_SYNTAX_ERROR with line
and column inside the text. Names, types and functions are not looked at here.
"""

from __future__ import annotations

import logging
import re

from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, TokenError

from headrace.errors import StreamError, StreamErrors
from headrace.sql.dialect import SparkSql
from headrace.sql.grammar.foreign import order_as_spark, refuse_foreign
from headrace.sql.grammar.tokens import refuse_tokens
from headrace.values import Position

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what it cannot read is our error to report

_NO_BYTES = re.compile(r"\bX\s*'[0-9a-f]*[^0-9a-f']", re.IGNORECASE)
_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)


def parse(sql: str) -> exp.Expr:
    """Return the tree of one SELECT-like statement.

    Raises:
        StreamErrors: SQL_SYNTAX with condition PARSE_SYNTAX_ERROR, or SQL_UNSUPPORTED for another kind of statement;
            positions have an empty file name.
    """
    try:
        tokens = SparkSql().tokenize(sql)
        refuse_tokens(tokens)
        statements = SparkSql().parser(error_level=ErrorLevel.RAISE).parse(tokens, sql)
    except StreamError as error:
        raise StreamErrors([error]) from error
    except ParseError as error:
        raise StreamErrors(_syntax_errors(error)) from error
    except TokenError as error:
        raise StreamErrors([_unreadable(sql, error)]) from error
    found = [statement for statement in statements if statement is not None]
    if len(found) != 1:
        what = "is empty" if not found else f"holds {len(found)} statements"
        raise StreamErrors([_syntax_error(f"The SQL {what}; write one query.", Position("", 1, 1))])
    tree = found[0]
    if not isinstance(tree, _QUERIES):
        raise StreamErrors([_no_query(tree)])
    tree = tree.transform(_plain_text, copy=False)
    order_as_spark(tree)
    _refuse_foreign_parts(tree)
    return tree


def _refuse_foreign_parts(tree: exp.Expr) -> None:
    """Raise for every node that Spark's grammar has not.

    Raises:
        StreamErrors: the refusals, with their places.
    """
    errors = []
    for node in tree.walk():
        try:
            refuse_foreign(node)
        except StreamError as error:
            error.at = position_of(node) or Position("", 1, 1)
            errors.append(error)
    if errors:
        raise StreamErrors(errors)


def position_of(node: exp.Expr) -> Position | None:
    """Return line and column (from 1) where the node begins in its SQL, or None for a node without a place.

    A node without a place of its own begins where the first of its parts does.
    """
    places = [place for part in node.walk() if (place := _own_position(part)) is not None]
    return min(places, key=lambda at: (at.line, at.column)) if places else None


def _plain_text(node: exp.Expr) -> exp.Expr:
    """Make r'...' and 'a' 'b' one string literal each."""
    if isinstance(node, exp.RawString):
        return exp.Literal.string(node.this)
    if isinstance(node, exp.Concat) and all(isinstance(part, exp.Literal) for part in node.expressions):
        return exp.Literal.string("".join(part.name for part in node.expressions))
    return node


def _own_position(node: exp.Expr) -> Position | None:
    line, end, start, stop = (node.meta.get(name) for name in ("line", "col", "start", "end"))
    if line is None or end is None:
        return None
    width = 0 if start is None or stop is None else stop - start
    return Position("", int(line), max(int(end) - width, 1))


def _syntax_errors(error: ParseError) -> list[StreamError]:
    found = []
    for item in error.errors:
        line, column = int(item.get("line") or 1), int(item.get("col") or 1)
        near = str(item.get("highlight") or "")
        column = max(column - max(len(near) - 1, 0), 1)
        what = str(item.get("description") or "").rstrip(".")
        if "<class" in what or not what:  # sqlglot names its own classes there
            what = "something is missing before it"
        found.append(_syntax_error(f"Syntax error at or near {near!r}: {what}.", Position("", line, column)))
    return found or [_syntax_error(str(error), Position("", 1, 1))]


def _no_query(tree: exp.Expr) -> StreamError:
    at = Position("", 1, 1)
    if isinstance(tree, exp.Condition | exp.Alias | exp.Interval):
        return _syntax_error(f"{tree.sql(dialect='spark')} is no query.", at)
    message = f"Only queries run in a stream; this is {_statement_name(tree)}."
    hint = "Write a SELECT; outputs are named by the query's sink."
    return StreamError("SQL_UNSUPPORTED", message, hint=hint, at=at, condition="WRITE_STREAM_NOT_ALLOWED")


def _unreadable(sql: str, error: TokenError) -> StreamError:
    place = _open_quote(sql)
    if "/*" in sql and sql.rfind("/*") > sql.rfind("*/"):
        message = "Found an unclosed bracketed comment."
        return StreamError("SQL_SYNTAX", message, at=Position("", 1, 1), condition="UNCLOSED_BRACKETED_COMMENT")
    if place is None and _NO_BYTES.search(sql):
        message = "A literal X'...' holds hexadecimal digits only."
        return StreamError("SQL_SYNTAX", message, at=Position("", 1, 1), condition="INVALID_TYPED_LITERAL")
    if place is None:
        return _syntax_error(f"The SQL cannot be read: {error}.", Position("", 1, 1))
    before = sql[:place]
    at = Position("", before.count("\n") + 1, place - before.rfind("\n"))
    return _syntax_error(f"Syntax error at or near {sql[place]!r}: the quote is never closed.", at)


def _open_quote(sql: str) -> int | None:
    """Return the place of the quote that has no end."""
    opened, place = None, 0
    while place < len(sql):
        char = sql[place]
        if opened is None and char in "'\"`":
            opened = place
        elif opened is not None and char == "\\" and sql[opened] != "`":
            place += 1
        elif opened is not None and char == sql[opened]:
            opened = None
        place += 1
    return opened


def _syntax_error(message: str, at: Position) -> StreamError:
    return StreamError("SQL_SYNTAX", message, at=at, condition="PARSE_SYNTAX_ERROR")


def _statement_name(tree: exp.Expr) -> str:
    name = str(tree.this) if isinstance(tree, exp.Command) else type(tree).__name__
    article = "an" if name[:1].upper() in "AEIOU" else "a"
    return f"{article} {name.upper()} statement"
