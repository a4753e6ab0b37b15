"""What Spark 4.2.0 said of many statements, each as a stream: its condition, or that it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.check.checks import check
from headrace.ddl import parse_schema
from headrace.errors import StreamErrors
from headrace.plan.bind import bind
from headrace.plan.catalog import Catalog
from headrace.sql.parse import parse

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded_refusals.json").read_text())
"""Relations, and statements as [SQL, output mode, condition]; a legacy condition is empty, null is one that runs."""


def relations() -> Catalog:
    """Return the recorded relations: streams with a watermark on their first column or none, tables, views."""
    found = Catalog()
    for name, (schema, watermark) in RECORDED["streams"].items():
        found.add_stream(name, parse_schema(schema))
        if watermark:
            found.add_watermark(name, watermark, "5 seconds")
    found.add_table("t", parse_schema("k STRING, g INT"))
    found.add_deduplicate("d1", "c", ("k",), within_watermark=False)
    found.add_deduplicate("dw", "c", ("k",), within_watermark=True)
    found.add_view("vv", "SELECT k, parse_json(j) AS j FROM v")
    return found


def said(sql: str, mode: str) -> str | None:
    """Return the first condition that headrace refuses with, empty for one without or a legacy one, None for none."""
    try:
        check(bind(parse(sql), relations()), mode)
    except StreamErrors as errors:
        condition = errors.errors[0].condition or ""
        return "" if condition.startswith("_LEGACY_") else condition
    return None


@pytest.mark.parametrize("condition", sorted({item[2] or "" for item in RECORDED["statements"]}))
def test_statements_are_refused_as_spark_refuses_them(condition: str) -> None:
    """A refusal that Spark has a legacy name for may have any name here; what Spark runs is not refused."""
    found = [item for item in RECORDED["statements"] if (item[2] or "") == condition]
    wrong = []
    for sql, mode, expected in found:
        seen = said(sql, mode)
        agrees = seen is not None if expected == "" else seen == expected
        if not agrees:
            wrong.append((sql, mode, expected, seen))
    assert wrong == []
