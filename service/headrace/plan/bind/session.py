"""Room 3: what every part of one binding shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from headrace.dataclass import dataclass
from headrace.errors import StreamError, StreamErrors
from headrace.plan.ids import ColumnIds

if TYPE_CHECKING:
    from sqlglot import exp

    from headrace.plan.bind.scope import Relation, Scope
    from headrace.plan.catalog import Catalog

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Session:
    """One binding: the relations that exist, the ids given so far, and how a query inside a query is bound."""

    catalog: Catalog
    bind_query: Callable[[exp.Expr, Session, Scope | None], Relation]
    ids: ColumnIds = field(default_factory=ColumnIds)
    ctes: Mapping[str, Callable[[], Relation]] = field(default_factory=dict)


class Findings:
    """The errors of one clause list; what is independent is bound on after a failure."""

    def __init__(self) -> None:
        self._errors: list[StreamError] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keep the errors that the block raises."""
        try:
            yield
        except StreamError as error:
            self._errors.append(error)
        except StreamErrors as errors:
            self._errors.extend(errors.errors)

    def tried(self, call: Callable[[], _T]) -> _T | None:
        """Return what the call gives; None where it raises, and its errors are kept."""
        found: _T | None = None
        with self.collect():
            found = call()
        return found  # noqa: RET504 the block ends without it where the call raises

    def close(self) -> None:
        """Raise what was found.

        Raises:
            StreamErrors: anything was found.
        """
        if self._errors:
            unique = {(str(error), error.at): error for error in self._errors}
            raise StreamErrors(unique.values())
