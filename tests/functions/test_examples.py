"""Every example of Spark's own function documentation, through one process of ``headrace sql``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
AT_LEAST = 0.9


@dataclass(frozen=True, slots=True)
class Answer:
    """An example beside what came back: lines, or an error."""

    example: dict[str, Any]
    answer: dict[str, Any]

    @property
    def is_right(self) -> bool:
        """True for the documented lines, those of a live Spark, or the documented error."""
        if "error" in self.answer:
            error = self.answer["error"]
            return bool(self.example["expected"] == [f"[{error['code']}] {error['message']}"])
        lines = _trimmed(self.answer["text"])
        wanted = [self.example["expected"], self.example.get("live")]
        if _is_unordered(self.example["statement"]):
            return any(right is not None and sorted(lines) == sorted(right) for right in wanted)
        return lines in wanted

    @property
    def is_wrong(self) -> bool:
        """True for another answer; an error is no wrong answer."""
        return "error" not in self.answer and not self.is_right


def _trimmed(lines: list[str]) -> list[str]:
    return re.sub(r"\n\s+", "\n", "\n".join(lines)).strip().split("\n")


def _is_unordered(statement: str) -> bool:
    """Spark fixes no order of groups."""
    return re.search(r"\bGROUP BY\b", statement, re.I) is not None and "ORDER BY" not in statement.upper()


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """One process answers them all: some examples are settings that the next ones need."""
    examples = [e for e in json.loads((FOLDER / "examples.json").read_text()) if "excluded" not in e]
    command = [sys.executable, "-m", "headrace", "sql", "--output", "json", "--time-zone", "America/Los_Angeles"]
    text = "".join(f"{example['statement']};\n" for example in examples)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(examples)
    return [Answer(example, json.loads(line)) for example, line in zip(examples, lines, strict=True)]


def test_no_example_gives_a_wrong_answer(answers: list[Answer]) -> None:
    """A refusal is better than a wrong value."""
    wrong = {a.example["statement"]: (a.answer["text"], a.example["expected"]) for a in answers if a.is_wrong}
    listed = json.loads((FOLDER / "not_yet.json").read_text())["wrong"]
    assert set(wrong) == set(listed), wrong


def test_what_is_refused_is_on_the_list(answers: list[Answer]) -> None:
    """The list names each function that refuses examples; one that works no longer belongs there."""
    refused = Counter(a.example["function"] for a in answers if not a.is_right and not a.is_wrong)
    listed = json.loads((FOLDER / "not_yet.json").read_text())["refused"]
    assert dict(sorted(refused.items())) == {name: entry["examples"] for name, entry in listed.items()}


def test_the_share_of_right_answers_does_not_fall(answers: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the share of each group."""
    right = Counter(a.example["group"] for a in answers if a.is_right)
    asked = Counter(a.example["group"] for a in answers)
    rows = [f"{group:12} {right[group]:5} of {asked[group]:5}" for group in sorted(asked)]
    share = sum(right.values()) / len(answers)
    rows.append(f"{'all':12} {sum(right.values()):5} of {len(answers):5}  {share:.1%}")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(rows) + "\n")
    assert share >= AT_LEAST
