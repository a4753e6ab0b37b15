"""Room 3: the SELECT list: stars, aliases, and which alias a later clause means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError, did_you_mean
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import is_generator
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.scope import Relation, field_of, unresolved_column
from headrace.plan.bind.session import Findings
from headrace.plan.expressions import Column
from headrace.sql.parse import position_of
from headrace.types import StructType


@dataclass(frozen=True, slots=True)
class Item:
    """One output column (several for a generator with several names)."""

    bound: Bound
    node: exp.Expr
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The output column's name: the alias, the column or field read, or Spark's text of the expression."""
        return self.names[0] if self.names else self.bound.name or self.bound.text

    @contextmanager
    def located(self) -> Iterator[None]:
        """Give what the block raises this item's place in the SQL."""
        try:
            yield
        except StreamError as error:
            error.at = error.at or position_of(self.node)
            raise


@dataclass(slots=True)
class SelectList:
    """The items of one SELECT; each is bound once, when first asked for."""

    tree: exp.Select
    source: Relation
    binder: Binder
    _bound: list[Item] = field(default_factory=list)
    _done: bool = False

    def bind(self) -> list[Item]:
        """Return every item.

        Raises:
            StreamError: the first that does not resolve.
        """
        if not self._done:
            self._bound.clear()
            for node in self.tree.expressions:
                self._bound.extend(self._items(node))
            self._done = True
        return self._bound

    def bind_all(self, findings: Findings) -> list[Item]:
        """Return every item, what does not resolve put among the findings."""
        if not self._done:
            self._bound.clear()
            for node in self.tree.expressions:
                with findings.collect():
                    self._bound.extend(self._items(node))
            self._done = True
        return self._bound

    def earlier(self, name: str) -> Bound | None:
        """Return the item of that alias among those bound so far: a lateral column alias."""
        found = [item.bound for item in self._bound if item.names and item.names[0].lower() == name]
        return found[-1] if found else None

    def named(self, name: str) -> Bound | None:
        """Return the item of that alias, bound now if it was not yet; for GROUP BY."""
        for node in self.tree.expressions:
            if isinstance(node, exp.Alias) and node.alias.lower() == name:
                return self.binder.bind(node.this)
        return None

    def output(self, name: str) -> Bound | None:
        """Return the item of that output name, for HAVING and ORDER BY; None when no or several items have it."""
        found = {item.bound.expression: item.bound for item in self._bound if item.name.lower() == name}
        return next(iter(found.values())) if len(found) == 1 else None

    def _items(self, node: exp.Expr) -> Iterator[Item]:
        if isinstance(node, exp.Star):
            yield from self._star(node, self.source.star(), node)
        elif isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            yield from self._qualified_star(node)
        elif isinstance(node, exp.Aliases):
            names = tuple(name.name for name in node.expressions)
            bound = self.binder.bind(node.this)
            if len(names) > 1 and not is_generator(bound.expression):
                message = f"Several names stand behind {bound.text}, which gives one column."
                condition = "MULTI_ALIAS_WITHOUT_GENERATOR"
                raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node))
            yield Item(bound, node, names)
        elif isinstance(node, exp.Alias):
            yield Item(self.binder.bind(node.this), node, (node.alias,))
        else:
            yield Item(self.binder.bind(node), node)

    def _qualified_star(self, node: exp.Column) -> Iterator[Item]:
        parts = [part.name for part in node.parts[:-1]]
        around = self.binder.scope.outer
        columns = self.source.star(parts[-1]) or (around.relation.star(parts[-1]) if around else ())
        if columns:
            yield from self._star(node.this, columns, node)
            return
        bound = self._struct(parts, node)
        if bound is None or not isinstance(bound.expression.type, StructType):
            message = f"`{'.'.join(parts)}.*` stands for nothing: `{parts[-1]}` is no relation and no struct."
            known = {item.qualifier for item in self.source.visible if item.qualifier}
            hint = did_you_mean(parts[-1], known)
            condition = "CANNOT_RESOLVE_STAR_EXPAND"
            raise StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node), hint=hint)
        for name in bound.expression.type.names:
            yield Item(field_of(bound, name, self.binder.session.ids), node)

    def _struct(self, parts: list[str], node: exp.Expr) -> Bound | None:
        try:
            return self.binder.scope.resolve(parts)
        except StreamError as error:
            if error.condition is None or not error.condition.startswith("UNRESOLVED_COLUMN"):
                error.at = position_of(node)
                raise
            return None

    def _star(self, star: exp.Expr, columns: tuple[Column, ...], node: exp.Expr) -> Iterator[Item]:
        named = [item.name.lower() for item in star.args.get("except_") or []]
        left_out = set(named)
        if len(named) > len(left_out):
            message = "Columns in EXCEPT (...) must be distinct."
            raise StreamError("SQL_ANALYSIS", message, condition="EXCEPT_OVERLAPPING_COLUMNS", at=position_of(node))
        unknown = left_out - {column.name.lower() for column in columns}
        if unknown:
            error = unresolved_column([min(unknown)], [column.name for column in columns])
            first = next(item for item in star.args["except_"] if item.name.lower() == min(unknown))
            error.message = f"EXCEPT names `{min(unknown)}`, which is no column of the star."
            error.at = position_of(first)
            raise error
        for column in columns:
            if column.name.lower() not in left_out:
                yield Item(Bound(column, column.name, column.name), node)
