"""Benchmarks: the Quix Streams program; runs in the rivals' environment and imports nothing of the project.

Takes its settings as JSON and counts until it is ended. The grace period is a day, since the partitions are read at
their own pace and event time is not in order behind the repartition.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Max
from quixstreams.models import TopicConfig


def main(settings: dict[str, Any]) -> None:
    """Run the program; see the module."""
    app = Application(
        broker_address=settings["bootstrap"],
        consumer_group="quix",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=f"{settings['folder']}/quix-state",
        commit_every=100_000,
        topic_create_timeout=30,
    )
    source = app.topic(settings["topic"], value_deserializer="json", timestamp_extractor=_created)
    sink = app.topic(settings["sink"], key_serializer="str", value_serializer="json", config=TopicConfig(1, 1))
    rows = app.dataframe(source).group_by("gt")
    windows = rows.tumbling_window(timedelta(seconds=10), grace_ms=timedelta(days=1))
    counted = windows.agg(n=Count(), newest=Max("Creation_Time")).current()
    counted.apply(_row, metadata=True).to_topic(sink)
    app.run()


def _created(value: Any, _headers: Any, _timestamp: float, _kind: Any) -> int:
    return int(value["Creation_Time"]) // 1_000_000


def _row(window: dict[str, Any], key: Any, _timestamp: int, _headers: Any) -> dict[str, Any]:
    gt = key.decode() if isinstance(key, bytes) else key
    return {"start": window["start"] // 1000, "gt": gt, "n": window["n"], "newest": window["newest"]}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
