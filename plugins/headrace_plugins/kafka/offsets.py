"""Plugins room: places in Kafka partitions, their JSON, and Spark's read limits as arithmetic.

Takes and gives dictionaries from (topic, partition) to offset; knows no broker and no clock.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from headrace.contract import Offset
from headrace.errors import StreamError

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")

EARLIEST = -2
"""Spark's number for the first offset there is."""

LATEST = -1
"""Spark's number for the offset after the last."""


class Partition(NamedTuple):
    """One partition; sorts by topic, then number."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.number}"


Places = Mapping[Partition, int]
"""The next offset to read of each partition."""


def to_json(places: Places) -> Offset:
    """Return Spark's form, ``{"topic": {"0": 23}}``, topics and partitions sorted."""
    shown: dict[str, dict[str, int]] = {}
    for partition, offset in sorted(places.items()):
        shown.setdefault(partition.topic, {})[str(partition.number)] = offset
    return shown


def from_json(offset: Offset) -> dict[Partition, int]:
    """Return the places that Spark's form holds."""
    return {
        Partition(topic, int(number)): int(place)
        for topic, numbers in offset.items()
        for number, place in numbers.items()
    }


def parse_places(option: str, written: Any) -> dict[Partition, int]:
    """Return the numbers per partition that a user wrote in an option, offsets or timestamps.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID when it is not of the form ``{"topic": {"0": 23}}``.
    """
    try:
        raw = json.loads(written) if isinstance(written, str) else written
        for place in (place for numbers in raw.values() for place in numbers.values()):
            if not isinstance(place, int | str) or not -(1 << 63) <= int(place) < 1 << 63:
                raise ValueError(place)
        return from_json(raw)
    except (ValueError, TypeError, AttributeError) as error:
        message = f'the option "{option}" has the value {written!r}.'
        words = "earliest, latest, or " if option == "startingOffsets" else ""
        hint = f'Write {words}{{"topic": {{"0": 23, "1": -2}}}}.'
        raise StreamError("PLUGIN_OPTION_INVALID", message, hint=hint) from error


def check_topic(option: str, name: str) -> None:
    """Refuse what cannot be a topic's name.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID. Source: Kafka's org.apache.kafka.common.internals.Topic.
    """
    if not _TOPIC.fullmatch(name) or name in {".", ".."}:
        message = f'the option "{option}" names {name!r}, which cannot be a topic.'
        hint = "Allowed: up to 249 letters of ASCII, digits, '.', '_' and '-'."
        raise StreamError("PLUGIN_OPTION_INVALID", message, hint=hint)


def count(start: Places, end: Places) -> int:
    """Return how many offsets lie in [start, end); a partition absent from start counts from 0."""
    return sum(max(0, last - start.get(partition, 0)) for partition, last in end.items())


def limit(start: Places, end: Places, most: int) -> dict[Partition, int]:
    """Return the end of a batch of about `most` offsets, shared out by the partitions' sizes.

    A share below one is rounded up, so that small partitions are never starved, any other down; the batch may thus be
    larger than `most` by the number of partitions.

    Args:
        start: Where the batch starts; a partition absent starts at 0.
        end: Where the partitions end now.
        most: maxOffsetsPerTrigger.

    Source: Spark KafkaMicroBatchStream.rateLimit.
    """
    sizes = {partition: last - start.get(partition, 0) for partition, last in end.items()}
    total = sum(size for size in sizes.values() if size > 0)
    if total == 0:
        return dict(end)

    def place(partition: Partition, last: int) -> int:
        size = sizes[partition]
        if size <= 0:
            return last
        share = most * (size / total)
        return min(last, start.get(partition, 0) + (math.ceil(share) if share < 1 else math.floor(share)))

    return {partition: place(partition, last) for partition, last in end.items()}
