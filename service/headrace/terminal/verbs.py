"""The last layer: the verbs of the command line and where each lives.

Gives names and help lines without importing a verb; `load_command` imports one by its name
(docs/decisions/0002-lazy-commands.md).
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from typer.main import get_command

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "init": "Write a commented pipeline and its test, sample data and a compose file.",
        "run": "Run the queries of a pipeline file.",
        "validate": "Check a pipeline file and report every error at once.",
        "explain": "Show the plan of a query and the delivery guarantee it reaches.",
        "test": "Run pipeline tests, without a broker.",
        "sql": "Run batch SQL over inline rows, static tables and files.",
        "demo": "Start a real Kafka, feed it events, and run the main job.",
        "plugins": "List the installed sources, sinks, tables and formats.",
        "schema": "Print the JSON Schema of pipeline files, for editors.",
        "version": "Print the versions of headrace and of what it stands on.",
        "docs": "Write the generated reference pages.",
    }
)
"""Each verb with its line in --help; its module is `headrace.commands.<verb>`, which holds a typer app called app."""


def load_command(name: str) -> Any:
    """Return the real command of a verb; imports its module, which the garbage collector does not walk again."""
    gc.disable()  # what modules make stays: looking for garbage in it takes a tenth of the time of importing them all
    try:
        command = get_command(import_module(f"headrace.commands.{name}").app)
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # DuckDB's binding complains of what is still there when the process ends
        gc.enable()
    command.name = name
    return command
