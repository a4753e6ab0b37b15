"""Workers: what a worker process must know of the code it runs, there and back as JSON; types cross as DDL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from headrace.dataclass import dataclass
from headrace.ddl import ddl_text, parse_schema, parse_type
from headrace.stateful import TimeMode
from headrace.types import DataType, StructType


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function for SQL.

    Attributes:
        target: The code, as the file names it.
        parameters: Names and types.
        returns: Type of the result.
        is_by_row: Called once a row with plain values, in place of once a batch with arrays.
    """

    target: str
    parameters: StructType
    returns: DataType
    is_by_row: bool


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A stateful function or processor.

    Attributes:
        target: The code, as the file names it.
        is_processor: A StatefulProcessor, not a function.
        takes_tables: Rows go in and out as Arrow tables.
        keys: Names of the key columns.
        state: Columns of a function's state.
        output: What it declared to give.
        time_mode: What timeouts and timers go by.
    """

    target: str
    is_processor: bool
    takes_tables: bool
    keys: tuple[str, ...]
    state: StructType
    output: StructType
    time_mode: TimeMode


@dataclass(frozen=True, slots=True)
class CodeSpec:
    """All code of one query: functions by their names in SQL, stateful code by step; `folder` is looked into."""

    folder: Path | None = None
    functions: Mapping[str, FunctionSpec] = field(default_factory=dict)
    groups: Mapping[str, GroupSpec] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True when there is no code."""
        return not self.functions and not self.groups


def to_json(spec: CodeSpec) -> dict[str, Any]:
    """Return the spec as JSON."""
    return {
        "folder": None if spec.folder is None else str(spec.folder.absolute()),
        "functions": {
            name: {
                "target": each.target,
                "parameters": ddl_text(each.parameters),
                "returns": ddl_text(each.returns),
                "is_by_row": each.is_by_row,
            }
            for name, each in spec.functions.items()
        },
        "groups": {
            name: {
                "target": each.target,
                "is_processor": each.is_processor,
                "takes_tables": each.takes_tables,
                "keys": list(each.keys),
                "state": ddl_text(each.state),
                "output": ddl_text(each.output),
                "time_mode": each.time_mode.value,
            }
            for name, each in spec.groups.items()
        },
    }


def from_json(told: Mapping[str, Any]) -> CodeSpec:
    """Return the spec that `to_json` wrote."""
    functions = {
        name: FunctionSpec(
            each["target"], parse_schema(each["parameters"]), parse_type(each["returns"]), each["is_by_row"]
        )
        for name, each in told["functions"].items()
    }
    groups = {
        name: GroupSpec(
            each["target"],
            each["is_processor"],
            each["takes_tables"],
            tuple(each["keys"]),
            parse_schema(each["state"]),
            parse_schema(each["output"]),
            TimeMode(each["time_mode"]),
        )
        for name, each in told["groups"].items()
    }
    return CodeSpec(None if told["folder"] is None else Path(told["folder"]), functions, groups)
