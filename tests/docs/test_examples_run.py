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


class Topics(dict[str, str]):
    """Topics of the broker by their names in the files; each is made when it is first asked for."""

    def __init__(self, make: Callable[[], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> str:
        return self.setdefault(name, self._make())


def _overrides(path: Path, bootstrap: str, folder: Path, topics: Topics) -> list[str]:
    """Everything that names a machine or a place."""
    pipeline = load(path, environment={})
    found = [f"checkpoint.location={folder / 'checkpoints'}"]
    for name, source in pipeline.sources.items():
        key = f"sources.{name}.options"
        found += [f"{key}.{SERVERS}={bootstrap}", f"{key}.startingOffsets=earliest"]
        found.append(f"{key}.subscribe={topics[source.options['subscribe']]}")
        if source.letters:
            place = "dead_letter" if source.dead_letter else "decode.dead_letter"
            found.append(f"sources.{name}.{place}.topic={topics[source.letters.topic]}")
    for name, query in pipeline.queries.items():
        key, options = f"queries.{name}.sink.options", query.sink.options
        if "topic" in options:
            found += [f"{key}.{SERVERS}={bootstrap}", f"{key}.topic={topics[options['topic']]}"]
        else:
            found.append(f"{key}.path={folder / Path(str(options['path'])).name}")
    return found


def _run(path: Path, overrides: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headrace", "run", str(path), "--available-now"]
    command += [f"--set={override}" for override in overrides]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _published(kafka: Kafka, topic: str) -> list[Row]:
    return [json.loads(record.value or b"null") for record in kafka.read_committed(topic)]


def _stored(folder: Path) -> list[Row]:
    found = ds.dataset(folder, partitioning="hive").to_table().to_pylist() if folder.exists() else []
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
def test_an_example_publishes_what_it_says(
    name: str, kafka: Kafka, new_topic: Callable[[], str], tmp_path: Path
) -> None:
    """By the command of examples/README.md, until all that is there has been read."""
    example, path, topics = RUNS[name], EXAMPLES / name / "pipeline.yaml", Topics(new_topic)
    overrides = _overrides(path, kafka.bootstrap, tmp_path, topics)
    for topic, records in example.records.items():
        kafka.produce(topics[topic], [each if isinstance(each, str) else json.dumps(each) for each in records])
    done = _run(path, overrides)
    assert done.returncode == 0, done.stdout + done.stderr
    given = {
        sink: _published(kafka, topics[sink]) if sink in topics else _stored(tmp_path / sink) for sink in example.gives
    }
    assert {sink: _sorted(rows) for sink, rows in given.items()} == {
        sink: _sorted(rows) for sink, rows in example.gives.items()
    }
    dead = {
        topic: [(each.value or b"").decode() for each in kafka.read_committed(topics[topic])] for topic in example.dead
    }
    assert dead == {topic: list(values) for topic, values in example.dead.items()}


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize(("mode", "second"), [("update", {"be": 3}), ("complete", {"to": 2, "be": 3, "or": 1})])
def test_update_publishes_what_changed_and_complete_the_whole_result(
    mode: str, second: Mapping[str, int], kafka: Kafka, new_topic: Callable[[], str], tmp_path: Path
) -> None:
    """Plain records, none of them a tombstone, with each of two batches."""
    path, topics = EXAMPLES / "word_count" / "pipeline.yaml", Topics(new_topic)
    overrides = [*_overrides(path, kafka.bootstrap, tmp_path, topics), f"queries.counts.output_mode={mode}"]
    seen: list[dict[str, int]] = []
    before = 0
    for line in ("to be or to be", "be"):
        kafka.produce(topics["lines"], [line])
        done = _run(path, overrides)
        assert done.returncode == 0, done.stdout + done.stderr
        rows = _published(kafka, topics["word-counts"])
        seen.append({row["word"]: row["n"] for row in rows[before:]})
        before = len(rows)
    assert seen == [{"to": 2, "be": 2, "or": 1}, second]
