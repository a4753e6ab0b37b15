"""Each rewrite rule against pairs of a query and the plan that the rule alone makes of it.

A file `rules/<rule>.sql` holds cases parted by empty lines: a line ``-- what it shows``, the SQL, ``=>``, the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.plan.relations import planned

from headrace.plan.nodes import Plan
from headrace.plan.rewrite import (
    collapse_projects,
    hash_bytes,
    infer_filters,
    outer_to_inner,
    prune_columns,
    push_filters,
    simplify_conditions,
    stop_early,
    tell_of_windows,
)
from headrace.plan.rewrite.nested import lift_subqueries
from headrace.plan.rewrite.rules import RULES, optimize
from headrace.plan.text import format_plan

_APPLY: dict[str, Callable[[Plan], Plan]] = {
    "collapse_projects": collapse_projects.apply,
    "compare_with_themselves": simplify_conditions.compare_with_themselves,
    "hash_bytes": hash_bytes.apply,
    "infer_filters": infer_filters.apply,
    "lift_subqueries": lift_subqueries.apply,
    "optimize": optimize,
    "outer_to_inner": outer_to_inner.apply,
    "prune_columns": prune_columns.apply,
    "push_filters": push_filters.apply,
    "simplify_conditions": simplify_conditions.apply,
    "stop_early": stop_early.apply,
    "tell_of_windows": tell_of_windows.apply,
}
_FOLDER = Path(__file__).parent / "rules"


def _cases() -> list[tuple[str, str, str, str]]:
    found = []
    for path in sorted(_FOLDER.glob("*.sql")):
        for block in path.read_text().strip().split("\n\n"):
            title, _, rest = block.partition("\n")
            sql, _, plan = rest.partition("\n=>\n")
            found.append((path.stem, title.removeprefix("-- "), sql, plan + "\n"))
    return found


@pytest.mark.parametrize(("rule", "title", "sql", "expected"), _cases(), ids=lambda value: str(value)[:60])
def test_rule_gives_the_written_plan(rule: str, title: str, sql: str, expected: str) -> None:
    """The plan's text is the one in the file; the title says why it matters."""
    assert format_plan(_APPLY[rule](planned(sql))) == expected, title


def test_every_rule_has_a_file() -> None:
    """A rule without a fixture is a rule nobody can read."""
    assert {path.stem for path in _FOLDER.glob("*.sql")} == set(_APPLY)
    assert {*RULES} == {rule for name, rule in _APPLY.items() if name != "optimize"}


@pytest.mark.parametrize(("rule", "title", "sql", "expected"), _cases(), ids=lambda value: str(value)[:60])
def test_optimizing_twice_changes_nothing(rule: str, title: str, sql: str, expected: str) -> None:
    """The tuple of rules reaches its fixed point in one pass, and keeps the columns."""
    plan = planned(sql)
    once = optimize(plan)
    assert format_plan(optimize(once)) == format_plan(once)
    assert once.schema == plan.schema
