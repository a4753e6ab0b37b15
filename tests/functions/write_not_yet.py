"""Writes not_yet.json anew: which functions refuse examples, how many, and why.

Run by hand after functions were added: ``python -m tests.functions.write_not_yet``. A reason that stands there is kept;
a function that is new on the list gets the first 150 characters of its error's message, to be read and made better by
hand. A wrong answer ends the run: it is to be corrected, or to be excluded in collect.py with a reason.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tests.functions.answers import FOLDER, Answer, ask

_REASON_CHARACTERS = 150
_UNKNOWN = "Cannot resolve routine"
_NAMING = ("The function", "The aggregate function")


def not_yet(answers: Sequence[Answer], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the list by function, in order of names.

    Args:
        answers: All of them.
        known: The list as it is.
    """
    found: dict[str, Any] = {}
    for answer in answers:
        if not answer.is_right:
            name = answer.example["function"]
            why = known[name]["why"] if name in known else _reason(answer.answer["error"]["message"])
            entry = found.setdefault(name, {"examples": 0, "why": why})
            entry["examples"] += 1
    return dict(sorted(found.items()))


def _reason(message: str) -> str:
    """The message without the name of the function, which stands before it."""
    if message.startswith(_UNKNOWN):
        return "not done yet"
    if message.startswith(_NAMING) and ": " in message:
        message = message.split(": ", 1)[1]
    return message[:_REASON_CHARACTERS]


def main() -> int:
    """Ask, compare and write; 1 when an answer is wrong."""
    answers, file = ask(), FOLDER / "not_yet.json"
    wrong = [answer for answer in answers if answer.is_wrong]
    for each in wrong:
        sys.stderr.write(
            f"{each.example['statement']}\n  gives {each.answer['text']}\n  not {each.example['expected']}\n"
        )
    if wrong:
        return 1
    found = not_yet(answers, json.loads(file.read_text()))
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    right = sum(answer.is_right for answer in answers)
    sys.stdout.write(f"{right} of {len(answers)} right, {len(found)} functions listed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
