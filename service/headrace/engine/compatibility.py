"""The corridor: whether a changed query can go on with an old checkpoint.

Takes what the checkpoint recorded of a query and what the query is now; gives every difference that its state or
offsets cannot follow. Filters, projections, limits, triggers and sink options may change; sources, grouping and
aggregates not. Source: Spark's OperatorStateMetadata and state schema checks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]
"""``{"sources": [names], "operators": {step id: signature}}``."""


def differences(old: Record, new: Record) -> list[tuple[str, str]]:
    """Return (Spark's condition, what changed) for each change that cannot be followed, sources first."""
    return [*_sources(old["sources"], new["sources"]), *_operators(old["operators"], new["operators"])]


def _sources(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    found = [f'source "{name}" was removed' for name in old if name not in new]
    found += [f'source "{name}" was added' for name in new if name not in old]
    return [("STREAMING_QUERY_EVOLUTION_ERROR", text) for text in found]


def _operators(old: Record, new: Record) -> list[tuple[str, str]]:
    condition = "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA"
    found = [(condition, f"the stateful operator {name} was removed") for name in old if name not in new]
    found += [(condition, f"the stateful operator {name} was added") for name in new if name not in old]
    for name in [name for name in old if name in new]:
        for part in sorted({*old[name], *new[name]}):
            was, now = old[name].get(part), new[name].get(part)
            if was != now:
                kind = {
                    "grouping": "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE",
                    "keys": "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE",
                    "buffers": "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE",
                }
                found.append((kind.get(part, condition), f"{part} of {name} was {_short(was)} and is {_short(now)}"))
    return found


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
