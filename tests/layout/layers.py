"""The layers of the project, lowest first: a module imports its own room and rooms before it, never a later one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "headrace": ROOT / "service" / "headrace",
    "headrace_plugins": ROOT / "plugins" / "headrace_plugins",
    "headrace_state": ROOT / "state" / "headrace_state",
}

GROUND = "ground"
"""Modules directly in the package headrace, but for those named below."""

LAYERS = (
    GROUND,
    "stateful",
    "workers",
    "config",
    "sql",
    "plan",
    "check",
    "incremental",
    "operators",
    "inputs",
    "assembly",
    "batch",
    "progress",
    "web",
    "engine",
    "testing",
    "demo",
    "terminal",
    "compatibility",
    "commands",
    "cli",
)
TOP_MODULES = {"cli": "cli", "__main__": "cli", "reference": "commands"}
PLUGINS_MAY_IMPORT = {
    "contract",
    "options",
    "errors",
    "values",
    "types",
    "clock",
    "ddl",
    "arrow_sql",
    "duck",
    "json_text",
    "failpoints",
}
STATE_USERS = {"operators", "engine", "testing"}
"""Rooms that may import headrace_state; no room imports headrace_plugins."""


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Yield every module of a package as (dotted name, file)."""
    top = PACKAGES[package]
    for path in sorted(top.rglob("*.py")):
        parts = [package, *path.relative_to(top).with_suffix("").parts]
        yield ".".join(part for part in parts if part != "__init__"), path


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Yield (module, line, is inside a function) for each import of ours in a file, those for the type checker too."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name, node.lineno, id(node) in inside) for name in names if name.startswith("headrace"))
        elif isinstance(node, ast.Import):
            yield from (
                (alias.name, node.lineno, id(node) in inside)
                for alias in node.names
                if alias.name.startswith("headrace")
            )


def layer(module: str) -> str:
    """Return the layer of a module of the package headrace."""
    parts = module.split(".")
    if len(parts) == 1:
        return GROUND
    if parts[1] in TOP_MODULES:
        return TOP_MODULES[parts[1]]
    return parts[1] if parts[1] in LAYERS else GROUND
