"""Room 2: TABLESAMPLE as Spark's grammar has it.

Takes the tokens behind a relation of FROM; gives `exp.TableSample`: `size` for ROWS, `percent`, the numbers of BUCKET,
or `expressions` for bytes. Source: the rule sample of Spark's grammar.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import TokenType


class Samples(SparkParser):
    """The part of the grammar that reads this clause."""

    def _parse_subquery(self, this: exp.Expr | None, parse_alias: bool = True) -> exp.Subquery | None:
        sample = self._parse_table_sample() if this is not None else None
        made = super()._parse_subquery(this, parse_alias)
        if made is not None and sample is not None:
            made.set("sample", sample)
        return made

    def _parse_table_sample(self, as_modifier: bool = False) -> exp.TableSample | None:  # noqa: ARG002 - sqlglot's
        if not self._match(TokenType.TABLE_SAMPLE):
            return None
        method = next((word for word in ("SYSTEM", "BERNOULLI") if self._match_text_seq(word)), None)
        if not self._match(TokenType.L_PAREN):
            self.raise_error("Expected (")
        made = exp.TableSample(method=method and exp.var(method))
        if self._match_text_seq("BUCKET"):
            made.set("bucket_numerator", self._parse_number())
            self._match_text_seq("OUT", "OF")
            made.set("bucket_denominator", self._parse_number())
            made.set("bucket_field", self._parse_column() if self._match(TokenType.ON) else None)
        elif self._curr.token_type != TokenType.R_PAREN:
            amount = self._parse_disjunction()
            unit = "size" if self._match(TokenType.ROWS) else "percent" if self._match(TokenType.PERCENT) else None
            made.set(unit or "expressions", amount if unit else [amount])
        if not self._match(TokenType.R_PAREN):
            self.raise_error("Expected )")
        if self._match_text_seq("REPEATABLE"):
            made.set("seed", self._parse_wrapped(self._parse_number))
        return self.expression(made)
