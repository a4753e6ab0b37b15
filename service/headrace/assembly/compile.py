"""Fitting shop: one query of a pipeline file through rooms 2 to 5.

Takes a pipeline and a query's name; gives a `CompiledQuery` or every error of its SQL, each at its place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlglot.expressions import Expr

from headrace.assembly.code import code_of, functions_called, group_code, user_function
from headrace.assembly.guards import guarded
from headrace.assembly.schemas import source_schema, table_schema
from headrace.check.checks import check
from headrace.config.pipeline import CheckpointConfig, Pipeline, QueryConfig, ViewConfig
from headrace.config.shape.source import WatermarkConfig
from headrace.dataclass import dataclass
from headrace.ddl import parse_schema
from headrace.errors import StreamError, StreamErrors
from headrace.incremental.compile import compile_steps
from headrace.incremental.steps import Steps
from headrace.incremental.traces import Guarded
from headrace.plan.bind import bind
from headrace.plan.bind.expression.function.taken import refuse_taken
from headrace.plan.catalog import Catalog, StatefulRelation
from headrace.plan.event_time import event_time_columns
from headrace.plan.nodes import Plan, StreamScan, TableScan, TimeGuard, walk
from headrace.plan.rewrite.rules import optimize
from headrace.sql.parse import parse
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import StructType
from headrace.workers.spec import CodeSpec

POLICY = "spark.sql.streaming.multipleWatermarkPolicy"
_OPTION = re.compile(r'\boption "([^"]+)"')
NO_DATA_BATCHES = "spark.sql.streaming.noDataMicroBatches.enabled"


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query, ready to be given its parts.

    Attributes:
        name: In the pipeline file.
        pipeline: The whole file, for options of sources and tables.
        config: The query's own part of it.
        settings: ANSI mode and time zone.
        tree: What the SQL says.
        analyzed: The plan with every name resolved; the checks judge this one.
        plan: The same after the rules that change streaming answers.
        steps: What runs.
        guarded: What it watches beyond Spark.
        sources: Names of the sources read, in order of appearance.
        tables: Names of the static tables read.
        functions: Python functions that the SQL calls.
    """

    name: str
    pipeline: Pipeline
    config: QueryConfig
    settings: SqlSettings
    tree: Expr
    analyzed: Plan
    plan: Plan
    steps: Steps
    guarded: Guarded
    sources: tuple[str, ...]
    tables: tuple[str, ...]
    functions: tuple[UserFunction, ...] = ()

    @property
    def output(self) -> StructType:
        """Columns of the result."""
        return self.analyzed.schema

    @property
    def code(self) -> CodeSpec:
        """The Python code that it runs."""
        return code_of(self.pipeline, self.functions, self.steps.steps)

    @property
    def output_mode(self) -> str:
        """append, update or complete."""
        return self.config.output_mode.value

    @property
    def checkpoint(self) -> CheckpointConfig:
        """Where progress and state live."""
        return self.pipeline.checkpoint

    @property
    def watermark_policy(self) -> str:
        """Min or max, over several watermarks."""
        return self.pipeline.settings.get(POLICY, "min").lower()

    @property
    def no_data_batches(self) -> bool:
        """Whether a moved watermark alone makes a batch."""
        return self.pipeline.settings.get(NO_DATA_BATCHES, "true").lower() == "true"

    @property
    def pinned(self) -> Mapping[str, str]:
        """Settings that are written to the offset log with each batch."""
        return {POLICY: self.watermark_policy}


def compile_query(pipeline: Pipeline, name: str) -> CompiledQuery:
    """Return a query of the file, compiled.

    Raises:
        StreamErrors: everything that is wrong with its SQL and the views below it, at places in the file.
    """
    config = pipeline.queries[name]
    settings = _settings(pipeline)
    catalog = build_catalog(pipeline, settings)
    keys = ("queries", name, "sql")
    with placed(pipeline, keys):
        tree = parse(config.sql)
        analyzed = bind(tree, catalog)
        check(analyzed, config.output_mode.value, extensions=frozenset(pipeline.extensions))
        plan = optimize(analyzed)
        steps = compile_steps(plan, config.output_mode.value, settings, event_time_columns)
        watched = guarded(pipeline, plan, steps, settings)
    scans = tuple(walk(analyzed))
    called = functions_called(analyzed)
    return CompiledQuery(
        name=name,
        pipeline=pipeline,
        config=config,
        settings=settings,
        tree=tree,
        analyzed=analyzed,
        plan=plan,
        steps=steps,
        guarded=watched,
        sources=tuple(dict.fromkeys(node.source for node in scans if isinstance(node, StreamScan))),
        tables=tuple(dict.fromkeys([*(node.table for node in scans if isinstance(node, TableScan)), *steps.tables])),
        functions=tuple(function for function in catalog.functions if function.sql_name in called),
    )


def _settings(pipeline: Pipeline) -> SqlSettings:
    errors: list[StreamError] = []
    for name, value in pipeline.settings.items():
        try:
            with placed(pipeline, ("settings", name)):
                SqlSettings.of({name: value})
        except StreamErrors as found:
            errors += found.errors
    if errors:
        raise StreamErrors(errors)
    return SqlSettings.of(pipeline.settings)


def build_catalog(pipeline: Pipeline, settings: SqlSettings) -> Catalog:
    """Return every relation of the file under its name, views bound in order.

    Raises:
        StreamErrors: what is wrong with schemas, watermarks and views, at places in the file.
    """
    catalog = Catalog(settings)
    for name in pipeline.functions:
        with placed(pipeline, ("functions", name)):
            refuse_taken(name)
            catalog.add_function(user_function(pipeline, name))
    for name, source in pipeline.sources.items():
        with placed(pipeline, ("sources", name)):
            catalog.add_stream(name, source_schema(pipeline, name))
        _watermark(pipeline, catalog, name, source.watermark, ("sources", name, "watermark"))
    for name in pipeline.tables:
        with placed(pipeline, ("tables", name)):
            catalog.add_table(name, table_schema(pipeline, name))
    for view in pipeline.views:
        _view(pipeline, catalog, view)
    return catalog


def _view(pipeline: Pipeline, catalog: Catalog, view: ViewConfig) -> None:
    kind = "sql" if view.sql is not None else "deduplicate" if view.deduplicate is not None else "stateful"
    keys = ("views", view.name, kind)
    with placed(pipeline, keys):
        if view.sql is not None:
            catalog.add_view(view.name, view.sql, position=lambda at: pipeline.sql_position(keys, at.line, at.column))
        elif view.deduplicate is not None:
            found = view.deduplicate
            catalog.add_deduplicate(view.name, found.input, found.columns, found.within_watermark)
        elif view.stateful is not None:
            of, code = view.stateful, group_code(pipeline, view.stateful)
            schema = parse_schema(of.output_schema)
            catalog.add_stateful(StatefulRelation(view.name, of.input, of.keys, code, schema, of.initial_state))
    _watermark(pipeline, catalog, view.name, view.watermark, ("views", view.name, "watermark"))


def _watermark(
    pipeline: Pipeline, catalog: Catalog, name: str, watermark: WatermarkConfig | None, keys: Sequence[str]
) -> None:
    if watermark is not None:
        with placed(pipeline, keys):
            catalog.add_watermark(name, watermark.column, watermark.delay.text, _guard(watermark, keys))


def _guard(watermark: WatermarkConfig, keys: Sequence[str]) -> TimeGuard:
    idle, skew, late = watermark.idle_timeout, watermark.max_future_skew, watermark.late_rows
    return TimeGuard(
        idle_timeout_us=idle.us if idle else None,
        max_future_skew_us=skew.us if skew else None,
        late_rows=late.value if late else None,
        at=tuple(keys),
    )


@contextmanager
def placed(pipeline: Pipeline, keys: Sequence[str]) -> Iterator[None]:
    """Give errors raised inside their place in the file: in the SQL text where they know one, else at the key."""
    try:
        yield
    except StreamErrors as errors:
        raise StreamErrors([_located(pipeline, keys, error) for error in errors.errors]) from errors
    except StreamError as error:
        raise StreamErrors([_located(pipeline, keys, error)]) from error


def _located(pipeline: Pipeline, keys: Sequence[str], error: StreamError) -> StreamError:
    inside = error.at if error.at is not None and not error.at.file else None
    if error.at is not None and inside is None:
        return error
    option = _OPTION.search(error.message)
    if inside:
        at = pipeline.sql_position(keys, inside.line, inside.column)
    else:
        at = pipeline.option_at(keys, option[1]) if option else pipeline.at(*keys)
    return StreamError(error.code, error.message, at=at, hint=error.hint, condition=error.condition, retry=error.retry)
