"""Benchmarks: Quix Streams, exactly-once, RocksDB; one process, as its consumer runs in one thread."""

from __future__ import annotations

import json

from benchmarks.memory import MemorySampler
from benchmarks.systems.environment import rival_python
from benchmarks.systems.following import committed_reader, wait_for_counts
from benchmarks.systems.system import BENCHMARKS, Bench, Run, start, stop

_TIMEOUT_S = 120.0
_JOB = BENCHMARKS / "systems" / "quix_job.py"


class Quix:
    """Measured from the start of its process until a read_committed reader sees every event counted."""

    name = "quix"

    def throughput(self, bench: Bench) -> list[Run]:
        """Return one run; see System."""
        sink, work = "quix-counts", bench.workload
        bench.kafka.create_topic(sink)
        settings = {"bootstrap": work.bootstrap, "topic": work.topic, "sink": sink, "folder": str(bench.folder)}
        with committed_reader(work.bootstrap, sink) as reader:
            child = start([rival_python(), _JOB, json.dumps(settings)], bench.folder / "quix.log")
            try:
                with MemorySampler(child.pid) as memory:
                    seconds, newest = wait_for_counts(reader, work.counts, child, _TIMEOUT_S)
            finally:
                stop(child)
        note = "from its start; fewer events, it is slow"
        counted = sum(newest.values())
        return [Run("Quix Streams", counted, seconds, memory.peak_bytes, newest == work.counts, note)]
