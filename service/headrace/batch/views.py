"""Batch SQL: the temporary views of a session, which see each other by name.

Takes trees; gives them in an order in which each stands behind those it reads. A view that is replaced is another one
to the views that read it, as in Spark, which keeps a view's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from headrace.batch.commands import Command
from headrace.batch.stored import StoredTable
from headrace.contract import Table
from headrace.dataclass import dataclass
from headrace.errors import StreamError

Read = Mapping[str, Table | StoredTable]


@dataclass(frozen=True, slots=True)
class View:
    """Its name as written, its tree, and the files and state that it reads."""

    name: str
    tree: exp.Expr
    read: Read

    @property
    def names(self) -> frozenset[str]:
        """The relations that it names, in lower case; what WITH defines is none."""
        defined = {cte.alias.lower() for cte in self.tree.find_all(exp.CTE)}
        return frozenset(table.name.lower() for table in self.tree.find_all(exp.Table)) - defined


class Views:
    """Temporary views by name; names ignore case."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}

    def __iter__(self) -> Iterator[View]:
        """Yield every view, behind those that it reads."""
        seen: set[str] = set()
        for key in self._views:
            yield from self._from(key, seen)

    def __contains__(self, name: str) -> bool:
        """Return True when there is a view of this name."""
        return name.lower() in self._views

    def put(self, view: View) -> None:
        """Add a view, or replace the one of its name.

        Raises:
            StreamError: RECURSIVE_VIEW, it reads itself, if by way of others.
        """
        key = view.name.lower()
        before = self._views.get(key)
        self._views[key] = view
        if key in self._reached(view):
            if before is None:
                del self._views[key]
            else:
                self._views[key] = before
            message = f"The view `{view.name}` would read itself."
            hint = "Give the new view another name."
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="RECURSIVE_VIEW")

    def drop(self, name: str) -> bool:
        """Take a view out, and return whether there was one."""
        return self._views.pop(name.lower(), None) is not None

    def _from(self, key: str, seen: set[str]) -> Iterator[View]:
        if key in seen or key not in self._views:
            return
        seen.add(key)
        for name in sorted(self._views[key].names):
            yield from self._from(name, seen)
        yield self._views[key]

    def _reached(self, view: View) -> set[str]:
        reached: set[str] = set()
        ahead = set(view.names)
        while ahead:
            name = ahead.pop()
            if name not in reached:
                reached.add(name)
                ahead |= self._views[name].names if name in self._views else set()
        return reached


def named_columns(tree: exp.Expr, command: Command, given: Sequence[str]) -> exp.Expr:
    """Return a view's tree under the column names that its statement lists.

    Raises:
        StreamError: CREATE_VIEW_COLUMN_ARITY_MISMATCH, it lists more or fewer.
    """
    if not command.columns:
        return tree
    if len(command.columns) != len(given):
        few = len(given) < len(command.columns)
        kind = "NOT_ENOUGH_DATA_COLUMNS" if few else "TOO_MANY_DATA_COLUMNS"
        message = f"The view `{command.name}` lists {len(command.columns)} columns, its query gives {len(given)}."
        raise StreamError("SQL_ANALYSIS", message, condition=f"CREATE_VIEW_COLUMN_ARITY_MISMATCH.{kind}")
    names = [exp.to_identifier(name, quoted=True) for name in command.columns]
    alias = exp.TableAlias(this=exp.to_identifier(command.name, quoted=True), columns=names)
    return exp.select("*").from_(exp.Subquery(this=tree, alias=alias))


def matches(name: str, pattern: str | None) -> bool:
    """Return True for a name that the pattern of SHOW means: * stands for anything, | for one or the other."""
    if pattern is None:
        return True
    parts = [re.escape(part.strip()).replace(r"\*", ".*") for part in pattern.split("|")]
    return any(re.fullmatch(part, name, re.IGNORECASE) for part in parts)
