"""Room 2: mistakes that are seen in the tokens, before there is a tree: commas too many, clauses out of order.

Takes the tokens of one SQL text, gives Spark's refusal; sqlglot reads over these.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType

from headrace.errors import StreamError
from headrace.values import Position

_RANKS = {
    TokenType.FROM: 1,
    TokenType.WHERE: 2,
    TokenType.GROUP_BY: 3,
    TokenType.HAVING: 4,
    TokenType.ORDER_BY: 5,
    TokenType.SORT_BY: 5,
    TokenType.CLUSTER_BY: 5,
    TokenType.DISTRIBUTE_BY: 5,
    TokenType.LIMIT: 6,
    TokenType.OFFSET: 7,
}
"""The clauses of a SELECT in their order."""
_SET_WORDS = (TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT)
_TEXTS = (TokenType.STRING, TokenType.NUMBER)
_PIPE = TokenType.PIPE_GT


def refuse_tokens(tokens: Sequence[Token]) -> None:
    """Refuse what no Spark query holds.

    Raises:
        StreamError: PARSE_SYNTAX_ERROR, PARSE_EMPTY_STATEMENT or TRAILING_COMMA_IN_SELECT, with its place.
    """
    if not any(token.token_type != TokenType.SEMICOLON for token in tokens):
        raise StreamError("SQL_SYNTAX", "The SQL is empty.", at=Position("", 1, 1), condition="PARSE_EMPTY_STATEMENT")
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        _refuse_pair(token, before, after)
        if place > 1 and _is_bare_filter(tokens[place - 2 : place + 2]):
            raise _error(token, "FILTER takes WHERE and a condition")
    kinds = {token.token_type for token in tokens}
    if _PIPE in kinds:
        return
    if tokens[0].token_type == TokenType.FROM and TokenType.SELECT not in kinds and len(tokens) > 2:
        raise _error(tokens[2], "the query has no SELECT")
    _refuse_order(tokens)


def _refuse_pair(token: Token, before: Token | None, after: Token | None) -> None:
    kind, following = token.token_type, after.token_type if after else None
    before_is_using = before is not None and before.token_type == TokenType.USING
    if kind == TokenType.COMMA:
        if following == TokenType.FROM:
            raise _error(token, "a comma too many before FROM", "TRAILING_COMMA_IN_SELECT")
        opens = before is None or before.token_type in (TokenType.L_PAREN, TokenType.SELECT, TokenType.COMMA)
        if opens or following in (None, TokenType.R_PAREN, TokenType.SEMICOLON):
            raise _error(token, "a comma with nothing on one side of it")
    elif after is not None and kind == TokenType.ALIAS and following in _TEXTS:
        raise _error(after, "a name is wanted behind AS")
    elif kind in (TokenType.ON, TokenType.IN) and (after is None or following in (*_RANKS, TokenType.NUMBER)):
        if kind == TokenType.IN or following != TokenType.NUMBER:
            raise _error(token, f"something is missing behind {token.text.upper()}")
    elif kind == TokenType.USING and following not in (TokenType.L_PAREN, TokenType.STRING):
        raise _error(token, "USING takes columns in brackets")
    elif kind == TokenType.L_PAREN and following == TokenType.R_PAREN and before_is_using:
        raise _error(token, "USING names no column")
    elif kind == TokenType.ASC and following == TokenType.DESC:
        raise _error(token, "ASC and DESC together")


def _is_bare_filter(tokens: Sequence[Token]) -> bool:
    """Return True for ``) FILTER (`` without WHERE."""
    kinds = [token.token_type for token in tokens]
    opens = kinds[:3] == [TokenType.R_PAREN, TokenType.FILTER, TokenType.L_PAREN]
    return opens and kinds[3:] != [TokenType.WHERE]


def _refuse_order(tokens: Sequence[Token]) -> None:
    """Refuse clauses of a SELECT that stand in another order than Spark's."""
    ranks: list[int | None] = [None]  # the clause reached in each open bracket; None where there is no SELECT
    for place, token in enumerate(tokens):
        kind = token.token_type
        if kind == TokenType.L_PAREN:
            ranks.append(None)
        elif kind == TokenType.R_PAREN and len(ranks) > 1:
            ranks.pop()
        elif kind == TokenType.SELECT:
            ranks[-1] = 0
        elif kind in _SET_WORDS:
            ranks[-1] = None
        elif place and tokens[place - 1].token_type == TokenType.DISTINCT and kind == TokenType.FROM:
            continue  # a IS DISTINCT FROM b
        elif kind in _RANKS and (reached := ranks[-1]) is not None:
            if _RANKS[kind] < reached:
                raise _error(token, f"{token.text.upper()} stands behind a clause that comes after it")
            ranks[-1] = _RANKS[kind]
            _refuse_after(kind, tokens[place + 1 : place + 3])


def _refuse_after(kind: TokenType, following: Sequence[Token]) -> None:
    """Refuse FROM 'text' and LIMIT 1, 2."""
    kinds = [token.token_type for token in following]
    if kind == TokenType.FROM and kinds and kinds[0] in _TEXTS:
        raise _error(following[0], "the name of a relation is wanted behind FROM")
    if kind == TokenType.LIMIT and kinds[1:] == [TokenType.COMMA]:
        raise _error(following[1], "LIMIT takes one number")


def _error(token: Token, why: str, condition: str = "PARSE_SYNTAX_ERROR") -> StreamError:
    width = max(token.end - token.start, 0)
    at = Position("", token.line, max(token.col - width, 1))
    return StreamError("SQL_SYNTAX", f"Syntax error at or near {token.text!r}: {why}.", at=at, condition=condition)
