"""Command line: ``headrace run``."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Annotated

import typer

from headrace.config.run_options import RunOptions
from headrace.engine.service import run_service
from headrace.logs import LogFormat, configure_logs
from headrace.terminal.opened import FileArgument, PlainSecretsOption, SetOption, open_pipeline

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Assume(Enum):
    """What the operator found when the sink's marker was gone: the batch's rows are not there."""

    ABORTED = "aborted"


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        msg = f"{text!r} is no address; write HOST:PORT, such as 127.0.0.1:8080"
        raise typer.BadParameter(msg)
    return host.strip("[]") or "127.0.0.1", int(port)


@app.command()
def run_pipeline(  # noqa: PLR0913 -- each parameter is a flag of the command
    file: FileArgument,
    *,
    available_now: Annotated[
        bool, typer.Option("--available-now", "--once", help="Process what is there, then end.")
    ] = False,
    max_batches: Annotated[int | None, typer.Option(min=1, help="End each query after so many batches.")] = None,
    http: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Serve status page, metrics and health; off unless given.")
    ] = None,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="Text on a terminal and json elsewhere, unless given.")
    ] = None,
    query: Annotated[list[str] | None, typer.Option(help="Run this query only; repeatable.")] = None,
    assume: Annotated[
        Assume | None, typer.Option(help="Your word about a batch the sink has lost track of; see docs/recovery.md.")
    ] = None,
    overrides: SetOption = None,
    allow_plain_secrets: PlainSecretsOption = False,
) -> None:
    """Run the queries of a pipeline file."""
    address = _address(http)
    pipeline = open_pipeline(file, overrides, allow_plain_secrets=allow_plain_secrets)
    unknown = sorted(set(query or ()) - set(pipeline.queries))
    if unknown:
        msg = f"no query is called {unknown[0]!r}; there are: {', '.join(pipeline.queries)}"
        raise typer.BadParameter(msg, param_hint="--query")
    live = sys.stderr.isatty() and log_format is None
    configure_logs(log_format, level="WARNING" if live else "INFO", secrets=pipeline.secret_texts())
    word = assume.value if assume else None
    options = RunOptions(available_now, max_batches, address, tuple(query or ()), live, word)
    raise typer.Exit(run_service(pipeline, options))
