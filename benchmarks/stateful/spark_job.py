"""Benchmarks: the Spark program for a load; runs in the rivals' environment and imports nothing of the project.

Takes its settings as JSON; runs the query over all that is in the topics and ends.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

_STATE = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


def main(settings: dict[str, Any]) -> None:
    """Run the program; see the module."""
    spark = _session(settings)
    for view, topic in settings["topics"].items():
        _rows(spark, settings, topic).createOrReplaceTempView(view)
    result = spark.sql(settings["sql"])
    out = result.select(F.to_json(F.struct(*result.columns)).alias("value"))
    query = (
        out.writeStream.outputMode(settings["mode"])
        .format("kafka")
        .option("kafka.bootstrap.servers", settings["bootstrap"])
        .option("topic", settings["sink"])
        .option("checkpointLocation", f"{settings['folder']}/checkpoint")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    spark.stop()


def _session(settings: dict[str, Any]) -> SparkSession:
    builder = SparkSession.builder.master("local[2]").appName("state").config("spark.jars", settings["jars"])
    options = {
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.streaming.stateStore.providerClass": _STATE,
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.local.dir": f"{settings['folder']}/local",
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _rows(spark: SparkSession, settings: dict[str, Any], topic: str) -> DataFrame:
    reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", settings["bootstrap"])
    reader = reader.option("subscribe", topic).option("startingOffsets", "earliest")
    reader = reader.option("maxOffsetsPerTrigger", settings["batch_rows"])
    row = F.from_json(F.col("value").cast("string"), settings["schema"]).alias("e")
    rows = reader.load().select(row).select("e.k", "e.v", F.expr("timestamp_micros(e.t)").alias("ts"))
    return rows if settings["delay"] is None else rows.withWatermark("ts", settings["delay"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
