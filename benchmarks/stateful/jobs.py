"""Benchmarks: the commands that run a load: headrace as its users start it, Spark with RocksDB and its changelog."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.stateful.killed import Job
from benchmarks.stateful.loads import SCHEMA, StateLoad
from benchmarks.systems.environment import rival_python, spark_jars
from benchmarks.systems.headrace import run_command

_KILL_AT = 0.8
LEAST_BATCHES = 5
"""A load of fewer has too little before the kill and after it."""

_SPARK_JOB = ("-m", "benchmarks.stateful.spark_job")
_SOURCE = """\
  {view}_topic:
    format: kafka
    options:
      kafka.bootstrap.servers: "{bootstrap}"
      subscribe: {topic}
      startingOffsets: earliest
      maxOffsetsPerTrigger: {batch_rows}
    decode: {{format: json, schema: "{schema}", on_error: fail}}
"""
_VIEW = """\
  - name: {view}
    sql: SELECT k, v, timestamp_micros(t) AS ts FROM {view}_topic
"""
_QUERY = """\
queries:
  result:
    sql: |
{sql}
    output_mode: {mode}
    sink:
      format: kafka
      options: {{kafka.bootstrap.servers: "{bootstrap}", topic: {sink}}}
      encode: {{format: json}}
checkpoint: {{location: {checkpoint}}}
"""


def headrace_job(load: StateLoad, bootstrap: str, sink: str, folder: Path, batch_rows: int) -> Job:
    """Return how headrace runs a load: `headrace run --available-now` on a pipeline file."""
    checkpoint = folder / "checkpoint"
    sources = [
        _SOURCE.format(view=view, topic=topic, bootstrap=bootstrap, batch_rows=batch_rows, schema=SCHEMA)
        for view, topic in load.topics.items()
    ]
    watermark = f"    watermark: {{column: ts, delay: {load.delay}}}\n" if load.delay else ""
    views = [_VIEW.format(view=view) + watermark for view in load.topics]
    sql = "\n".join(f"      {line}" for line in load.sql.splitlines())
    query = _QUERY.format(sql=sql, mode=load.mode, bootstrap=bootstrap, sink=sink, checkpoint=checkpoint)
    file = folder / "pipeline.yaml"
    file.write_text("".join([f"version: 1\nname: {sink}\nsources:\n", *sources, "views:\n", *views, query]))
    command = run_command(file, "--available-now")
    return _job(load, command, folder, checkpoint / "result", batch_rows)


def spark_job(load: StateLoad, bootstrap: str, sink: str, folder: Path, batch_rows: int) -> Job:
    """Return how Spark runs a load: local[2], two gigabytes of heap."""
    settings = {
        "jars": ",".join(str(jar) for jar in spark_jars()),
        "bootstrap": bootstrap,
        "topics": dict(load.topics),
        "schema": SCHEMA,
        "sql": load.sql,
        "mode": load.mode,
        "delay": load.delay,
        "sink": sink,
        "folder": str(folder),
        "batch_rows": batch_rows,
    }
    command: list[str | Path] = [rival_python(), *_SPARK_JOB, json.dumps(settings)]
    return _job(load, command, folder, folder / "checkpoint", batch_rows)


def _job(load: StateLoad, command: list[str | Path], folder: Path, checkpoint: Path, batch_rows: int) -> Job:
    batches = load.batches(batch_rows)
    rows = batch_rows * len(load.topics)
    return Job(command, folder / "job.log", checkpoint, [folder], rows, int(batches * _KILL_AT))
