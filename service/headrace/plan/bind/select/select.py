"""Room 3: one SELECT block, from FROM to LIMIT.

The order of binding is Spark's: FROM, WHERE, GROUP BY (which may name aliases of SELECT), SELECT, HAVING, ORDER BY. The
order of nodes, bottom up: filter, time window, aggregate, having, window functions, generator, project, distinct, sort.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import TypeVar

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.call import Modifiers, aggregate
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.expression.leaves import check_cast
from headrace.plan.bind.nested.subqueries import refuse_asking
from headrace.plan.bind.refused.typed import refuse_no_number
from headrace.plan.bind.scope import Relation, Scope
from headrace.plan.bind.select.extraction import Extraction, has_aggregate, refuse_grouping
from headrace.plan.bind.select.grouping import Grouping, bind_grouping, expand, key_columns
from headrace.plan.bind.select.items import Item, SelectList
from headrace.plan.bind.select.order import limited, sort_keys
from headrace.plan.bind.select.output import Output, finish
from headrace.plan.bind.select.where import bind_where, refuse_rows
from headrace.plan.bind.select.windows import bind_qualify, refuse_sorting
from headrace.plan.bind.session import Findings, Session
from headrace.plan.bind.source.relation import bind_from
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.constant import cast_to
from headrace.plan.expressions import Alias, Literal
from headrace.plan.nodes import Aggregate, Filter, Plan
from headrace.sql.parse import position_of
from headrace.types import BOOLEAN, INT, NULL

_T = TypeVar("_T")


def bind_select(tree: exp.Select, session: Session, outer: Scope | None) -> Relation:
    """Return the relation that the SELECT gives.

    Raises:
        StreamErrors: every finding that does not follow from another.
    """
    if not tree.expressions:
        message = "SELECT names nothing to select."
        raise StreamError("SQL_SYNTAX", message, condition="PARSE_SYNTAX_ERROR", at=position_of(tree))
    findings = Findings()
    source = bind_from(tree, session, outer)
    where = tree.args.get("where")
    if where is not None:
        with findings.collect():
            source = bind_where(where, source, session, outer)
    block = _Block(tree, session, source, outer, findings)
    try:
        return Relation.of(block.plan())
    except StreamErrors as errors:
        for found in errors.errors:  # constants alone have no place; then the query's first word is told
            found.at = found.at or position_of(tree)
        raise


@dataclass(slots=True)
class _Block:
    """The clauses of one SELECT while they are bound."""

    tree: exp.Select
    session: Session
    source: Relation
    outer: Scope | None
    findings: Findings
    windows: TimeWindows = field(init=False)
    items: SelectList = field(init=False)

    def __post_init__(self) -> None:
        self.windows = TimeWindows(self.session.ids)
        plain = Scope(self.source, outer=self.outer, ids=self.session.ids)
        scope = replace(plain, later=self._later)
        self.items = SelectList(self.tree, self.source, Binder(self.session, scope, self.windows, scope))

    def _later(self, name: str) -> Bound | None:
        # A window of GROUP BY is seen by its own name before an alias of SELECT is.
        return self.windows.named(name) or self.items.earlier(name)

    def _binder(self, *, aliases_first: bool, aliases: Callable[[str], Bound | None]) -> Binder:
        """Return the binder of a clause that sees SELECT's aliases, before or after the columns of FROM."""
        inside = Scope(self.source, later=self.windows.named, outer=self.outer, ids=self.session.ids)

        def window_or_alias(name: str) -> Bound | None:
            return self.windows.named(name) or aliases(name)

        scope = replace(inside, first=aliases) if aliases_first else replace(inside, later=window_or_alias)
        return Binder(self.session, scope, self.windows, inside)

    def plan(self) -> Plan:
        """Bind the clauses in Spark's order, and return the nodes that they are."""
        grouping = self.findings.tried(self._grouping)
        items = self.items.bind_all(self.findings)
        self.findings.close()
        after = self._binder(aliases_first=True, aliases=self.items.output)
        having = self.findings.tried(lambda: self._having(after))
        keys = self.findings.tried(lambda: self._keys(items, after)) or []
        bounds = [*(item.bound for item in items), *(key for key, _ in keys), *([having] if having else [])]
        aggregated = grouping is not None or having is not None
        aggregated = aggregated or any(has_aggregate(bound.expression) for bound in bounds)
        # Over groups QUALIFY sees what SELECT gives, over rows the columns of FROM before that.
        binder = after if aggregated else self._binder(aliases_first=False, aliases=self.items.output)
        clause, streaming = self.tree.args.get("qualify"), self.source.plan.is_streaming
        qualify = self.findings.tried(lambda: bind_qualify(clause, binder, streaming=streaming))
        self.findings.close()
        output = Output(items, keys, distinct=self.tree.args.get("distinct") is not None, qualify=qualify)
        child = self.windows.below(self.source.plan)
        if aggregated:
            child, output = self._aggregate(child, grouping, output, having)
        else:
            self.findings.tried(lambda: refuse_grouping(bounds))
            self.findings.close()
        return limited(self.tree, finish(child, output, self.session), after)

    def _grouping(self) -> Grouping | None:
        group = self.tree.args.get("group")
        if group is None:
            return None
        binder = self._binder(aliases_first=False, aliases=self.items.named)
        return bind_grouping(group, binder.bind, lambda: [item.bound for item in self.items.bind()])

    def _keys(self, items: list[Item], binder: Binder) -> list[tuple[Bound, exp.Expr]]:
        """Return what ORDER BY sorts by."""
        outputs = [item.bound for item in items]
        keys = sort_keys(self.tree, outputs, binder.bind)
        refuse_sorting(keys, outputs)
        for key, node in keys:
            if not any(output.expression == key.expression for output in outputs):
                refuse_asking(key.expression, node)
        return keys

    def _having(self, binder: Binder) -> Bound | None:
        clause = self.tree.args.get("having")
        if clause is None:
            return None
        self._refuse_mistyped(clause)
        try:
            bound = binder.bind(clause.this)
        except StreamError as error:
            if error.condition == "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS":
                error.condition = "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT"
            raise
        refuse_rows(bound, "HAVING", position_of(clause))
        if bound.expression.type not in (BOOLEAN, NULL):  # Spark casts what is no condition
            check_cast(bound, BOOLEAN, self.session.catalog.settings, try_=False)
        return replace(bound, expression=cast_to(bound.expression, BOOLEAN))

    def _refuse_mistyped(self, clause: exp.Having) -> None:
        """Refuse a name that is an alias, and a column of FROM too: Spark types HAVING by the column."""
        aliases = {name.lower() for item in self.items.bind() for name in item.names}
        shadowed = aliases & {item.column.name.lower() for item in self.source.visible}
        if not any(column.name.lower() in shadowed for column in clause.find_all(exp.Column)):
            return
        try:
            bound = self._binder(aliases_first=False, aliases=self.items.output).bind(clause.this)
            if bound.expression.type not in (BOOLEAN, NULL):
                check_cast(bound, BOOLEAN, self.session.catalog.settings, try_=False)
            if self.session.catalog.settings.ansi:
                refuse_no_number(bound)
        except StreamError as error:
            if (error.condition or "").startswith(("DATATYPE_MISMATCH.", "CAST_INVALID_INPUT")):
                error.hint = "HAVING takes the name for the column of FROM; give the alias another one."
                raise

    def _first_aggregate(self, items: list[Item]) -> exp.Expr:
        """Return what makes a SELECT without GROUP BY an aggregation: its first item that holds one, else the whole."""
        return next((item.node for item in items if has_aggregate(item.bound.expression)), self.tree)

    def _aggregate(
        self, child: Plan, grouping: Grouping | None, output: Output, having: Bound | None
    ) -> tuple[Plan, Output]:
        """Return the Aggregate (under HAVING), and what is asked for over its columns."""
        ids = self.session.ids
        given = frozenset(column.id for column in child.columns)
        extraction = Extraction((), ids, grouping is not None, refused=tuple(self.windows.times), given=given)
        node_keys = key_columns(grouping.keys if grouping else (), ids)
        extraction.keys = node_keys
        if grouping is not None and grouping.sets is not None:
            expanded = expand(child, grouping, ids)
            child, extraction.keys, extraction.grouping_id = expanded.plan, expanded.keys, expanded.grouping_id
            node_keys = key_columns([Bound(column, column.name) for column in expanded.columns], ids)
        lowered: list[Item] = []
        for item in output.items:
            with self.findings.collect(), item.located():
                extraction.refuse_correlated(item.bound)
                lowered.append(replace(item, bound=extraction.lower(item.bound)))
        kept = self._over_groups("having", grouping, lambda: extraction.lower(having) if having else None)
        keys = self._over_groups(
            "order", grouping, lambda: [(extraction.lower(key), node) for key, node in output.keys]
        )
        asked = output.qualify
        qualify = self._over_groups("qualify", grouping, lambda: extraction.lower(asked) if asked else None)
        self.findings.close()
        at = position_of(self.tree.args.get("group") or self._first_aggregate(output.items))
        calls = extraction.aggregates
        if not node_keys and not calls:  # one group, of which nothing is asked
            counted = aggregate("count", [Literal(INT, 1)], Modifiers(), ansi=True)
            calls = (Alias(counted, ids.column(counted.type, "rows")),)
        plan: Plan = Aggregate(child, node_keys, calls, at=at)
        plan = Filter(plan, kept.expression) if kept is not None else plan
        return plan, replace(output, items=lowered, keys=keys or [], qualify=qualify)

    def _over_groups(self, name: str, grouping: Grouping | None, lower: Callable[[], _T]) -> _T | None:
        """Return what a clause becomes above the groups; a column it does not see there is, to Spark, unresolved."""
        clause = self.tree.args.get(name)

        def located() -> _T:
            try:
                return lower()
            except StreamError as error:
                error.at = error.at or (position_of(clause) if clause is not None else None)
                if error.condition == ("MISSING_AGGREGATION" if grouping is not None else "MISSING_GROUP_BY"):
                    error.condition = "UNRESOLVED_COLUMN.WITH_SUGGESTION"
                raise

        return self.findings.tried(located)
