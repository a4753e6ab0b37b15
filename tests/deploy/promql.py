"""Just enough of PromQL for tests: the metric names an expression uses, and whether its brackets match."""

from __future__ import annotations

import re

_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_SELECTOR = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
_CALL = re.compile(r"\b[a-z_]+\s*\(")
_NAME = re.compile(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b")
_DURATION = re.compile(r"\b\d+(?:ms|[smhdwy])\b")
_WORDS = {"and", "or", "unless", "offset", "bool", "sum", "min", "max", "avg", "count"}
_PAIRS = {")": "(", "]": "[", "}": "{"}


def metric_names(expression: str) -> set[str]:
    """Return every metric the expression selects, in no order."""
    text = _STRING.sub('""', expression)
    text = _LABELS.sub(" ", _SELECTOR.sub(" ", text))
    text = _DURATION.sub(" ", _CALL.sub("(", text))
    return set(_NAME.findall(text)) - _WORDS


def is_balanced(expression: str) -> bool:
    """Return whether every bracket outside of strings is closed by its own kind, in order."""
    open_ones: list[str] = []
    for char in _STRING.sub('""', expression):
        if char in _PAIRS.values():
            open_ones.append(char)
        elif char in _PAIRS and (not open_ones or open_ones.pop() != _PAIRS[char]):
            return False
    return not open_ones
