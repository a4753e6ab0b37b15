"""Benchmarks: Apache Spark Structured Streaming, local[2], RocksDB state with changelog.

Its Kafka sink is at-least-once: Spark has no exactly-once one.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from benchmarks.memory import MemorySampler
from benchmarks.systems.environment import rival_python, spark_jars
from benchmarks.systems.system import Bench, Run, agrees, require_success, start

_TIMEOUT_S = 900.0
_JOB = ("-m", "benchmarks.systems.spark_job")


class Spark:
    """Measured cold (first run of a JVM, start of the JVM not counted) and warm (third run of that JVM)."""

    name = "spark"

    def throughput(self, bench: Bench) -> list[Run]:
        """Return the cold run with and without the start of the JVM, and the warm run; see System."""
        sinks = [f"spark-{number}" for number in (1, 2, 3)]
        for sink in sinks:
            bench.kafka.create_topic(sink)
        times, log = bench.folder / "spark-times.json", bench.folder / "spark.log"
        began = time.time()
        child = start(spark_command(bench, "throughput", times, sinks), log)
        with MemorySampler(child.pid) as memory:
            require_success(child, log, _TIMEOUT_S)
        found = json.loads(times.read_text())
        good = [agrees(bench.kafka, sink, bench.workload.counts) for sink in sinks]
        count, peak = bench.workload.events, memory.peak_bytes
        return [
            Run("Spark, new process", count, found["ended"][0] - began, peak, good[0], "with the start of the JVM"),
            Run("Spark, cold", count, found["seconds"][0], peak, good[0], "first run in a JVM"),
            Run("Spark, warm", count, found["seconds"][-1], peak, good[-1], "third run in a JVM"),
        ]


def spark_command(bench: Bench, mode: str, times: Path, sinks: list[str]) -> list[str | Path]:
    """Return the command line of the job; `mode` is throughput or latency."""
    settings = {
        "mode": mode,
        "jars": ",".join(str(jar) for jar in spark_jars()),
        "bootstrap": bench.workload.bootstrap,
        "topic": bench.workload.topic,
        "sinks": sinks,
        "folder": str(bench.folder),
        "times": str(times),
        "batch_rows": bench.batch_rows,
    }
    return [rival_python(), *_JOB, json.dumps(settings)]
