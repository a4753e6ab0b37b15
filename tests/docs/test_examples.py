"""The pipelines in examples/: each one compiles, and its tests pass, killed after every step too."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.assembly.compile import compile_query
from headrace.config.load import load
from headrace.testing.pipeline_tests import Verdict, judge

EXAMPLES = Path(__file__).parents[2] / "examples"
PIPELINES = sorted(EXAMPLES.glob("*/pipeline.yaml"))
CASES = sorted(EXAMPLES.glob("*/tests/*.yaml"))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.parent.name)
def test_an_example_compiles(path: Path) -> None:
    """Every query of it."""
    pipeline = load(path, environment={})
    assert [compile_query(pipeline, name).name for name in pipeline.queries] == list(pipeline.queries)


@pytest.mark.parametrize("crash", [False, True], ids=["plain", "crash"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_the_tests_of_an_example_pass(path: Path, crash: bool) -> None:
    """What users are shown is true."""
    assert judge(path, crash=crash) == Verdict(path)
