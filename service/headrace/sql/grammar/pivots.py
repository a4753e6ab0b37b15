"""Room 2: PIVOT and UNPIVOT as Spark's grammar has them, and joins that remember whether ON was written.

Takes the tokens behind a relation of FROM; gives `exp.Pivot`: of PIVOT the aggregates as `expressions`, of UNPIVOT the
names of the value columns; the one field is what FOR names IN a list. Source: pivotClause and unpivotClause.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp
from sqlglot.errors import ErrorLevel
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import TokenType

IMPLIED = "implied"
"""Set in the meta of ON TRUE where no ON was written."""
COMMA = "comma"
"""Set in the meta of a join that a comma makes."""


class Pivots(SparkParser):
    """The part of the grammar that reads these clauses."""

    ADD_JOIN_ON_TRUE = False

    def _parse_join(
        self,
        skip_join_token: bool = False,
        parse_bracket: bool = False,
        alias_tokens: Collection[TokenType] | None = None,
    ) -> exp.Join | None:
        comma = self._curr.token_type == TokenType.COMMA
        join = super()._parse_join(skip_join_token, parse_bracket, alias_tokens)
        if join is not None and comma:
            join.meta[COMMA] = True
        if join is None or comma or join.kind not in ("", "INNER", "OUTER"):
            return join
        if not any(join.args.get(word) for word in ("on", "using", "method")):
            condition = exp.true()
            condition.meta[IMPLIED] = True
            join.set("on", condition)
        return join

    def _parse_comprehension(self, this: exp.Expr | None) -> exp.Comprehension | None:  # noqa: ARG002 - sqlglot's
        self._retreat(self._index - 1)  # to Spark, what stands before FOR is a whole expression
        return None

    def _parse_pivot(self) -> exp.Pivot | None:
        unpivot = self._curr.token_type == TokenType.UNPIVOT
        if not unpivot and self._curr.token_type != TokenType.PIVOT:
            return None
        self._advance()
        nulls = self._nulls() if unpivot else None
        self._expected(TokenType.L_PAREN, "(")
        made = exp.Pivot(unpivot=unpivot, include_nulls=nulls)
        several = unpivot and self._curr.token_type == TokenType.L_PAREN
        made.set("expressions", self._identifiers() if unpivot else self._parse_csv(self._aggregate))
        self._expected(TokenType.FOR, "FOR")
        made.set("fields", [self._unpivot_in(several=several) if unpivot else self._pivot_in()])
        self._expected(TokenType.R_PAREN, ")")
        another = self._curr.token_type in (TokenType.PIVOT, TokenType.UNPIVOT)
        alias = None if another else self._parse_table_alias()
        if alias is not None and alias.args.get("columns"):
            self._fail("no columns behind its alias")
        made.set("alias", alias)
        return self.expression(made)

    def _nulls(self) -> bool | None:
        for word in ("INCLUDE", "EXCLUDE"):
            if self._match_text_seq(word, "NULLS"):
                return word == "INCLUDE"
        return None

    def _aggregate(self) -> exp.Expr | None:
        return self._named(self._parse_disjunction())

    def _pivot_in(self) -> exp.In:
        names = self._identifiers()
        column: exp.Expr = exp.Tuple(expressions=names) if len(names) > 1 else names[0]
        self._expected(TokenType.IN, "IN")
        self._expected(TokenType.L_PAREN, "(")
        values = self._parse_csv(lambda: self._named(self._parse_disjunction()))
        if not values or isinstance(values[0], exp.Query):
            self._fail("a list of values behind IN")
        self._expected(TokenType.R_PAREN, ")")
        return exp.In(this=column, expressions=values)

    def _unpivot_in(self, *, several: bool) -> exp.In:
        names = self._identifiers(brackets=False)
        self._expected(TokenType.IN, "IN")
        self._expected(TokenType.L_PAREN, "(")
        columns = self._parse_csv(self._unpivot_columns if several else lambda: self._named(self._path()))
        if not columns:
            self._fail("a list of columns behind IN")
        self._expected(TokenType.R_PAREN, ")")
        return exp.In(this=names[0], expressions=columns)

    def _unpivot_columns(self) -> exp.Expr | None:
        self._expected(TokenType.L_PAREN, "(")
        columns = self._parse_csv(self._path)
        self._expected(TokenType.R_PAREN, ")")
        return self._named(exp.Tuple(expressions=columns))

    def _identifiers(self, *, brackets: bool = True) -> list[exp.Expr]:
        """Read one name, or several in brackets, as columns."""
        several = brackets and self._match(TokenType.L_PAREN)
        found = self._parse_csv(self._parse_id_var) if several else [self._parse_id_var()]
        if several:
            self._expected(TokenType.R_PAREN, ")")
        columns: list[exp.Expr] = [exp.Column(this=name) for name in found if name is not None]
        if not columns:
            self._fail("a column")
        return columns or [exp.Column(this=exp.to_identifier("_"))]

    def _path(self) -> exp.Expr | None:
        """Read a column, its relation or fields before or behind it."""
        found = self._parse_column()
        path = found
        while isinstance(path, exp.Dot):
            path = path.this
        if not isinstance(path, exp.Column) or isinstance(path.this, exp.Star):
            self._fail("a column")
        return found

    def _named(self, value: exp.Expr | None) -> exp.Expr | None:
        explicit = bool(self._match(TokenType.ALIAS))
        named = explicit or self._curr.token_type != TokenType.FOR
        name = self._parse_id_var(any_token=explicit) if named else None
        return value if name is None or value is None else exp.Alias(this=value, alias=name)

    def _expected(self, kind: TokenType, shown: str) -> None:
        if not self._match(kind):
            self._fail(shown)

    def _fail(self, what: str) -> None:
        self.error_level = ErrorLevel.IMMEDIATE
        self.raise_error(f"Expected {what}")
