"""Room 3: what an aggregate call says beyond its arguments: WITHIN GROUP, and how Spark writes the call as a name.

Takes the name as written, bound arguments and orderings; gives the table's name and arguments for it, and the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.expressions import Cast, Expression, Literal
from headrace.types import BOOLEAN

_ORDERED_PERCENTILES = ("percentile_cont", "percentile_disc")
_DEFAULTS: Mapping[str, tuple[int, tuple[str, ...]]] = MappingProxyType(
    {
        "percentile": (3, ("1",)),
        "percentile_approx": (3, ("10000",)),
        "approx_percentile": (3, ("10000",)),
        "approx_top_k": (3, ("5", "10000")),
        "listagg": (2, ("NULL",)),
        "string_agg": (2, ("NULL",)),
    }
)
"""Name -> number of arguments, and what Spark shows for the last ones when they are not written."""
_FIRST_ONLY = ("first", "first_value", "last", "last_value", "any_value", "approx_count_distinct")
"""Functions of whose arguments Spark shows the first one."""
_SHOWN_AS: Mapping[str, str] = MappingProxyType({"array_agg": "collect_list"})


@dataclass(frozen=True, slots=True)
class Ordering:
    """One expression of WITHIN GROUP (ORDER BY ...)."""

    key: Bound
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Written:
    """An aggregate call as the SQL has it."""

    name: str
    args: Sequence[Bound]
    orderings: Sequence[Ordering] = ()
    distinct: bool = False

    @property
    def call(self) -> tuple[str, list[Expression]]:
        """The name in the aggregate table, and the arguments that stand for the orderings too.

        Raises:
            StreamError: INVALID_WITHIN_GROUP_EXPRESSION.…, the orderings are not what the function takes.
        """
        args = [arg.expression for arg in self.args]
        if self.name in _ORDERED_PERCENTILES:
            self._expect(1, distinct=False)
            ordering = self.orderings[0]
            return f"{self.name} within group", [ordering.key.expression, *args, _switch(ordering.descending)]
        if self.name == "mode":
            return self._mode(args)
        if not self.orderings:
            return self.name, args
        if self.name not in ("listagg", "string_agg"):
            message = f"The function `{self.name}` does not support WITHIN GROUP (ORDER BY ...)."
            raise StreamError("SQL_ANALYSIS", message, condition="INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX")
        return self._listed(args)

    @property
    def text(self) -> str:
        """How Spark names the column."""
        texts = [arg.text for arg in self.args]
        if self.name == "mode" and (self.orderings or len(texts) == 2):
            return self._mode_text()
        if self.name in _FIRST_ONLY:
            texts = texts[:1]
        count, defaults = _DEFAULTS.get(self.name, (0, ()))
        texts += defaults[max(0, len(defaults) - max(0, count - len(texts))) :]
        distinct = "DISTINCT " if self.distinct else ""
        shown = f"{_SHOWN_AS.get(self.name, self.name)}({distinct}{', '.join(texts)})"
        if not self.orderings:
            return shown
        keys = ", ".join(self._key(ordering) for ordering in self.orderings)
        return f"{shown} WITHIN GROUP (ORDER BY {keys})"

    def _key(self, ordering: Ordering) -> str:
        if self.name in _ORDERED_PERCENTILES:
            return f"{ordering.key.text}{' DESC' if ordering.descending else ''}"
        way = "DESC" if ordering.descending else "ASC"
        return f"{ordering.key.text} {way} NULLS {'FIRST' if ordering.nulls_first else 'LAST'}"

    def _mode(self, args: list[Expression]) -> tuple[str, list[Expression]]:
        if self.distinct:
            raise self._refusal("DISTINCT_UNSUPPORTED", "The function does not support DISTINCT.")
        if self.args:
            if self.orderings:
                raise self._refusal("WRONG_NUM_ORDERINGS", "With an argument the function takes no orderings.")
            return self.name, args
        self._expect(1, distinct=False)
        return "mode within group", [self.orderings[0].key.expression, _switch(self.orderings[0].descending)]

    def _mode_text(self) -> str:
        # Spark turns the order around in the name, and shows mode(x, true) as this too.
        if self.orderings:
            return f"mode() WITHIN GROUP (ORDER BY {self.orderings[0].key.text}{self._turned})"
        settled = self.args[1].expression == Literal(BOOLEAN, True)
        return f"mode() WITHIN GROUP (ORDER BY {self.args[0].text} DESC)" if settled else f"mode({self.args[0].text})"

    @property
    def _turned(self) -> str:
        return "" if self.orderings[0].descending else " DESC"

    def _listed(self, args: list[Expression]) -> tuple[str, list[Expression]]:
        if self.distinct and (len(self.orderings) != 1 or not _same(args[0], self.orderings[0].key.expression)):
            message = "With DISTINCT, WITHIN GROUP orders by the value itself."
            raise self._refusal("MISMATCH_WITH_DISTINCT_INPUT", message)
        if len(args) == 1:
            args = [*args, Literal(args[0].type, None)]
        for ordering in self.orderings:
            args += [ordering.key.expression, _switch(ordering.descending), _switch(ordering.nulls_first)]
        return "listagg within group", args

    def _expect(self, count: int, *, distinct: bool) -> None:
        if self.distinct and not distinct:
            raise self._refusal("DISTINCT_UNSUPPORTED", "The function does not support DISTINCT with WITHIN GROUP.")
        if not self.orderings:
            message = f"WITHIN GROUP is required: write {self.name}(...) WITHIN GROUP (ORDER BY x)."
            raise self._refusal("WITHIN_GROUP_MISSING", message)
        if len(self.orderings) != count:
            message = f"The function requires {count} orderings in WITHIN GROUP but got {len(self.orderings)}."
            raise self._refusal("WRONG_NUM_ORDERINGS", message)

    def _refusal(self, kind: str, detail: str) -> StreamError:
        message = f"Invalid function `{self.name}` with WITHIN GROUP. {detail}"
        return StreamError("SQL_ANALYSIS", message, condition=f"INVALID_WITHIN_GROUP_EXPRESSION.{kind}")


def _switch(on: bool) -> Literal:
    return Literal(BOOLEAN, on)


def _same(value: Expression, key: Expression) -> bool:
    """Return True when the key is the value, or what the value is a cast of."""
    return value == key or (isinstance(value, Cast) and value.child == key)
