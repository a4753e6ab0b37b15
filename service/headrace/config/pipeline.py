"""Room 1: the shape of a pipeline file, as frozen models; their fields are the reference page and the JSON Schema.

Takes plain values, gives a `Pipeline`. Names and options are Spark's; what SQL means is for later rooms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    model_validator,
)

from headrace.config.quantities import (
    Duration,
    PositiveDuration,
    Refresh,
    RefreshValue,
    Trigger,
    TriggerValue,
)
from headrace.config.secrets import secrets_in
from headrace.config.shape.source import SourceConfig, WatermarkConfig
from headrace.config.shape.strict import Names, OptionMap, Strict, format_only
from headrace.config.user_code import FunctionConfig, StatefulConfig, lowered
from headrace.config.yaml_tree import KeyPath, YamlTree
from headrace.values import Position, local_path

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PIPELINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _identifier(text: str) -> str:
    if not _IDENTIFIER.fullmatch(text):
        msg = "a name is made of letters, digits and _, and does not begin with a digit"
        raise ValueError(msg)
    return text


def _pipeline_name(text: str) -> str:
    if not _PIPELINE_NAME.fullmatch(text):
        msg = "a pipeline's name is made of at most 100 letters, digits, '.', '_' and '-', and begins with no mark"
        raise ValueError(msg)
    return text


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Identifier = Annotated[
    str, AfterValidator(_identifier), Field(json_schema_extra={"pattern": f"^{_IDENTIFIER.pattern}$"})
]


class OutputMode(Enum):
    """Which rows of the result a batch gives to the sink, as in Spark."""

    APPEND = "append"
    UPDATE = "update"
    COMPLETE = "complete"


class Durability(Enum):
    """Where a batch's redo log must be before the sink commits."""

    LOCAL = "local"
    REMOTE = "remote"


class FailurePolicy(Enum):
    """What the failure of one query means for the others."""

    ISOLATE = "isolate"
    STOP_ALL = "stop_all"


class TableConfig(Strict):
    """A static relation, for joins; from a plugin's format or from rows in the file."""

    format: str | None = Field(default=None, description="Name of a table plugin, such as parquet.")
    options: OptionMap = Field(default={}, description="Options of the format.")
    schema_: str | None = Field(default=None, alias="schema", description="Columns in Spark's DDL; required with rows.")
    rows: list[dict[str, Any]] | None = Field(default=None, description="The rows themselves, in place of a format.")
    refresh: RefreshValue = Field(
        default=Refresh(), description="When to read it again: never, every_batch or a duration."
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.format is None) == (self.rows is None):
            msg = "a table has either a format or rows"
            raise ValueError(msg)
        if self.rows is not None and self.schema_ is None:
            msg = "a table with rows needs a schema"
            raise ValueError(msg)
        return self


class DeduplicateConfig(Strict):
    """A relation without its repeated rows, as dropDuplicates."""

    input: str = Field(description="Name of a source, table or earlier view.")
    columns: Names = Field(default=(), description="Columns that make a row the same; all of them when empty.")
    within_watermark: bool = Field(default=False, description="Forget a row once the watermark passed it by the delay.")


class ViewConfig(Strict):
    """A named step between sources and queries."""

    name: Identifier = Field(description="Name by which later SQL reads it.")
    sql: str | None = Field(default=None, description="A SELECT in Spark's SQL, or !file and a path.")
    deduplicate: DeduplicateConfig | None = Field(default=None, description="Drop repeated rows, in place of sql.")
    stateful: StatefulConfig | None = Field(default=None, description="Python code with state, in place of sql.")
    watermark: WatermarkConfig | None = Field(
        default=None, description="Event time and allowed lateness of the result."
    )

    @model_validator(mode="after")
    def _one_definition(self) -> Self:
        if [self.sql, self.deduplicate, self.stateful].count(None) != 2:
            msg = "a view has one of sql, deduplicate, stateful"
            raise ValueError(msg)
        return self


class EncodeConfig(Strict):
    """How columns become the value of a record."""

    format: str = Field(description="Name of a format plugin, such as json.")
    key: Names = Field(default=(), description="Column, or columns, that make the record's key.")
    options: OptionMap = Field(default={}, description="Options of the format.")


class SinkConfig(Strict):
    """Where the rows of a query go."""

    format: str = Field(description="Name of a sink plugin, as in Spark's writeStream.")
    options: OptionMap = Field(default={}, description="Options of the sink, with Spark's names.")
    partition_by: Names = Field(default=(), description="Columns that name the folders of a file sink.")
    encode: Annotated[EncodeConfig, BeforeValidator(format_only)] | None = Field(
        default=None, description="How columns become the value; without it the rows have Spark's columns for the sink."
    )


class QueryConfig(Strict):
    """One streaming query."""

    sql: str = Field(description="A SELECT in Spark's SQL, or !file and a path.")
    output_mode: Annotated[OutputMode, BeforeValidator(lowered)] = Field(
        default=OutputMode.APPEND, description="Which rows a batch gives to the sink."
    )
    trigger: TriggerValue = Field(
        default=Trigger(), description="When batches start; as soon as possible unless given."
    )
    sink: SinkConfig = Field(description="Where the rows go.")


class CheckpointConfig(Strict):
    """Where progress and state live; one folder a query below it."""

    location: str = Field(description="Folder, or a URL with durability remote; relative to the pipeline file.")
    durability: Durability = Field(
        default=Durability.LOCAL, description="Survive the process (local) or the machine (remote)."
    )
    snapshot_every_batches: int = Field(
        default=50, ge=1, description="Take a snapshot of the state after so many batches."
    )
    keep_batches: int = Field(default=100, ge=2, description="Log files of so many batches are kept for inspection.")

    @model_validator(mode="after")
    def _is_here(self) -> Self:
        if self.durability is Durability.LOCAL:
            local_path(self.location)
        return self


class RestartConfig(Strict):
    """How a failed query is started again; only errors that may pass are tried again."""

    attempts: int = Field(default=5, ge=0, description="So many starts in a row without a finished batch between them.")
    backoff: PositiveDuration = Field(
        default=Duration.of("1 second"), description="Pause before the first; doubled each time."
    )
    max_backoff: PositiveDuration = Field(default=Duration.of("1 minute"), description="The longest pause.")


class OnFailure(Strict):
    """What happens when a query fails."""

    policy: FailurePolicy = Field(default=FailurePolicy.ISOLATE, description="Whether the other queries go on.")
    restart: RestartConfig = Field(default=RestartConfig(), description="How it is started again.")


def _policy_only(value: Any) -> Any:
    return {"policy": value} if isinstance(value, str) else value


class Pipeline(Strict):
    """One pipeline file: sources, tables and views, and the queries over them."""

    version: Literal[1] = Field(description="Version of this file format.")
    name: Annotated[str, AfterValidator(_pipeline_name)] = Field(
        description="Name in metrics, logs and transactional ids."
    )
    sources: dict[Identifier, SourceConfig] = Field(min_length=1, description="Streams, by name.")
    tables: dict[Identifier, TableConfig] = Field(default={}, description="Static relations, by name.")
    functions: dict[Identifier, FunctionConfig] = Field(default={}, description="Python functions for SQL, by name.")
    views: tuple[ViewConfig, ...] = Field(default=(), description="Named steps, in order.")
    queries: dict[Identifier, QueryConfig] = Field(min_length=1, description="Streaming queries, by name.")
    checkpoint: CheckpointConfig = Field(description="Where progress and state live.")
    settings: dict[str, Annotated[str, BeforeValidator(_as_text)]] = Field(
        default={}, description="Spark SQL configurations, such as spark.sql.session.timeZone."
    )
    extensions: tuple[Literal["distinct_aggregates"], ...] = Field(
        default=(),
        description="Abilities beyond Spark's that this file allows: distinct_aggregates, exact over streams, "
        "with every distinct value of a group in state.",
    )
    on_failure: Annotated[OnFailure, BeforeValidator(_policy_only)] = Field(
        default=OnFailure(), description="What a failed query means for itself and the others."
    )

    _path: Path = PrivateAttr(default=Path("pipeline.yaml"))
    _tree: YamlTree = PrivateAttr(default_factory=YamlTree)

    @property
    def path(self) -> Path:
        """The pipeline file, as it was named."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder of the pipeline file; relative paths in the file start here."""
        return self._path.parent

    @property
    def checkpoint_location(self) -> str:
        """The checkpoint's folder, absolute, or its URL as written."""
        if self.checkpoint.durability is Durability.REMOTE:
            return self.checkpoint.location
        return str((self.folder / local_path(self.checkpoint.location)).absolute())

    def at(self, *keys: str | int) -> Position:
        """Return where the value below these keys stands, or the nearest enclosing one; views go by name or index."""
        return self._tree.value_at(self._path_of(keys))

    def option_at(self, keys: Sequence[str | int], name: str) -> Position:
        """Return where the key of an option below these keys stands, or what would hold it."""
        return self._tree.option_at(self._path_of(keys), name)

    def sql_position(self, keys: Sequence[str | int], line: int, column: int) -> Position:
        """Return where a line and column inside the SQL text below these keys, both from 1, stand in its file."""
        path = self._path_of(keys)
        place = self._tree.texts.get(path)
        return place.at(line, column) if place else self._tree.value_at(path)

    def secret_texts(self) -> frozenset[str]:
        """Return the plain texts of all secrets, for masking what others print."""
        return frozenset(secret.reveal() for options in self._option_maps() for secret in secrets_in(options))

    def placed(self, path: Path, tree: YamlTree) -> Self:
        """Remember the file and the places of its values, and return the same pipeline."""
        self._path, self._tree = path, tree
        return self

    def _path_of(self, keys: Sequence[str | int]) -> KeyPath:
        if len(keys) > 1 and keys[0] == "views" and isinstance(keys[1], str):
            names = [view.name for view in self.views]
            return ("views", names.index(keys[1]) if keys[1] in names else 0, *keys[2:])
        return tuple(keys)

    def _option_maps(self) -> Iterator[OptionMap]:
        for source in self.sources.values():
            yield source.options
            if source.decode:
                yield source.decode.options
            yield source.letters.options if source.letters else {}
        for table in self.tables.values():
            yield table.options
        for query in self.queries.values():
            yield query.sink.options
            yield query.sink.encode.options if query.sink.encode else {}
