"""Spark's own function examples beside what one process of ``headrace sql`` answers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


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
        if is_unordered(self.example["statement"]):
            return any(right is not None and sorted(lines) == sorted(right) for right in wanted)
        return lines in wanted

    @property
    def is_wrong(self) -> bool:
        """True for another answer; an error is no wrong answer."""
        return "error" not in self.answer and not self.is_right


def _trimmed(lines: list[str]) -> list[str]:
    return re.sub(r"\n\s+", "\n", "\n".join(lines)).strip().split("\n")


def is_unordered(statement: str) -> bool:
    """Spark fixes no order of groups."""
    return re.search(r"\bGROUP BY\b", statement, re.I) is not None and "ORDER BY" not in statement.upper()


def ask() -> list[Answer]:
    """Send all examples to one process: some are settings that the next ones need."""
    examples = [e for e in json.loads((FOLDER / "examples.json").read_text()) if "excluded" not in e]
    command = [sys.executable, "-m", "headrace", "sql", "--output", "json", "--time-zone", "America/Los_Angeles"]
    text = "".join(f"{example['statement']};\n" for example in examples)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(examples)
    return [Answer(example, json.loads(line)) for example, line in zip(examples, lines, strict=True)]
