"""Command line: ``headrace demo``."""

from __future__ import annotations

import typer

from headrace.demo import run_demo

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def show_demo() -> None:
    """Start a real Kafka, feed it events, and run the main job."""
    raise typer.Exit(run_demo())
