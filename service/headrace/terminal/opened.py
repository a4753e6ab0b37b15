"""Command line: a pipeline file opened with the arguments every verb that reads one shares."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headrace.config.load import load
from headrace.config.overrides import SET
from headrace.config.pipeline import Pipeline
from headrace.errors import StreamErrors
from headrace.terminal.failure import hide, print_failure

FileArgument = Annotated[Path, typer.Argument(help="Pipeline file.", metavar="FILE")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY.KEY=VALUE", help="Replace a value of the file; repeatable.")
]
PlainSecretsOption = Annotated[
    bool, typer.Option("--allow-plain-secrets", help="Let secrets stand in the file itself.")
]


def open_pipeline(path: Path, overrides: Sequence[str] | None, *, allow_plain_secrets: bool) -> Pipeline:
    """Return the pipeline of a file.

    Raises:
        StreamErrors: everything that is wrong with it.
    """
    pipeline = load(path, overrides=overrides or (), environment=os.environ, allow_plain_secrets=allow_plain_secrets)
    hide(pipeline.secret_texts())
    return pipeline


def end_with(errors: StreamErrors, overrides: Sequence[str] | None) -> typer.Exit:
    """Print the errors with their source lines, those of --set included, and return the exit to raise."""
    texts = {SET: "\n".join(overrides or ())}
    return typer.Exit(print_failure(errors, Console(stderr=True), texts=texts))
