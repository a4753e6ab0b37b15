"""Generated queries and batches on live Apache Spark and on headrace, compared step by step.

Rows as a multiset, the watermark, rows of state and late rows must agree, and so must refusals. `make test-spark` makes
the Python that has pyspark and runs this file; elsewhere it is skipped. Every disagreement ever found is kept as a case
in tests/queries/spark, which runs without Spark.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.spark.campaign import run
from tests.spark.grammar.kinds import KINDS, generate
from tests.spark.live import LiveSpark

PYTHON = os.environ.get("HEADRACE_SPARK_PYTHON", "")
SEED = int(os.environ.get("HEADRACE_SPARK_SEED", "20260101"))
COUNT = int(os.environ.get("HEADRACE_SPARK_COUNT", "10"))
KEPT = Path(os.environ.get("HEADRACE_SPARK_KEEP", "build/spark"))

spark = pytest.mark.skipif(not PYTHON, reason="needs a Python with pyspark: make test-spark")


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSpark]:
    """One Spark for all kinds."""
    with LiveSpark(PYTHON, tmp_path_factory.mktemp("spark") / "spark.log") as found:
        yield found


@spark
@pytest.mark.spark
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_spark_and_headrace_agree_on_generated_queries(kind: str, live: LiveSpark) -> None:
    """As many queries of each kind as HEADRACE_SPARK_COUNT says, from HEADRACE_SPARK_SEED."""
    outcome = run(live, {kind: range(COUNT)}, SEED, KEPT)
    assert outcome.disagreed == {}, f"seed {SEED}; the cases are kept in {KEPT}"
    assert outcome.ran[kind] == COUNT


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_case_again(kind: str) -> None:
    """A disagreement can be looked at from its seed and number alone."""
    cases = [generate(kind, 1, number) for number in range(20)]
    assert cases == [generate(kind, 1, number) for number in range(20)]
    assert len({str(case) for case in cases}) == 20
    assert all(set(case) >= {"sources", "query", "steps"} for case in cases)
