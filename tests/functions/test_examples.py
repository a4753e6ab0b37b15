"""Every example of Spark's own function documentation, through one process of ``headrace sql``."""

from __future__ import annotations

import json
import sys
from collections import Counter

import pytest
from tests.functions.answers import FOLDER, Answer, ask

AT_LEAST = 0.9


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """One process answers them all."""
    return ask()


def test_no_example_gives_a_wrong_answer(answers: list[Answer]) -> None:
    """A refusal is better than a wrong value."""
    wrong = {a.example["statement"]: (a.answer["text"], a.example["expected"]) for a in answers if a.is_wrong}
    assert wrong == {}


def test_what_is_refused_is_on_the_list(answers: list[Answer]) -> None:
    """The list names each function that refuses examples; one that works no longer belongs there."""
    refused = Counter(a.example["function"] for a in answers if not a.is_right and not a.is_wrong)
    listed = json.loads((FOLDER / "not_yet.json").read_text())
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
