"""The pipelines in examples/: each one compiles, and its tests pass, killed after every step too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.assembly.compile import compile_query
from headrace.commands.init import Template, write_template
from headrace.config.load import load
from headrace.testing.pipeline_tests import Verdict, judge, run_files

EXAMPLES = Path(__file__).parents[2] / "examples"
PIPELINES = sorted(EXAMPLES.glob("*/pipeline.yaml"))
CASES = sorted(EXAMPLES.glob("*/tests/*.yaml"))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.parent.name)
def test_an_example_compiles(path: Path) -> None:
    """Every query of it."""
    pipeline = load(path, environment={})
    assert [compile_query(pipeline, name).name for name in pipeline.queries] == list(pipeline.queries)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.parent.name)
def test_every_query_of_an_example_has_a_test(path: Path) -> None:
    """A file of its name."""
    assert sorted(case.stem for case in path.parent.glob("tests/*.yaml")) == sorted(load(path, environment={}).queries)


@pytest.mark.parametrize("crash", [False, True], ids=["plain", "crash"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_the_tests_of_an_example_pass(path: Path, crash: bool) -> None:
    """What users are shown is true."""
    assert judge(path, crash=crash) == Verdict(path)


def test_a_folder_with_its_pipeline_is_tested_as_a_whole() -> None:
    """The pipeline file in it is no test."""
    lines: list[str] = []
    report = run_files([EXAMPLES / "word_count"], crash=False, report=lines.append)
    assert (report.passed, report.failed, report.skipped) == (1, 0, 0)
    assert lines == [f"ok   {EXAMPLES / 'word_count' / 'tests' / 'counts.yaml'}"]


def test_every_example_is_in_the_list() -> None:
    """Of examples/README.md, and the list names no other."""
    listed = re.findall(r"\((\w+)/pipeline\.yaml\)", (EXAMPLES / "README.md").read_text())
    assert set(listed) == {path.parent.name for path in PIPELINES}


@pytest.mark.parametrize("template", ["kafka", "rate"])
def test_what_init_writes_passes_its_test(template: str, tmp_path: Path) -> None:
    """A pipeline, its test, and files beside them that are no tests."""
    write_template(tmp_path, template=Template(template))
    lines: list[str] = []
    report = run_files([tmp_path], crash=True, report=lines.append)
    assert (report.passed, report.failed, report.skipped) == (1, 0, 0)
    assert lines == [f"ok   {tmp_path / 'test.yaml'}"]
