"""Room 1: durations, triggers and refresh policies as people write them, to frozen values.

Takes YAML values, gives values with units; a ValueError says what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from headrace.dataclass import dataclass
from headrace.values import parse_duration_us


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: the text as written and its microseconds."""

    text: str
    us: int

    @staticmethod
    def of(written: Any) -> Duration:
        """Return the duration a text such as ``10 seconds`` names.

        Raises:
            ValueError: no text, no duration, or a number without a unit.
        """
        if isinstance(written, Duration):
            return written
        if not isinstance(written, str):
            msg = "write a number and a unit, such as '10 seconds' or '5 minutes'"
            raise ValueError(msg)
        return Duration(written.strip(), parse_duration_us(written))

    @staticmethod
    def positive(written: Any) -> Duration:
        """Return the duration, which must be longer than nothing.

        Raises:
            ValueError: as `of`, or the duration is zero or negative.
        """
        duration = Duration.of(written)
        if duration.us <= 0:
            msg = "the duration must be longer than 0"
            raise ValueError(msg)
        return duration

    def __str__(self) -> str:
        return self.text


class TriggerKind(Enum):
    """When the next batch starts."""

    AS_SOON_AS_POSSIBLE = "as_soon_as_possible"
    PROCESSING_TIME = "processing_time"
    AVAILABLE_NOW = "available_now"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Trigger:
    """When batches start; the interval in microseconds is 0 for every kind but PROCESSING_TIME."""

    kind: TriggerKind = TriggerKind.AS_SOON_AS_POSSIBLE
    interval_us: int = 0
    text: str = ""

    @staticmethod
    def of(written: Any) -> Trigger:
        """Return the trigger that a word or a mapping of one key names.

        Raises:
            ValueError: unknown word or key, or a value that does not fit it.
        """
        if isinstance(written, Trigger):
            return written
        name, value = _word_and_value(written)
        if name == TriggerKind.PROCESSING_TIME.value:
            interval = Duration.of(value)
            if interval.us < 0:
                msg = "the interval of processing_time must not be negative"
                raise ValueError(msg)
            return Trigger(TriggerKind.PROCESSING_TIME, interval.us, interval.text)
        words = {kind.value: kind for kind in TriggerKind}
        if name not in words or value is not True:
            msg = "allowed: as_soon_as_possible, {processing_time: 1 second}, available_now, once"
            raise ValueError(msg)
        return Trigger(words[name])

    def written(self) -> Any:
        """Return the trigger as a pipeline file writes it."""
        return {self.kind.value: self.text} if self.kind is TriggerKind.PROCESSING_TIME else self.kind.value


def _word_and_value(written: Any) -> tuple[str, Any]:
    if isinstance(written, Mapping) and len(written) == 1:
        name, value = next(iter(written.items()))
        return str(name), value
    return (written, True) if isinstance(written, str) else ("", None)


class RefreshKind(Enum):
    """When a static table is read again."""

    NEVER = "never"
    EVERY_BATCH = "every_batch"
    INTERVAL = "interval"


@dataclass(frozen=True, slots=True)
class Refresh:
    """When a static table is read again; the interval in microseconds is 0 for every kind but INTERVAL."""

    kind: RefreshKind = RefreshKind.NEVER
    interval_us: int = 0
    text: str = ""

    @staticmethod
    def of(written: Any) -> Refresh:
        """Return the policy that ``never``, ``every_batch`` or a duration names.

        Raises:
            ValueError: none of these.
        """
        if isinstance(written, Refresh):
            return written
        if written in {"never", "every_batch"}:
            return Refresh(RefreshKind(written))
        try:
            interval = Duration.positive(written)
        except ValueError as error:
            msg = "allowed: never, every_batch, or a duration such as '5 minutes'"
            raise ValueError(msg) from error
        return Refresh(RefreshKind.INTERVAL, interval.us, interval.text)

    def written(self) -> str:
        """Return the policy as a pipeline file writes it."""
        return self.text or self.kind.value


_DURATION_SCHEMA = {"type": "string", "examples": ["10 seconds", "5 minutes"]}
_TEXT_OF = PlainSerializer(str)
_WRITTEN = PlainSerializer(lambda value: value.written())
_TRIGGER_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"enum": ["as_soon_as_possible", "available_now", "once"]},
        {"type": "object", "properties": {"processing_time": _DURATION_SCHEMA}, "required": ["processing_time"],
         "additionalProperties": False},
        {"type": "object", "properties": {"available_now": {"const": True}}, "required": ["available_now"],
         "additionalProperties": False},
        {"type": "object", "properties": {"once": {"const": True}}, "required": ["once"],
         "additionalProperties": False},
    ]
}  # fmt: skip
_REFRESH_SCHEMA: dict[str, Any] = {"anyOf": [{"enum": ["never", "every_batch"]}, _DURATION_SCHEMA]}

DurationValue = Annotated[Duration, PlainValidator(Duration.of), _TEXT_OF, WithJsonSchema(_DURATION_SCHEMA)]
PositiveDuration = Annotated[Duration, PlainValidator(Duration.positive), _TEXT_OF, WithJsonSchema(_DURATION_SCHEMA)]
TriggerValue = Annotated[Trigger, PlainValidator(Trigger.of), _WRITTEN, WithJsonSchema(_TRIGGER_SCHEMA)]
RefreshValue = Annotated[Refresh, PlainValidator(Refresh.of), _WRITTEN, WithJsonSchema(_REFRESH_SCHEMA)]
