"""The pipelines in examples/ on a real broker: what the command publishes of a few records, as the files say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from headrace.config.load import load
from headrace.testing.kafka import Kafka

EXAMPLES = Path(__file__).parents[2] / "examples"
SERVERS = "kafka.bootstrap.servers"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Example:
    """Records by source topic; rows by the topic or folder of a sink, and the values of dead letters by topic."""

    records: Mapping[str, Sequence[str | Row]]
    gives: Mapping[str, Sequence[Row]]
    dead: Mapping[str, Sequence[str]] = field(default_factory=dict)


RUNS = {
    "word_count": Example(
        {"lines": ["to be or", "to be"]},
        {"word-counts": [{"word": "to", "n": 2}, {"word": "be", "n": 2}, {"word": "or", "n": 1}]},
    ),
    "adverts": Example(
        {
            "impressions": [
                {"id": "i1", "advert": "hats", "shown_at": "2024-01-01T12:00:00Z"},
                {"id": "i2", "advert": "hats", "shown_at": "2024-01-01T12:00:00Z"},
                {"id": "i3", "advert": "hats", "shown_at": "2024-01-01T15:00:00Z"},
            ],
            "clicks": [
                {"impression": "i1", "clicked_at": "2024-01-01T12:01:00Z"},
                {"impression": "i9", "clicked_at": "2024-01-01T15:00:00Z"},
            ],
        },
        {
            "outcomes": [
                {
                    "id": "i1",
                    "advert": "hats",
                    "shown_at": "2024-01-01T12:00:00.000Z",
                    "clicked_at": "2024-01-01T12:01:00.000Z",
                },
                {"id": "i2", "advert": "hats", "shown_at": "2024-01-01T12:00:00.000Z"},
            ]
        },
    ),
    "payments": Example(
        {
            "payments": [
                {"id": "p1", "account": "a", "cents": 100, "at": "2024-01-01T12:00:00Z"},
                {"id": "p1", "account": "a", "cents": 100, "at": "2024-01-01T12:00:00Z"},
                "no json",
            ]
        },
        {
            "ledger": [
                {"id": "p1", "account": "a", "cents": 100, "at": "2024-01-01 12:00:00+00:00", "day": "2024-01-01"}
            ]
        },
        {"payments-dead": ["no json"]},
    ),
    "visits": Example(
        {
            "pages": [
                {"user": "a", "page": "home", "at": "2024-01-01T10:00:00Z"},
                {"user": "a", "page": "shop", "at": "2024-01-01T10:20:00Z"},
                {"user": "b", "page": "home", "at": "2024-01-01T12:00:00Z"},
            ]
        },
        {
            "visits": [
                {
                    "user": "a",
                    "start": "2024-01-01T10:00:00.000Z",
                    "end": "2024-01-01T10:50:00.000Z",
                    "pages": 2,
                    "first_page": "home",
                }
            ]
        },
    ),
    "activity": Example(
        {"events": [{"Creation_Time": 1704067201000000000, "gt": "walk", "User": "a", "x": 0.5}, "{"]},
        {
            "counts": [
                {
                    "start": "2024-01-01T00:00:00.000Z",
                    "end": "2024-01-01T00:00:10.000Z",
                    "gt": "walk",
                    "team": "north",
                    "n": 1,
                    "x": 0.5,
                }
            ],
            "history": [],
        },
        {"events-dead": ["{", "{"]},  # of two queries, one each
    ),
    "devices": Example(
        {
            "reports": [
                {"device": "a", "at": "2024-01-01T00:00:00Z", "celsius": 20.0, "humidity": 40.0},
                {"device": "b", "at": "2024-01-01T00:02:00Z", "celsius": 20.0, "humidity": 40.0},
            ]
        },
        {
            "alerts": [
                {"device": "a", "at": "2024-01-01T00:00:30.000Z", "what": "has been silent for 30 seconds"},
            ],
            "runs": [
                {
                    "device": "a",
                    "start": "2024-01-01 00:00:00+00:00",
                    "end": "2024-01-01 00:00:00+00:00",
                    "reports": 1,
                    "hottest": 22.0,
                }
            ],
        },
    ),
    "accounts": Example(
        {"bookings": [{"account": "a", "cents": -500, "text": "lunch"}]},
        {
            "balances": [
                {"account": "a", "bookings": 3, "cents": 37500},
                {"account": "b", "bookings": 1, "cents": 700},
            ],
            "largest": [],
        },
    ),
}


def _overrides(path: Path, bootstrap: str, folder: Path) -> list[str]:
    """Everything that names a machine or a place."""
    pipeline = load(path, environment={})
    found = [f"checkpoint.location={folder / 'checkpoints'}"]
    for name, source in pipeline.sources.items():
        found += [f"sources.{name}.options.{SERVERS}={bootstrap}"] if SERVERS in source.options else []
        found += [f"sources.{name}.options.startingOffsets=earliest"]
    for name, query in pipeline.queries.items():
        options = query.sink.options
        found += [f"queries.{name}.sink.options.{SERVERS}={bootstrap}"] if SERVERS in options else []
        found += (
            [f"queries.{name}.sink.options.path={folder / Path(str(options['path'])).name}"]
            if "path" in options
            else []
        )
    return found


def _run(path: Path, overrides: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headrace", "run", str(path), "--available-now"]
    command += [f"--set={override}" for override in overrides]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _given(kafka: Kafka, folder: Path, sink: str) -> list[Row]:
    if kafka.admin.list_topics(timeout=10).topics.get(sink):
        return [json.loads(record.value or b"null") for record in kafka.read_committed(sink)]
    found = ds.dataset(folder / sink, partitioning="hive").to_table().to_pylist() if (folder / sink).exists() else []
    return [
        {key: value if isinstance(value, int | float) else str(value) for key, value in row.items()} for row in found
    ]


def _sorted(rows: Sequence[Row]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def test_every_example_is_run() -> None:
    """None is only looked at."""
    assert set(RUNS) == {path.parent.name for path in EXAMPLES.glob("*/pipeline.yaml")}


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_an_example_publishes_what_it_says(name: str, kafka: Kafka, tmp_path: Path) -> None:
    """By the command of examples/README.md, until all that is there has been read."""
    example, path = RUNS[name], EXAMPLES / name / "pipeline.yaml"
    sinks = [
        topic for query in load(path, environment={}).queries.values() if (topic := query.sink.options.get("topic"))
    ]
    for topic in {*example.records, *sinks, *example.dead}:
        kafka.create_topic(topic)
    for topic, records in example.records.items():
        kafka.produce(topic, [each if isinstance(each, str) else json.dumps(each) for each in records])
    done = _run(path, _overrides(path, kafka.bootstrap, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {sink: _sorted(_given(kafka, tmp_path, sink)) for sink in example.gives} == {
        sink: _sorted(rows) for sink, rows in example.gives.items()
    }
    dead = {topic: [(each.value or b"").decode() for each in kafka.read_committed(topic)] for topic in example.dead}
    assert dead == {topic: list(values) for topic, values in example.dead.items()}


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize(("mode", "second"), [("update", {"be": 3}), ("complete", {"to": 2, "be": 3, "or": 1})])
def test_update_publishes_what_changed_and_complete_the_whole_result(
    mode: str, second: Mapping[str, int], kafka: Kafka, new_topic: Callable[[], str], tmp_path: Path
) -> None:
    """Plain records, none of them a tombstone, with each of two batches."""
    path, given, taken = EXAMPLES / "word_count" / "pipeline.yaml", new_topic(), new_topic()
    overrides = [*_overrides(path, kafka.bootstrap, tmp_path), f"queries.counts.output_mode={mode}"]
    overrides += [f"sources.lines.options.subscribe={given}", f"queries.counts.sink.options.topic={taken}"]
    seen: list[dict[str, int]] = []
    for line in ("to be or to be", "be"):
        kafka.produce(given, [line])
        before = len(kafka.read_committed(taken))
        done = _run(path, overrides)
        assert done.returncode == 0, done.stdout + done.stderr
        rows = [json.loads(record.value or b"null") for record in kafka.read_committed(taken)[before:]]
        seen.append({row["word"]: row["n"] for row in rows})
    assert seen == [{"to": 2, "be": 2, "or": 1}, second]
