"""Room 2: INTERVAL literals as Spark's grammar has them.

Takes the tokens from INTERVAL on; gives `exp.Interval`: a text without a unit is a typed literal, numbers with units
are one text up to the last unit, and ``TO`` makes an `exp.IntervalSpan`. Source: the rule interval of Spark's grammar.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import Token, TokenType

_UNITS = frozenset(
    {"YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND"}
)
_VALUES = (TokenType.STRING, TokenType.NUMBER)


class Intervals(SparkParser):
    """The part of the grammar that reads these literals."""

    def _parse_interval(
        self,
        require_interval: bool = True,  # noqa: ARG002 - sqlglot's signature
        parse_function_unit: bool = True,  # noqa: ARG002 - as above
    ) -> exp.Interval | None:
        start = self._index
        if not self._match(TokenType.INTERVAL):
            return None
        first = self._curr
        if first and first.token_type == TokenType.STRING and not self._is_unit(self._next):
            self._advance()
            return exp.Interval(this=_text(first.text, first))
        parts: list[str] = []
        while (part := self._interval_part()) is not None:
            if not parts and self._match_text_seq("TO"):
                last = self._interval_unit()
                if last is None:
                    self.raise_error("Expected a unit after TO")
                made = exp.IntervalSpan(this=exp.var(part[1]), expression=exp.var(last))
                return exp.Interval(this=_text(part[0], first), unit=made)
            parts += part
        if parts:
            return exp.Interval(this=_text(" ".join(parts[:-1]), first), unit=exp.var(parts[-1]))
        if first and (first.token_type == TokenType.NUMBER or self._is_unit(self._next)):
            self.raise_error("Expected numbers with units behind INTERVAL")
        self._retreat(start)
        return None

    def _interval_part(self) -> tuple[str, str] | None:
        """A number with its unit; nothing is read where there is none."""
        start = self._index
        value = self._interval_value()
        unit = self._interval_unit() if value is not None else None
        if value is not None and unit is not None:
            return value, unit
        self._retreat(start)
        return None

    def _is_unit(self, token: Token | None) -> bool:
        return token is not None and token.text.upper().removesuffix("S") in _UNITS

    def _interval_value(self) -> str | None:
        """A number or a text, its sign before it; a sign before a text turns the text's own."""
        start = self._index
        minus = self._match(TokenType.DASH)
        if not minus:
            self._match(TokenType.PLUS)
        if not self._match_set(_VALUES):
            self._retreat(start)
            return None
        text = self._prev.text.strip()
        return text if not minus else text[1:] if text.startswith("-") else f"-{text.removeprefix('+')}"

    def _interval_unit(self) -> str | None:
        if not self._is_unit(self._curr):
            return None
        self._advance()
        return str(self._prev.text).upper()


def _text(text: str, first: Token | None) -> exp.Literal:
    literal = exp.Literal.string(text)
    literal.update_positions(first)
    return literal
