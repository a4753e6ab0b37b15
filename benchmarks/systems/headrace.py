"""Benchmarks: headrace itself, as its users start it: a pipeline file and `headrace run --available-now`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.events import SCHEMA, WINDOW_S
from benchmarks.memory import MemorySampler
from benchmarks.systems.system import Bench, Run, agrees, require_success, start

_TIMEOUT_S = 600.0
_PIPELINE = """\
version: 1
name: {name}
sources:
  events:
    format: kafka
    options:
      kafka.bootstrap.servers: "{bootstrap}"
      subscribe: {topic}
      startingOffsets: {starting}
      {limit}
    decode: {{format: json, schema: "{schema}", on_error: fail}}
views:
  - name: activity
    sql: SELECT timestamp_micros(Creation_Time div 1000) AS event_time, Creation_Time, gt FROM events
    watermark: {{column: event_time, delay: 10 seconds}}
queries:
  counts:
    sql: |
      SELECT unix_seconds(window.start) AS start, gt, count(*) AS n, max(Creation_Time) AS newest
      FROM activity GROUP BY window(event_time, '{window_s} seconds'), gt
    output_mode: update
    sink:
      format: kafka
      options: {{kafka.bootstrap.servers: "{bootstrap}", topic: {sink}}}
      encode: {{format: json, key: gt}}
checkpoint: {{location: {checkpoint}}}
"""


class Headrace:
    """Measured as a new process, and as the third run inside one process."""

    name = "headrace"

    def throughput(self, bench: Bench) -> list[Run]:
        """Return both runs; see System."""
        return [self._new_process(bench), self._third_run(bench)]

    def _new_process(self, bench: Bench) -> Run:
        sink = "headrace-new"
        file = write_pipeline(bench, sink)
        log = bench.folder / f"{sink}.log"
        began = time.perf_counter()
        child = start(run_command(file, "--available-now"), log)
        with MemorySampler(child.pid) as memory:
            require_success(child, log, _TIMEOUT_S)
        seconds = time.perf_counter() - began
        work = bench.workload
        good = agrees(bench.kafka, sink, work.counts)
        return Run("headrace, new process", work.events, seconds, memory.peak_bytes, good, "from its start to its end")

    def _third_run(self, bench: Bench) -> Run:
        sinks = [f"headrace-{number}" for number in (1, 2, 3)]
        files = [write_pipeline(bench, sink) for sink in sinks]
        times, log = bench.folder / "headrace-times.json", bench.folder / "headrace-job.log"
        child = start([sys.executable, "-m", "benchmarks.systems.headrace_job", times, *files], log)
        with MemorySampler(child.pid) as memory:
            require_success(child, log, _TIMEOUT_S)
        seconds = json.loads(times.read_text())[-1]
        work = bench.workload
        good = agrees(bench.kafka, sinks[-1], work.counts)
        return Run("headrace, warm", work.events, seconds, memory.peak_bytes, good, "third run in one process")


def run_command(pipeline: Path, *flags: str) -> list[str | Path]:
    """Return the command line that runs a pipeline file."""
    return [sys.executable, "-m", "headrace", "run", pipeline, "--log-format", "json", *flags]


def write_pipeline(bench: Bench, sink: str, *, starting: str = "earliest") -> Path:
    """Create the sink topic and write a pipeline file that counts into it."""
    bench.kafka.create_topic(sink)
    file = bench.folder / f"{sink}.yaml"
    limit = f"maxOffsetsPerTrigger: {bench.batch_rows}" if bench.batch_rows else ""
    text = _PIPELINE.format(
        name=sink,
        bootstrap=bench.workload.bootstrap,
        topic=bench.workload.topic,
        starting=starting,
        limit=limit,
        schema=SCHEMA,
        window_s=WINDOW_S,
        sink=sink,
        checkpoint=bench.folder / f"{sink}-checkpoint",
    )
    file.write_text(text)
    return file
