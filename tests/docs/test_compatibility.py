"""The claims of docs/compatibility.md: each names a proof that is there, and nothing that we have is left out."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from headrace.check.checks import CHECKS
from headrace.compatibility.claims import Claim, Status, sections
from headrace.compatibility.functions import OPERATORS, WINDOW_FUNCTIONS, functions_page
from headrace.compatibility.page import compatibility_page
from headrace.contract import ENTRY_POINTS
from headrace.plan.rewrite.rules import RULES
from headrace.sql.aggregates import SPARKS
from headrace.sql.function import How
from headrace.sql.functions import FUNCTIONS

TESTS = Path(__file__).parents[1]
CLAIMS = [(section.title, claim) for section in sections() for claim in section.claims]
EXAMPLES = json.loads((TESTS / "functions" / "examples.json").read_text())


def _rule(function: object) -> str:
    """Return the name of a rule's file."""
    return str(getattr(function, "__module__", "")).rpartition(".")[2]


@cache
def _names(path: Path) -> frozenset[str]:
    """Return the tests of a file."""
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def _is_there(proof: str) -> bool:
    path, _, test = proof.partition("::")
    if test:
        return (TESTS / path).is_file() and test in _names(TESTS / path)
    return (TESTS / path).is_file() and path.endswith((".yaml", ".sql"))


@pytest.mark.parametrize(("section", "claim"), CLAIMS, ids=lambda value: getattr(value, "feature", value))
def test_a_claim_has_a_proof_that_is_there(section: str, claim: Claim) -> None:
    """A test by its name or a case by its path: a row without one is a hope."""
    assert [proof for proof in claim.proof if not _is_there(proof)] == []
    assert claim.proof, f"{section}: {claim.feature}"


@pytest.mark.parametrize(("section", "claim"), CLAIMS, ids=lambda value: getattr(value, "feature", value))
def test_what_is_not_as_in_spark_says_how_or_why(section: str, claim: Claim) -> None:
    """In a table of one status; the others say it by what stands in their columns."""
    if claim.statuses in ((Status.DIFFERS,), (Status.REFUSED,)):
        assert claim.how, f"{section}: {claim.feature}"


def test_no_feature_is_claimed_twice() -> None:
    """Two rows could say two things."""
    seen = [(section, claim.feature) for section, claim in CLAIMS]
    assert len(seen) == len(set(seen))
    assert len(seen) > 150


def test_every_rule_of_streams_and_of_the_optimizer_is_on_the_page() -> None:
    """By the name of its file."""
    page = compatibility_page()
    rules = {_rule(rule) for rule in (*CHECKS, *RULES)}
    assert [rule for rule in sorted(rules) if f"`{rule}`: " not in page] == []


def test_every_source_sink_table_and_format_is_on_the_page() -> None:
    """By the names of our own plugins."""
    page = compatibility_page()
    entries = [entry for entry in entry_points(group=ENTRY_POINTS) if entry.dist and entry.dist.name == "headrace"]
    ours = {entry.load().spec.name for entry in entries}
    assert [name for name in sorted(ours) if f"`{name}`" not in page] == []


def test_every_group_of_functions_is_on_the_page() -> None:
    """The groups of Spark's documentation."""
    [groups] = [section for section in sections() if section.title == "Groups of functions"]
    listed = {name for claim in groups.claims for name in claim.feature.split(", ")}
    assert {example["group"] for example in EXAMPLES} - listed == set()


def test_every_function_is_listed() -> None:
    """In docs/reference/functions.md, under its own name or among those of another."""
    page = functions_page().replace("\\|", "|")
    names = [*FUNCTIONS, *SPARKS, *WINDOW_FUNCTIONS]
    assert [name for name in names if f"`{OPERATORS.get(name, name)}`" not in page] == []


def test_every_function_that_is_not_refused_is_tested() -> None:
    """By an example of Spark's documentation, or by a call in a test or case; operators by their signs."""
    suffixes = {".py", ".yaml", ".sql", ".json", ".jsonl"}
    texts = (path.read_text().lower() for path in TESTS.rglob("*") if path.suffix in suffixes)
    called = {name for text in texts for pair in re.findall(r"\b(\w+)\(|\(\"(\w+)\"", text) for name in pair}
    called |= {example["function"] for example in EXAMPLES} | set(OPERATORS)
    known = {name for name, function in FUNCTIONS.items() if function.how is not How.REFUSED}
    known |= {name.partition(" ")[0] for name, aggregate in SPARKS.items() if not aggregate.why}
    assert sorted(known - called) == []
