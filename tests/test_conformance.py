"""Every pipeline test of the project gives what Apache Spark gives, plain and killed after every step.

tests/conformance was recorded from Apache Spark and is kept unchanged; tests/queries is our own, in the same format:
tests/queries/spark was recorded where Spark and headrace once differed, as were subqueries and rejected, the rest
worked out by hand from Spark's rules.
Cases still to come stand in conformance_pending.yaml with the reason; a case that is listed and passes fails here, so
that the list cannot grow stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from headrace.testing.pipeline_tests import Verdict, judge

TESTS = Path(__file__).parent
FOLDERS = (TESTS / "conformance", TESTS / "queries")
CRASHED_AREAS = (
    "stateless",
    "tumbling",
    "sliding",
    "aggregate",
    "restart",
    "static-join",
    "deduplicate",
    "session",
    "stream-join",
    "chained",
    "fuzz/dedup",
    "fuzz/group",
    "fuzz/join",
    "fuzz/session",
    "fuzz/window",
)
"""Areas of the recorded corpus that are also run with a kill after every step; all of tests/queries is."""

PENDING: dict[str, str] = {
    case: reason
    for reason, cases in yaml.safe_load((TESTS / "conformance_pending.yaml").read_text()).items()
    for case in cases
}
CASES = {
    path.relative_to(folder).with_suffix("").as_posix(): path
    for folder in FOLDERS
    for path in sorted(folder.rglob("*.yaml"))
}
CRASHED = [
    name
    for name, path in CASES.items()
    if name not in PENDING and (path.is_relative_to(FOLDERS[1]) or name.startswith(CRASHED_AREAS))
]


@pytest.mark.parametrize("name", CASES)
def test_a_case_gives_what_spark_gives(name: str) -> None:
    """A listed case must still fail: when this says so, take it out of conformance_pending.yaml."""
    verdict = judge(CASES[name], crash=False)
    if name in PENDING:
        assert verdict.failures, f"{name} passes now and is still listed under: {PENDING[name]}"
        pytest.xfail(PENDING[name])
    assert verdict == Verdict(CASES[name])


@pytest.mark.crash
@pytest.mark.parametrize("name", CRASHED)
def test_a_case_killed_after_every_step_gives_the_same(name: str) -> None:
    """Going on from what a kill leaves on disk changes nothing that is published."""
    verdict = judge(CASES[name], crash=True)
    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert verdict == Verdict(CASES[name])


@pytest.mark.parametrize("listed", [pytest.param(sorted(PENDING), id="conformance_pending.yaml")])
def test_every_listed_case_is_a_file(listed: Sequence[str]) -> None:
    """A list that names cases which are gone says less than it seems to."""
    assert [name for name in listed if name not in CASES] == []
