"""Batch SQL calls the functions of a pipeline file, in a worker that starts with the first call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.batch.session import BatchSession
from headrace.clock import ManualClock
from headrace.config.load import load
from headrace.errors import StreamError

CODE = """\
import os
import pyarrow.compute as pc
def half(x): return pc.divide(x, 2)
def leaves(x): os._exit(2)
"""


def test_functions_of_the_file_can_be_called(tmp_path: Path) -> None:
    """What ends the worker ends one statement; a new session has a new one."""
    (tmp_path / "code_for_batch.py").write_text(CODE)
    functions = {
        name: {"function": f"code_for_batch:{name}", "parameters": "x DOUBLE", "returns": "DOUBLE"}
        for name in ("half", "leaves")
    }
    file = {
        "version": 1,
        "name": "a",
        "sources": {"s": {"format": "rate"}},
        "functions": functions,
        "queries": {"q": {"sql": "SELECT value FROM s", "output_mode": "append", "sink": {"format": "console"}}},
        "checkpoint": {"location": "c"},
    }
    (tmp_path / "p.yaml").write_text(json.dumps(file))
    pipeline = load(tmp_path / "p.yaml", environment={})
    session = BatchSession({}, ManualClock(0), pipeline)
    try:
        assert session.run("SELECT half(id) AS h FROM VALUES (1), (3) AS t(id)").lines == ("0.5", "1.5")
        with pytest.raises(StreamError, match=r"code_for_batch:leaves ended its worker process: exit code 2\."):
            session.run("SELECT leaves(1)")
        session.close()
        assert session.run("SELECT half(5)").lines == ("2.5",)
    finally:
        session.close()
