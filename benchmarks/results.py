"""Benchmarks: what was measured, as JSON below benchmarks/results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.machine import describe_machine

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FOLDER = Path(__file__).parent / "results"


def write_results(name: str, measured: Sequence[DataclassInstance]) -> Path:
    """Write frozen values with the machine and the time beside them, and return the file."""
    _FOLDER.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    file = _FOLDER / f"{name}-{now:%Y%m%dT%H%M%S}.json"
    content = {"machine": describe_machine(), "at": now.isoformat(), "measured": [asdict(one) for one in measured]}
    file.write_text(json.dumps(content, indent=2) + "\n")
    return file
