"""Command line: ``headrace version``."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from headrace import __version__

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_STANDS_ON = ("confluent-kafka", "duckdb", "pyarrow", "rocksdict", "sqlglot", "pydantic")


@app.command()
def show_version(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the libraries' versions.")] = False
) -> None:
    """Print the versions of headrace and of what it stands on."""
    if not as_json:
        typer.echo(f"headrace {__version__}")
        return
    facts = {"headrace": __version__, "python": platform.python_version(), "platform": platform.platform()}
    typer.echo(json.dumps(facts | {name: _installed(name) for name in _STANDS_ON}, indent=2))


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
