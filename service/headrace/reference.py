"""The last layer: the generated pages: docs/reference, and docs/compatibility.md.

Takes the models of the pipeline file, the plugins' SPECs, the tables of error codes, functions and claims, and the
commands; gives the text of each page. A test compares the pages with the committed ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.compatibility.functions import functions_page
from headrace.compatibility.page import compatibility_page
from headrace.config.pipeline import Pipeline
from headrace.config.quantities import Duration, Refresh, Trigger
from headrace.contract import Option, Plugin, Spec
from headrace.errors import ERRORS
from headrace.options import default_text

_NOTE = "<!-- Written by `headrace docs`; do not edit. -->"
_WRITTEN: Mapping[Any, str] = {
    Duration: "duration",
    Trigger: "trigger",
    Refresh: "never, every_batch or duration",
    str: "text",
    int: "whole number",
    bool: "true or false",
    Any: "value",
}


def reference_pages(plugins: Sequence[Plugin], commands: Mapping[str, Any]) -> dict[str, str]:
    """Return the pages by file name, as seen from docs/reference.

    Args:
        plugins: The plugins whose options are listed.
        commands: The real command of each verb.
    """
    return {
        "../compatibility.md": compatibility_page(),
        "cli.md": _cli_page(commands),
        "errors.md": _errors_page(),
        "functions.md": functions_page(),
        "options.md": _options_page([plugin.spec for plugin in plugins]),
        "pipeline.md": _pipeline_page(),
    }


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _NOTE, *parts]) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _errors_page() -> str:
    rows = [
        [f"`{code}`", error.summary, error.domain.value, error.retry.value, str(error.exit_code)]
        for code, error in ERRORS.items()
    ]
    intro = (
        "Each error is printed as `[CODE] file:line:column message hint`. Spark's condition stands in place "
        "of the code where Spark names one."
    )
    return _page("Error codes", intro, _table(["code", "meaning", "who mends it", "retry", "exit code"], rows))


def _options_page(specs: Sequence[Spec]) -> str:
    intro = (
        "Option names are Spark's and ignore case. A bare number for a duration is milliseconds. Values of secret "
        "options come from `${env:NAME}` or `${file:PATH}`."
    )
    ordered = sorted(specs, key=lambda spec: (spec.kind.value, spec.name))
    return _page("Options of sources, sinks, tables and formats", intro, *(_spec_text(spec) for spec in ordered))


def _spec_text(spec: Spec) -> str:
    facts = [] if spec.delivery is None else [f"Delivery: {spec.delivery.value}."]
    if spec.replayable is not None:
        facts.append("Replayable." if spec.replayable else "Not replayable.")
    parts = [f"## {spec.kind.value} `{spec.name}`", " ".join([spec.summary, *facts])]
    rows = [[f"`{option.name}`", _kind(option), _default(option), option.doc] for option in spec.options]
    rows += [[f"`{through.prefix}*`", "text", "", through.doc] for through in spec.passthrough]
    if rows:
        parts.append(_table(["option", "type", "default", "meaning"], rows))
    for through in spec.passthrough:
        if through.rejected:
            refused = [[f"`{key}`", why] for key, why in sorted(through.rejected.items())]
            parts.append(_table([f"refused under `{through.prefix}`", "why"], refused))
    return "\n\n".join(parts)


def _kind(option: Option) -> str:
    return (", ".join(option.allowed) or option.kind.value) + ", secret" * option.secret


def _default(option: Option) -> str:
    if option.required:
        return "required"
    return "" if option.default is None else f"`{default_text(option)}`"


def _pipeline_page() -> str:
    intro = (
        "One YAML file describes one pipeline. Unknown keys are errors. Relative paths start at the file's folder. "
        "Top-level keys that begin with `x-` are left alone, for anchors. "
        "SQL stands in the file or behind `!file path.sql`."
    )
    return _page("The pipeline file", intro, *(_model_text(model) for model in _models(Pipeline, [])))


def _models(model: type[BaseModel], seen: list[type[BaseModel]]) -> list[type[BaseModel]]:
    seen.append(model)
    for field in model.model_fields.values():
        inner = _model_in(field.annotation)
        if inner and inner not in seen:
            _models(inner, seen)
    return seen


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _model_text(model: type[BaseModel]) -> str:
    rows = [
        [f"`{field.alias or name}`", _written(field.annotation), _field_default(field), field.description or ""]
        for name, field in model.model_fields.items()
    ]
    summary = inspect.getdoc(model) or ""
    return f"## {_title(model)}\n\n{summary}\n\n" + _table(["key", "value", "default", "meaning"], rows)


def _title(model: type[BaseModel]) -> str:
    name = model.__name__.removesuffix("Config")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _written(annotation: Any) -> str:
    if annotation in _WRITTEN:
        return _WRITTEN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(str(member.value) for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{_title(annotation)}](#{_title(annotation)})"
    parts = [part for part in get_args(annotation) if part not in {type(None), ...}]
    origin = get_origin(annotation)
    if origin is dict:
        return f"mapping of {_written(parts[1])}"
    if origin in {list, tuple}:
        return f"list of {_written(parts[0])}"
    first = parts[0] if parts else annotation
    return _written(first) if first is not annotation and not isinstance(first, int) else str(first)


def _field_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value == () or value == {}:
        return ""
    if isinstance(value, Trigger | Refresh):
        return f"`{value.written()}`"
    if isinstance(value, BaseModel):
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _cli_page(commands: Mapping[str, Any]) -> str:
    return _page(
        "The command line", *(text for name, command in commands.items() for text in _command_texts(name, command))
    )


def _command_texts(name: str, command: Any) -> list[str]:
    inner = getattr(command, "commands", {})
    if inner:
        return [text for key, child in inner.items() for text in _command_texts(f"{name} {key}", child)]
    arguments = [part for part in command.params if part.param_type_name == "argument"]
    shape = " ".join(["headrace", name, "[OPTIONS]", *(str(part.metavar or part.name.upper()) for part in arguments)])
    rows = [[f"`{_spelled(part)}`", part.help or ""] for part in command.params if getattr(part, "help", None)]
    rows = [row for row in rows if row[0] != "`--help`"]
    parts = [f"## headrace {name}", inspect.cleandoc(command.help or ""), f"    {shape}"]
    return [*parts, _table(["argument or option", "meaning"], rows)] if rows else parts


def _spelled(part: Any) -> str:
    if part.param_type_name == "argument":
        return str(part.metavar or part.name.upper())
    return ", ".join([*part.opts, *part.secondary_opts])
