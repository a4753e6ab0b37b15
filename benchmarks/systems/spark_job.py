"""Benchmarks: the Spark program; runs in the rivals' environment and imports nothing of headrace.

Takes its settings as JSON; in mode throughput it counts the topic once a sink and writes the seconds of each run, in
mode latency it counts on until it is ended.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.systems.spark_session import open_spark

_SCHEMA = (
    "Arrival_Time BIGINT, Creation_Time BIGINT, Device STRING, Index BIGINT, Model STRING, User STRING, gt STRING, "
    "x DOUBLE, y DOUBLE, z DOUBLE"
)


def main(settings: dict[str, Any]) -> None:
    """Run the program; see the module."""
    spark = open_spark(settings["jars"], settings["folder"])
    counts = _counts(spark, settings)
    if settings["mode"] == "latency":
        _write(counts, settings, settings["sinks"][0]).start().awaitTermination()
    seconds, ended = [], []
    for sink in settings["sinks"]:
        began = time.perf_counter()
        _write(counts, settings, sink).trigger(availableNow=True).start().awaitTermination()
        seconds.append(time.perf_counter() - began)
        ended.append(time.time())
    Path(settings["times"]).write_text(json.dumps({"seconds": seconds, "ended": ended}))
    spark.stop()


def _counts(spark: SparkSession, settings: dict[str, Any]) -> DataFrame:
    reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", settings["bootstrap"])
    reader = reader.option("subscribe", settings["topic"])
    reader = reader.option("startingOffsets", "latest" if settings["mode"] == "latency" else "earliest")
    if settings["batch_rows"]:
        reader = reader.option("maxOffsetsPerTrigger", settings["batch_rows"])
    event = F.from_json(F.col("value").cast("string"), _SCHEMA).alias("e")
    rows = (
        reader.load()
        .select(event)
        .select(
            F.expr("timestamp_micros(e.Creation_Time div 1000)").alias("event_time"),
            F.col("e.Creation_Time").alias("Creation_Time"),
            F.col("e.gt").alias("gt"),
        )
    )
    grouped = rows.withWatermark("event_time", "10 seconds").groupBy(F.window("event_time", "10 seconds"), "gt")
    counted = grouped.agg(F.count("*").alias("n"), F.max("Creation_Time").alias("newest"))
    return counted.select(F.expr("unix_seconds(window.start)").alias("start"), "gt", "n", "newest")


def _write(counts: DataFrame, settings: dict[str, Any], sink: str) -> Any:
    out = counts.select(F.col("gt").alias("key"), F.to_json(F.struct("start", "gt", "n", "newest")).alias("value"))
    return (
        out.writeStream.outputMode("update")
        .format("kafka")
        .option("kafka.bootstrap.servers", settings["bootstrap"])
        .option("topic", sink)
        .option("checkpointLocation", f"{settings['folder']}/{sink}-checkpoint")
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
