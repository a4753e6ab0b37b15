"""Incremental: the steps of the demo's queries and of one query a feature, as text that does not change by itself.

The golden files are read by people: a changed line is a changed plan. To write them anew after a wanted change:
UPDATE_GOLDEN=1 python -m pytest tests/incremental
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headrace.assembly.explain import explain
from headrace.config.load import load
from headrace.config.pipeline import Pipeline
from headrace.config.yaml_tree import YamlTree

HERE = Path(__file__).parent
DEMO = HERE.parents[1] / "examples" / "activity" / "pipeline.yaml"
DEVICES = HERE.parents[1] / "examples" / "devices" / "pipeline.yaml"

QUERIES = {
    "stateless": ("SELECT upper(user) AS u, v * 2 AS d FROM clicks WHERE v > 1", "append"),
    "tumbling_append": ("SELECT window, count(*) AS n FROM clicks GROUP BY window(ts, '10 seconds')", "append"),
    "sliding_update": (
        "SELECT window.start AS s, sum(v) AS t FROM clicks GROUP BY window(ts, '10 seconds', '4 seconds', '1 second')",
        "update",
    ),
    "global_complete": ("SELECT count(*) AS n, avg(v) AS a FROM clicks", "complete"),
    "static_join": ("SELECT c.user, city FROM clicks c LEFT JOIN users u ON c.user = u.user", "append"),
    "ordered": ("SELECT user, first(v) AS f FROM clicks GROUP BY user ORDER BY f LIMIT 3", "complete"),
    "generated": ("SELECT user, x FROM clicks LATERAL VIEW explode(array(v, v + 1)) t AS x", "append"),
    "limited": ("SELECT user FROM clicks LIMIT 3", "append"),
    "deduplicated": ("SELECT user, v FROM once", "append"),
    "deduplicated_within": ("SELECT user FROM once_within", "append"),
    "session": (
        "SELECT user, session_window.end, count(*) AS n FROM clicks GROUP BY user, session_window(ts, '5 seconds')",
        "append",
    ),
    "except_table": ("SELECT user FROM clicks EXCEPT SELECT user FROM users", "update"),
    "scalar_subquery": ("SELECT user FROM clicks WHERE v > (SELECT max(age) FROM users)", "append"),
}


def pipeline_of(sql: str, mode: str) -> Pipeline:
    """A pipeline with one stream, one table and one query."""
    raw = {
        "version": 1,
        "name": "golden",
        "sources": {
            "clicks": {
                "format": "memory",
                "schema": "ts TIMESTAMP, user STRING, v BIGINT",
                "watermark": {"column": "ts", "delay": "5 seconds"},
            }
        },
        "tables": {"users": {"schema": "user STRING, city STRING, age BIGINT", "rows": []}},
        "views": [
            {"name": "once", "deduplicate": {"input": "clicks", "columns": ["user", "ts"]}},
            {
                "name": "once_within",
                "deduplicate": {"input": "clicks", "columns": ["user"], "within_watermark": True},
            },
        ],
        "queries": {"q": {"sql": sql, "output_mode": mode, "sink": {"format": "memory"}}},
        "checkpoint": {"location": "unused"},
    }
    return Pipeline.model_validate(raw).placed(HERE / "golden.yaml", YamlTree())


def check(name: str, text: str) -> None:
    """Compare with the golden file."""
    path = HERE / "golden" / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", QUERIES)
def test_steps_read_as_they_did(name: str) -> None:
    """One feature a query."""
    check(name, explain(pipeline_of(*QUERIES[name]), "q", "steps"))


@pytest.mark.parametrize("query", ["counts", "history"])
@pytest.mark.parametrize("stage", ["plan", "steps"])
def test_the_demo_is_explained_as_it_was(query: str, stage: str) -> None:
    """The example file's queries."""
    check(f"demo_{query}_{stage}", explain(load(DEMO, environment={}), query, stage))


@pytest.mark.parametrize("query", ["alerts", "runs"])
@pytest.mark.parametrize("stage", ["plan", "steps"])
def test_python_code_is_explained_as_it_was(query: str, stage: str) -> None:
    """A function in SQL, a stateful function and a processor."""
    check(f"devices_{query}_{stage}", explain(load(DEVICES, environment={}), query, stage))


def test_the_example_is_the_demo() -> None:
    """One pipeline, shown in two places."""
    packaged = HERE.parents[1] / "service" / "headrace" / "demo" / "pipeline.yaml"
    assert DEMO.read_text() == packaged.read_text()
