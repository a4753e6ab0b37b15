"""The last layer: the ``headrace`` command.

Takes the arguments of the process, gives its exit code. A verb's module, and with it DuckDB, Arrow and the Kafka
client, is loaded only when the verb is typed (docs/decisions/0002-lazy-commands.md).
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from headrace.memory import share_one_allocator, share_the_cores
from headrace.terminal.failure import print_failure
from headrace.terminal.verbs import COMMANDS, load_command

_SEEN: dict[str, bool] = {"debug": False}


class LazyCommand(TyperCommand):
    """A verb known by name and help line; its module is imported when it is invoked or asked for its own help."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of the real command."""
        return load_command(str(self.name)).make_context(info_name, args, parent=parent, **extra)


class LazyGroup(TyperGroup):
    """The group of all verbs, in the order of COMMANDS."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for name, summary in COMMANDS.items():
            self.add_command(LazyCommand(name, help=summary, short_help=summary))


app = typer.Typer(
    name="headrace",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Spark Structured Streaming for Kafka without a JVM.",
)


@app.callback()
def _options(
    *, debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", envvar="HEADRACE_DEBUG")] = False
) -> None:
    _SEEN["debug"] = debug


def main() -> None:
    """Run the command line and end the process with its exit code."""
    share_one_allocator()
    share_the_cores()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has gone; the interpreter would try again and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line in this process and return its exit code; errors are printed, never raised."""
    try:
        app(arguments, prog_name="headrace")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:  # noqa: BLE001 -- the last place: every error becomes a message and an exit code
        return print_failure(error, Console(stderr=True), debug=_SEEN["debug"])
    return 0


if __name__ == "__main__":
    main()
