"""Layout: the direction of imports, no circles, none hidden in functions."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.layout.layers import GROUND, LAYERS, PACKAGES, PLUGINS_MAY_IMPORT, STATE_USERS, imports, layer, modules

ALL = [(name, path) for package in PACKAGES for name, path in modules(package)]


def _known() -> set[str]:
    return {name for name, _ in ALL}


def _module_of(imported: str, known: set[str]) -> str:
    while imported not in known and "." in imported:
        imported = imported.rpartition(".")[0]
    return imported


def test_rooms_import_only_rooms_before_them() -> None:
    """The tuple LAYERS is the whole rule."""
    wrong = []
    known = _known()
    for name, path in modules("headrace"):
        mine = LAYERS.index(layer(name))
        for imported, line, _ in imports(path):
            target = _module_of(imported, known)
            if target.startswith("headrace.") and LAYERS.index(layer(target)) > mine:
                wrong.append(f"{name}:{line} imports {target}")
            if target.startswith("headrace_state") and layer(name) not in STATE_USERS:
                wrong.append(f"{name}:{line} imports {target}")
            if target.startswith("headrace_plugins"):
                wrong.append(f"{name}:{line} imports {target}, which is reached through entry points only")
    assert wrong == []


def test_plugins_import_only_the_ground_floor() -> None:
    """A plugin is written against the contract, as a third party's is."""
    known = _known()
    wrong = [
        f"{name}:{line} imports {imported}"
        for name, path in modules("headrace_plugins")
        for imported, line, _ in imports(path)
        if not imported.startswith("headrace_plugins")
        and not (imported.startswith("headrace.") and _module_of(imported, known).split(".")[1] in PLUGINS_MAY_IMPORT)
    ]
    assert wrong == []


def test_state_imports_nothing_of_ours() -> None:
    """The state package could be used by anyone."""
    wrong = [
        f"{name}:{line} imports {imported}"
        for name, path in modules("headrace_state")
        for imported, line, _ in imports(path)
        if not imported.startswith("headrace_state")
    ]
    assert wrong == []


def test_no_import_of_ours_hides_in_a_function() -> None:
    """A hidden import is a circle that was patched."""
    hidden = [f"{name}:{line} {imported}" for name, path in ALL for imported, line, inside in imports(path) if inside]
    assert hidden == []


def test_the_service_makes_its_dataclasses_fast() -> None:
    """By the decorator of docs/decisions/0013-dataclasses.md, but for the contract that plugins are written against."""
    slow = [
        name
        for name, path in modules("headrace")
        if name not in {"headrace.contract", "headrace.dataclass"}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
        if "dataclass" in {alias.name for alias in node.names}
    ]
    assert slow == []


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_form_no_circle(package: str) -> None:
    """Every module can be understood after those it names, be it for the type checker only."""
    assert _circle(_graph(package)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_form_no_circle(package: str) -> None:
    """Nor do the modules and folders that stand beside each other in one folder."""
    beside: dict[str, set[str]] = {}
    for name, others in _graph(package).items():
        for other in others:
            one, two = _siblings(name, other)
            beside.setdefault(one, set()).add(two)
    assert _circle(beside) == []


def _graph(package: str) -> dict[str, set[str]]:
    """Return each module with those it imports; a package's own __init__ is no dependency of its parts."""
    known = _known()
    found = {name: {_module_of(i, known) for i, _, _ in imports(path)} for name, path in modules(package)}
    return {
        name: {other for other in others & found.keys() if not f"{name}.".startswith(f"{other}.")}
        for name, others in found.items()
    }


def _siblings(one: str, two: str) -> tuple[str, str]:
    """Return the two names down to the first part in which they differ."""
    ours, theirs = one.split("."), two.split(".")
    same = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), len(ours))
    return ".".join(ours[: same + 1]), ".".join(theirs[: same + 1])


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the names of one circle in their order, none where there is none."""
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        found = next((seen for other in sorted(graph.get(name, ())) if (seen := visit(other, [*trail, name]))), [])
        done.add(name)
        return found

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


def test_every_folder_of_the_package_is_a_known_layer() -> None:
    """A new room has to be placed in the order."""
    folders = {path.name for path in PACKAGES["headrace"].iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= set(LAYERS) - {GROUND}, folders - set(LAYERS)
    assert isinstance(PACKAGES["headrace"], Path)
