"""Room 2: IDENTIFIER('a.b'), a name that is written as a constant text.

Takes the tokens of one SQL text, gives them with the name's own tokens in its place, so that it stands wherever a name
may: for a column, a relation, a function, an alias. Source: Spark's identifier clause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType

from headrace.errors import StreamError
from headrace.values import Position

_PART = re.compile(r"(?P<plain>[A-Za-z0-9_]+)|`(?P<quoted>(?:[^`]|``)+)`")
_OWN_SYNTAX = frozenset({"CAST", "TRY_CAST", "EXTRACT", "OVERLAY", "POSITION", "TRIM", "CASE"})
"""Words that are more than a name before a bracket."""
_BEFORE_ALIAS = (TokenType.ALIAS, TokenType.VAR, TokenType.IDENTIFIER, TokenType.R_PAREN)


def with_names(tokens: list[Token]) -> list[Token]:
    """Return the tokens with each IDENTIFIER(...) of constant texts replaced by the name.

    Raises:
        StreamError: PARSE_EMPTY_STATEMENT or PARSE_SYNTAX_ERROR, the text is no name; NOT_A_CONSTANT_STRING.…
    """
    found: list[Token] = []
    place = 0
    while place < len(tokens):
        end = _end_of_clause(tokens, place)
        if end is None:
            found.append(tokens[place])
            place += 1
            continue
        called = end < len(tokens) and tokens[end].token_type == TokenType.L_PAREN
        if called and end + 1 < len(tokens) and tokens[end + 1].token_type == TokenType.STAR:
            message = "* does not stand behind IDENTIFIER(...); write the function's name."
            raise StreamError(
                "SQL_ANALYSIS", message, at=_at(tokens[place]), condition="INVALID_USAGE_OF_STAR_OR_REGEX"
            )
        text = "".join(token.text for token in tokens[place + 2 : end - 1 : 2])
        found.extend(_name(text, tokens[place], called=called))
        place = end
    return found


def _end_of_clause(tokens: Sequence[Token], place: int) -> int | None:
    """Return the place behind ``IDENTIFIER('a' || 'b')``, None where there is no such thing."""
    if tokens[place].text.upper() != "IDENTIFIER" or tokens[place].token_type == TokenType.STRING:
        return None
    kinds = [token.token_type for token in tokens[place + 1 : place + 4]]
    dotted = place > 0 and tokens[place - 1].token_type == TokenType.DOT
    if len(kinds) < 3 or kinds[0] != TokenType.L_PAREN or dotted:
        return None
    if kinds[2] == TokenType.R_PAREN:
        _refuse_argument(tokens, place)
    end = place + 3
    while end + 1 < len(tokens) and tokens[end].token_type == TokenType.DPIPE:
        end += 2
    texts = all(token.token_type == TokenType.STRING for token in tokens[place + 2 : end : 2])
    closed = end < len(tokens) and tokens[end].token_type == TokenType.R_PAREN
    followed = end + 1 < len(tokens) and tokens[end + 1].token_type == TokenType.DOT
    return end + 1 if texts and closed and not followed else None


def _refuse_argument(tokens: Sequence[Token], place: int) -> None:
    kind = tokens[place + 2].token_type
    aliased = place > 0 and tokens[place - 1].token_type in _BEFORE_ALIAS
    why = {TokenType.NUMBER: "WRONG_TYPE", TokenType.NULL: "WRONG_TYPE", TokenType.VAR: "NOT_CONSTANT"}.get(kind)
    if why is not None and not aliased:
        message = f"IDENTIFIER takes a constant text, and got {tokens[place + 2].text}."
        raise StreamError("SQL_ANALYSIS", message, at=_at(tokens[place]), condition=f"NOT_A_CONSTANT_STRING.{why}")


def _name(text: str, at: Token, *, called: bool) -> list[Token]:
    found: list[Token] = []
    end = 0
    while (part := _PART.match(text, end)) is not None:
        name = part["plain"] or part["quoted"].replace("``", "`")
        plain = called and part.end() == len(text) and name.upper() not in _OWN_SYNTAX
        found.append(_token(TokenType.VAR if plain else TokenType.IDENTIFIER, name, at))
        end = part.end()
        if text[end : end + 1] != "." or end + 1 == len(text):
            break
        found.append(_token(TokenType.DOT, ".", at))
        end += 1
    if end < len(text) or not found or found[-1].token_type == TokenType.DOT:
        condition = "PARSE_SYNTAX_ERROR" if text.strip() else "PARSE_EMPTY_STATEMENT"
        raise StreamError("SQL_SYNTAX", f"{text!r} is no name.", at=_at(at), condition=condition)
    return found


def _token(kind: TokenType, text: str, at: Token) -> Token:
    return Token(kind, text, at.line, at.col, at.start, at.end)


def _at(token: Token) -> Position:
    return Position("", token.line, max(token.col - len("IDENTIFIER") + 1, 1))
