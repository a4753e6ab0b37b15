"""Room 3: the binding of one clause, as the parts of an expression see it.

A part takes a tree node and the binding, and gives a typed expression; for what stands inside its node it asks the
binding, and need not know which part that is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import call
from headrace.plan.bind.refused.mistaken import IN_WHERE, operator_mistake
from headrace.plan.bind.scope import Scope
from headrace.plan.bind.session import Session
from headrace.plan.bind.time_window import TimeWindows


@dataclass(frozen=True, slots=True)
class Binding(ABC):
    """Binds expressions of one clause; `inside` is the scope of an aggregate's arguments, None where none may stand."""

    session: Session
    scope: Scope
    windows: TimeWindows
    inside: Scope | None = None
    refusing: str = IN_WHERE  # the condition of an aggregate where none may stand
    beneath: Scope | None = None  # `inside` of an aggregate's arguments: before OVER there may be aggregates in them

    @abstractmethod
    def bind(self, node: exp.Expr) -> Bound:
        """Return the typed expression.

        Raises:
            StreamError: the first thing that does not resolve, with its place in the SQL.
        """

    @property
    def ansi(self) -> bool:
        """The session's ANSI mode."""
        return self.session.catalog.settings.ansi

    def operator(self, function: str, shown: str, *operands: Bound) -> Bound:
        """Return the call that an operator is, with Spark's text of it.

        Raises:
            StreamError: the function does not take such operands, by Spark's name for the operator.
        """
        try:
            made = call(function, [operand.expression for operand in operands], ansi=self.ansi)
        except StreamError as error:
            raise operator_mistake(error, function, shown, operands) from error.__cause__
        return Bound(made, shown)
