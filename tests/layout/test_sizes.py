"""Layout: the size walls, names that say nothing, and docstrings that say what is true."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.layout.layers import PACKAGES, ROOT, modules

FILE_WALL, TEST_FILE_WALL, FUNCTION_WALL, CLASS_WALL, FOLDER_WALL = 400, 600, 60, 250, 12
EMPTY_NAMES = {
    "utils",
    "helpers",
    "common",
    "misc",
    "base",
    "manager",
    "handler",
    "data",
    "info",
    "process",
    "util",
    "helper",
}
ALL = [(name, path) for package in PACKAGES for name, path in modules(package)]


def _tests() -> list[Path]:
    found = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    return sorted(path for path in found if ".cache" not in path.parts)


def test_files_stay_below_the_wall() -> None:
    """400 lines, tests 600."""
    long = [f"{path} {n}" for _, path in ALL if (n := len(path.read_text().splitlines())) > FILE_WALL]
    long += [f"{path} {n}" for path in _tests() if (n := len(path.read_text().splitlines())) > TEST_FILE_WALL]
    assert long == []


def test_functions_and_classes_stay_below_the_wall() -> None:
    """60 lines a function, 250 a class."""
    long = []
    for path in [path for _, path in ALL] + _tests():
        for node in ast.walk(ast.parse(path.read_text())):
            wall = {ast.FunctionDef: FUNCTION_WALL, ast.AsyncFunctionDef: FUNCTION_WALL, ast.ClassDef: CLASS_WALL}
            limit = wall.get(type(node))
            if limit and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > limit:
                    long.append(f"{path}:{node.lineno} {node.name} {size}")
    assert long == []


def test_folders_hold_at_most_twelve_files() -> None:
    """More is a room that wants to be two; the package's own ground floor is the exception, being the index."""
    exempt = {PACKAGES["headrace"]}
    folders = {path.parent for _, path in ALL} - exempt
    full = [
        f"{folder} {n}"
        for folder in folders
        if (n := len([p for p in folder.glob("*.py") if p.stem != "__init__"])) > FOLDER_WALL
    ]
    assert full == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    """The file is named for the noun in it."""
    assert [name for name, _ in ALL if name.rpartition(".")[2] in EMPTY_NAMES] == []


def test_every_public_name_has_a_docstring() -> None:
    """Modules, classes and functions whose names begin without an underscore; nested functions are private."""
    bare = []
    for name, path in ALL:
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            bare.append(name)
        nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        bare += [
            f"{name}.{node.name}" for node in nodes if not node.name.startswith("_") and not ast.get_docstring(node)
        ]
    assert bare == []


def test_project_does_not_speak_of_how_it_was_made() -> None:
    """Texts are about the product."""
    words = ("as an ai", "language model", "this session", "helper agent")
    found = [f"{path}: {word}" for _, path in ALL for word in words if word in path.read_text().lower()]
    assert found == []
