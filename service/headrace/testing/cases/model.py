"""Shipped: a pipeline test as values.

Takes a YAML file; gives a `Case`: the pipeline on memory sources, and its steps. Bare `on:` keys, which YAML 1.1 reads
as true, are taken as `on`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from headrace.assembly.schemas import source_schema
from headrace.config.load import load
from headrace.config.pipeline import Pipeline
from headrace.dataclass import dataclass
from headrace.errors import StreamError, StreamErrors
from headrace.testing.cases.shape import findings

QUERY = "query"
_INNER = re.compile(r"\([^()]*\)|'[^']*'")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaseStep:
    """One step: rows in or a restart, and what must come of it; None means not checked."""

    add: Mapping[str, Sequence[Row]]
    restart: bool
    expect: Sequence[Row] | None
    watermark: str | None
    state_rows: int | None
    late_rows: int | None


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """The refusal a case expects: at start, or at a step; `condition` is Spark's name for it, None when it has none."""

    at: str  # "start" | "run"
    condition: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """One test file; code that it names is looked for in `folder`, beside the pipeline file."""

    path: Path
    folder: Path
    pipeline: Mapping[str, Any]
    steps: tuple[CaseStep, ...]
    error: ExpectedError | None

    @property
    def is_ordered(self) -> bool:
        """True when rows are compared in order: complete mode with ORDER BY, that of the whole query."""
        query = self.pipeline["queries"][QUERY]
        return query.get("output_mode") == "complete" and "order by" in _outermost(query["sql"]).lower()

    @property
    def is_complete(self) -> bool:
        """True in complete mode, where only the last batch of a step counts."""
        return bool(self.pipeline["queries"][QUERY].get("output_mode") == "complete")

    @property
    def feeds_some_of_several_watermarks(self) -> bool:
        """True when a step feeds only some of several sources with watermarks: a restart then forgets the others."""
        marked = {name for name, source in self.pipeline["sources"].items() if source.get("watermark")}
        fed = [marked & {name for name, rows in step.add.items() if rows} for step in self.steps if step.add]
        return len(marked) > 1 and any(each != marked for each in fed)


def read_case(path: Path) -> Case:
    """Return the test a file holds.

    Raises:
        StreamError: CONFIG_FILE_UNREADABLE, naming the file.
        StreamErrors: keys and values that no test has.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 both are safe
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{path} cannot be read as a test: {' '.join(str(error).split())}."
        raise StreamError("CONFIG_FILE_UNREADABLE", message) from error
    found = findings(path, text, raw)
    if found:
        raise StreamErrors(found)
    pipeline = _named(path, raw) if "pipeline" in raw else _inline(raw)
    folder = (path.parent / raw.get("pipeline", path.name)).parent
    return Case(path, folder, pipeline, tuple(_step(step) for step in raw.get("steps") or ()), _error(raw.get("error")))


def _inline(raw: Mapping[str, Any]) -> dict[str, Any]:
    query = dict(raw["query"])
    return {
        "sources": {name: {"format": "memory", **source} for name, source in raw["sources"].items()},
        "tables": dict(raw.get("tables", {})),
        "functions": dict(raw.get("functions", {})),
        "views": list(raw.get("views", ())),
        "queries": {QUERY: {**query, "sink": {"format": "memory"}}},
        "settings": dict(raw.get("settings", {})),
        "extensions": list(raw.get("extensions", ())),
    }


def _named(path: Path, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A query of a pipeline file, its sources and sink replaced by memory and its tables by the test's where given."""
    pipeline = load(path.parent / raw["pipeline"], environment=os.environ)
    name = str(raw["query"])
    if name not in pipeline.queries:
        message = f"{path}: {raw['pipeline']} has no query {name!r}; there are: {', '.join(pipeline.queries)}"
        raise StreamError("CONFIG_INVALID_VALUE", message)
    found = pipeline.model_dump(by_alias=True, exclude_none=True, mode="json")
    query = {key: value for key, value in found["queries"][name].items() if key != "trigger"}
    return {
        "sources": {each: _memory_source(pipeline, each, found["sources"][each]) for each in pipeline.sources},
        "tables": {**found.get("tables", {}), **raw.get("tables", {})},
        "functions": found.get("functions", {}),
        "views": [_without_letters(view) for view in found.get("views", [])],
        "queries": {QUERY: {**query, "sink": {"format": "memory"}}},
        "settings": found.get("settings", {}),
        "extensions": found.get("extensions", []),
    }


def _memory_source(pipeline: Pipeline, name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    fields = source_schema(pipeline, name).fields
    ddl = ", ".join(f"`{field.name}` {field.type.sql()}" for field in fields)
    return {
        "format": "memory",
        "schema": ddl,
        **{k: v for k, v in _without_letters(source).items() if k == "watermark"},
    }


def _without_letters(holder: Mapping[str, Any]) -> dict[str, Any]:
    """A source or view whose late rows are counted only: a test has no topic for them."""
    watermark = holder.get("watermark")
    if not watermark or watermark.get("late_rows") != "dead_letter":
        return dict(holder)
    return {**holder, "watermark": {**watermark, "late_rows": "drop"}}


def _step(raw: Mapping[str, Any]) -> CaseStep:
    return CaseStep(
        add=raw.get("add") or {},
        restart=bool(raw.get("restart")),
        expect=raw.get("expect"),
        watermark=raw.get("watermark"),
        state_rows=raw.get("state_rows"),
        late_rows=raw.get("late_rows"),
    )


def _error(raw: Mapping[Any, Any] | None) -> ExpectedError | None:
    if raw is None:
        return None
    return ExpectedError(str(raw.get("on", raw.get(True))), raw.get("condition"))


def _outermost(sql: str) -> str:
    """The text without what stands in parentheses and quotes."""
    while (shorter := _INNER.sub("", sql)) != sql:
        sql = shorter
    return sql
