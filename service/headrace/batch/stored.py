"""Batch SQL: the state of a checkpoint in FROM: read_statestore('folder', ...) and read_state_metadata('folder').

Takes a query's tree; gives the tree with a plain table name in place of each such function, and the tables. Names of
options and columns are those of Spark's `statestore` and `state-metadata` formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from headrace.config.pipeline import Pipeline
from headrace.dataclass import dataclass
from headrace.errors import StreamError, did_you_mean
from headrace.operators.stored.description import DEFAULT_STORE, TIMERS, StoredState
from headrace.operators.stored.reader import StoredQuery
from headrace.plan.catalog import Catalog
from headrace.types import BIGINT, INT, STRING, StructType, struct

ROWS, METADATA = "read_statestore", "read_state_metadata"
FORMATS = {"statestore": ROWS, "state-metadata": METADATA}
"""What may stand before the dot, as in statestore.`folder`."""

_OPTIONS = ("path", "batchId", "operatorId", "storeName", "joinSide", "stateVarName", "readRegisteredTimers")
_SIDES = ("left", "right")
_METADATA_SCHEMA = struct(
    operatorId=BIGINT,
    operatorName=STRING,
    stateStoreName=STRING,
    numPartitions=INT,
    minBatchId=BIGINT,
    maxBatchId=BIGINT,
    operatorProperties=STRING,
)

Options = Mapping[str, str]
"""Values of options by their names as in _OPTIONS."""


@dataclass(frozen=True, slots=True)
class StateRows:
    """A table of the rows of a part of the state."""

    query: StoredQuery
    stored: StoredState
    batch: int | None

    @property
    def schema(self) -> StructType:
        """Its columns."""
        return self.stored.schema

    def load(self) -> pa.Table:
        """Return the rows."""
        return self.query.rows(self.stored, self.batch)


@dataclass(frozen=True, slots=True)
class StateMetadata:
    """A table of what a query keeps, one row a part."""

    query: StoredQuery

    @property
    def schema(self) -> StructType:
        """Its columns."""
        return _METADATA_SCHEMA

    def load(self) -> pa.Table:
        """Return the rows."""
        batches: list[int | None] = [*self.query.batches()] or [None]
        rows = [
            (each.operator_id, each.operator, each.name, 1, batches[0], batches[-1], None) for each in self.query.states
        ]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in _METADATA_SCHEMA.fields]
        return pa.table(columns, schema=_METADATA_SCHEMA.arrow_schema())


StoredTable = StateRows | StateMetadata


def stored_in(tree: exp.Expr, catalog: Catalog, pipeline: Pipeline | None) -> tuple[exp.Expr, dict[str, StoredTable]]:
    """Return the tree reading state as tables of the catalog, and those tables by name.

    Args:
        tree: Of one query.
        catalog: Gets the tables.
        pipeline: Its queries may be named in place of their folders.

    Raises:
        StreamError: an option is wrong, or the folder is no checkpoint.
    """
    found: dict[str, StoredTable] = {}

    def named(node: exp.Expr) -> exp.Expr:
        call = _call(node)
        if call is None:
            return node
        function, options = call
        name = f"{function}({', '.join(f'{key} => {value!r}' for key, value in options.items())})"
        if name not in found:
            found[name] = _table(function, options, pipeline)
            if catalog.entry(name) is None:
                catalog.add_table(name, found[name].schema)
        node.set("db", None)
        node.set("this", exp.to_identifier(name, quoted=True))
        return node

    return tree.transform(named, copy=False), found


def _call(node: exp.Expr) -> tuple[str, Options] | None:
    if not isinstance(node, exp.Table):
        return None
    if node.db.lower() in FORMATS:
        return FORMATS[node.db.lower()], {"path": node.name}
    if isinstance(node.this, exp.Anonymous) and node.this.name.lower() in FORMATS.values():
        return node.this.name.lower(), _options(node.this)
    return None


def _options(call: exp.Anonymous) -> Options:
    known = {name.lower(): name for name in _OPTIONS}
    options: dict[str, str] = {}
    for place, argument in enumerate(call.expressions):
        given, value = (argument.name, argument.expression) if isinstance(argument, exp.Kwarg) else ("path", argument)
        if given == "path" and place:
            message = f"{call.name} takes the folder first and options by name behind it."
            raise _refused(message, f"Write {call.name}('folder', operatorId => 0).")
        if given.lower() not in known or (call.name.lower() == METADATA and given.lower() != "path"):
            names = ("path",) if call.name.lower() == METADATA else _OPTIONS
            message = f"{call.name} has no option {given}; there are: {', '.join(names)}."
            raise _refused(message, did_you_mean(given, names))
        options[known[given.lower()]] = _constant(given, value)
    if "path" not in options:
        raise _refused(f"{call.name} names no folder.", f"Write {call.name}('checkpoints/query').", "REQUIRED")
    return options


def _constant(name: str, value: exp.Expr) -> str:
    if isinstance(value, exp.Literal):
        return str(value.this)
    if isinstance(value, exp.Boolean):
        return "true" if value.this else "false"
    raise _refused(f"the option {name} must be a constant.", None)


def _table(function: str, options: Options, pipeline: Pipeline | None) -> StoredTable:
    query = StoredQuery(_folder(options["path"], pipeline))
    if function == METADATA:
        return StateMetadata(query)
    batch = _number(options, "batchId") if "batchId" in options else None
    return StateRows(query, _part(query, options), batch)


def _folder(path: str, pipeline: Pipeline | None) -> Path:
    if pipeline is not None and path in pipeline.queries:
        return Path(pipeline.checkpoint_location) / path
    return Path(path)


def _part(query: StoredQuery, options: Options) -> StoredState:
    number = _number(options, "operatorId")
    parts = {each.name: each for each in query.states if each.operator_id == number}
    if not parts:
        known = sorted({each.operator_id for each in query.states})
        there = f"there are {', '.join(map(str, known))}" if known else "the query keeps no state"
        raise _refused(f"operatorId {number} is none of the query; {there}.", None)
    wanted = _wanted(options)
    if wanted in parts:
        return parts[wanted]
    operator = next(iter(parts.values())).operator
    names = ", ".join(sorted(parts))
    if wanted != DEFAULT_STORE:
        raise _refused(f"operator {number}, {operator}, has no {wanted}; it has: {names}.", did_you_mean(wanted, parts))
    option = "joinSide" if "left" in parts else "stateVarName"
    message = f"operator {number}, {operator}, keeps several things: {names}."
    raise _refused(message, f"Add {option} => '{next(iter(parts))}'.", "REQUIRED")


def _wanted(options: Options) -> str:
    """Return the name of the part that options ask for."""
    if options.get("readRegisteredTimers", "false").lower() == "true":
        return TIMERS
    side = options.get("joinSide", "none").lower()
    if side not in (*_SIDES, "none"):
        raise _refused(f"joinSide is '{side}'; it may be left or right.", None)
    if side != "none":
        return side
    return options.get("stateVarName") or options.get("storeName") or DEFAULT_STORE


def _number(options: Options, name: str) -> int:
    text = options.get(name, "0")
    if not text.isdecimal():
        raise _refused(f"{name} is '{text}'; it must be a whole number, not negative.", None)
    return int(text)


def _refused(message: str, hint: str | None, kind: str = "INVALID") -> StreamError:
    conditions = {
        "INVALID": "STDS_INVALID_OPTION_VALUE.WITH_MESSAGE",
        "REQUIRED": "STDS_REQUIRED_OPTION_UNSPECIFIED",
    }
    return StreamError("SQL_ANALYSIS", message, hint=hint, condition=conditions[kind])
