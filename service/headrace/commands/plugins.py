"""Command line: ``headrace plugins list|info``."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

import typer

from headrace.contract import Plugin, Spec, all_plugins
from headrace.errors import StreamError, did_you_mean
from headrace.options import default_text

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="List the installed sources, sinks, tables and formats.",
)


class OutputFormat(Enum):
    """How a listing is printed."""

    TEXT = "text"
    JSON = "json"


Format = Annotated[OutputFormat, typer.Option("--format", help="Print text or JSON.")]


@app.command("list")
def list_plugins(*, output: Format = OutputFormat.TEXT) -> None:
    """List every installed plugin with its kind and summary."""
    specs = sorted((plugin.spec for plugin in all_plugins()), key=lambda spec: (spec.kind.value, spec.name))
    if output is OutputFormat.JSON:
        rows = [{"kind": spec.kind.value, "name": spec.name, "summary": spec.summary} for spec in specs]
        typer.echo(json.dumps(rows, indent=2))
        return
    for spec in specs:
        typer.echo(f"{spec.kind.value:<7} {spec.name:<10} {spec.summary}")


@app.command("info")
def show_plugin(name: Annotated[str, typer.Argument(help="Format name, such as kafka.")]) -> None:
    """Show what a plugin promises and every option it takes."""
    plugins = all_plugins()
    found = [plugin for plugin in plugins if plugin.spec.name.lower() == name.lower()]
    if not found:
        hint = did_you_mean(name, {plugin.spec.name for plugin in plugins})
        raise StreamError("PLUGIN_UNKNOWN", f'no plugin is called "{name}".', hint=hint)
    typer.echo("\n\n".join(_described(plugin) for plugin in found))


def _described(plugin: Plugin) -> str:
    spec = plugin.spec
    lines = [f"{spec.kind.value} {spec.name}: {spec.summary}", *_promises(spec)]
    for option in spec.options:
        kind = "|".join(option.allowed) or option.kind.value
        marks = ", required" * option.required + ", secret" * option.secret
        default = "" if option.default is None else f", default {default_text(option)}"
        lines.append(f"  {option.name} ({kind}{marks}{default})\n      {option.doc}")
    lines += [f"  {through.prefix}*\n      {through.doc}" for through in spec.passthrough]
    return "\n".join(lines)


def _promises(spec: Spec) -> list[str]:
    lines = [] if spec.delivery is None else [f"  delivery: {spec.delivery.value}"]
    if spec.replayable is not None:
        lines.append(f"  replayable: {'yes' if spec.replayable else 'no'}")
    return lines
