"""Plugins room: up to where the next batch of a Kafka source reads.

Takes what the brokers say and where the batch starts, gives its end under Spark's read limits, and notices topics that
were deleted, recreated or grown. Knows nothing of records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from headrace.clock import Clock
from headrace.errors import StreamError
from headrace_plugins.kafka.offsets import Partition, Places, count, limit
from headrace_plugins.kafka.reading.starting import Starting, resolve
from headrace_plugins.kafka.topics import Brokers, Subscription, Topics

_log = structlog.get_logger(__name__)

_YOUNG_S = 1.0
_TOLERATE = "Set failOnDataLoss: false to go on without them; what is gone stays gone."


class Losses:
    """What to do about data that is gone: stop, or warn and count the offsets."""

    def __init__(self, *, fail: bool) -> None:
        self.fail = fail
        self.offsets = 0

    def report(self, condition: str, message: str, offsets: int = 0, code: str = "DATA_LOSS") -> None:
        """Raise, or warn and count, as failOnDataLoss says."""
        if self.fail:
            raise StreamError(code, f"{message}.", hint=_TOLERATE, condition=f"KAFKA_DATA_LOSS.{condition}")
        self.offsets += offsets
        _log.warning("kafka data loss", condition=condition, what=message, lost_offsets=offsets, total=self.offsets)


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """maxOffsetsPerTrigger, minOffsetsPerTrigger, and maxTriggerDelay in µs."""

    most: int | None = None
    least: int | None = None
    delay_us: int = 0


class Planner:
    """Plans batches of one source; remembers topic ids, the last ends, and when it last let a batch run."""

    def __init__(
        self, brokers: Brokers, subscription: Subscription, limits: ReadLimits, losses: Losses, clock: Clock
    ) -> None:
        self._brokers = brokers
        self._subscription = subscription
        self._limits = limits
        self._losses = losses
        self._clock = clock
        self._ids: dict[str, str] | None = None  # of the last batch; None before anybody was asked
        self._frozen: Places | None = None
        self._last_run_us: int | None = None
        self._asked_s = -_YOUNG_S
        self._question: Callable[[], Topics] | None = None
        self.ends: Places = {}
        """The end of every partition as last seen, limits not applied."""

    def first(self, starting: Starting) -> dict[Partition, int]:
        """Return where a new query starts.

        Raises:
            StreamError: SOURCE_FAILED for a topic that does not exist, DATA_LOSS for an explicit offset that is gone.
        """
        topics = self._existing()
        places = resolve(starting, topics.partitions, self._brokers)
        if starting.each is not None and not starting.by_time:
            places = self._within_range(places)
        return places

    def next(self, start: Places, *, limited: bool, here: Places | None = None) -> dict[Partition, int]:
        """Return the end of a batch that starts at `start`.

        Args:
            start: Where it starts.
            limited: Whether the read limits count.
            here: The end of every partition, where all records before it are here already.
        """
        if here is not None and self._may_trust(here, start):
            ends = self.ends = dict(here)
            self._question = self._brokers.ask_about(self._subscription)
        else:
            ends = self._asked(start)
        if not limited:
            return ends
        if self._frozen is None and self._is_delayed(start, ends):
            return dict(start)
        return ends if self._limits.most is None else limit(start, ends, self._limits.most)

    def _may_trust(self, here: Places, start: Places) -> bool:
        """Say whether what is here makes a batch without another question to the brokers.

        Whether the topics are still the same is asked beside it, and looked at before it is committed. That there is
        nothing new, or not enough, is for the brokers to say, and once a second which partitions there are.
        """
        young = self._clock.monotonic_s() - self._asked_s < _YOUNG_S
        any_rows_will_do = self._frozen is None and self._limits.least is None and self._subscription.pattern is None
        return young and any_rows_will_do and here.keys() == start.keys() and here != start

    def _asked(self, start: Places) -> dict[Partition, int]:
        """Return the ends that the brokers tell, once what has become of the topics was looked at."""
        self._asked_s, self._question = self._clock.monotonic_s(), None
        topics, ends = self._brokers.plan(self._subscription, start.keys() | self.ends.keys())
        if start.keys() - ends.keys():
            # A broker that has just started may not know every topic yet; deleted means still gone at a second look.
            self._brokers.pause()
            topics, ends = self._brokers.plan(self._subscription, start.keys() | self.ends.keys())
        ends, left_out = self._without_recreated(topics, ends, start)
        self.ends = ends
        if self._frozen is not None:
            ends = self._up_to_frozen(ends, left_out)
        self._report_deleted(start, ends)
        self._ids = dict(topics.ids)
        self._report_moved(start, ends)
        return ends

    def freeze(self) -> None:
        """Never plan past the present ends."""
        topics, ends = self._brokers.plan(self._subscription, self.ends.keys())
        self._ids = dict(topics.ids) if self._ids is None else self._ids
        self._frozen = ends

    def identity(self) -> dict[str, str]:
        """Return the id of every topic."""
        ids = dict(self._existing().ids) if self._ids is None else self._ids
        return dict(sorted(ids.items()))

    def check_identity(self, logged: Mapping[str, Any]) -> None:
        """Compare the topics with those a checkpoint knows, or a batch was planned from.

        Raises:
            StreamError: SOURCE_CHANGED.
        """
        if self._ids is not None:
            self._hear()
            return
        now = self._brokers.describe(self._subscription)
        known = self._ids = {str(topic): str(topic_id) for topic, topic_id in logged.items()}
        gone = sorted(known.keys() - now.ids.keys())
        if gone:
            what = f"the checkpoint read topics that are deleted or no longer subscribed: {', '.join(gone)}"
            self._losses.report("PARTITIONS_DELETED", what, code="SOURCE_CHANGED")
        recreated = self._recreated(now)
        if recreated and self._losses.fail:
            self._report_recreated(recreated)

    def _hear(self) -> None:
        """Look at the answer to the question that was asked with the last plan, if one was."""
        question, self._question = self._question, None
        now = question() if question is not None else None
        if now is None or (now.ids == self._ids and now.partitions == tuple(sorted(self.ends))):
            return
        self._asked_s = -_YOUNG_S  # the next plan is not made without the brokers
        if self._losses.fail:
            recreated = self._recreated(now)
            if recreated:
                self._report_recreated(recreated)
            self._report_deleted(self.ends, dict.fromkeys(now.partitions, 0))

    def _existing(self) -> Topics:
        topics = self._brokers.describe(self._subscription)
        missing = [name for name in self._subscription.named if name not in topics.ids]
        if missing:
            message = f"there is no topic {', '.join(missing)}."
            raise StreamError("SOURCE_FAILED", message, hint="Create it, or correct the name.")
        absent = [str(p) for p in self._subscription.partitions if p not in topics.partitions]
        if absent:
            raise StreamError("SOURCE_FAILED", f"there are no partitions {', '.join(absent)}")
        self._ids = dict(topics.ids)
        return topics

    def _within_range(self, places: dict[Partition, int]) -> dict[Partition, int]:
        first, last = self._brokers.earliest(places), self._brokers.latest(places)
        wrong = {p: offset for p, offset in places.items() if not first[p] <= offset <= last[p]}
        for partition, offset in wrong.items():
            there = f"[{first[partition]}, {last[partition]}]"
            message = f"{partition} should start at offset {offset}; there is {there}"
            self._losses.report("START_OFFSET_RESET", message, max(0, first[partition] - offset))
            places[partition] = min(max(offset, first[partition]), last[partition])
        return places

    def _recreated(self, topics: Topics) -> list[str]:
        known = self._ids or {}
        return sorted(name for name, seen in topics.ids.items() if known.get(name, seen) != seen)

    def _report_recreated(self, names: list[str]) -> None:
        what = f"topics were deleted and created anew since the last batch: {', '.join(names)}"
        self._losses.report("PARTITION_OFFSET_CHANGED", what, code="SOURCE_CHANGED")

    def _without_recreated(
        self, topics: Topics, ends: dict[Partition, int], start: Places
    ) -> tuple[dict[Partition, int], set[str]]:
        """Leave recreated topics out of one batch, so that they join the next as new ones, from their first offset.

        Those that the batch does not start in are new already. Also returns which topics were left out.
        """
        recreated = self._recreated(topics)
        if recreated:
            self._report_recreated(recreated)
        left_out = set(recreated) & {partition.topic for partition in start}
        return {partition: end for partition, end in ends.items() if partition.topic not in left_out}, left_out

    def _up_to_frozen(self, ends: Places, left_out: set[str]) -> dict[Partition, int]:
        frozen = self._frozen or {}
        gone = sorted(str(p) for p in frozen if p not in ends and p.topic not in left_out)
        if gone:
            what = f"partitions that were to be read by this run are gone: {', '.join(gone)}"
            self._losses.report("LOST_TOPIC_PARTITIONS_IN_END_OFFSET_WITH_TRIGGER_AVAILABLENOW", what)
        return {partition: end for partition, end in frozen.items() if partition in ends}

    def _report_deleted(self, start: Places, ends: Places) -> None:
        gone = sorted(partition for partition in start if partition not in ends)
        # A topic seen as recreated was reported with its own words already.
        gone = [partition for partition in gone if self._frozen is None or partition in self._frozen]
        if gone:
            what = f"partitions were deleted or are no longer subscribed: {', '.join(str(p) for p in gone)}"
            self._losses.report("PARTITIONS_DELETED", what, code="SOURCE_CHANGED")

    def _report_moved(self, start: Places, ends: Places) -> None:
        for partition, end in ends.items():
            if end < start.get(partition, 0):
                what = f"{partition} ends at offset {end}; the query has read up to {start[partition]} already"
                self._losses.report("PARTITION_OFFSET_CHANGED", what, start[partition] - end)
        added = [partition for partition in ends if partition not in start]
        for partition, first in (self._brokers.earliest(added) if added else {}).items():
            if first > 0:
                what = f"the new partition {partition} starts at offset {first}; [0, {first}) is gone"
                self._losses.report("ADDED_PARTITION_DOES_NOT_START_FROM_OFFSET_ZERO", what, first)

    def _is_delayed(self, start: Places, ends: Places) -> bool:
        """Say whether to wait for more rows. Source: Spark KafkaMicroBatchStream.delayBatch; the first batch runs."""
        if self._limits.least is None:
            return False
        now = self._clock.now_us()
        waited = self._last_run_us is None or now - self._last_run_us >= self._limits.delay_us
        if not waited and count(start, ends) < self._limits.least:
            return True
        self._last_run_us = now
        return False
