"""Every recorded case binds, is checked and optimized, or is refused where Spark refused it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.check.checks import check
from headrace.ddl import parse_schema
from headrace.errors import StreamError, StreamErrors
from headrace.plan.bind import bind
from headrace.plan.catalog import Catalog
from headrace.plan.nodes import Plan
from headrace.plan.rewrite.rules import optimize
from headrace.plan.text import format_plan
from headrace.sql.parse import parse
from headrace.sql.settings import SqlSettings

CASES = Path(__file__).parents[1] / "conformance"
FILES = sorted(CASES.glob("*/*.yaml"))


def plan_of(case: dict[str, Any]) -> Plan:
    """Return the optimized plan of a case, built as the engine builds it."""
    catalog = Catalog(SqlSettings.of(case.get("settings") or {}))
    for name, source in (case.get("sources") or {}).items():
        catalog.add_stream(name, parse_schema(source["schema"]))
        _watermark(catalog, name, source)
    for name, table in (case.get("tables") or {}).items():
        catalog.add_table(name, parse_schema(table["schema"]))
    for view in case.get("views") or []:
        if "sql" in view:
            catalog.add_view(view["name"], view["sql"])
        else:
            deduplicate = view["deduplicate"]
            columns = tuple(deduplicate["columns"])
            catalog.add_deduplicate(view["name"], deduplicate["input"], columns, deduplicate["within_watermark"])
        _watermark(catalog, view["name"], view)
    query = case["query"]
    plan = bind(parse(query["sql"]), catalog)
    check(plan, query["output_mode"])
    return optimize(plan)


def _watermark(catalog: Catalog, name: str, definition: dict[str, Any]) -> None:
    if definition.get("watermark"):
        catalog.add_watermark(name, definition["watermark"]["column"], definition["watermark"]["delay"])


def _expected_names(case: dict[str, Any]) -> list[list[str]]:
    rows = [row for step in case.get("steps") or [] for row in step.get("expect") or []]
    return [list(row) for row in rows]


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
def test_recorded_case_has_a_plan_or_its_recorded_refusal(path: Path) -> None:
    """Refusals name Spark's condition first; what Spark refuses at run we may refuse at start."""
    case = yaml.safe_load(path.read_text())
    error = case.get("error") or {}
    at = error.get("on", error.get(True))
    plan, refusal = _outcome(case)
    if refusal is not None:
        assert error, str(refusal)
        assert refusal.condition == error.get("condition", refusal.condition)
    else:
        assert plan is not None
        assert at != "start", f"not refused: {error['message']}\n{format_plan(plan)}"
        names = [column.name for column in plan.columns]
        assert all(row == names for row in _expected_names(case))


def _outcome(case: dict[str, Any]) -> tuple[Plan | None, StreamError | None]:
    try:
        return plan_of(case), None
    except StreamError as error:
        return None, error
    except StreamErrors as errors:
        return None, errors.errors[0]
