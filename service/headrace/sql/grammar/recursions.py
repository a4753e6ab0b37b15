"""Room 2: MAX RECURSION LEVEL of a CTE, which Spark's grammar has behind the CTE's name.

Takes the tokens of one CTE; gives `exp.CTE` with the number under `LEVELS` in its meta.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import TokenType

LEVELS = "levels"
"""Where the number stands in the meta of a CTE."""


class Recursions(SparkParser):
    """The part of the grammar that reads this clause."""

    def _parse_cte(self) -> exp.CTE | exp.FunctionSpecification | None:
        place = self._index
        alias = self._parse_table_alias(self.ID_VAR_TOKENS)
        if alias is None or not self._match_text_seq("MAX", "RECURSION", "LEVEL"):
            self._retreat(place)
            return super()._parse_cte()
        levels = self._parse_number()
        if levels is None or not self._match(TokenType.ALIAS):
            self.raise_error("Expected a number of levels and AS")
        made = exp.CTE(this=self._parse_wrapped(self._parse_statement), alias=alias)
        made.meta[LEVELS] = int(levels.name) if levels is not None and levels.name.isdigit() else None
        return self.expression(made)
