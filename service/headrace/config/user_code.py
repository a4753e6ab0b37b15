"""Room 1: the parts of a pipeline file that name Python code: `functions` and `stateful` views.

Gives their models, and every name that cannot be imported or called, at its place in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from headrace.config.shape.strict import Names, Strict
from headrace.config.yaml_tree import KeyPath, YamlTree
from headrace.ddl import parse_type
from headrace.errors import StreamError
from headrace.stateful import TimeMode
from headrace.workers.imports import imported


def lowered(value: Any) -> Any:
    """Return a text in lower case, anything else as it is."""
    return value.lower() if isinstance(value, str) else value


class FunctionKind(Enum):
    """How a function of SQL is called."""

    ARROW = "arrow"
    PYTHON = "python"


class RowForm(Enum):
    """In which form stateful code takes the rows of a key and gives its own."""

    ROWS = "rows"
    TABLE = "table"


class StatefulMode(Enum):
    """What the rows of a stateful view mean, as in Spark."""

    APPEND = "append"
    UPDATE = "update"


class FunctionConfig(Strict):
    """A Python function that SQL may call by its name in this mapping."""

    function: str = Field(description="The function, as package.module:name; looked for beside this file first.")
    parameters: str = Field(description="Parameters in Spark's DDL, such as: x BIGINT, y STRING.")
    returns: str = Field(description="Type of the result in Spark's DDL, such as DOUBLE.")
    kind: Annotated[FunctionKind, BeforeValidator(lowered)] = Field(
        default=FunctionKind.ARROW,
        description="arrow: takes pyarrow arrays, gives one of the same length. python: a row at a time, much slower.",
    )


class StatefulConfig(Strict):
    """Rows that Python code makes of a stream, key by key, with state of its own."""

    input: str = Field(description="Name of a source or earlier view.")
    keys: Names = Field(min_length=1, description="Columns that make up the key.")
    function: str | None = Field(
        default=None, description="A function of (key, rows, state), as package.module:name; see headrace.stateful."
    )
    processor: str | None = Field(
        default=None, description="A subclass of headrace.stateful.StatefulProcessor, in place of function."
    )
    form: Annotated[RowForm, BeforeValidator(lowered)] | None = Field(
        default=None,
        description="rows: iterators of named tuples. table: pyarrow tables. By the annotation of rows unless given.",
    )
    output_schema: str = Field(description="Columns it gives, in Spark's DDL.")
    state_schema: str | None = Field(
        default=None, description="Columns of the state of a function, in Spark's DDL; a processor declares its own."
    )
    initial_state: str | None = Field(
        default=None,
        description="Table, or earlier view over tables, with the first state of keys; read in a query's first batch.",
    )
    timeout: Annotated[TimeMode, BeforeValidator(lowered)] = Field(
        default=TimeMode.NONE, description="What timeouts (of a function) and timers (of a processor) go by."
    )
    event_time_column: str | None = Field(
        default=None, description="Column of a processor's output that takes over the watermark of the input."
    )
    output_mode: Annotated[StatefulMode, BeforeValidator(lowered)] = Field(
        default=StatefulMode.APPEND, description="What the rows mean; that of a function must be the query's."
    )

    @model_validator(mode="after")
    def _one_code(self) -> Self:
        if (self.function is None) == (self.processor is None):
            msg = "a stateful view has either a function or a processor"
            raise ValueError(msg)
        if (self.function is None) != (self.state_schema is None):
            msg = "a function needs a state_schema; a processor declares its state itself"
            raise ValueError(msg)
        if self.event_time_column and (self.processor is None or self.timeout is TimeMode.PROCESSING_TIME):
            msg = "event_time_column belongs to a processor with timeout: event_time or none"
            raise ValueError(msg)
        return self

    @property
    def target(self) -> str:
        """The code, as package.module:name."""
        return self.function or self.processor or ""


def check_code(tree: YamlTree, folder: Path) -> list[StreamError]:
    """Return an error for each name of Python code that cannot be imported, by a worker, or is not callable."""
    targets = list(_targets(tree))
    found = imported([target for _, target in targets], folder)
    errors = []
    for path, target in targets:
        error = found[target]
        if isinstance(error, StreamError):
            at = tree.value_at(path)
            errors.append(StreamError(error.code, error.message, hint=error.hint, at=at))
    return errors


def check_types(tree: YamlTree) -> list[StreamError]:
    """Return what is wrong with the result type of each function."""
    errors = []
    for name, item in _functions(tree):
        returns = item.get("returns")
        if isinstance(returns, str):
            try:
                parse_type(returns)
            except StreamError as error:
                error.at = tree.value_at(("functions", name, "returns"))
                errors.append(error)
    return [*errors, *_without_parameters(tree)]


def schema_texts(tree: YamlTree) -> Iterator[tuple[KeyPath, str]]:
    """Yield the place and text of each DDL schema in these parts of the file."""
    for name, item in _functions(tree):
        if isinstance(item.get("parameters"), str):
            yield ("functions", name, "parameters"), item["parameters"]
    for index, item in _stateful(tree):
        for key in ("output_schema", "state_schema"):
            if isinstance(item.get(key), str):
                yield ("views", index, "stateful", key), item[key]


def _without_parameters(tree: YamlTree) -> Iterator[StreamError]:
    for name, item in _functions(tree):
        if item.get("parameters") == "":
            message = f"functions.{name} takes no parameters; a function of SQL takes one or more."
            yield StreamError("CONFIG_INVALID_VALUE", message, at=tree.value_at(("functions", name, "parameters")))


def _targets(tree: YamlTree) -> Iterator[tuple[KeyPath, str]]:
    for name, item in _functions(tree):
        if isinstance(item.get("function"), str):
            yield ("functions", name, "function"), item["function"]
    for index, item in _stateful(tree):
        for key in ("function", "processor"):
            if isinstance(item.get(key), str):
                yield ("views", index, "stateful", key), item[key]


def _functions(tree: YamlTree) -> Iterator[tuple[str, dict[str, Any]]]:
    found = tree.root.get("functions")
    for name, item in found.items() if isinstance(found, dict) else ():
        if isinstance(item, dict):
            yield name, item


def _stateful(tree: YamlTree) -> Iterator[tuple[int, dict[str, Any]]]:
    views = tree.root.get("views")
    for index, view in enumerate(views if isinstance(views, list) else ()):
        item = view.get("stateful") if isinstance(view, dict) else None
        if isinstance(item, dict):
            yield index, item
