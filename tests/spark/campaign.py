"""Many queries of many kinds, on Spark and on headrace, and what came of it.

Takes kinds, a seed and how many queries of each; gives the disagreements, each written as a case file.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.spark.compare import Case, disagreement, shrunk, write
from tests.spark.grammar.kinds import KINDS, generate
from tests.spark.live import LiveSpark

_OF_STATE = (
    "CANNOT_LOAD_STATE_STORE",
    "STATE_STORE_",
    "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA",
)
"""Conditions with which Spark fails at the state it wrote itself."""


@dataclass(slots=True)
class Outcome:
    """What a campaign found; `disagreed` maps the name of a case to how it differs."""

    ran: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    disagreed: dict[str, list[str]] = field(default_factory=dict)


def run(spark: LiveSpark, kinds: dict[str, range], seed: int, kept: Path, *, shrink: bool = True) -> Outcome:
    """Run the queries and keep every disagreement as a file.

    Args:
        spark: The Spark to ask.
        kinds: The numbers of the queries to run, by kind.
        seed: What the queries are drawn from.
        kept: The folder for disagreements.
        shrink: Make them small first.
    """
    outcome = Outcome()
    for kind, numbers in kinds.items():
        for number in numbers:
            name = f"{kind}_{seed}_{number}"
            recorded = spark.record(generate(kind, seed, number))
            outcome.ran[kind] += 1
            outcome.refused[kind] += "error" in recorded
            if _spark_broke(recorded):
                outcome.broken[kind] += 1
                write(recorded, kept / "spark_broke" / f"{name}.yaml")
                continue
            found = disagreement(recorded)
            if found:
                _keep(spark, recorded, kept / f"{name}.yaml", shrink=shrink)
                outcome.disagreed[name] = found
                sys.stdout.write(f"{name}: {recorded['query']['output_mode']}: {recorded['query']['sql']}\n")
                sys.stdout.writelines(f"     {text[:400]}\n" for text in found[:6])
                sys.stdout.flush()
    return outcome


def _spark_broke(case: Case) -> bool:
    """True when Spark failed at its own state, not at the query."""
    return str(case.get("error", {}).get("condition")).startswith(_OF_STATE)


def _keep(spark: LiveSpark, recorded: Case, path: Path, *, shrink: bool) -> None:
    write(shrunk(recorded, spark.record) if shrink else recorded, path)


def main() -> None:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.spark.campaign", description=main.__doc__)
    parser.add_argument("--spark-python", required=True, help="a Python that has pyspark")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20, help="queries of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first query of each kind")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--keep", type=Path, default=Path("/tmp/headrace-spark"))
    parser.add_argument("--no-shrink", action="store_true")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    numbers = range(given.first, given.first + given.count)
    ran = wrong = 0
    with LiveSpark(given.spark_python, given.keep / "spark.log") as spark:
        for kind in given.kinds.split(","):
            outcome = run(spark, {kind: numbers}, given.seed, given.keep, shrink=not given.no_shrink)
            ran, wrong = ran + outcome.ran[kind], wrong + len(outcome.disagreed)
            aside = f"{outcome.refused[kind]} refused by Spark, {outcome.broken[kind]} broke it"
            sys.stdout.write(f"{kind}: {outcome.ran[kind]} ran, {aside}, {len(outcome.disagreed)} disagreed\n")
            sys.stdout.flush()
    sys.stdout.write(f"seed {given.seed}: {ran} queries, {wrong} disagreed, {time.monotonic() - started:.0f} s\n")


if __name__ == "__main__":
    main()
