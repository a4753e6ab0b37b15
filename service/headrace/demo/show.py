"""The demo: what happens, in order, and what it prints.

A broker is started, half of the events are written, the job runs in a process of its own and is killed with SIGKILL
while it works; the other half is written, the job runs again to the end, and what it published is compared with what
was sent.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from headrace.demo.events import events
from headrace.testing.kafka import Kafka, Record, start_kafka

EVENTS = 60_000
PARTITIONS = 4
BROKEN = b'{"Creation_Time": "yesterday", "gt": "walk"'
_FIRST_BATCH_S = 30.0
_LOG_TAIL = 20_000
_WHOLE_RUN_S = 300.0


def run_demo(count: int = EVENTS) -> int:
    """Run the demo and return 0 when everything agreed."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="headrace-demo-") as name:
        folder = Path(name)
        console.print("[bold]1[/] starting a real Apache Kafka (the first time its jars are downloaded) ...")
        with start_kafka() as kafka:
            console.print(f"  broker at {kafka.bootstrap}")
            return _play(console, kafka, folder, count)


def _play(console: Console, kafka: Kafka, folder: Path, count: int) -> int:
    for topic, partitions in (("events", PARTITIONS), ("counts", 1), ("events-dead", 1)):
        kafka.create_topic(topic, partitions=partitions)
    pipeline = _write_pipeline(kafka, folder)
    sent = list(events(count))
    console.print(f"[bold]2[/] writing {count // 2:,} of {count:,} events and one that is broken")
    kafka.produce("events", [*_spread(sent[: count // 2]), Record(BROKEN, partition=0)])
    console.print("[bold]3[/] running the job, and killing it with SIGKILL in the middle")
    _run_and_kill(pipeline, folder)
    console.print("[bold]4[/] writing the rest, and running the job to the end")
    kafka.produce("events", _spread(sent[count // 2 :]))
    started = time.perf_counter()
    code = _headrace(pipeline, folder, "--available-now").wait(timeout=_WHOLE_RUN_S)
    console.print(f"  done in {time.perf_counter() - started:.1f} s\n")
    agreed = code == 0 and _compare(console, kafka, folder, sent)
    if not agreed:
        console.print(f"[bold red]it did not work[/]; exit code of the job {code}, its log:")
        console.print((folder / "headrace.log").read_text(encoding="utf-8")[-_LOG_TAIL:], markup=False)
    return 0 if agreed else 1


def _spread(texts: Sequence[str]) -> list[Record]:
    """One event a partition in turn: a partition ahead of the others would make their rows late."""
    return [Record(text.encode(), partition=place % PARTITIONS) for place, text in enumerate(texts)]


def _write_pipeline(kafka: Kafka, folder: Path) -> Path:
    text = (files("headrace.demo") / "pipeline.yaml").read_text(encoding="utf-8")
    path = folder / "pipeline.yaml"
    path.write_text(text.replace("localhost:9092", kafka.bootstrap), encoding="utf-8")
    return path


def _headrace(pipeline: Path, folder: Path, *flags: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "headrace", "run", str(pipeline), "--log-format", "json", *flags]
    with (folder / "headrace.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 our own command line


def _run_and_kill(pipeline: Path, folder: Path) -> None:
    job = _headrace(pipeline, folder, "--set", "sources.events.options.maxOffsetsPerTrigger=2000")
    commits = folder / "checkpoints" / "counts" / "commits"
    deadline = time.monotonic() + _FIRST_BATCH_S
    while time.monotonic() < deadline and job.poll() is None:
        if commits.is_dir() and len(list(commits.iterdir())) >= 3:
            break
        job.poll()
        time.sleep(0.02)
    job.kill()
    job.wait()


def _compare(console: Console, kafka: Kafka, folder: Path, sent: Sequence[str]) -> bool:
    want = Counter(json.loads(text)["gt"] for text in sent)
    newest: dict[tuple[str, str, str], dict[str, object]] = {}
    published = kafka.read_committed("counts")
    for record in published:
        row = json.loads(record.value or b"{}")
        newest[row["start"], row["gt"], row["team"]] = row
    have: Counter[str] = Counter()
    for row in newest.values():
        have[str(row["gt"])] += int(str(row["n"]))
    table = Table(title="Events by activity: sent, and counted by the job", title_justify="left")
    for name in ("activity", "sent", "counted", "agrees"):
        table.add_column(name, justify="left" if name == "activity" else "right")
    for activity in sorted(want):
        agrees = "yes" if want[activity] == have[activity] else "NO"
        table.add_row(activity, f"{want[activity]:,}", f"{have[activity]:,}", agrees)
    console.print(table)
    dead = kafka.read_committed("events-dead")
    rows = pq.read_table(folder / "history").num_rows if (folder / "history").exists() else 0
    console.print(f"{len(published):,} updates in topic counts, {rows:,} closed windows in Parquet,")
    console.print(f"{len(dead)} dead letters: the broken event, once for each of the two queries that read it")
    agreed = want == have and rows > 0 and [record.value for record in dead] == [BROKEN, BROKEN]
    console.print("[bold green]exactly once: nothing lost, nothing twice[/]" if agreed else "[bold red]they differ[/]")
    return agreed
