"""Late records on a real broker: each goes to the dead letters byte for byte and once, whatever dies beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from tests.conftest import NewTopic
from tests.crash.conftest import NewJob
from tests.crash.stream import APPEND, PER_BATCH, Event, expected, records

from headrace.testing.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

_WINDOW_US, _DELAY_US = 10_000_000, 2_000_000


def late(events: Sequence[Event]) -> Iterator[Event]:
    """Yield the events whose window had ended at or before the watermark of the batch before theirs."""
    watermarks = [0, 0]
    newest = 0
    for first in range(0, len(events), PER_BATCH):
        batch = events[first : first + PER_BATCH]
        yield from (event for event in batch if event.ts - event.ts % _WINDOW_US + _WINDOW_US <= watermarks[-2])
        newest = max([newest, *(event.ts for event in batch)])
        watermarks.append(max(watermarks[-1], newest - _DELAY_US))


@pytest.mark.parametrize("point", ["before_commit:4", "after_commit:4"])
def test_late_records_go_to_the_dead_letters_byte_for_byte_and_once(
    point: str, kafka: Kafka, new_job: NewJob, new_topic: NewTopic, events: Sequence[Event]
) -> None:
    """The batch dies after its dead letters were written, or right after its own commit; the result is untouched."""
    source, dead = new_topic(2), new_topic()
    kafka.produce(source, records(events))
    job = new_job(APPEND, source)
    job.source["dead_letter"] = {"topic": dead}
    job.settings["views"][0]["watermark"]["late_rows"] = "dead_letter"
    job.crash(point)
    job.finish()
    assert job.published() == expected(APPEND, events)
    letters = kafka.read_committed(dead)
    assert len(letters) > 10
    assert sorted(letter.value or b"" for letter in letters) == sorted(event.text().encode() for event in late(events))
    assert all(
        b"is at or before the watermark" in (dict(letter.headers)["headrace.error"] or b"") for letter in letters
    )
