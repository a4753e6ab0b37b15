"""Command line: ``headrace schema``."""

from __future__ import annotations

import json

import typer

from headrace.config.json_schema import json_schema

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def print_schema() -> None:
    """Print the JSON Schema of pipeline files, for editors.

    Put `# yaml-language-server: $schema=headrace.schema.json` into the first line of a pipeline file.
    """
    typer.echo(json.dumps(json_schema(), indent=2))
