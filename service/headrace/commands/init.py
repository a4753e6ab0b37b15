"""Command line: ``headrace init``."""

from __future__ import annotations

import sys
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from headrace.errors import StreamError

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Template(Enum):
    """Which pipeline is written."""

    KAFKA = "kafka"
    RATE = "rate"


@app.command()
def write_template(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; made when missing.", metavar="[DIR]")] = Path(),
    *,
    template: Annotated[Template | None, typer.Option(help="Kafka to Kafka, or rate to console.")] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing; the template is kafka.")] = False,
) -> None:
    """Write a commented pipeline and its test, sample data and a compose file."""
    chosen = template or _ask(silent=no_input)
    parts = {
        part.name: part.read_text(encoding="utf-8")
        for part in (files(__package__) / "templates" / chosen.value).iterdir()
    }
    taken = [str(folder / name) for name in sorted(parts) if (folder / name).exists()]
    if taken:
        message = f"{', '.join(taken)} would be overwritten; nothing was written."
        raise StreamError("IO_FAILED", message, hint="Type: headrace init ANOTHER_FOLDER")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in sorted(parts.items()):
            (folder / name).write_text(text, encoding="utf-8")
            typer.echo(f"wrote {folder / name}")
    except OSError as error:
        raise StreamError("IO_FAILED", f"{error.filename} cannot be written: {error.strerror}.") from error
    typer.echo(f"Next: headrace test {folder}")


def _ask(*, silent: bool) -> Template:
    if silent or not sys.stdin.isatty():
        return Template.KAFKA
    return Template(typer.prompt("Template (kafka, rate)", default="kafka", type=Template))
