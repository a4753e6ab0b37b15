"""Room 5: typed expressions to DuckDB text.

Takes expressions whose columns are called c<id> in the statement around them; gives self-contained DuckDB text. What a
function means in DuckDB stands in the function table of room 2; nothing passes through that is not there.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace.duck import duckdb_type, literal_sql, quote
from headrace.errors import StreamError
from headrace.plan.constant import NO_VALUE, argument_of, value_of
from headrace.plan.expressions import (
    AggregateCall,
    Call,
    Case,
    Cast,
    Column,
    Existence,
    Expression,
    GetField,
    Lambda,
    Literal,
    Subquery,
    UserCall,
)
from headrace.plan.nodes import Plan
from headrace.plan.transform import rewrite_plan, substitute_columns
from headrace.sql.aggregate import AggregateForm
from headrace.sql.aggregates import AGGREGATES
from headrace.sql.aggregates.forms.distinct import SAME_WHEN_DISTINCT, distinct
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.function import Rendered
from headrace.sql.functions import FUNCTIONS
from headrace.sql.settings import SqlSettings


def column_name(column: Column) -> str:
    """Return what a column is called inside a statement."""
    return f"c{column.id}"


class Renderer:
    """Renders expressions under one query's settings.

    Args:
        settings: ANSI mode and session time zone.
        subquery: Gives the DuckDB text of a static plan with one column.
    """

    def __init__(self, settings: SqlSettings, subquery: Callable[[Plan], str]) -> None:
        self._settings = settings
        self._subquery = subquery

    def sql(self, expression: Expression) -> str:
        """Return the DuckDB text of an expression."""
        match expression:
            case Column():
                return column_name(expression)
            case Literal():
                return literal_sql(expression.value, expression.type)
            case Call():
                return self._call(expression)
            case UserCall():
                return f"{quote(expression.function)}({', '.join(self.sql(arg) for arg in expression.args)})"
            case Cast():
                return self._cast(expression)
            case Case():
                return self._case(expression)
            case GetField():
                return f"struct_extract({self.sql(expression.child)}, {_text(expression.name)})"
            case Lambda():
                names = ", ".join(column_name(p) for p in expression.parameters)
                return f"lambda {names}: {self.sql(expression.body)}"
            case Subquery():
                return self._inner(expression)
        message = f"no DuckDB text for {type(expression).__name__}"
        raise StreamError("INTERNAL", message)

    def rendered(self, expression: Expression) -> Rendered:
        """Return an expression as the function table takes it."""
        constant = isinstance(expression, Literal)
        value = expression.value if isinstance(expression, Literal) else None
        if isinstance(expression, Call) and expression.function == "map":  # the options of a function
            found = value_of(expression)
            constant, value = found is not NO_VALUE, None if found is NO_VALUE else found
        return Rendered(self.sql(expression), expression.type, constant, value)

    def aggregate(self, call: AggregateCall) -> AggregateForm:
        """Return the form of an aggregate call; its arguments are cast already."""
        arguments = [argument_of(arg, ansi=self._settings.ansi) for arg in call.args]
        form = AGGREGATES[call.function].resolve(arguments, call.ignore_nulls)
        return distinct(form, arguments) if call.distinct and call.function not in SAME_WHEN_DISTINCT else form

    def partials(self, call: AggregateCall) -> tuple[str, ...]:
        """Return one DuckDB aggregate expression per buffer of a call."""
        condition = self.sql(call.condition) if call.condition is not None else None
        arguments = [self.rendered(arg) for arg in call.args]
        return self.aggregate(call).partial(arguments, condition, self._settings)

    def _call(self, call: Call) -> str:
        function = FUNCTIONS[call.function]
        return function.render([self.rendered(arg) for arg in call.args], call.type, self._settings)

    def _cast(self, cast: Cast) -> str:
        mode = CastMode.TRY if cast.try_ else CastMode.ANSI if self._settings.ansi else CastMode.LEGACY
        return render_cast(self.sql(cast.child), cast.child.type, cast.type, mode=mode, settings=self._settings)

    def _inner(self, subquery: Subquery) -> str:
        by_id = dict(zip(subquery.parameters, subquery.outer, strict=True))
        plan = rewrite_plan(subquery.plan, lambda node: substitute_columns(node, by_id)) if by_id else subquery.plan
        rows = self._subquery(plan)
        return f"EXISTS (SELECT 1 FROM ({rows}))" if isinstance(subquery, Existence) else f"({rows})"

    def _case(self, case: Case) -> str:
        branches = " ".join(f"WHEN {self.sql(when)} THEN {self.sql(then)}" for when, then in case.branches)
        otherwise = "NULL" if case.otherwise is None else self.sql(case.otherwise)
        return f"(CASE {branches} ELSE {otherwise} END)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def typed(sql: str, column: Column) -> str:
    """Return a select item that gives a column its exact DuckDB type."""
    return f"CAST({sql} AS {duckdb_type(column.type)}) AS {quote(column_name(column))}"
