"""Command line: ``headrace docs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace.contract import all_plugins
from headrace.errors import StreamError
from headrace.reference import reference_pages
from headrace.terminal.verbs import COMMANDS, load_command

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def write_pages(
    folder: Annotated[Path, typer.Argument(help="Where the pages go.", metavar="[DIR]")] = Path("docs/reference"),
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a page is out of date.")] = False,
) -> None:
    """Write the generated reference pages."""
    pages = reference_pages(all_plugins(), {name: load_command(name) for name in COMMANDS})
    stale = [name for name, text in pages.items() if _present(folder / name) != text]
    if check and stale:
        message = f"out of date: {', '.join(str(folder / name) for name in stale)}."
        raise StreamError("QUERY_FAILED", message, hint="Type: headrace docs")
    if check:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (folder / name).write_text(pages[name], encoding="utf-8")
        typer.echo(f"wrote {folder / name}")


def _present(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
