"""Batch SQL: one session: settings, relations and views, and the connection that computes.

Takes one statement at a time; gives a `Result`. The statement is bound and rendered as a pipeline's queries are; what
runs is one DuckDB statement over static tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from headrace.assembly.build import static_table
from headrace.assembly.code import code_of
from headrace.assembly.compile import build_catalog
from headrace.batch.commands import Command, read_command
from headrace.batch.files import files_in
from headrace.batch.result import Result, described, listed, texts
from headrace.batch.result_text import lines_of
from headrace.batch.stored import StoredTable, stored_in
from headrace.batch.views import View, Views, matches, named_columns
from headrace.clock import Clock
from headrace.config.pipeline import Pipeline
from headrace.contract import Table
from headrace.errors import StreamError, StreamErrors
from headrace.incremental.compile import compile_steps
from headrace.incremental.steps import ReadTable, Steps, Stretch
from headrace.inputs.tables import InlineTable
from headrace.operators.statements import Statements
from headrace.plan.bind import bind
from headrace.plan.catalog import Catalog
from headrace.plan.nodes import Plan, StreamScan, Watermark, walk
from headrace.plan.rewrite.rules import optimize
from headrace.plan.transform import rewrite_plan
from headrace.sql.parse import parse
from headrace.sql.session import open_session
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import GEOGRAPHY, GEOMETRY, STRING, StructType, struct
from headrace.workers.starting import new_worker

if TYPE_CHECKING:
    from headrace.workers.worker import Worker

ESCAPED_LITERALS = "spark.sql.parser.escapedStringLiterals"
TIME_ZONE = "spark.sql.session.timeZone"
MEMORY_LIMIT_BYTES = 2 << 30
_THREADS = 2


class BatchSession:
    """Runs statements one after the other; close() ends it.

    Args:
        confs: ``spark.sql.*`` settings to begin with.
        clock: What current_timestamp() reads, once a statement.
        pipeline: Its static tables and views can be read.
    """

    def __init__(self, confs: Mapping[str, str], clock: Clock, pipeline: Pipeline | None = None) -> None:
        self._confs = {**(pipeline.settings if pipeline else {}), **confs}
        self._first_confs = dict(self._confs)
        self._clock = clock
        self._pipeline = pipeline
        self._views = Views()
        self._statements: Statements | None = None
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
        tree, read = self._resolved(_query(text), catalog)
        for view in self._views:
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
        if self._statements is not None:
            self._statements.close()
            self._statements = None
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
        for view in self._views:
            for table, read in view.read.items():
                if catalog.entry(table) is None:
                    catalog.add_table(table, read.schema)
            catalog.add_view(view.name, view.tree)
        return catalog

    def _resolved(self, tree: exp.Expr, catalog: Catalog) -> tuple[exp.Expr, dict[str, Table | StoredTable]]:
        """Return the tree with tables in place of files and state, and those tables."""
        tree, files = files_in(tree, catalog)
        tree, states = stored_in(tree, catalog, self._pipeline)
        return tree, {**files, **states}

    def _static(self, plan: Plan) -> Plan:
        """Return the plan that runs, without watermarks, which mean nothing here."""
        for node in walk(plan):
            if isinstance(node, StreamScan):
                message = f"`{node.source}` is a stream; batch SQL reads static tables, files, state and VALUES."
                raise StreamError("SQL_UNSUPPORTED", message, hint="Use headrace run for queries over streams.")
        plain = rewrite_plan(plan, lambda node: node.child if isinstance(node, Watermark) else node)
        return optimize(plain)

    def _rows(self, steps: Steps, read: Mapping[str, Table | StoredTable]) -> pa.Table:
        results: dict[str, pa.Table] = {}
        statements = self._open()
        statements.set_batch_time(self._clock.now_us())
        for step in steps.steps:
            match step:
                case ReadTable():
                    results[step.id] = self._load(step.table, read)
                case Stretch():
                    results[step.id] = statements.run(step.sql, {name: results[name] for name in step.inputs})
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

    def _open(self) -> Statements:
        if self._statements is None or self._opened_for != self._settings:
            self.close()
            functions = self._catalog().functions
            self._worker = self._worker_of(functions)
            opened = open_session(
                self._settings, threads=_THREADS, memory_limit_bytes=MEMORY_LIMIT_BYTES, temp_folder=None
            )
            self._statements = Statements(opened, _THREADS, [function.arrow(self._worker) for function in functions])
            self._opened_for = self._settings
        return self._statements

    def _worker_of(self, functions: Sequence[UserFunction]) -> Worker | None:
        """Return the process of the file's functions, which starts when the first is called."""
        if self._pipeline is None or not functions:
            return None
        return new_worker(self._pipeline.name, code_of(self._pipeline, functions))

    def _command(self, command: Command) -> Result:
        match command.verb:
            case "SET":
                return self._set(command)
            case "RESET":
                return self._reset(command)
            case "VIEW" | "ALTER":
                return self._put_view(command)
            case "DROP":
                if not self._views.drop(command.name) and command.value is None:
                    raise _no_view(command.name)
                return _nothing()
        return self._shown(command)

    def _set(self, command: Command) -> Result:
        schema = struct(key=STRING, value=STRING)
        if not command.name:
            return texts(schema, sorted(self._confs.items()))
        name = {TIME_ZONE.lower(): TIME_ZONE}.get(command.name.lower(), command.name)
        if command.value is not None:
            self._with_confs({**self._confs, name: command.value})
        return texts(schema, [(name, self._confs.get(name, "<undefined>"))])

    def _reset(self, command: Command) -> Result:
        """Put one setting, or all, back to what the session began with."""
        if not command.name:
            self._with_confs(self._first_confs)
            return _nothing()
        rest = {name: value for name, value in self._confs.items() if name.lower() != command.name.lower()}
        first = {name: value for name, value in self._first_confs.items() if name.lower() == command.name.lower()}
        self._with_confs({**rest, **first})
        return _nothing()

    def _with_confs(self, confs: Mapping[str, str]) -> None:
        before, self._confs = self._confs, dict(confs)
        try:
            self._open()
        except StreamError:
            self._confs = before
            raise

    def _put_view(self, command: Command) -> Result:
        known = command.name in self._views
        if command.verb == "ALTER" and not known:
            raise _no_view(command.name)
        if command.skips:
            message = "A temporary view is not defined with IF NOT EXISTS."
            hint = "Write CREATE OR REPLACE TEMPORARY VIEW."
            raise StreamError("SQL_SYNTAX", message, hint=hint, condition="_LEGACY_ERROR_TEMP_0053")
        if known and command.verb == "VIEW" and not command.replaces:
            message = f"The view `{command.name}` exists already."
            hint = "Write CREATE OR REPLACE TEMPORARY VIEW."
            condition = "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)
        catalog = self._catalog()
        tree, read = self._resolved(_query(command.value or ""), catalog)
        plan = bind(tree, catalog)
        self._views.put(View(command.name, named_columns(tree, command, plan.schema.names), read))
        return _nothing()

    def _shown(self, command: Command) -> Result:
        """Return what SHOW and DESCRIBE ask for."""
        catalog = self._catalog()
        if command.verb in ("VIEWS", "TABLES"):
            names = (view.name for view in self._views) if command.verb == "VIEWS" else catalog.names
            return listed(command, sorted(name for name in names if matches(name, command.value)))
        sql = command.value if command.verb == "QUERY" else f"TABLE `{command.name}`"
        tree, _ = self._resolved(_query(sql or ""), catalog)
        return described(command, bind(tree, catalog).schema)


def _query(text: str) -> exp.Expr:
    """Return a query's tree.

    Raises:
        StreamErrors: it is none.
    """
    try:
        return parse(text)
    except StreamErrors as errors:
        for error in errors.errors:
            if error.condition == "WRITE_STREAM_NOT_ALLOWED":
                error.message = "Batch SQL runs queries, and " + error.message.partition("; ")[2]
                error.hint = (
                    "Beside queries there are SET, RESET, temporary views, SHOW VIEWS, TABLES and COLUMNS, DESCRIBE."
                )
                error.condition = None
        raise StreamErrors(errors.errors) from None


def _no_view(name: str) -> StreamError:
    message = f"The view `{name}` cannot be found."
    return StreamError("SQL_ANALYSIS", message, condition="TABLE_OR_VIEW_NOT_FOUND")


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


def _nothing() -> Result:
    return Result(StructType(()), pa.table({}), ())
