"""Command line: ``headrace sql``."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from headrace.batch.result import Result
from headrace.batch.result_json import rows_of
from headrace.batch.result_table import table_lines
from headrace.batch.session import TIME_ZONE, BatchSession
from headrace.batch.splitter import Splitter
from headrace.clock import SystemClock
from headrace.errors import StreamError, StreamErrors
from headrace.terminal.failure import error_console, failure_json, print_failure
from headrace.terminal.opened import PlainSecretsOption, SetOption, open_pipeline

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_PIECE_BYTES = 1 << 16


class Output(Enum):
    """How answers are written."""

    TABLE = "table"
    JSON = "json"
    SPARK_SQL = "spark-sql"


@app.command()
def run_sql(  # noqa: PLR0913 -- each parameter is a flag of the command
    statements: Annotated[
        str | None, typer.Argument(help="Statements with semicolons between them; standard input unless given.")
    ] = None,
    *,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read statements from a file.")] = None,
    pipeline: Annotated[Path | None, typer.Option(help="Read the static tables and views of a pipeline file.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Session time zone; UTC unless given.")] = None,
    output: Annotated[Output, typer.Option(help="How answers are written.")] = Output.TABLE,
    overrides: SetOption = None,
    allow_plain_secrets: PlainSecretsOption = False,
) -> None:
    """Run batch SQL over inline rows, static tables and files."""
    if statements is not None and file is not None:
        msg = "give statements as an argument or with --file, not both"
        raise typer.BadParameter(msg)
    opened = open_pipeline(pipeline, overrides, allow_plain_secrets=allow_plain_secrets) if pipeline else None
    session = BatchSession({} if time_zone is None else {TIME_ZONE: time_zone}, SystemClock(), opened)
    try:
        failed = _answer_all(_statements(statements, file), session, output)
    finally:
        session.close()
    if failed:
        raise typer.Exit(failed)


def _statements(text: str | None, file: Path | None) -> Iterator[str]:
    """Yield each statement as soon as it is whole; what stands behind the last semicolon at the end."""
    splitter = Splitter()
    if text is not None or file is not None:
        yield from splitter.feed(text if text is not None else _read(file))
    else:
        decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        while piece := os.read(sys.stdin.fileno(), _PIECE_BYTES):
            yield from splitter.feed(decoder.decode(piece))
    rest = splitter.rest()
    if rest is not None:
        yield rest


def _read(file: Path | None) -> str:
    assert file is not None  # the caller has no text
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StreamError("IO_FAILED", f"{file} cannot be read: {error}.") from error


def _answer_all(statements: Iterator[str], session: BatchSession, output: Output) -> int:
    """Answer every statement and return the exit code: 0, or that of the last error."""
    failed = 0
    for statement in statements:
        try:
            lines = list(_WRITERS[output](session.run(statement), session.time_zone))
        except Exception as error:  # noqa: BLE001 -- one bad statement must not end the others
            failed = _report(error, output)
            continue
        for line in lines:
            typer.echo(line)
        sys.stdout.flush()
    return failed


def _report(error: Exception, output: Output) -> int:
    if output is not Output.JSON:
        return print_failure(error, error_console())
    first = error.errors[0] if isinstance(error, StreamErrors) else error
    if not isinstance(first, StreamError):
        first = StreamError("INTERNAL", f"{type(error).__name__}: {error}.")
    known = failure_json(first)
    message = f"{known['message']} {known['hint'] or ''}".rstrip()
    body = {"code": first.condition or first.code, "message": message, "line": known["line"], "column": known["column"]}
    typer.echo(json.dumps({"error": body}, ensure_ascii=False))
    sys.stdout.flush()
    return 0


def _json(result: Result, zone: str) -> Iterator[str]:
    kinds = [field.type for field in result.schema.fields]
    answer = {
        "columns": list(result.schema.names),
        "types": [kind.sql() for kind in kinds],
        "rows": rows_of(result.rows, kinds, zone),
        "text": list(result.lines),
    }
    yield json.dumps(answer, ensure_ascii=False)


def _shell(result: Result, _zone: str) -> Iterator[str]:
    yield from result.lines


_WRITERS: dict[Output, Callable[[Result, str], Iterator[str]]] = {
    Output.TABLE: lambda result, zone: iter(table_lines(result.schema, result.rows, zone)),
    Output.JSON: _json,
    Output.SPARK_SQL: _shell,
}
