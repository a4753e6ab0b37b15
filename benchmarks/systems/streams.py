"""Benchmarks: Kafka Streams, exactly_once_v2, two threads, RocksDB; a small Java program compiled here."""

from __future__ import annotations

from benchmarks.events import PARTITIONS
from benchmarks.memory import MemorySampler
from benchmarks.systems.environment import compile_java, java_command, streams_class_path
from benchmarks.systems.following import committed_reader, wait_for_counts
from benchmarks.systems.system import BENCHMARKS, Bench, Run, start, stop

_TIMEOUT_S = 300.0
_SOURCE = BENCHMARKS / "systems" / "CountByWindow.java"


class KafkaStreams:
    """Measured from the start of its process until a read_committed reader sees every event counted."""

    name = "streams"

    def throughput(self, bench: Bench) -> list[Run]:
        """Return one run; see System."""
        sink, work = "streams-counts", bench.workload
        bench.kafka.create_topic(sink, partitions=PARTITIONS)
        command = streams_command(bench, sink, "earliest")
        with committed_reader(work.bootstrap, sink, PARTITIONS) as reader:
            child = start(command, bench.folder / "streams.log")
            try:
                with MemorySampler(child.pid) as memory:
                    seconds, newest = wait_for_counts(reader, work.counts, child, _TIMEOUT_S)
            finally:
                stop(child)
        return [Run("Kafka Streams", work.events, seconds, memory.peak_bytes, newest == work.counts, "from its start")]


def streams_command(bench: Bench, sink: str, starting: str) -> list[str | str]:
    """Return the command line of the program; `starting` is earliest or latest.

    Raises:
        SystemMissingError: there is no Java compiler.
    """
    jars = streams_class_path()
    classes = compile_java(_SOURCE, jars)
    work = bench.workload
    arguments = [work.bootstrap, work.topic, sink, str(bench.folder / f"{sink}-state"), starting]
    return [str(part) for part in java_command(f"{classes}:{jars}", "CountByWindow", arguments)]
