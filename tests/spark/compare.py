"""A recorded case run by headrace; where they disagree, the smallest case that still does.

Takes a case as Spark recorded it; gives the disagreement, and case files in the form of tests/conformance.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from headrace.testing.pipeline_tests import judge

Case = dict[str, Any]


def disagreement(case: Case) -> list[str]:
    """Return how headrace differs from what was recorded; nothing when they agree."""
    with tempfile.TemporaryDirectory(prefix="headrace-spark-") as folder:
        path = Path(folder) / "case.yaml"
        write(case, path)
        try:
            return list(judge(path, crash=False).failures)
        except Exception as error:  # noqa: BLE001 a crash of ours is a disagreement like any other
            return [f"crashed: {type(error).__name__}: {error}"]


def write(case: Case, path: Path, note: str = "recorded from Apache Spark 4.2.0") -> None:
    """Write a case as a test file, rows one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = yaml.dump(_shaped(case), Dumper=_Dumper, sort_keys=False, width=100_000, allow_unicode=True)
    path.write_text(f"# {note}\n{body}")


class _OneLine(dict[str, Any]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes rows and other small mappings on one line, and nothing as an alias."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


_Dumper.add_representer(
    _OneLine, lambda dumper, row: dumper.represent_mapping("tag:yaml.org,2002:map", row, flow_style=True)
)


def _shaped(case: Case) -> Case:
    shaped = copy.deepcopy(case)
    for holder in (*shaped["sources"].values(), *shaped.get("tables", {}).values(), *shaped.get("views", ())):
        for key in ("watermark", "deduplicate"):
            if key in holder:
                holder[key] = _OneLine(holder[key])
        if "rows" in holder:
            holder["rows"] = [_OneLine(row) for row in holder["rows"]]
    for step in shaped["steps"]:
        if "add" in step:
            step["add"] = {name: [_OneLine(row) for row in rows] for name, rows in step["add"].items()}
        if "expect" in step:
            step["expect"] = [_OneLine(row) for row in step["expect"]]
    return shaped


def shrunk(case: Case, record: Callable[[Case], Case], tries: int = 40) -> Case:
    """Return a smaller recorded case that still disagrees.

    Args:
        case: A recorded case that disagrees.
        record: Asks Spark.
        tries: How many smaller cases to ask about at most.
    """
    best, found_one = case, True
    while found_one:
        found_one = False
        for smaller in _smaller(best):
            tries -= 1
            if tries < 0:
                return best
            recorded = record(smaller)
            if ("error" in recorded) == ("error" in best) and disagreement(recorded):
                best, found_one = recorded, True
                break
    return best


def _smaller(case: Case) -> Iterator[Case]:
    """Cases with a step less, a setting less, a row less; the last steps first."""
    for place in reversed(range(len(case["steps"]))):
        if len(case["steps"]) > 1:
            smaller = _again(case)
            del smaller["steps"][place]
            yield smaller
    for name in case.get("settings", {}):
        smaller = _again(case)
        del smaller["settings"][name]
        yield smaller
    for place, name, row in list(_rows(case)):
        smaller = _again(case)
        del smaller["steps"][place]["add"][name][row]
        yield smaller


def _again(case: Case) -> Case:
    smaller = copy.deepcopy(case)
    smaller.pop("error", None)
    return smaller


def _rows(case: Case) -> Iterator[tuple[int, str, int]]:
    """The place of every row that may go: a step keeps one."""
    for place, step in enumerate(case["steps"]):
        add: Mapping[str, list[Any]] = step.get("add", {})
        if sum(len(rows) for rows in add.values()) > 1:
            yield from ((place, name, row) for name, rows in add.items() for row in reversed(range(len(rows))))
