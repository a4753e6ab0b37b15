"""Command line: ``headrace explain``."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from headrace.assembly.explain import explain
from headrace.terminal.opened import FileArgument, PlainSecretsOption, SetOption, open_pipeline

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Stage(Enum):
    """Which form of the query is shown."""

    PARSE = "parse"
    PLAN = "plan"
    STEPS = "steps"


@app.command()
def explain_queries(
    file: FileArgument,
    *,
    query: Annotated[str | None, typer.Option(help="Show this query only.")] = None,
    stage: Annotated[Stage, typer.Option(help="Tree, logical plan or incremental steps.")] = Stage.STEPS,
    overrides: SetOption = None,
    allow_plain_secrets: PlainSecretsOption = False,
) -> None:
    """Show the plan of a query and the delivery guarantee it reaches."""
    pipeline = open_pipeline(file, overrides, allow_plain_secrets=allow_plain_secrets)
    if query is not None and query not in pipeline.queries:
        msg = f"no query is called {query!r}; there are: {', '.join(pipeline.queries)}"
        raise typer.BadParameter(msg, param_hint="--query")
    names = [query] if query else list(pipeline.queries)
    typer.echo("\n\n".join(explain(pipeline, name, stage.value).rstrip("\n") for name in names))
