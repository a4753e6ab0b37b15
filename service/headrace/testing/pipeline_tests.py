"""Shipped: test files and folders to a report; what ``headrace test`` runs.

Takes paths; prints a line a case and the differing rows of a failing step; gives the counts.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from headrace.dataclass import dataclass
from headrace.errors import StreamError, StreamErrors
from headrace.testing.cases.model import Case, read_case
from headrace.testing.cases.run import run_case

FORGETS = "a step feeds only some of several watermarked sources, and Spark forgets their maxima at a restart"


@dataclass(frozen=True, slots=True)
class TestReport:
    """How many cases passed, failed, and were left out for a stated reason."""

    passed: int
    failed: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One case: failures are empty when it passed; `skipped` says why it was left out, empty when it was not."""

    path: Path
    failures: tuple[str, ...] = ()
    skipped: str = ""


def run_files(paths: Sequence[Path], *, crash: bool, report: Callable[[str], object]) -> TestReport:
    """Run every test file below the paths and report a line each.

    Raises:
        StreamError: a path does not exist or holds no test.
    """
    passed = failed = skipped = 0
    for path in _files(paths):
        verdict = judge(path, crash=crash)
        if verdict.skipped:
            skipped += 1
            report(f"skip {path}: {verdict.skipped}")
        elif verdict.failures:
            failed += 1
            report(f"FAIL {path}")
            for text in verdict.failures:
                report(f"     {text}")
        else:
            passed += 1
            report(f"ok   {path}")
    return TestReport(passed, failed, skipped)


def judge(path: Path, *, crash: bool) -> Verdict:
    """Return the verdict on one test file; a file that is no test fails."""
    try:
        case = read_case(path)
        if crash and case.feeds_some_of_several_watermarks:
            return Verdict(path, skipped=FORGETS)
        return Verdict(path, tuple(_run(case, crash=crash)))
    except (StreamError, StreamErrors) as error:
        return Verdict(path, (str(error),))


def _run(case: Case, *, crash: bool) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="headrace-test-") as folder:
        return run_case(case, Path(folder), crash=crash)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        found = [each for each in sorted(path.rglob("*.yaml")) if _is_test(each)] if path.is_dir() else [path]
        if not found or not found[0].exists():
            message = f"{path} holds no test files (*.yaml)"
            raise StreamError("CONFIG_FILE_UNREADABLE", message)
        yield from found


def _is_test(path: Path) -> bool:
    """False for a pipeline or another file that stands beside the tests in a folder."""
    return re.search(r"^(query|steps|pipeline):", path.read_text(encoding="utf-8", errors="replace"), re.M) is not None
