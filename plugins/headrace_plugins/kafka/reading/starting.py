"""Plugins room: where a new query starts to read.

Takes the parsed options and the brokers, gives a place for every partition, by Spark's order of precedence:
startingTimestamp, then startingOffsetsByTimestamp, then startingOffsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin._listoffsets import OffsetSpec

from headrace.contract import Options
from headrace.errors import StreamError
from headrace_plugins.kafka.offsets import EARLIEST, LATEST, Partition, parse_places
from headrace_plugins.kafka.topics import EARLIEST_SPEC, LATEST_SPEC, Brokers

_NAMED = {"earliest": EARLIEST, "latest": LATEST}


@dataclass(frozen=True, slots=True)
class Starting:
    """What the options say: one rule for all partitions, or one per partition; offsets, or timestamps in ms."""

    every: int | None = None
    each: Mapping[Partition, int] | None = None
    by_time: bool = False
    late_is_latest: bool = False


def parse_starting(options: Options) -> Starting:
    """Return where to start.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID.
    """
    latest = options["startingOffsetsByTimestampStrategy"] == "latest"
    if options["startingTimestamp"] is not None:
        return Starting(every=options["startingTimestamp"], by_time=True, late_is_latest=latest)
    by_time = options["startingOffsetsByTimestamp"]
    if by_time is not None:
        each = parse_places("startingOffsetsByTimestamp", by_time)
        before = {str(partition): millis for partition, millis in each.items() if millis < 0}
        if before:
            message = f'the option "startingOffsetsByTimestamp" has the times {before}; allowed: 0 and more.'
            raise StreamError("PLUGIN_OPTION_INVALID", message)
        return Starting(each=each, by_time=True, late_is_latest=latest)
    written: Any = options["startingOffsets"]
    named = _NAMED.get(str(written).strip().lower())
    if named is not None:
        return Starting(every=named)
    each = parse_places("startingOffsets", written)
    wrong = {str(partition): offset for partition, offset in each.items() if offset < EARLIEST}
    if wrong:
        message = (
            f'the option "startingOffsets" has the offsets {wrong}; allowed: 0 and more, -1 (latest), -2 (earliest)'
        )
        raise StreamError("PLUGIN_OPTION_INVALID", message)
    return Starting(each=each)


def resolve(starting: Starting, partitions: tuple[Partition, ...], brokers: Brokers) -> dict[Partition, int]:
    """Return the first offset to read of every partition; explicit offsets are given back as they are.

    Raises:
        StreamError: PLUGIN_OPTION_INVALID when the options do not name exactly these partitions, or when no record is
            as new as a timestamp and the strategy is error.
    """
    wanted = _per_partition(starting, partitions)
    if starting.by_time:
        return _by_time(wanted, brokers, late_is_latest=starting.late_is_latest)
    specs = {EARLIEST: EARLIEST_SPEC, LATEST: LATEST_SPEC}
    asked = brokers.ask({p: specs[offset] for p, offset in wanted.items() if offset in specs})
    return {p: asked[p][0] if p in asked else offset for p, offset in wanted.items()}


def _per_partition(starting: Starting, partitions: tuple[Partition, ...]) -> dict[Partition, int]:
    if starting.every is not None:
        return dict.fromkeys(partitions, starting.every)
    each = dict(starting.each or {})
    if each.keys() == set(partitions):
        return each
    what = "TIMESTAMP" if starting.by_time else "START"
    option = "startingOffsetsByTimestamp" if starting.by_time else "startingOffsets"
    raise StreamError(
        "PLUGIN_OPTION_INVALID",
        f'the option "{option}" names the partitions {_names(each)}; the source reads {_names(partitions)}.',
        hint="Name exactly those; -2 means earliest, -1 latest.",
        condition=f"KAFKA_{what}_OFFSET_DOES_NOT_MATCH_ASSIGNED",
    )


def _names(partitions: Mapping[Partition, int] | tuple[Partition, ...]) -> str:
    return ", ".join(str(partition) for partition in sorted(partitions)) or "none"


def _by_time(wanted: Mapping[Partition, int], brokers: Brokers, *, late_is_latest: bool) -> dict[Partition, int]:
    found = brokers.ask({p: OffsetSpec.for_timestamp(millis) for p, millis in wanted.items()})
    places = {partition: offset for partition, (offset, _time) in found.items() if offset >= 0}
    late = [partition for partition in wanted if partition not in places]
    if late and not late_is_latest:
        shown = ", ".join(f"{partition} (asked for {wanted[partition]})" for partition in sorted(late))
        message = f"no record is as new as the starting timestamp in {shown}."
        raise StreamError(
            "PLUGIN_OPTION_INVALID", message, hint="Set startingOffsetsByTimestampStrategy: latest to start at the end."
        )
    return {**places, **brokers.latest(late)}
