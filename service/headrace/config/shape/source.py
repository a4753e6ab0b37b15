"""Room 1: the shape of a source in a pipeline file: its format, how records become columns, its watermark."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from headrace.config.quantities import DurationValue, PositiveDuration
from headrace.config.shape.strict import OptionMap, Strict, format_only


def _null_word(value: Any) -> Any:
    return "null" if value is None else value


class OnError(Enum):
    """What becomes of a record that cannot be decoded."""

    FAIL = "fail"
    NULL = "null"
    DEAD_LETTER = "dead_letter"


class LateRows(Enum):
    """What becomes of the source's rows that come too late, beside being counted one by one."""

    DROP = "drop"
    DEAD_LETTER = "dead_letter"


class WatermarkConfig(Strict):
    """How late rows may be, by the event time in one column."""

    column: str = Field(description="Column that holds the event time, of type TIMESTAMP.")
    delay: DurationValue = Field(description="How far a row may lie behind the latest one seen, such as 10 seconds.")
    idle_timeout: PositiveDuration | None = Field(
        default=None, description="Beyond Spark: leave this watermark out of the least one after so long without rows."
    )
    max_future_skew: PositiveDuration | None = Field(
        default=None, description="Beyond Spark: set rows aside that lie further ahead of the batch's time than this."
    )
    late_rows: LateRows | None = Field(
        default=None,
        description="Beyond Spark: count late rows one by one, and drop them or send them to dead letters.",
    )


class DeadLetterConfig(Strict):
    """Where records go that cannot be decoded, come too late or lie in the future; byte for byte."""

    topic: str = Field(description="Topic that gets the original record with headers that say why.")
    options: OptionMap = Field(
        default={}, description="Options of the Kafka sink; the source's connection unless given."
    )


class DecodeConfig(Strict):
    """How the value of a record becomes columns."""

    format: str = Field(description="Name of a format plugin, such as json.")
    schema_: str | None = Field(
        default=None, alias="schema", description="Columns in Spark's DDL, such as: id BIGINT, ts TIMESTAMP."
    )
    on_error: Annotated[OnError, BeforeValidator(_null_word)] = Field(
        default=OnError.FAIL,
        description="A record that does not fit: end the query, give nulls, or send it to the dead-letter topic.",
    )
    options: OptionMap = Field(default={}, description="Options of the format.")
    dead_letter: DeadLetterConfig | None = Field(
        default=None, description="The source's dead_letter, written here; one of the two."
    )


class SourceConfig(Strict):
    """A stream that queries read."""

    format: str = Field(description="Name of a source plugin, as in Spark's readStream.")
    options: OptionMap = Field(default={}, description="Options of the source, with Spark's names.")
    schema_: str | None = Field(
        default=None, alias="schema", description="Columns in Spark's DDL, for sources that take a schema."
    )
    decode: Annotated[DecodeConfig, BeforeValidator(format_only)] | None = Field(
        default=None, description="How the value becomes columns; without it the rows are the source's own."
    )
    dead_letter: DeadLetterConfig | None = Field(
        default=None, description="Where records go that on_error, late_rows or max_future_skew set aside."
    )
    watermark: WatermarkConfig | None = Field(
        default=None, description="Event time and allowed lateness of the stream."
    )

    @model_validator(mode="after")
    def _one_dead_letter(self) -> Self:
        if self.dead_letter is not None and self.decode is not None and self.decode.dead_letter is not None:
            msg = "dead_letter stands in the source and in its decode; write one"
            raise ValueError(msg)
        return self

    @property
    def letters(self) -> DeadLetterConfig | None:
        """Where dead letters of this source go, wherever it was written."""
        return self.dead_letter or (self.decode.dead_letter if self.decode else None)
