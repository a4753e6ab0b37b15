"""What the pages say of the code is true: links lead somewhere, examples run, tables name what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from headrace.assembly.compile import compile_query
from headrace.config.load import load
from headrace.engine.recovery import Case
from headrace.failpoints import POINTS
from headrace.terminal.verbs import COMMANDS
from headrace.testing.pipeline_tests import Verdict, judge

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("[!.]*/README.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "helm").rglob("*.md")]
)
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _links(page: Path) -> list[str]:
    prose = _FENCE.sub("", page.read_text())
    return [link for link in _LINK.findall(prose) if not link.startswith(("http://", "https://", "mailto:"))]


def _anchors(page: Path) -> set[str]:
    if page.suffix == ".py":
        return set(re.findall(r"^def (test_\w+)", page.read_text(), re.MULTILINE))
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    """Links are relative, so that they work in a checkout, and none of them is dead; one to a test names it."""
    broken = []
    for link in _links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_recovery_page_has_every_case_and_every_failpoint() -> None:
    """The page is the table that the code implements."""
    text = (ROOT / "docs" / "recovery.md").read_text()
    named = set(re.findall(r"`([a-z_]+)`", text))
    assert {case.value for case in Case} - named == set()
    assert set(POINTS) - named == set()


def test_the_pipeline_of_the_readme_compiles(tmp_path: Path) -> None:
    """The first example a reader copies must not be refused."""
    block = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)[0]
    file = tmp_path / "pipeline.yaml"
    file.write_text(block)
    pipeline = load(file, environment={})
    assert [compile_query(pipeline, name).output.names for name in pipeline.queries] == [("start", "page", "n")]


def test_the_pipeline_test_of_the_guide_passes(tmp_path: Path) -> None:
    """Plain and killed after every step."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs" / "pipeline.md").read_text(), re.DOTALL | re.MULTILINE)
    [block] = [block for block in blocks if "steps" in yaml.safe_load(block)]
    file = tmp_path / "example.yaml"
    file.write_text(block)
    assert [judge(file, crash=crash) for crash in (False, True)] == [Verdict(file), Verdict(file)]


@pytest.mark.parametrize("page", [page for page in PAGES if "reference" not in page.parts], ids=_name)
def test_commands_on_a_page_are_commands_there_are(page: Path) -> None:
    """`headrace VERB` and `make TARGET` in code."""
    code = "\n".join(re.findall(r"`([^`\n]+)`", page.read_text()) + _FENCE.findall(page.read_text()))
    verbs = set(re.findall(r"(?:^|bin/|[\s(])headrace ([a-z]+)\b", code, re.MULTILINE))
    targets = set(re.findall(r"^make ([a-z]+)", code, re.MULTILINE))
    there_are = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    paths = re.findall(r"ARGS=\"?([\w/.]+)", code)
    assert verbs - set(COMMANDS) == set()
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert targets - there_are == set()


@pytest.mark.parametrize("page", DECISIONS, ids=_name)
def test_a_decision_says_what_it_gives_up_and_how_it_could_be_wrong(page: Path) -> None:
    """At most forty lines, in the four parts that every note has."""
    text = page.read_text()
    assert len(text.splitlines()) <= 40
    parts = ("Context.", "Choice.", "What we give up.", "How we would notice it is wrong.")
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize("page", ["README.md", "docs/sql.md"])
def test_the_number_of_examples_that_are_answered_is_counted(page: str) -> None:
    """Of those that Spark's function documentation has."""
    folder = ROOT / "tests" / "functions"
    examples = [each for each in json.loads((folder / "examples.json").read_text()) if not each.get("excluded")]
    refused = json.loads((folder / "not_yet.json").read_text()).values()
    answered = len(examples) - sum(each["examples"] for each in refused)
    text = (ROOT / page).read_text()
    assert f"{len(examples):,} examples" in text
    assert f"{answered:,}" in text


def test_decisions_are_numbered_without_gaps() -> None:
    """Comments in the code cite the numbers."""
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
