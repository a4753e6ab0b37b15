"""Command line: ``headrace test``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from headrace.logs import configure_logs
from headrace.testing.pipeline_tests import run_files

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def run_tests(
    paths: Annotated[list[Path], typer.Argument(help="Test files, or folders of them.", metavar="FILE...")],
    *,
    crash: Annotated[
        bool, typer.Option("--crash", help="Kill and restart the query after every step; expect the same.")
    ] = False,
) -> None:
    """Run pipeline tests, without a broker."""
    configure_logs(None, level="WARNING")
    logging.getLogger("headrace.workers").setLevel(logging.INFO)  # what the code that is tested prints
    report = run_files(paths, crash=crash, report=typer.echo)
    skipped = f", {report.skipped} skipped" if report.skipped else ""
    typer.echo(f"{report.passed} passed, {report.failed} failed{skipped}")
    if report.failed:
        raise typer.Exit(1)
