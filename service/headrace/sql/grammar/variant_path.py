"""Room 2: ``j:a.b[0]``, which takes a part out of a VARIANT.

Takes the tokens behind an expression, gives a `VariantField`: the expression, the path as variant_get takes it, and the
last name on it, which is the column's. Source: semiStructuredExtractionPath in Spark's grammar.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import TokenType


class VariantField(exp.Expression, exp.Func):
    """The part of `this` at `path`; `key` is the last name on it, empty for a place in an array."""

    arg_types = {"this": True, "path": True, "key": True}  # noqa: RUF012 - sqlglot's way to declare a node


class VariantPaths(SparkParser):
    """The part of the grammar that reads such paths."""

    COLON_IS_VARIANT_EXTRACT = True

    def _parse_colon_as_variant_extract(self, this: exp.Expr | None) -> exp.Expr | None:
        while this is not None and self._match(TokenType.COLON):
            this = self._parse_column_ops(self._variant_field(this))
        return this

    def _variant_field(self, this: exp.Expr) -> exp.Expr:
        path, key = "$", ""
        step: tuple[str, str] | None = self._variant_bracket() or self._variant_name()
        while step is not None:
            path += step[0]
            key = step[1] or key
            step = self._variant_bracket() or (self._variant_name() if self._match(TokenType.DOT) else None)
        made = VariantField(this=this, path=exp.Literal.string(path), key=exp.Literal.string(key))
        return self.expression(made)

    def _variant_name(self) -> tuple[str, str]:
        known = self._curr.token_type not in (TokenType.STRING, TokenType.NUMBER)
        name = self._parse_id_var(any_token=True, tokens=(TokenType.SELECT,)) if known else None
        if name is None:
            self.error_level = ErrorLevel.IMMEDIATE
            self.raise_error("Expected a name or ['name'] in the path")
            return "", ""
        plain = name.name.replace("_", "").isalnum()
        return (f".{name.name}" if plain else f"['{name.name}']"), name.name

    def _variant_bracket(self) -> tuple[str, str] | None:
        index = self._index
        if not self._match(TokenType.L_BRACKET):
            return None
        token = self._curr
        self._advance()
        quoted = token.token_type == TokenType.STRING and self.sql[token.start] == "'"
        if self._match(TokenType.R_BRACKET):
            if quoted:
                return f"['{token.text}']", token.text
            if token.token_type == TokenType.NUMBER and token.text.isdecimal():
                return f"[{token.text}]", ""
        self._retreat(index)  # another bracket takes an element of what the path gives
        return None
