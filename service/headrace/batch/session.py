"""Batch SQL: one session: settings, relations and views, and the connection that computes.

Takes one statement at a time; gives a `Result`. The statement is bound and rendered as a pipeline's queries are; what
runs is one DuckDB statement over static tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from sqlglot import exp

from headrace.arrow_sql import ArrowSql
from headrace.assembly.build import static_table
from headrace.assembly.code import code_of
from headrace.assembly.compile import build_catalog
from headrace.batch.commands import Command, read_command
from headrace.batch.files import files_in
from headrace.batch.result_text import lines_of
from headrace.batch.stored import StoredTable, stored_in
from headrace.clock import Clock
from headrace.config.pipeline import Pipeline
from headrace.contract import Table
from headrace.errors import StreamError
from headrace.incremental.compile import compile_steps
from headrace.incremental.steps import ReadTable, Steps, Stretch
from headrace.inputs.tables import InlineTable
from headrace.plan.bind import bind
from headrace.plan.catalog import Catalog
from headrace.plan.nodes import Plan, StreamScan, Watermark, walk
from headrace.plan.rewrite.hash_bytes import apply as hash_bytes
from headrace.plan.rewrite.nested.lift_subqueries import apply as lift_subqueries
from headrace.plan.transform import rewrite_plan
from headrace.sql.functions import BATCH_TIME_PLACEHOLDER
from headrace.sql.parse import parse
from headrace.sql.runtime_errors import translate
from headrace.sql.session import open_session
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import GEOGRAPHY, GEOMETRY, STRING, StructType, struct
from headrace.values import to_datetime
from headrace.workers.starting import new_worker

if TYPE_CHECKING:
    from headrace.workers.worker import Worker

ESCAPED_LITERALS = "spark.sql.parser.escapedStringLiterals"
TIME_ZONE = "spark.sql.session.timeZone"
MEMORY_LIMIT_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gives: columns with Spark types, rows, and the lines the spark-sql shell prints."""

    schema: StructType
    rows: pa.Table
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _View:
    """A temporary view: its tree, and the files and state that it reads."""

    tree: exp.Expr
    read: Mapping[str, Table | StoredTable]


class BatchSession:
    """Runs statements one after the other; close() ends it.

    Args:
        confs: ``spark.sql.*`` settings to begin with.
        clock: What current_timestamp() reads, once a statement.
        pipeline: Its static tables and views can be read.
    """

    def __init__(self, confs: Mapping[str, str], clock: Clock, pipeline: Pipeline | None = None) -> None:
        self._confs = {**(pipeline.settings if pipeline else {}), **confs}
        self._clock = clock
        self._pipeline = pipeline
        self._views: dict[str, _View] = {}
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._worker: Worker | None = None
        self._opened_for: SqlSettings | None = None

    def run(self, statement: str) -> Result:
        """Run one statement.

        Raises:
            StreamError, StreamErrors: what is wrong with it, or with a row.
        """
        command = read_command(statement)
        if command is not None:
            return self._command(command)
        text = _plain_backslashes(statement) if self._is_on(ESCAPED_LITERALS) else statement
        catalog = self._catalog()
        tree, read = self._resolved(parse(text), catalog)
        for view in self._views.values():
            read = {**view.read, **read}
        plan = self._static(bind(tree, catalog))
        for field in plan.schema.fields:
            if field.type in (GEOMETRY, GEOGRAPHY):
                message = f"The column `{field.name}` is a {field.type.sql()}, which has no text."
                raise StreamError("SQL_UNSUPPORTED", message, hint="Write st_asbinary() around it.")
        steps = compile_steps(plan, "complete", self._settings, lambda _: frozenset())
        rows = self._rows(steps, read)
        kinds = [field.type for field in plan.schema.fields]
        return Result(plan.schema, rows, tuple(lines_of(rows, kinds, self._settings.time_zone)))

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    @property
    def time_zone(self) -> str:
        """The session time zone."""
        return self._settings.time_zone

    @property
    def _settings(self) -> SqlSettings:
        return SqlSettings.of(self._confs)

    def _is_on(self, conf: str) -> bool:
        return self._confs.get(conf, "false").lower() == "true"

    def _catalog(self) -> Catalog:
        catalog = build_catalog(self._pipeline, self._settings) if self._pipeline else Catalog(self._settings)
        for name, view in self._views.items():
            for table, read in view.read.items():
                if catalog.entry(table) is None:
                    catalog.add_table(table, read.schema)
            catalog.add_view(name, view.tree)
        return catalog

    def _resolved(self, tree: exp.Expr, catalog: Catalog) -> tuple[exp.Expr, dict[str, Table | StoredTable]]:
        """Return the tree with tables in place of files and state, and those tables."""
        tree, files = files_in(tree, catalog)
        tree, states = stored_in(tree, catalog, self._pipeline)
        return tree, {**files, **states}

    def _static(self, plan: Plan) -> Plan:
        """Return the plan without watermarks, which mean nothing here."""
        for node in walk(plan):
            if isinstance(node, StreamScan):
                message = f"`{node.source}` is a stream; batch SQL reads static tables, files, state and VALUES."
                raise StreamError("SQL_UNSUPPORTED", message, hint="Use headrace run for queries over streams.")
        plain = rewrite_plan(plan, lambda node: node.child if isinstance(node, Watermark) else node)
        return hash_bytes(lift_subqueries(plain))

    def _rows(self, steps: Steps, read: Mapping[str, Table | StoredTable]) -> pa.Table:
        results: dict[str, pa.Table] = {}
        for step in steps.steps:
            match step:
                case ReadTable():
                    results[step.id] = self._load(step.table, read)
                case Stretch():
                    results[step.id] = self._run(step, {name: results[name] for name in step.inputs})
        rows = results[steps.result.id]
        if not steps.schema.fields:
            return pa.table({"none": pa.nulls(len(rows))}).select([])
        columns = [rows.column(i) for i in range(len(steps.schema.fields))]
        return pa.Table.from_arrays(columns, names=[f"c{i}" for i in range(len(columns))])

    def _load(self, name: str, read: Mapping[str, Table | StoredTable]) -> pa.Table:
        if name in read:
            return read[name].load()
        assert self._pipeline is not None  # a table is a file, state, or stands in the pipeline
        table = static_table(self._pipeline, name)
        return table.rows if isinstance(table, InlineTable) else table.load()

    def _run(self, step: Stretch, tables: Mapping[str, pa.Table]) -> pa.Table:
        now = to_datetime(self._clock.now_us()).strftime("%Y-%m-%d %H:%M:%S.%f")
        text = step.sql.replace(BATCH_TIME_PLACEHOLDER, f"TIMESTAMPTZ '{now}+00'")
        try:
            return ArrowSql(self._open()).run(text, tables, keep=False)
        except duckdb.Error as error:
            raise translate(error) from error

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None or self._opened_for != self._settings:
            self.close()
            functions = self._catalog().functions
            self._worker = self._worker_of(functions)
            self._connection = open_session(
                self._settings,
                threads=2,
                memory_limit_bytes=MEMORY_LIMIT_BYTES,
                temp_folder=None,
                functions=[function.arrow(self._worker) for function in functions],
            )
            self._opened_for = self._settings
        return self._connection

    def _worker_of(self, functions: Sequence[UserFunction]) -> Worker | None:
        """Return the process of the file's functions, which starts when the first is called."""
        if self._pipeline is None or not functions:
            return None
        return new_worker(self._pipeline.name, code_of(self._pipeline, functions))

    def _command(self, command: Command) -> Result:
        match command.verb:
            case "SET":
                return self._set(command)
            case "VIEW":
                return self._create_view(command)
            case "DROP":
                if self._views.pop(command.name.lower(), None) is None and not command.value:
                    message = f"The view `{command.name}` cannot be found."
                    raise StreamError("SQL_ANALYSIS", message, condition="TABLE_OR_VIEW_NOT_FOUND")
        return _nothing()

    def _set(self, command: Command) -> Result:
        name = {TIME_ZONE.lower(): TIME_ZONE}.get(command.name.lower(), command.name)
        if command.value is not None:
            before = dict(self._confs)
            self._confs[name] = command.value
            try:
                self._open()
            except StreamError:
                self._confs = before
                raise
        return _texts(struct(key=STRING, value=STRING), [(name, self._confs.get(name, "<undefined>"))])

    def _create_view(self, command: Command) -> Result:
        key = command.name.lower()
        if key in self._views and not command.replace:
            message = f"The view `{command.name}` exists already."
            hint = "Write CREATE OR REPLACE TEMPORARY VIEW."
            condition = "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)
        catalog = self._catalog()
        tree, read = self._resolved(parse(command.value or ""), catalog)
        bind(tree, catalog)
        self._views.pop(key, None)
        self._views[key] = _View(tree, read)
        return _nothing()


def _plain_backslashes(statement: str) -> str:
    """Return the statement with backslashes doubled inside quotes, so that they stand for themselves."""
    found, quote, place = [], "", 0
    while place < len(statement):
        char = statement[place]
        if quote and char == "\\" and place + 1 < len(statement):
            found.append("\\\\")
            following = statement[place + 1]
            found.append("\\" + following if following in (quote, "\\") else following)
            place += 2
            continue
        if char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        found.append(char)
        place += 1
    return "".join(found)


def _texts(schema: StructType, rows: list[tuple[str, ...]]) -> Result:
    arrays = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
    table = pa.Table.from_arrays(arrays, names=list(schema.names))
    return Result(schema, table, tuple("\t".join(row) for row in rows))


def _nothing() -> Result:
    return Result(StructType(()), pa.table({}), ())
