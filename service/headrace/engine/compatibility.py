"""The corridor: whether a changed query can go on with an old checkpoint.

Takes what the checkpoint recorded of a query and what the query is now; gives every difference that its state or
offsets cannot follow. Filters, projections, limits, triggers and sink options may change; sources, grouping and
aggregates not. The state of Python code may grow. Source: Spark's OperatorStateMetadata and state schema checks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headrace.ddl import parse_schema
from headrace.errors import StreamError
from headrace.operators.groups.generations import MOST_GENERATIONS, has_grown

Record = Mapping[str, Any]
"""``{"sources": [names], "operators": {step id: signature}, "older": {step id: [schemas of before]}}``."""

_WORDS = frozenset({"state", "stored"})
"""Parts of a signature that say what another part, `buffers`, is."""


def differences(old: Record, new: Record) -> list[tuple[str, str]]:
    """Return (Spark's condition, what changed) for each change that cannot be followed, sources first."""
    full = frozenset(name for name, schemas in old.get("older", {}).items() if len(schemas) >= MOST_GENERATIONS)
    return [*_sources(old["sources"], new["sources"]), *_operators(old["operators"], new["operators"], full)]


def _sources(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    found = [f'source "{name}" was removed' for name in old if name not in new]
    found += [f'source "{name}" was added' for name in new if name not in old]
    return [("STREAMING_QUERY_EVOLUTION_ERROR", text) for text in found]


def _operators(old: Record, new: Record, full: frozenset[str]) -> list[tuple[str, str]]:
    condition = "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA"
    found = [(condition, f"the stateful operator {name} was removed") for name in old if name not in new]
    found += [(condition, f"the stateful operator {name} was added") for name in new if name not in old]
    for name in [name for name in old if name in new]:
        for part in sorted({*old[name], *new[name]} - _WORDS):
            was, now = old[name].get(part), new[name].get(part)
            if was != now and not (part == "buffers" and name not in full and _grows(old[name], new[name])):
                kind = {
                    "grouping": "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE",
                    "keys": "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE",
                    "buffers": "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE",
                }
                shown = part
                if part == "buffers" and "state" in old[name] and "state" in new[name]:
                    shown, was, now = "state", old[name]["state"], new[name]["state"]
                found.append((kind.get(part, condition), f"{shown} of {name} was {_short(was)} and is {_short(now)}"))
    return found


def _grows(old: Record, new: Record) -> bool:
    if "state" not in old or "state" not in new:
        return False
    try:
        return has_grown(parse_schema(old["state"]), parse_schema(new["state"]))
    except StreamError:  # a schema with names that no DDL can say twice
        return False


def older_states(old: Record, new: Record) -> dict[str, list[str]]:
    """Return, by step, the schemas under which rows of state were written before, oldest first.

    Args:
        old: What the checkpoint recorded; the new record has no differences from it.
        new: What the query is now.
    """
    found = {name: list(schemas) for name, schemas in old.get("older", {}).items()}
    for name, was in old["operators"].items():
        if "stored" in was and was["stored"] != new["operators"][name]["stored"]:
            found.setdefault(name, []).append(was["stored"])
    return found


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
