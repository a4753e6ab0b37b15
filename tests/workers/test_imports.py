"""Code is looked at in a process of its own: what is wrong with it is told, and the service is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from structlog.testing import capture_logs

from headrace.errors import StreamError
from headrace.workers.imports import imported
from headrace.workers.looking import Look

GOOD = """\
import pyarrow as pa
from headrace.stateful import StatefulProcessor
print("hello")

def two(a, b): ...
def three(key, rows: pa.Table, state): ...
class Half(StatefulProcessor):
    def init(self, handle): ...
"""
BAD = """\
import ctypes
ctypes.string_at(0)
"""


def test_code_is_described_and_a_module_that_ends_the_process_is_told(tmp_path: Path) -> None:
    """The others are looked at all the same; nothing of it is imported here."""
    (tmp_path / "code_looked_at.py").write_text(GOOD)
    (tmp_path / "code_crashing.py").write_text(BAD)
    (tmp_path / "code_leaving.py").write_text("import os; os._exit(3)")
    names = ("code_looked_at:two", "code_crashing:f", "code_leaving:f", "code_looked_at:three", "code_looked_at:Half")
    with capture_logs() as logs:
        found = imported(names, tmp_path)
    assert {"event": "printed", "query": "import", "line": "hello", "log_level": "info"} in logs
    errors = {name: each for name, each in found.items() if isinstance(each, StreamError)}
    assert {name: (each.code, each.message) for name, each in errors.items()} == {
        "code_crashing:f": (
            "CONFIG_INVALID_VALUE",
            "the import of code_crashing:f ended its worker process at code_crashing.py:2: killed by SIGSEGV (signal "
            "11). A library has crashed; the Python stack of that moment stands in the log.",
        ),
        "code_leaving:f": (
            "CONFIG_INVALID_VALUE",
            "the import of code_leaving:f ended its worker process: exit code 3. Code may not end its process: let it "
            "raise an exception instead of calling os._exit.",
        ),
    }
    assert [found[f"code_looked_at:{name}"] for name in ("two", "three", "Half")] == [
        Look(False, False, "(a, b)", False, ()),
        Look(False, True, "(key, rows: pyarrow.lib.Table, state)", True, ()),
        Look(True, False, "()", False, ("handleInputRows",)),
    ]
    assert not [name for name in sys.modules if name.startswith("code_looked") or name == "code_crashing"]
    assert str(tmp_path) not in sys.path


def test_nothing_to_look_at_needs_no_process(tmp_path: Path) -> None:
    """A file without code pays nothing."""
    assert imported([], tmp_path) == {}


def test_what_is_printed_on_import_stays_off_the_output_of_a_command(tmp_path: Path) -> None:
    """That of validate may be JSON for a program."""
    (tmp_path / "code_that_prints.py").write_text(GOOD)
    file = {
        "version": 1,
        "name": "a",
        "sources": {"s": {"format": "rate"}},
        "functions": {"two": {"function": "code_that_prints:two", "parameters": "a INT", "returns": "INT"}},
        "queries": {"q": {"sql": "SELECT value FROM s", "output_mode": "append", "sink": {"format": "console"}}},
        "checkpoint": {"location": "c"},
    }
    (tmp_path / "p.yaml").write_text(json.dumps(file))
    command = [sys.executable, "-m", "headrace", "validate", str(tmp_path / "p.yaml"), "--format", "json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (json.loads(ended.stdout), ended.stderr) == ([], "hello\n")
