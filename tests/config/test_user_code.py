"""Files that name Python code: where it is looked for, and everything that is wrong at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.config.load import load
from headrace.config.user_code import FunctionKind, RowForm, StatefulMode
from headrace.errors import StreamErrors
from headrace.stateful import TimeMode

GOOD = """\
version: 1
name: a
sources:
  s: {format: pond, options: {subscribe: t}}
functions:
  twice: {function: "code_beside_the_file:twice", parameters: "x BIGINT", returns: BIGINT, kind: python}
views:
  - name: v
    stateful:
      input: s
      keys: k
      function: code_beside_the_file:visits
      output_schema: k STRING
      state_schema: n INT
      timeout: Event_Time
      form: table
queries:
  q: {sql: SELECT 1, sink: {format: pond}}
checkpoint: {location: c}
"""
CODE = """\
LIMIT = 5
def twice(x): return 2 * x
def visits(key, rows, state): return []
"""

CASES = [
    ("code_beside_the_file:twice", "code_beside_the_file.twice", [
        '[CONFIG_INVALID_VALUE] p.yaml:6:21 "code_beside_the_file.twice" names no Python code. '
        "Write package.module:name.",
    ]),
    ("code_beside_the_file:twice", "code_beside_the_file:twise", [
        '[CONFIG_INVALID_VALUE] p.yaml:6:21 the module code_beside_the_file has no "twise". Did you mean "twice"?',
    ]),
    ("code_beside_the_file:twice", "code_beside_the_file:LIMIT", [
        "[CONFIG_INVALID_VALUE] p.yaml:6:21 code_beside_the_file:LIMIT is no function and no class; it is 5.",
    ]),
    ("code_beside_the_file:twice", "code_that_breaks:twice", [
        "[CONFIG_INVALID_VALUE] p.yaml:6:21 the module code_that_breaks cannot be imported: ZeroDivisionError: "
        "division by zero at code_that_breaks.py:2.",
    ]),
    ('"x BIGINT"', '"x BIGNT"', [
        "[UNSUPPORTED_DATATYPE] p.yaml:6:66 In the schema 'x BIGNT' at line 1, column 3: unsupported data type "
        "'BIGNT'. Did you mean \"BIGINT\"?",
    ]),
    ('"x BIGINT"', '""', [
        "[CONFIG_INVALID_VALUE] p.yaml:6:63 functions.twice takes no parameters; a function of SQL takes one or more.",
    ]),
    ("kind: python", "kind: pandas", [
        "[CONFIG_INVALID_VALUE] p.yaml:6:98 functions.twice.kind has the value 'pandas'; allowed: arrow, python.",
    ]),
    ("function: code_beside_the_file:visits", "processor: code_beside_the_file:visits", [
        "[CONFIG_INVALID_VALUE] p.yaml:10:7 views[0].stateful has the value {...}; a function needs a state_schema; a "
        "processor declares its state itself.",
    ]),
    ("input: s", "input: w", [
        '[CONFIG_INVALID_VALUE] p.yaml:10:14 stateful.input names "w", which is no source, table or earlier view. '
        "Allowed: s.",
    ]),
    ("timeout: Event_Time", "initial_state: w", [
        '[CONFIG_INVALID_VALUE] p.yaml:15:22 stateful.initial_state names "w", which is no source, table or earlier '
        "view. Allowed: s.",
    ]),
    ("timeout: Event_Time", "timeout: whenever", [
        "[CONFIG_INVALID_VALUE] p.yaml:15:16 views[0].stateful.timeout has the value 'whenever'; allowed: none, "
        "processing_time, event_time.",
    ]),
]  # fmt: skip


def written(write: Callable[[str], Path], text: str) -> Path:
    """Return a pipeline file with its code beside it."""
    path = write(text)
    (path.parent / "code_beside_the_file.py").write_text(CODE)
    (path.parent / "code_that_breaks.py").write_text("x = 1\n1 / 0\n")
    return path


@pytest.fixture(autouse=True)
def unloaded() -> Iterator[None]:
    """Forget the modules and the folders that a test loaded code from."""
    modules, folders = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - modules:
        if name.startswith("code_"):
            del sys.modules[name]
    sys.path[:] = folders


@pytest.mark.parametrize(("old", "new", "expected"), CASES, ids=[case[1][:40] for case in CASES])
def test_bad_code_is_told_at_its_place(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, old: str, new: str, expected: list[str]
) -> None:
    """Like every other value of the file."""
    monkeypatch.chdir(written(write, GOOD.replace(old, new, 1)).parent)
    with pytest.raises(StreamErrors) as raised:
        load(Path("p.yaml"), environment={})
    assert str(raised.value).splitlines() == expected


def test_a_module_that_is_nowhere_is_told_with_the_places(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two missing modules are two findings."""
    text = GOOD.replace("code_beside_the_file", "no_such_module")
    monkeypatch.chdir(written(write, text).parent)
    with pytest.raises(StreamErrors) as raised:
        load(Path("p.yaml"), environment={})
    said = f"there is no module no_such_module. Looked into {Path.cwd()} and the installed packages."
    assert str(raised.value).splitlines() == [
        f"[CONFIG_INVALID_VALUE] p.yaml:6:21 {said}",
        f"[CONFIG_INVALID_VALUE] p.yaml:12:17 {said}",
    ]


def test_a_module_that_another_one_hides_is_told(write: Callable[[str], Path]) -> None:
    """Its name is one of Python's own modules, which are loaded long before."""
    path = written(write, GOOD.replace("code_beside_the_file:twice", "json:twice"))
    (path.parent / "json.py").write_text(CODE)
    with pytest.raises(
        StreamErrors, match=r"the module json is .*json/__init__\.py, which was loaded before; .*json\.py"
    ):
        load(path, environment={})


def test_code_is_found_beside_the_file(write: Callable[[str], Path]) -> None:
    """And the values are as written, defaults filled in."""
    pipeline = load(written(write, GOOD), environment={})
    assert pipeline.functions["twice"].kind is FunctionKind.PYTHON
    stateful = pipeline.views[0].stateful
    assert stateful is not None
    assert (stateful.keys, stateful.timeout, stateful.form) == (("k",), TimeMode.EVENT_TIME, RowForm.TABLE)
    assert (stateful.target, stateful.output_mode) == ("code_beside_the_file:visits", StatefulMode.APPEND)
