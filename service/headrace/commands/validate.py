"""Command line: ``headrace validate``."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from headrace.assembly.build import check_parts
from headrace.assembly.compile import compile_query
from headrace.config.pipeline import Pipeline
from headrace.errors import StreamError, StreamErrors
from headrace.terminal.failure import failure_json
from headrace.terminal.online import validate_online
from headrace.terminal.opened import PlainSecretsOption, SetOption, end_with, open_pipeline

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class OutputFormat(Enum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"


@app.command()
def validate_files(
    files: Annotated[list[Path], typer.Argument(help="Pipeline files.", metavar="FILE...")],
    *,
    online: Annotated[bool, typer.Option("--online", help="Also ask brokers, topics and folders.")] = False,
    output: Annotated[OutputFormat, typer.Option("--format", help="Print text or JSON.")] = OutputFormat.TEXT,
    overrides: SetOption = None,
    allow_plain_secrets: PlainSecretsOption = False,
) -> None:
    """Check a pipeline file and report every error at once."""
    errors: list[StreamError] = []
    for file in files:
        try:
            pipeline = open_pipeline(file, overrides, allow_plain_secrets=allow_plain_secrets)
        except StreamErrors as found:
            errors += found.errors
            continue
        found_here = findings_of_queries(pipeline)
        errors += found_here or (validate_online(pipeline) if online else [])
        if output is OutputFormat.TEXT and not found_here:
            count = len(pipeline.queries)
            typer.echo(f"{file}: {count} {'query' if count == 1 else 'queries'}, no errors")
    if output is OutputFormat.JSON:
        typer.echo(json.dumps([failure_json(error) for error in errors], indent=2))
        raise typer.Exit(errors[0].exit_code if errors else 0)
    if errors:
        raise end_with(StreamErrors(errors), overrides)


def findings_of_queries(pipeline: Pipeline) -> list[StreamError]:
    """Return what is wrong with the SQL of each query, in file order."""
    errors: list[StreamError] = []
    for name in pipeline.queries:
        try:
            check_parts(compile_query(pipeline, name))
        except StreamErrors as found:
            errors += found.errors
        except StreamError as found:
            errors.append(found)
    return list({str(error): error for error in errors}.values())
